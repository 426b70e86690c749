"""Linearised Laplace approximation: a Gaussian posterior of the parameters about a trained network.

Sources: D. J. C. MacKay, "A practical Bayesian framework for backpropagation networks" and "The
evidence framework applied to classification networks", Neural Computation 4 (1992) 448-472 and
720-736; F. D. Foresee and M. T. Hagan, "Gauss-Newton approximation to Bayesian learning", ICNN
1997; A. Immer, M. Korzepa and M. Bauer, "Improving predictions of Bayesian neural nets via local
linearization", AISTATS 2021; E. Daxberger et al., "Laplace Redux", NeurIPS 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from ._evidence import maximised
from ._likelihood import Categorical, Gaussian, likelihood_of
from ._named import named
from ._posterior import Dual, Primal, dual_samples
from ._quantiles import checked_confidence, normal_quantile
from ._suggest import chosen
from .network import Network

_STRUCTURES = ("full", "diagonal", "last-layer")
_FORMS = ("auto", "primal", "dual")


@dataclass(frozen=True)
class LaplacePrediction:
    """Predictive distribution at new inputs.

    Attributes
    ----------
    y : ndarray, shape (S, Q)
        Mean of the targets; for classes, their probabilities by the probit approximation.
    variance : ndarray, shape (S, S, Q)
        Covariance of the network's outputs because its parameters are uncertain; for classes, of
        the logits.
    noise : ndarray, shape (S,)
        Variance of the targets about their mean; 0 for classes.
    logits : ndarray, shape (S, Q), or None
        For classes.
    """

    y: np.ndarray
    variance: np.ndarray
    noise: np.ndarray
    logits: np.ndarray | None = None

    @property
    def standard_deviation(self) -> np.ndarray:
        """Of a new observation, (S, Q): parameters and noise; for classes, of the logits."""
        diagonal = np.einsum("ssq->sq", self.variance)
        return np.sqrt(np.maximum(diagonal, 0.0) + self.noise[:, None])

    def interval(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, (S, Q) each, that a new target lies between."""
        width = normal_quantile(checked_confidence("interval", confidence))
        if self.logits is not None:
            raise ValueError("interval: targets are classes; their probabilities are y")
        half = width * self.standard_deviation
        return self.y - half, self.y + half


