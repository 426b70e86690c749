"""Uncertainty of least-squares fits: covariance of the parameters, intervals of predictions.

The fit is replaced by its linearisation: with J the Jacobian of the scaled errors, parameters have
the covariance sigma^2 (J J')^-1, and a function of them that of its gradient, the delta method
(Seber and Wild, Nonlinear Regression, 1989, chapters 2 and 5; for networks Hwang and Ding, JASA 92
(1997) 748-757).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._blocks import jacobian_block_size, sample_blocks
from ._calls import public_methods
from ._core import linearize
from ._delta import Delta, delta
from ._freedom import need_triangles, no_freedom, penalty_of, rank_message
from ._information import information, score_root
from ._named import named
from ._options import check_threads
from ._order import order_index, reordered
from ._quantiles import checked_confidence, student_quantile
from ._suggest import chosen
from .network import Network
from .prediction import Prediction

_KINDS = ("prediction", "confidence")


@public_methods("fit")
class Uncertainty:
    """What the data say about a fitted network; made by :func:`jacnet.uncertainty`.

    Attributes
    ----------
    parameters, standard_errors : ndarray, shape (P,)
        In the order of ``net.layout``, or of the `order` that :func:`uncertainty` was given, as
        everything else that runs over the parameters.
    residual_standard_deviation : float
        sigma, of the errors scaled by sqrt(ew) and the network's normalisation.
    n_errors : int
        Targets that count: known, with an error weight above 0.
    effective_parameters : float
        P; the rank of the Jacobian where that is less; less still with regularisation.
    degrees_of_freedom : float
        ``n_errors - effective_parameters``.
    rank : int
        Number of directions in parameter space that the data determine.
    names : list of str
        Names of the parameters, in that order.
    """

    def __init__(
        self,
        net: Network,
        lin: Any,
        *,
        robust: bool,
        singular: str,
        order: str | None,
        n_threads: int | None,
        function: str,
    ) -> None:
        check_threads(function, n_threads)
        self._index = order_index(function, net.layout, order)
        self._net, self._n_threads = net.copy(), n_threads
        penalty = penalty_of(net, lin.n_targets, function)
        p = lin.n_parameters
        self.n_errors = int(np.count_nonzero(lin.error_scales()))
        if self.n_errors <= p and penalty == 0.0 and singular == "error":
            raise ValueError(no_freedom(function, self.n_errors, p))
        need_triangles(function, p)
        factors = information(net, lin, penalty, n_threads)
        root = factors.inverse_root
        self.rank = factors.rank
        if self.rank < p and singular == "error":
            raise ValueError(rank_message(function, factors, net.layout.names))
        self.effective_parameters = float(self.rank - penalty * np.sum(root**2))
        self.degrees_of_freedom = self.n_errors - self.effective_parameters
        if self.degrees_of_freedom <= 0:
            raise ValueError(no_freedom(function, self.n_errors, self.effective_parameters))
        sse = float(np.sum(lin.errors(n_threads=n_threads) ** 2))
        self.residual_standard_deviation = float(np.sqrt(sse / self.degrees_of_freedom))
        if robust:
            correction = np.sqrt(self.n_errors / self.degrees_of_freedom)
            scores = score_root(net, lin, n_threads)
            self._root = correction * root @ (root.T @ scores.T)
        else:
            self._root = self.residual_standard_deviation * root
        self.parameters = reordered(lin.parameters(), self._index, 0)
        self.names = list(reordered(np.array(net.layout.names, object), self._index, 0))
        self.standard_errors = reordered(np.linalg.norm(self._root, axis=1), self._index, 0)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters, P x P; made anew at each access."""
        return reordered(self._root @ self._root.T, self._index, 0, 1)

    @property
    def correlation(self) -> np.ndarray:
        """Correlation of the parameters, P x P; 0 beside parameters that do not vary."""
        size = np.linalg.norm(self._root, axis=1, keepdims=True)
        unit = self._root / np.where(size > 0, size, 1.0)
        return reordered(unit @ unit.T, self._index, 0, 1)

    def intervals(self, confidence: float = 0.95) -> np.ndarray:
        """Confidence intervals of the parameters, by Student's t (needs SciPy).

        Parameters
        ----------
        confidence : float, optional
            Probability that an interval holds its parameter.

        Returns
        -------
        ndarray, shape (P, 2)
            Lower and upper ends.

        Raises
        ------
        ValueError, TypeError
            For a confidence outside (0, 1).
        ImportError
            Without SciPy.
        """
        width = self._quantile("intervals", confidence) * self.standard_errors
        return np.stack([self.parameters - width, self.parameters + width], axis=1)

    def predict(
        self,
        x: Any,
        confidence: float = 0.95,
        *,
        kind: str = "prediction",
        ew: Any = None,
        n_threads: int | None = None,
    ) -> Prediction:
        """Outputs for new inputs with an interval each, by the delta method (needs SciPy).

        Parameters
        ----------
        x : array (R, Q), or list of one per input
        confidence : float, optional
            Probability that the interval holds what it is for.
        kind : {"prediction", "confidence"}, optional
            ``"prediction"``: for a new observation, noise included. ``"confidence"``: for the mean.
        ew : number, (1, Q), (S, 1) or (S, Q), optional
            Error weights of the new observations: their noise has the variance sigma^2 / ew.
        n_threads : int, optional
            At most this many threads; by default as many as :func:`uncertainty` was given.

        Returns
        -------
        Prediction
            Unpacks as ``y, lower, upper``.

        Raises
        ------
        ValueError, TypeError
            As ``linearize``, and for a confidence outside (0, 1) or an unknown `kind`.
        ImportError
            Without SciPy.

        Notes
        -----
        ``y +- t sqrt(j' C j + [sigma^2 / (ew norm^2)])`` with j = dy/dwb. Cost: a Jacobian and P^2
        multiplications per output; Jacobians are made in blocks of samples.
        """
        chosen("predict: kind", kind, _KINDS)
        check_threads("predict", n_threads)
        quantile = self._quantile("predict", confidence)
        with named("predict", "variance"):
            y, variance = self.variance(x, n_threads=n_threads)
            noise = self._noise(y.shape, ew)
        total = variance + noise**2 if kind == "prediction" else variance
        width = quantile * np.sqrt(total)
        return Prediction(
            y, y - width, y + width, np.sqrt(variance), noise, float(confidence), kind
        )

    def variance(self, x: Any, *, n_threads: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Outputs and their variances because of the parameters.

        Parameters
        ----------
        x, n_threads : as in :meth:`predict`

        Returns
        -------
        y, variance : ndarray, shape (S, Q)
            On the original scale of the targets, and its square.

        Raises
        ------
        ValueError, TypeError
            As ``linearize``; NaN inputs are refused.

        Notes
        -----
        ``j' C j`` with j = dy/dwb. Cost: as :meth:`predict`.
        """
        check_threads("variance", n_threads)
        threads = n_threads or self._n_threads
        with named("variance"):
            lin = linearize(self._net, x)
        variance = np.empty((lin.n_outputs, lin.n_samples))
        first = 0
        for block in sample_blocks(self._net, lin, jacobian_block_size(lin)):
            spread = self._root.T @ block.jacobian(n_threads=threads)
            part = np.sum(spread**2, axis=0).reshape(-1, block.n_samples, order="F")
            variance[:, first : first + block.n_samples] = part
            first += block.n_samples
        return lin.outputs(n_threads=threads), variance

    def delta(self, function: Callable[[np.ndarray], Any], jacobian: Any = None) -> Delta:
        """A function of the parameter vector, its standard errors and covariance.

        Parameters
        ----------
        function : callable
            Takes the parameters, (P,) in the order of `parameters`, and returns a vector (m,), or
            a number, which is taken for a vector of one.
        jacobian : array (m, P), optional
            Its derivative. Default: five-point differences of `function`.

        Returns
        -------
        Delta
            ``value`` and ``standard_error``, (m,), and ``covariance``, (m, m); of a number (1,)
            and (1, 1).

        Raises
        ------
        ValueError, TypeError
            For a function that is not one, or whose result is no number, no vector or not finite;
            for a Jacobian of another shape.

        Notes
        -----
        ``D C D'`` with D the derivative. Cost: 4 P calls of `function` without a Jacobian.
        """
        root = reordered(self._root, self._index, 0)
        return delta(function, jacobian, self.parameters, root)

    def summary(self) -> str:
        """Table of estimates, standard errors and their ratios by name."""
        estimates, errors = self.parameters, self.standard_errors
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = estimates / errors
        rows: list[tuple[str, ...]] = [("parameter", "estimate", "standard error", "ratio")]
        for name, *numbers in zip(self.names, estimates, errors, ratios, strict=True):
            rows.append((name, *(f"{number:.6g}" for number in numbers)))
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        head = (
            f"{len(estimates)} parameters, {self.n_errors} errors, "
            f"{self.degrees_of_freedom:.6g} degrees of freedom, residual standard deviation "
            f"{self.residual_standard_deviation:.6g}"
        )
        lines = (
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        )
        return "\n".join([head, *lines])

    def __repr__(self) -> str:
        return (
            f"<jacnet.Uncertainty: {len(self.parameters)} parameters, {self.n_errors} errors, "
            f"residual standard deviation {self.residual_standard_deviation:.4g}>"
        )

    def _quantile(self, function: str, confidence: float) -> float:
        return student_quantile(checked_confidence(function, confidence), self.degrees_of_freedom)

    def _noise(self, shape: tuple[int, int], ew: Any) -> np.ndarray:
        """Standard deviation of observations, on the scale of the targets."""
        empty = [np.zeros((rows, shape[1])) for rows in self._net.input_sizes]
        scales = linearize(self._net, empty, np.zeros(shape), ew=ew).error_scales()
        with np.errstate(divide="ignore"):
            return self.residual_standard_deviation / scales
