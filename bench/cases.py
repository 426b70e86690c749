"""The networks and quantities that are measured, and the least work that each quantity takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

EPOCHS = 10  # of Levenberg-Marquardt, in the quantity "epochs"
DAMPING = 1e-3  # mu at their start; divided or multiplied by ten after every trial

QUANTITIES = (
    "forward",
    "input_jacobian",
    "de_dwb",  # "jacobian" costs the same
    "gradient",
    "normal_equations",
    "gauss_newton",
    "hessian",
    "hessian_diagonal",
    "hvp",
    "ggnvp",
    "gram",
    "epochs",
)

QUICK_QUANTITIES = ("de_dwb", "gradient", "normal_equations", "gauss_newton", "hessian")


@dataclass(frozen=True)
class Case:
    """A chain of layers with a purelin output, performance mse, and random samples.

    Parameters
    ----------
    sizes : tuple of int
        From the input to the output.
    n_samples : int
    hidden : {"tansig", "logsig"}
        Transfer function of the hidden layers.
    """

    sizes: tuple[int, ...]
    n_samples: int
    hidden: str = "tansig"

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Case:
        """Rebuild a case from :meth:`to_json`."""
        return cls(tuple(fields["sizes"]), fields["n_samples"], fields["hidden"])

    def to_json(self) -> dict[str, Any]:
        """Return the fields, for a pipe or a file."""
        return asdict(self)

    @property
    def network(self) -> str:
        """Such as ``"20-64-64-5"``."""
        sizes = "-".join(map(str, self.sizes))
        return sizes if self.hidden == "tansig" else f"{sizes} {self.hidden}"

    @property
    def name(self) -> str:
        """Such as ``"20-64-64-5, N=200"``."""
        return f"{self.network}, N={self.n_samples}"

    @property
    def n_outputs(self) -> int:
        """Rows of the targets."""
        return self.sizes[-1]

    @property
    def n_errors(self) -> int:
        """Columns of the Jacobian."""
        return self.n_outputs * self.n_samples

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

    @cached_property
    def direction(self) -> np.ndarray:
        """Vector that the Hessian and the Gauss-Newton matrix are multiplied by (P)."""
        return np.random.default_rng(1).standard_normal(self.n_parameters)

    def layers(self) -> list[tuple[slice, slice, int, int]]:
        """Per layer: where its bias and its weights are in the parameters, h and k."""
        found, start = [], 0
        for k, h in pairwise(self.sizes):
            bias, end = slice(start, start + h), start + h * (k + 1)
            found.append((bias, slice(start + h, end), h, k))
            start = end
        return found

    def order(self, *parts: str) -> np.ndarray:
        """Index to another library's order of the parameters: ``theirs = wb[index]``.

        Per layer, `parts` name what comes one after the other: "bias", "rows" (the weights row by
        row), "columns" (column by column), "rows with bias" (each row led by its bias).
        """
        indices = []
        for bias, weight, h, k in self.layers():
            b = np.arange(bias.start, bias.stop)
            w = np.arange(weight.start, weight.stop).reshape(k, h).T
            pieces = {
                "bias": b,
                "rows": w.ravel(),
                "columns": w.T.ravel(),
                "rows with bias": np.column_stack([b, w]).ravel(),
            }
            indices += [pieces[part] for part in parts]
        return np.concatenate(indices)

    def result_bytes(self, quantity: str) -> int:
        """Size of a quantity's result."""
        p, m, n = self.n_parameters, self.n_outputs, self.n_samples
        square = 8 * p * p
        return {
            "forward": 8 * m * n,
            "input_jacobian": 8 * m * n * self.sizes[0],
            "jacobian": 8 * p * m * n,
            "de_dwb": 8 * p * m * n,
            "gradient": 8 * p,
            "normal_equations": square,
            "gauss_newton": square,
            "hessian": square,
            "hessian_diagonal": 8 * p,
            "hvp": 8 * p,
            "ggnvp": 8 * p,
            "gram": 8 * (m * n) ** 2,
            "dual_step": 8 * p,
            "epochs": square,
        }[quantity]

    def work(self, quantity: str) -> tuple[float, str] | None:
        """Least work of a quantity and its unit, "bytes" (written) or "flops"; None: no count.

        Gradients and products (with the tape at hand) count every layer alike, as is the custom;
        the first one needs less, since nothing flows on to the inputs.
        """
        n, p = self.n_samples, self.n_parameters
        if quantity in ("jacobian", "de_dwb"):
            return float(self.result_bytes(quantity)), "bytes"
        passes = {"forward": 2.0, "gradient": 6.0, "hvp": 12.0, "ggnvp": 12.0}
        if quantity in passes:
            return passes[quantity] * n * p, "flops"
        if quantity == "gram":
            h, k = self.sizes[1:], [size + 1 for size in self.sizes[:-1]]
            return float(self.n_errors) ** 2 * sum(h) + float(n) ** 2 * sum(k), "flops"
        if quantity not in ("normal_equations", "gauss_newton", "hessian"):
            return None
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


QUICK = (Case((1, 10, 1), 94), Case((10, 20, 20, 3), 1000), Case((20, 64, 64, 5), 50))

SMOKE = (Case((1, 10, 1), 94), Case((5, 8, 8, 3), 50))

FULL = (
    *(Case((1, 10, 1), n) for n in (1, 94, 10_000, 100_000)),
    *(Case((8, 30, 1), n) for n in (1000, 100_000)),
    *(Case((10, 20, 20, 3), n) for n in (1, 1000, 10_000)),
    *(Case((10, 64, 64, 64, 64, 1), n) for n in (1, 200)),
    *(Case((20, 64, 64, 5), n) for n in (1, 200)),
    *(Case((784, 100, 10), n) for n in (1, 50, 1000)),
    *(Case(sizes, n, "logsig") for sizes, n in (((1, 10, 1), 94), ((8, 30, 1), 1000))),
)

FULL_ONE_THREAD = (
    Case((1, 10, 1), 94),
    Case((8, 30, 1), 1000),
    Case((10, 20, 20, 3), 1000),
    Case((20, 64, 64, 5), 200),
    Case((784, 100, 10), 50),
)