class Laplace:
    """Gaussian posterior of a network's parameters; made by :func:`laplace`.

    Attributes
    ----------
    prior_precision : float or ndarray (P,)
        Given, or of the largest evidence.
    noise : float
        Variance of the errors, scaled by sqrt(ew) and the normalisation; 1 for classes.
    structure : {"full", "diagonal", "last-layer"}
    form : {"primal", "dual"}
        Whether P x P or SQ x SQ numbers are kept.
    names : list of str
        Parameters that are uncertain, in order.
    """

    def __init__(
        self,
        likelihood: Gaussian | Categorical,
        posterior: Primal | Dual,
        *,
        structure: str,
        shape: np.ndarray,
        delta: float,
        noise: float,
    ) -> None:
        self._likelihood, self._posterior = likelihood, posterior
        self.structure = structure
        self.form = "dual" if isinstance(posterior, Dual) else "primal"
        self.names = likelihood.features.layout.names
        self.noise = noise
        self._shape, self._delta = shape, delta

    @property
    def prior_precision(self) -> Any:
        """A number, or (P,) where it was given so."""
        return self._delta if np.all(self._shape == 1.0) else self._delta * self._shape

    @property
    def effective_parameters(self) -> float:
        """gamma: how many parameters the data determine, sum of lambda / (lambda + noise delta)."""
        eigenvalues = self._posterior.eigenvalues
        return float(np.sum(eigenvalues / (eigenvalues + self.noise * self._delta)))

    def log_marginal_likelihood(
        self, prior_precision: float | None = None, noise: float | None = None
    ) -> float:
        """Evidence: log of the probability of the targets, parameters integrated out.

        Parameters
        ----------
        prior_precision, noise : float, optional
            Other values than the posterior's own, at the cost of O(P). Where the prior precision
            was given as an array, the number multiplies it.

        Notes
        -----
        ``log p(t | w) - (w' prior w + log det(prior^-1 H)) / 2`` at the network's parameters w,
        with H the posterior precision (MacKay 1992; Immer et al. 2021).
        """
        what = "log_marginal_likelihood: "
        delta = _positive(what + "prior_precision", prior_precision, self._delta)
        noise = _positive(what + "noise", noise, self.noise)
        if self._likelihood.classes and noise != 1.0:
            raise ValueError(what + "noise is for regression; crossentropy has none")
        w = self._likelihood.features.wb
        scatter = delta * float(np.sum(self._shape * w**2))
        ratio = float(np.sum(np.log1p(self._posterior.eigenvalues / (noise * delta))))
        return self._likelihood.log_likelihood(noise) - 0.5 * (scatter + ratio)

    def with_prior(
        self, prior_precision: float | None = None, noise: float | None = None
    ) -> Laplace:
        """The posterior of another prior precision or noise, without new curvature."""
        delta = _positive("with_prior: prior_precision", prior_precision, self._delta)
        noise = _positive("with_prior: noise", noise, self.noise)
        if self._likelihood.classes and noise != 1.0:
            raise ValueError("with_prior: noise is for regression; crossentropy has none")
        return Laplace(
            self._likelihood, self._posterior,
            structure=self.structure, shape=self._shape, delta=delta, noise=noise,
        )  # fmt: skip

    def covariance(self) -> np.ndarray:
        """Posterior covariance of the parameters, P x P, in the order of `names`."""
        return self._posterior.covariance(self._delta, self.noise)

    def variance(self, x: Any) -> np.ndarray:
        """Covariance of the outputs (for classes, of the logits) because of the parameters.

        ``J' H^-1 J`` per sample, (S, S, Q), on the original scale of the targets.
        """
        with named("variance"):
            return self._posterior.outputs(x, self._delta, self.noise)[1]

    def predict(self, x: Any) -> LaplacePrediction:
        """Predictive distribution at inputs x, (R, Q) or a list of one array per input.

        Regression: mean y, covariance J' H^-1 J, noise variance. Classes: logits f with
        covariance C give the probabilities ``softmax(f_k / sqrt(1 + pi C_kk / 8))``, for one
        logistic output the logistic function alike (MacKay 1992).
        """
        with named("predict"):
            outputs, variance = self._posterior.outputs(x, self._delta, self.noise)
        likelihood = self._likelihood
        if isinstance(likelihood, Gaussian):
            noise = self.noise / likelihood.output_scales() ** 2
            return LaplacePrediction(outputs, variance, noise)
        own = np.maximum(np.einsum("ssq->sq", variance), 0.0)
        probability = likelihood.probability(outputs / np.sqrt(1.0 + np.pi / 8.0 * own))
        return LaplacePrediction(probability, variance, np.zeros(len(outputs)), outputs)

    def __repr__(self) -> str:
        return (
            f"<jacnet.Laplace: {self.structure}, {self.form}, {len(self.names)} parameters "
            f"({self.effective_parameters:.4g} effective), noise {self.noise:.4g}>"
        )


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

    Returns
    -------
    Laplace
        ``predict(x_new)``, ``variance(x_new)``, ``log_marginal_likelihood()``,
        ``effective_parameters``, ``covariance()``.

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
    if t is None:
        raise TypeError("laplace: t must be an array of targets, got None")
    if structure == "last-layer":
        net = _only_last_layers(net)
    if net.n_parameters == 0:
        raise ValueError(
            f"laplace: no parameter is uncertain: all of structure {structure!r} are frozen"
        )
    with named("laplace"):
        likelihood = likelihood_of("laplace", net, x, t, ew, samples)
    shape, delta = _prior(prior_precision, net.n_parameters)
    posterior = _posterior(likelihood, shape, structure, form)
    if likelihood.classes:
        if noise is not None:
            raise ValueError("laplace: noise is for regression; crossentropy has none")
        noise = 1.0
    elif noise is not None:
        noise = _positive("laplace: noise", noise, 1.0)
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
    if np.ndim(prior_precision) == 0:
        return np.ones(n_parameters), _positive("laplace: prior_precision", prior_precision, 1.0)
    shape = np.array(prior_precision, float)
    if shape.shape != (n_parameters,):
        raise ValueError(
            f"laplace: prior_precision has shape {shape.shape}, expected a number or "
            f"({n_parameters},), one for each parameter"
        )
    if not (np.isfinite(shape).all() and (shape > 0).all()):
        raise ValueError("laplace: prior_precision must be finite and above 0")
    return shape, 1.0


def _positive(what: str, value: Any, default: float) -> float:
    if value is None:
        return default
    if (
        not isinstance(value, (Real, np.ndarray))
        or isinstance(value, bool)
        or np.asarray(value).ndim
    ):
        raise TypeError(f"{what} must be a number above 0, got {type(value).__name__}")
    if not 0.0 < float(value) < np.inf:
        raise ValueError(f"{what} is {float(value)}, expected a finite number above 0")
    return float(value)
