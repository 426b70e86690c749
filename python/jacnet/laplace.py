"""Linearised Laplace approximation: a Gaussian posterior of the parameters about a trained network.

Sources: D. J. C. MacKay, "A practical Bayesian framework for backpropagation networks" and "The
evidence framework applied to classification networks", Neural Computation 4 (1992) 448-472 and
720-736; F. D. Foresee and M. T. Hagan, "Gauss-Newton approximation to Bayesian learning", ICNN
1997; A. Immer, M. Korzepa and M. Bauer, "Improving predictions of Bayesian neural nets via local
linearization", AISTATS 2021; E. Daxberger et al., "Laplace Redux", NeurIPS 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._calls import public
from ._evidence import maximised
from ._likelihood import Categorical, Gaussian, likelihood_of
from ._named import named
from ._options import check_threads, positive
from ._posterior import Dual, Primal, dual_samples
from ._suggest import chosen
from .laplace_posterior import Laplace
from .network import Network

_STRUCTURES = ("full", "diagonal", "last-layer")
_FORMS = ("auto", "primal", "dual")


@public
def laplace(
    net: Network,
    x: Any,
    t: Any,
    *,
    ew: Any = None,
    samples: Any = None,
    structure: str = "full",
    prior_precision: Any = None,
    noise: float | None = None,
    form: str = "auto",
    n_threads: int | None = None,
) -> Laplace:
    """Linearised Laplace approximation of the posterior of a trained network's parameters.

    Parameters
    ----------
    net : Network
        Trained; its frozen weights are certain. Performance ``"mse"`` or ``"sse"``: Gaussian noise.
        ``"crossentropy"`` with a softmax layer, or one logistic output: classes.
    x, t, ew, samples : as in ``linearize``
        The data it was trained on. Observations have the variance ``noise / (ew norm^2)``.
    structure : {"full", "diagonal", "last-layer"}, optional
        All parameters with their correlations; without them; or the output layers' alone. For other
        subsets freeze the rest by ``set_learn``.
    prior_precision : float or array (P,), optional
        Of the Gaussian prior about 0. Default: that of the largest marginal likelihood.
    noise : float, optional
        Variance of the scaled errors. Default: that of the largest marginal likelihood.
    form : {"auto", "primal", "dual"}, optional
        ``"dual"`` keeps SQ x SQ numbers in place of P x P: chosen where these are fewer. It is not
        for diagonal posteriors or arrays of prior precisions.
    n_threads : int, optional
        At most this many threads, also of later predictions; results do not depend on it.

    Returns
    -------
    Laplace
        ``predict(x_new)``, ``variance(x_new)``, ``log_marginal_likelihood()``,
        ``effective_parameters``, ``covariance()``, which is P x P.

    Raises
    ------
    ValueError
        For another performance function, data that say nothing, errors or parameters that are all 0
        where noise or prior would follow from them, and as ``linearize``.
    TypeError, IndexError
        As ``linearize``.

    Notes
    -----
    Precision ``H = (1 / noise) sum_n J_n Lambda_n J_n' + prior``, Lambda_n = ew norm^2 or the
    curvature of crossentropy at the logits. The network's own regularisation does not enter: it is
    the prior precision that ``noise`` and the ratio imply. Cost: curvature once, its eigenvalues,
    10 min(P, SQ)^3 flops; then each prior or noise is O(P).

    Examples
    --------
    >>> x, t = jn.datasets.simplefit()
    >>> net, tr = jn.train(jn.feedforwardnet(6), x, t, seed=0)
    >>> jn.laplace(net, x, t).predict([[2.5, 40.0]]).standard_deviation.shape
    (1, 2)
    """
    if not isinstance(net, Network):
        raise TypeError(f"laplace: net must be a jacnet.Network, got {type(net).__name__}")
    chosen("laplace: structure", structure, _STRUCTURES)
    chosen("laplace: form", form, _FORMS)
    check_threads("laplace", n_threads)
    if t is None:
        raise TypeError("laplace: t must be an array of targets, got None")
    if structure == "last-layer":
        net = _only_last_layers(net)
    if net.n_parameters == 0:
        raise ValueError(
            f"laplace: no parameter is uncertain: all of structure {structure!r} are frozen"
        )
    with named("laplace"):
        likelihood = likelihood_of("laplace", net, x, t, ew, samples, n_threads)
    shape, delta = _prior(prior_precision, net.n_parameters)
    posterior = _posterior(likelihood, shape, structure, form)
    if likelihood.classes:
        if noise is not None:
            raise ValueError("laplace: noise is for regression; crossentropy has none")
        noise = 1.0
    elif noise is not None:
        noise = positive("laplace", "noise", noise)
    scatter = float(np.sum(shape * net.wb**2))
    sse, n_errors = 0.0, 0
    if isinstance(likelihood, Gaussian):
        sse, n_errors = likelihood.sse, likelihood.n_errors
    delta, noise = maximised(posterior.eigenvalues, scatter, sse, n_errors, delta, noise)
    return Laplace(
        likelihood, posterior, structure=structure, shape=shape, delta=delta, noise=noise
    )


def _posterior(
    likelihood: Gaussian | Categorical, shape: np.ndarray, structure: str, form: str
) -> Primal | Dual:
    plain = structure != "diagonal" and bool(np.all(shape == 1.0))
    if form == "dual" and not plain:
        raise ValueError(
            "laplace: form 'dual' is for one prior precision and structure 'full' or 'last-layer'"
        )
    lin = likelihood.lin
    fewer = lin.n_outputs * lin.n_samples < lin.n_parameters
    if plain and (form == "dual" or (form == "auto" and fewer)):
        data = dual_samples(likelihood)
        if data is not None:
            return Dual(likelihood, *data)
        if form == "dual":
            raise ValueError(
                "laplace: form 'dual' cannot leave out NaN inputs that some outputs don't read; "
                "use form='primal'"
            )
    return Primal(likelihood, shape, diagonal=structure == "diagonal")


def _only_last_layers(net: Network) -> Network:
    """A copy in which everything but the output layers is frozen."""
    copy = net.copy()
    for name, block in net.layout.items():
        if block.layer not in net.output_layers:
            copy.set_learn(name, False)
    return copy


def _prior(prior_precision: Any, n_parameters: int) -> tuple[np.ndarray, float | None]:
    """Relative precisions (P,) and their common factor, None where that is to be found."""
    if prior_precision is None:
        return np.ones(n_parameters), None
    if not np.iterable(prior_precision):
        return np.ones(n_parameters), positive("laplace", "prior_precision", prior_precision)
    try:
        shape = np.array(prior_precision, float)
    except (TypeError, ValueError):
        raise TypeError(
            "laplace: prior_precision must be a number or an array (P,), got "
            f"{type(prior_precision).__name__}"
        ) from None
    if shape.shape != (n_parameters,):
        raise ValueError(
            f"laplace: prior_precision has shape {shape.shape}, expected a number or "
            f"({n_parameters},), one for each parameter"
        )
    if not (np.isfinite(shape).all() and (shape > 0).all()):
        raise ValueError("laplace: prior_precision must be finite and above 0")
    return shape, 1.0
