"""What a Laplace approximation says: a posterior of the parameters, and its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._calls import public_methods
from ._likelihood import Categorical, Gaussian
from ._named import named
from ._options import check_threads, positive
from ._order import order_index, reordered
from ._posterior import Dual, Primal
from ._quantiles import checked_confidence, normal_quantile


@public_methods("prediction")
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


@public_methods("la")
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

        Returns
        -------
        float

        Raises
        ------
        ValueError, TypeError
            For anything but finite numbers above 0, and for the noise of classes.

        Notes
        -----
        ``log p(t | w) - (w' prior w + log det(prior^-1 H)) / 2`` at the network's parameters w,
        with H the posterior precision (MacKay 1992; Immer et al. 2021).
        """
        delta, noise = self._hyper("log_marginal_likelihood", prior_precision, noise)
        w = self._likelihood.features.wb
        scatter = delta * float(np.sum(self._shape * w**2))
        ratio = float(np.sum(np.log1p(self._posterior.eigenvalues / (noise * delta))))
        return self._likelihood.log_likelihood(noise) - 0.5 * (scatter + ratio)

    def with_prior(
        self, prior_precision: float | None = None, noise: float | None = None
    ) -> Laplace:
        """The posterior of another prior precision or noise, without new curvature.

        Parameters
        ----------
        prior_precision, noise : as in :meth:`log_marginal_likelihood`

        Returns
        -------
        Laplace

        Raises
        ------
        ValueError, TypeError
            As :meth:`log_marginal_likelihood`.
        """
        delta, noise = self._hyper("with_prior", prior_precision, noise)
        return Laplace(
            self._likelihood, self._posterior,
            structure=self.structure, shape=self._shape, delta=delta, noise=noise,
        )  # fmt: skip

    def _hyper(self, function: str, delta: Any, noise: Any) -> tuple[float, float]:
        """Those that were given, checked; otherwise the posterior's own."""
        delta = self._delta if delta is None else positive(function, "prior_precision", delta)
        noise = self.noise if noise is None else positive(function, "noise", noise)
        if self._likelihood.classes and noise != 1.0:
            raise ValueError(f"{function}: noise is for regression; crossentropy has none")
        return delta, noise

    def covariance(self, order: str | None = None) -> np.ndarray:
        """Posterior covariance of the parameters, P x P, in the order of `names`.

        Parameters
        ----------
        order : {"matlab", "torch", "keras", "sklearn"}, optional
            Order of rows and columns; see :meth:`Layout.permutation`.

        Returns
        -------
        ndarray, shape (P, P)

        Raises
        ------
        ValueError
            For an unknown `order`, and in dual form, which never holds P x P numbers.

        Notes
        -----
        The inverse of the posterior precision H. Cost: about 4 P^3 flops.
        """
        index = order_index("covariance", self._likelihood.features.layout, order)
        return reordered(self._posterior.covariance(self._delta, self.noise), index, 0, 1)

    def variance(self, x: Any, *, n_threads: int | None = None) -> np.ndarray:
        """Covariance of the outputs (for classes, of the logits) because of the parameters.

        Parameters
        ----------
        x : array (R, Q), or list of one per input
        n_threads : int, optional
            At most this many threads; by default as many as :func:`laplace` was given.

        Returns
        -------
        ndarray, shape (S, S, Q)
            On the original scale of the targets.

        Raises
        ------
        ValueError, TypeError
            As ``linearize``; NaN inputs are refused.

        Notes
        -----
        ``J' H^-1 J`` per sample. Cost: a Jacobian and P^2 multiplications per output; in dual form
        a Gram matrix.
        """
        return self._outputs("variance", x, n_threads)[1]

    def predict(self, x: Any, *, n_threads: int | None = None) -> LaplacePrediction:
        """Predictive distribution at new inputs.

        Parameters
        ----------
        x, n_threads : as in :meth:`variance`

        Returns
        -------
        LaplacePrediction
            ``y`` (S, Q), ``variance`` (S, S, Q), ``noise`` (S,), and for classes ``logits`` (S, Q).

        Raises
        ------
        ValueError, TypeError
            As :meth:`variance`.

        Notes
        -----
        Regression: mean y, covariance J' H^-1 J, noise variance. Classes: logits f with
        covariance C give the probabilities ``softmax(f_k / sqrt(1 + pi C_kk / 8))``, for one
        logistic output the logistic function alike (MacKay 1992). Cost: that of :meth:`variance`.
        """
        outputs, variance = self._outputs("predict", x, n_threads)
        likelihood = self._likelihood
        if isinstance(likelihood, Gaussian):
            noise = self.noise / likelihood.output_scales() ** 2
            return LaplacePrediction(outputs, variance, noise)
        own = np.maximum(np.einsum("ssq->sq", variance), 0.0)
        probability = likelihood.probability(outputs / np.sqrt(1.0 + np.pi / 8.0 * own))
        return LaplacePrediction(probability, variance, np.zeros(len(outputs)), outputs)

    def _outputs(
        self, function: str, x: Any, n_threads: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        check_threads(function, n_threads)
        with named(function):
            return self._posterior.outputs(
                x, self._delta, self.noise, n_threads or self._likelihood.n_threads
            )

    def __repr__(self) -> str:
        return (
            f"<jacnet.Laplace: {self.structure}, {self.form}, {len(self.names)} parameters "
            f"({self.effective_parameters:.4g} effective), noise {self.noise:.4g}>"
        )
