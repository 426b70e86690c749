"""Uncertainty of least-squares fits: covariance of the parameters, intervals of predictions.

The fit is replaced by its linearisation: with J the Jacobian of the scaled errors, parameters have
the covariance sigma^2 (J J')^-1, and a function of them that of its gradient, the delta method
(Seber and Wild, Nonlinear Regression, 1989, chapters 2 and 5; for networks Hwang and Ding, JASA 92
(1997) 748-757).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ._blocks import jacobian_block_size, sample_blocks
from ._core import linearize
from ._information import information, score_root
from ._memory import need_memory
from ._named import named
from ._quantiles import checked_confidence, student_quantile
from ._suggest import chosen
from .network import Network

_KINDS = ("prediction", "confidence")


class Delta(NamedTuple):
    """A function of the parameters, with what the delta method says about it."""

    value: np.ndarray
    standard_error: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class Prediction:
    """Predictions with an interval each; unpacks as ``y, lower, upper``, all (S, Q).

    Attributes
    ----------
    y, lower, upper : ndarray, shape (S, Q)
        On the original scale of the targets.
    standard_error : ndarray, shape (S, Q)
        Of the network's output, because its parameters are uncertain.
    noise : ndarray, shape (S, Q)
        Standard deviation of a new observation about the true mean.
    confidence : float
    kind : {"prediction", "confidence"}
    """

    y: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    standard_error: np.ndarray
    noise: np.ndarray
    confidence: float
    kind: str

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.y, self.lower, self.upper))


class Uncertainty:
    """What the data say about a fitted network; made by :func:`jacnet.uncertainty`.

    Attributes
    ----------
    parameters, standard_errors : ndarray, shape (P,)
        In the order of ``net.layout``.
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
        Names of the parameters.
    """

    def __init__(
        self, net: Network, lin: Any, *, robust: bool, singular: str, function: str
    ) -> None:
        penalty = _penalty(net, lin.n_targets, function)
        p = lin.n_parameters
        self.n_errors = int(np.count_nonzero(lin.error_scales()))
        if self.n_errors <= p and penalty == 0.0 and singular == "error":
            raise ValueError(_no_freedom(function, self.n_errors, p))
        need_memory(
            function,
            f"triangles of {p} x {p} numbers, a few at a time,",
            5.0 * p * p,
            "freeze weights (net.set_learn), or use jn.laplace, which needs SQ x SQ numbers where "
            "errors are fewer than parameters",
        )
        factors = information(net, lin, penalty)
        root = factors.inverse_root
        self._net = net.copy()
        self.parameters = lin.parameters()
        self.names = net.layout.names
        self.rank = factors.rank
        if self.rank < len(self.parameters) and singular == "error":
            raise ValueError(_rank_message(function, factors, self.names))
        self.effective_parameters = float(self.rank - penalty * np.sum(root**2))
        self.degrees_of_freedom = self.n_errors - self.effective_parameters
        if self.degrees_of_freedom <= 0:
            raise ValueError(_no_freedom(function, self.n_errors, self.effective_parameters))
        sse = float(np.sum(lin.errors() ** 2))
        self.residual_standard_deviation = float(np.sqrt(sse / self.degrees_of_freedom))
        if robust:
            correction = np.sqrt(self.n_errors / self.degrees_of_freedom)
            self._root = correction * root @ (root.T @ score_root(net, lin).T)
        else:
            self._root = self.residual_standard_deviation * root
        self.standard_errors = np.linalg.norm(self._root, axis=1)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters, P x P; made anew at each access."""
        return self._root @ self._root.T

    @property
    def correlation(self) -> np.ndarray:
        """Correlation of the parameters, P x P; 0 beside parameters that do not vary."""
        size = np.where(self.standard_errors > 0, self.standard_errors, 1.0)
        return (self._root / size[:, None]) @ (self._root / size[:, None]).T

    def intervals(self, confidence: float = 0.95) -> np.ndarray:
        """Confidence intervals of the parameters, (P, 2), by Student's t (needs SciPy)."""
        width = self._quantile("intervals", confidence) * self.standard_errors
        return np.stack([self.parameters - width, self.parameters + width], axis=1)

    def predict(
        self, x: Any, confidence: float = 0.95, *, kind: str = "prediction", ew: Any = None
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

        Returns
        -------
        Prediction
            Unpacks as ``y, lower, upper``.

        Raises
        ------
        ValueError, TypeError
            As ``linearize``, and for a confidence outside (0, 1) or an unknown `kind`.

        Notes
        -----
        ``y +- t sqrt(j' C j + [sigma^2 / (ew norm^2)])`` with j = dy/dwb. Cost: a Jacobian and P^2
        multiplications per output; Jacobians are made in blocks of samples.
        """
        chosen("predict: kind", kind, _KINDS)
        quantile = self._quantile("predict", confidence)
        with named("predict", "variance"):
            y, variance = self.variance(x)
            noise = self._noise(y.shape, ew)
        total = variance + noise**2 if kind == "prediction" else variance
        width = quantile * np.sqrt(total)
        return Prediction(
            y, y - width, y + width, np.sqrt(variance), noise, float(confidence), kind
        )

    def variance(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Outputs and their variances because of the parameters, both (S, Q)."""
        with named("variance"):
            lin = linearize(self._net, x)
        variance = np.empty((lin.n_outputs, lin.n_samples))
        first = 0
        for block in sample_blocks(self._net, lin, jacobian_block_size(lin)):
            spread = self._root.T @ block.jacobian()
            part = np.sum(spread**2, axis=0).reshape(-1, block.n_samples, order="F")
            variance[:, first : first + block.n_samples] = part
            first += block.n_samples
        return lin.outputs(), variance

    def delta(self, function: Callable[[np.ndarray], Any], jacobian: Any = None) -> Delta:
        """A function of the parameter vector, its standard errors and covariance.

        Parameters
        ----------
        function : callable
            Takes wb, (P,), and returns a number or a vector (m,).
        jacobian : array (m, P), optional
            Its derivative. Default: five-point differences of `function`.

        Raises
        ------
        ValueError, TypeError
            For a function that is not one, or whose result is no number, no vector or not finite;
            for a Jacobian of another shape.
        """
        if not callable(function):
            raise TypeError(
                "delta: function must take the parameters (P,) and return a number or a vector, "
                f"got {type(function).__name__}; for the value w[0] pass lambda w: w[0]"
            )
        value = _result("function", function(self.parameters.copy()), 1)
        if jacobian is None:
            slopes = self._differences(function, len(value))
        else:
            slopes = _result("jacobian", jacobian, 2)
        expected = (len(value), len(self.parameters))
        if slopes.shape != expected:
            raise ValueError(f"delta: jacobian has shape {slopes.shape}, expected {expected}")
        spread = slopes @ self._root
        return Delta(value, np.linalg.norm(spread, axis=1), spread @ spread.T)

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

    def _differences(self, function: Callable[[np.ndarray], Any], size: int) -> np.ndarray:
        """D function / d wb by the five-point formula, (m, P)."""
        columns = []
        for i, (centre, error) in enumerate(
            zip(self.parameters, self.standard_errors, strict=True)
        ):
            step = 1e-3 * (abs(centre) or error or 1.0)

            def at(shift: float, i: int = i, centre: float = centre) -> np.ndarray:
                moved = self.parameters.copy()
                moved[i] = centre + shift
                result = _result("function", function(moved), 1)
                if len(result) != size:
                    raise ValueError(
                        f"delta: function returned {size} numbers at first and {len(result)} at "
                        "other parameters, expected as many everywhere"
                    )
                return result

            near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
            columns.append((8 * near - far) / (12 * step))
        return np.stack(columns, axis=1) if columns else np.zeros((size, 0))


def _result(name: str, given: Any, dimensions: int) -> np.ndarray:
    """What `delta` was given or a function returned: a finite array of at most that dimension."""
    came = "returned" if name == "function" else "is"
    expected = "a number or a vector (m,)" if dimensions == 1 else "an array (m, P)"
    try:
        array = np.asarray(given, float)
    except (TypeError, ValueError):
        raise TypeError(
            f"delta: {name} {came} a {type(given).__name__}, expected {expected} of real numbers"
        ) from None
    if array.ndim > dimensions:
        what = "returned an array" if name == "function" else "is"
        raise ValueError(f"delta: {name} {what} of shape {array.shape}, expected {expected}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"delta: {name} {came} NaN or infinity, expected finite numbers at the fitted "
            "parameters and near them; where only its differences fail, pass jacobian"
        )
    return np.atleast_1d(array) if dimensions == 1 else np.atleast_2d(array)


def _penalty(net: Network, n_targets: int, function: str) -> float:
    """Lambda of sse + lambda w'w, which the performance is proportional to."""
    ratio = net.performParam.regularization
    if ratio >= 1.0:
        raise ValueError(f"{function}: regularization is 1: the performance does not see the data")
    per_parameter = n_targets / max(net.n_parameters, 1) if net.performance == "mse" else 1.0
    return ratio / (1.0 - ratio) * per_parameter


def _no_freedom(function: str, n_errors: int, n_parameters: float) -> str:
    return (
        f"{function}: {n_errors} errors for {n_parameters:.6g} (effective) parameters leave no "
        "degree of freedom to estimate the noise from; use more samples, a smaller network, frozen "
        "weights, or jn.laplace"
    )


def _rank_message(function: str, factors: Any, names: list[str]) -> str:
    weight = np.linalg.norm(factors.null, axis=1)
    some = ", ".join(names[i] for i in np.argsort(-weight, kind="stable")[:4])
    return (
        f"{function}: the Jacobian has rank {factors.rank}, expected {len(names)}: the data do not "
        f"tell all parameters apart, among them {some}. Use fewer neurons, more samples or "
        "regularisation, freeze weights, or pass singular='pseudo-inverse'"
    )
