"""What the self-check compares: a network on some samples, and how two answers are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from ._blocks import signals
from ._core import linearize
from ._differences import derivative
from ._threads import Threaded
from .network import Network

EXACT, COUPLED_EXACT, DIFFERENCES = 1e-10, 1e-6, 1e-6
COUPLED = frozenset(("softmax", "radbasn"))  # slopes are matrices, of differences that cancel
_COORDINATES, _DIRECTIONS = 8, 2

_PERFORMANCES = {
    "least-squares": ("mse", "sse"),
    "classes": ("crossentropy",),
    "model": ("mse", "sse", "crossentropy"),
    "errors": ("mse", "sse", "mae", "sae"),
}

Measured = tuple[float, float, float] | str


@dataclass
class Subject:
    """A network and samples, with what several comparisons share."""

    net: Network
    x: list[np.ndarray]
    t: np.ndarray | None
    ew: Any
    rng: np.random.RandomState
    dense: bool
    package: ModuleType
    n_threads: int | None

    @cached_property
    def lin(self) -> Threaded:
        """The linearization whose answers are checked."""
        return self.at(self.net.wb)

    def at(self, wb: np.ndarray, x: list[np.ndarray] | None = None) -> Threaded:
        """A linearization at other parameters or inputs."""
        moved = self.net.copy().setwb(wb)
        lin = linearize(moved, signals(self.x if x is None else x), self.t, ew=self.ew)
        return Threaded(lin, self.n_threads)

    def has(self, needs: str) -> bool:
        """Whether all that is named is given: ``targets``, ``dense``, ``least-squares``, ..."""
        return all(self._has(need) for need in needs.split())

    def _has(self, need: str) -> bool:
        if need == "targets":
            return self.t is not None
        if need == "dense":
            return self.dense
        return self.net.performance in _PERFORMANCES[need]

    @cached_property
    def directions(self) -> np.ndarray:
        """Some parameters one by one, then random directions, of the parameters' size; P x K."""
        sizes = np.maximum(np.abs(self.net.wb), 0.1)
        p = len(sizes)
        chosen = self.rng.permutation(p)[:_COORDINATES]
        single = np.zeros((p, len(chosen)))
        single[chosen, np.arange(len(chosen))] = sizes[chosen]
        signs = self.rng.choice([-1.0, 1.0], (p, _DIRECTIONS))
        return np.hstack([single, signs * sizes[:, None] / np.sqrt(max(p, 1))])

    def vectors(self, *shape: int) -> np.ndarray:
        """Random numbers."""
        return self.rng.standard_normal(shape)

    @cached_property
    def jacobian(self) -> np.ndarray:
        return self.lin.jacobian()

    @cached_property
    def hessian(self) -> np.ndarray:
        return self.lin.hessian()

    @cached_property
    def gauss_newton(self) -> np.ndarray:
        return self.lin.gauss_newton()

    @cached_property
    def largest(self) -> float:
        """Largest element of the Hessian."""
        return float(np.max(np.abs(self.hessian), initial=0.0))

    @property
    def squares(self) -> float:
        """Factor of J J' in the Gauss-Newton matrix of least squares."""
        count = max(self.lin.n_targets, 1) if self.net.performance == "mse" else 1
        return 2.0 * (1.0 - self.net.performParam.regularization) / count

    def first(self, count: int) -> Subject:
        """The same on the first samples alone."""
        ew = self.ew
        if np.ndim(ew) == 2 and np.shape(ew)[1] > 1:
            ew = ew[:, :count]
        t = None if self.t is None else self.t[:, :count]
        return replace(self, x=[xi[:, :count] for xi in self.x], t=t, ew=ew)

    def regularised(self, name: str) -> np.ndarray:
        """What regularisation alone adds: the answer for no samples."""
        nothing = [xi[:, :0] for xi in self.x]
        none = None if self.t is None else self.t[:, :0]
        return getattr(linearize(self.net, signals(nothing), none), name)()

    @cached_property
    def _floor(self) -> float:
        """Size below which answers are rounding: a_i (delta_ij - a_j) cancels where a is sure."""
        if not COUPLED & set(self.net.transfer):
            return 0.0
        y = self.lin.outputs()
        return 1e-6 * max(1.0, float(np.max(np.abs(y), initial=0.0))) ** 2

    def identity(self, actual: Any, expected: Any, scale: float = 0.0) -> Measured:
        """Two ways to the same numbers; `scale`: of the terms, where these cancel."""
        actual, expected = np.asarray(actual), np.asarray(expected)
        if actual.shape != expected.shape:
            raise ValueError(f"shapes differ: {actual.shape} and {expected.shape}")
        size = max(np.max(np.abs(expected), initial=0.0), scale, self._floor, 1e-300)
        tolerance = COUPLED_EXACT if self._floor else EXACT
        return float(np.max(np.abs(actual - expected), initial=0.0) / size), tolerance, 1.0

    def difference(
        self, actual: np.ndarray, measured: tuple[np.ndarray, np.ndarray, float]
    ) -> Measured:
        """A derivative and its differences."""
        return difference(actual, measured, self._floor)

    def along(
        self, function: Callable[[Threaded], np.ndarray | float]
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Derivatives of an answer along every direction, stacked last."""
        wb = self.net.wb

        def moved(d: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
            return derivative(lambda h: function(self.at(wb + h * d)))

        results = [moved(d) for d in self.directions.T]
        values, doubts, sizes = zip(*results, strict=True)
        return np.stack(values, axis=-1), np.stack(doubts, axis=-1), max(sizes)


def difference(
    actual: np.ndarray, measured: tuple[np.ndarray, np.ndarray, float], floor: float
) -> Measured:
    """A derivative and its differences, where these agree among themselves."""
    expected, doubts, size = measured
    if actual.shape != expected.shape:
        raise ValueError(f"shapes differ: {actual.shape} and {expected.shape}")
    scale = max(np.max(np.abs(actual), initial=0.0), 1e-4 * size, floor, 1e-300)
    sure = doubts <= 0.3 * DIFFERENCES * scale
    errors = np.where(sure, np.abs(actual - expected), 0.0)
    share = float(np.mean(sure)) if sure.size else 1.0
    return float(np.max(errors, initial=0.0) / scale), DIFFERENCES, share


def product_scale(matrix: np.ndarray, vector: np.ndarray) -> float:
    """The largest sum of magnitudes that a product adds up."""
    return float(np.max(np.abs(matrix) @ np.abs(vector), initial=0.0))
