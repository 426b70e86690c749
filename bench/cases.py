"""The networks and quantities that are measured, and the least work that each quantity takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

QUANTITIES = ("jacobian", "gradient", "normal_equations", "gauss_newton", "hessian")


@dataclass(frozen=True)
class Case:
    """A chain of tansig layers with a purelin output, performance mse, and random samples.

    Parameters
    ----------
    sizes : tuple of int
        From the input to the output.
    n_samples : int
    """

    sizes: tuple[int, ...]
    n_samples: int

    @property
    def name(self) -> str:
        """Such as ``"20-64-64-5, N=200"``."""
        return f"{'-'.join(map(str, self.sizes))}, N={self.n_samples}"

    @property
    def n_outputs(self) -> int:
        """Rows of the targets."""
        return self.sizes[-1]

    @property
    def n_parameters(self) -> int:
        """Length of the parameter vector."""
        return sum(self._layer_parameters)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs (R x Q), targets (S x Q) and parameters (P); samples are contiguous."""
        random = np.random.default_rng(0)
        x = random.uniform(-1, 1, (self.n_samples, self.sizes[0])).T
        t = random.uniform(-1, 1, (self.n_samples, self.sizes[-1])).T
        scales = [np.full(h * (k + 1), (k + 1) ** -0.5) for k, h in pairwise(self.sizes)]
        return x, t, random.uniform(-1, 1, self.n_parameters) * np.concatenate(scales)

    def layers(self) -> list[tuple[slice, slice, int, int]]:
        """Per layer: where its bias and its weights are in the parameters, h and k."""
        found, start = [], 0
        for k, h in pairwise(self.sizes):
            bias, end = slice(start, start + h), start + h * (k + 1)
            found.append((bias, slice(start + h, end), h, k))
            start = end
        return found

    def work(self, quantity: str) -> tuple[float, str]:
        """Least work of a quantity and its unit, "bytes" (written) or "flops"."""
        n, p = self.n_samples, self.n_parameters
        if quantity == "jacobian":
            return 8.0 * p * self.n_outputs * n, "bytes"
        if quantity == "gradient":
            return 6.0 * n * p, "flops"
        flops = n * self._products(self._layer_parameters, 0.5, 2.0)
        if quantity == "hessian":
            flops += self._second_order_flops
        return flops, "flops"

    @property
    def _layer_parameters(self) -> list[int]:
        return [h * (k + 1) for k, h in pairwise(self.sizes)]

    @staticmethod
    def _products(sizes: list[int], diagonal: float, off_diagonal: float) -> float:
        total, squares = sum(sizes) ** 2, sum(size**2 for size in sizes)
        return diagonal * squares + off_diagonal * (total - squares) / 2

    @property
    def _second_order_flops(self) -> float:
        """What the exact Hessian adds: the recursion of B and C, and the brackets."""
        h, p = self.sizes[1:], self._layer_parameters
        n_layers = len(h)
        recursion = sum(
            h[i] * h[i + 1] * h[k] for i in range(n_layers) for k in range(i + 1, n_layers)
        )
        recursion += sum(h[i] ** 2 * h[i + 1] for i in range(n_layers - 1))
        recursion += sum(
            h[i] * h[k - 1] * h[k] for i in range(n_layers) for k in range(i + 2, n_layers)
        )
        brackets = sum(h[i] * p[k] for i in range(n_layers) for k in range(i + 1, n_layers))
        return self.n_samples * (2.0 * recursion + 4.0 * brackets)


CASES = (
    Case((1, 10, 1), 94),
    Case((20, 64, 64, 5), 200),
    Case((10, 20, 20, 3), 1000),
)
