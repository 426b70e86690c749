"""Uncertainty of networks fitted by least squares: covariances and intervals in one call each."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._calls import public
from ._core import linearize
from ._named import named
from ._options import flag
from ._suggest import chosen
from .fitted import Uncertainty
from .network import Network
from .prediction import Prediction

_SINGULAR = ("error", "pseudo-inverse")


@public
def uncertainty(
    net: Network,
    x: Any,
    t: Any,
    *,
    ew: Any = None,
    samples: Any = None,
    robust: bool = False,
    singular: str = "error",
    order: str | None = None,
    n_threads: int | None = None,
) -> Uncertainty:
    """Uncertainty of a network fitted by least squares, from the data it was fitted to.

    Parameters
    ----------
    net : Network
        At a minimum of its performance, ``"mse"`` or ``"sse"``. Frozen weights count as known.
    x : array (R, Q), or list of one per input
    t : array (S, Q), or list of one per output
        NaN targets don't count.
    ew : number, (1, Q), (S, 1) or (S, Q), optional
        Error weights: observations have the variance sigma^2 / ew.
    samples : indices, boolean mask or slice, optional
        The samples that were fitted, such as ``tr.trainInd``.
    robust : bool, optional
        Use the sandwich ``A^-1 (sum_n s_n s_n') A^-1 N / (N - P)``, with s_n the sum of J e over
        the outputs of sample n: valid when the noise differs between samples (White 1980).
    singular : {"error", "pseudo-inverse"}, optional
        What to do where the data do not determine all parameters: refuse, with the names of some,
        or take the pseudo-inverse; `rank` tells how many directions are left.
    order : {"matlab", "torch", "keras", "sklearn"}, optional
        Order of the parameters in all that the result tells and takes; see
        :meth:`Layout.permutation`.
    n_threads : int, optional
        At most this many threads, also of later predictions; results do not depend on it.

    Returns
    -------
    Uncertainty
        ``covariance`` (P, P), ``standard_errors`` (P,), ``summary()``, ``predict(x_new)``,
        ``delta(function)``.

    Raises
    ------
    ValueError
        For another performance function, a rank-deficient Jacobian, as many parameters as errors,
        an unknown `order`, and as ``linearize``.
    TypeError, IndexError
        As ``linearize``.

    Notes
    -----
    ``sigma^2 (J J')^-1`` with J = de_dwb and sigma^2 = e'e / (N - P). With regularisation r the
    inverse is that of ``J J' + penalty I``, the curvature of the performance, with
    penalty = r / (1 - r) (sse) or r Ne / ((1 - r) P) (mse), and P gives way to the effective number
    of parameters ``P - penalty tr((J J' + penalty I)^-1)`` (MacKay 1992; Foresee and Hagan 1997).
    Cost: 4 N P^2 + 3 P^3 flops, by two Cholesky factorisations that lose no digits to squaring J;
    near singularity 25 P^3, by QR and SVD. Memory: a few P x P.

    Examples
    --------
    >>> x, t = jn.datasets.simplefit()
    >>> net, tr = jn.train(jn.feedforwardnet(4), x, t, seed=0)
    >>> fit = jn.uncertainty(net, x, t, samples=tr.trainInd)
    >>> fit.standard_errors.shape
    (13,)
    """
    return _made("uncertainty", net, x, t, ew, samples, robust, singular, order, n_threads)


@public
def parameter_covariance(
    net: Network,
    x: Any,
    t: Any,
    *,
    ew: Any = None,
    samples: Any = None,
    robust: bool = False,
    singular: str = "error",
    order: str | None = None,
    n_threads: int | None = None,
) -> np.ndarray:
    """Covariance of the parameters of a network fitted by least squares.

    Parameters
    ----------
    net, x, t, ew, samples, robust, singular, n_threads : as in :func:`uncertainty`
    order : {"matlab", "torch", "keras", "sklearn"}, optional
        Order of rows and columns; see :meth:`Layout.permutation`.

    Returns
    -------
    ndarray, shape (P, P)
        In the units of the parameters, squared.

    Raises
    ------
    ValueError, TypeError, IndexError
        As :func:`uncertainty`.

    Notes
    -----
    ``sigma^2 (J J')^-1`` with J = de_dwb and sigma^2 = e'e / (N - P). Source and cost as of
    :func:`uncertainty`, whose result has more to tell of the same numbers.
    """
    function = "parameter_covariance"
    fit = _made(function, net, x, t, ew, samples, robust, singular, order, n_threads)
    return fit.covariance


@public
def prediction_interval(
    net: Network | Uncertainty,
    x_new: Any,
    confidence: float = 0.95,
    *,
    data: tuple[Any, Any] | None = None,
    ew: Any = None,
    samples: Any = None,
    kind: str = "prediction",
    robust: bool = False,
    singular: str = "error",
    n_threads: int | None = None,
) -> Prediction:
    """Predictions of a fitted network with an interval each, by the delta method (needs SciPy).

    Parameters
    ----------
    net : Network or Uncertainty
        A fitted network, with the data it was fitted to in `data`; or the result of
        :func:`uncertainty`, which many predictions can share.
    x_new : array (R, Q), or list of one per input
    confidence : float, optional
        Probability that the interval holds what it is for.
    data : (x, t), optional
        Samples that the network was fitted to.
    ew, samples, robust, singular : as in :func:`uncertainty`
        Of `data`.
    kind : {"prediction", "confidence"}, optional
        For a new observation, or for the mean.
    n_threads : int, optional
        At most this many threads; results do not depend on it.

    Returns
    -------
    Prediction
        Unpacks as ``y, lower, upper``, all (S, Q), on the original scale of the targets.

    Raises
    ------
    ValueError, TypeError
        As :func:`uncertainty` and :meth:`Uncertainty.predict`; without data; and for data or its
        options beside an ``Uncertainty``, which has its own.
    ImportError
        Without SciPy.

    Notes
    -----
    Source and cost as of :func:`uncertainty` and :meth:`Uncertainty.predict`.
    """
    robust = flag("prediction_interval", "robust", robust)
    chosen("prediction_interval: singular", singular, _SINGULAR)
    if isinstance(net, Uncertainty):
        _refuse_twice(data, ew, samples, robust, singular)
        with named("prediction_interval", "predict", x="x_new"):
            return net.predict(x_new, confidence, kind=kind, n_threads=n_threads)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise TypeError(
            "prediction_interval: data must be (x, t), the samples that the network was fitted to; "
            "or pass the result of jn.uncertainty(net, x, t) in place of the network"
        )
    function = "prediction_interval"
    fit = _made(function, net, *data, ew, samples, robust, singular, None, n_threads)
    with named("prediction_interval", "predict", x="x_new"):
        return fit.predict(x_new, confidence, kind=kind)


def _refuse_twice(data: Any, ew: Any, samples: Any, robust: bool, singular: str) -> None:
    given = {
        "data": data is not None,
        "ew": ew is not None,
        "samples": samples is not None,
        "robust": robust,
        "singular": singular != "error",
    }
    names = ", ".join(name for name, is_given in given.items() if is_given)
    if names:
        raise ValueError(
            f"prediction_interval: an Uncertainty brings its own data and options, got {names}; "
            "pass data, ew, samples, robust and singular to jn.uncertainty; for the error weights "
            "of new observations use its predict(x_new, ew=...)"
        )


def _made(
    function: str,
    net: Any,
    x: Any,
    t: Any,
    ew: Any,
    samples: Any,
    robust: bool,
    singular: str,
    order: str | None,
    n_threads: int | None,
) -> Uncertainty:
    if not isinstance(net, Network):
        raise TypeError(f"{function}: net must be a jacnet.Network, got {type(net).__name__}")
    chosen(f"{function}: singular", singular, _SINGULAR)
    if net.performance not in ("mse", "sse"):
        raise ValueError(
            f"{function}: performFcn is {net.performance!r}, expected 'mse' or 'sse': the "
            "covariance is that of least squares; for crossentropy use jn.laplace"
        )
    if t is None:
        raise TypeError(f"{function}: t must be an array of targets, got None")
    robust = flag(function, "robust", robust)
    with named(function):
        lin = linearize(net, x, t, ew=ew, samples=samples)
    return Uncertainty(
        net, lin, robust=robust, singular=singular, order=order, n_threads=n_threads,
        function=function,
    )  # fmt: skip
