"""Backpropagation, the Jacobian and Levenberg-Marquardt written out in NumPy, over all samples.

The Gauss-Newton matrix comes in two ways: from the whole Jacobian by NumPy's product (BLAS syrk),
and from panels of it that stay in the caches, by SciPy's dsyrk where SciPy is installed. What dsyrk
leaves to do, the upper triangle, is not timed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import DAMPING, EPOCHS, Case
from .base import Call, NotOfferedError, Peer, offered, square
from .numpy_curvature import gram_by_panels, hessian_diagonal, products

try:
    from scipy.linalg import blas, cho_factor, cho_solve
except ImportError:
    blas = None

PANELS = (256, 1024)  # errors in one


class Contender(Peer):
    """Hand-written NumPy, with memory that is kept from call to call."""

    version = np.__version__

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the calls of a quantity; whole exact Hessians are not offered."""
        net = _Network(case)
        if quantity in ("hvp", "ggnvp"):
            return products(net, quantity)
        j_bytes = case.result_bytes("jacobian")
        if quantity in ("jacobian", "de_dwb", "dual_step") and j_bytes > 2e9:
            raise NotOfferedError("a Jacobian of more than 2 GB")
        calls: dict[str, dict[str, Call]] = {
            "forward": {"numpy": lambda: net.forward()[1].T},
            "input_jacobian": {"numpy": net.input_jacobian},
            "jacobian": {"out": net.dense_jacobian(1.0), "fresh": lambda: net.jacobian(None, 1.0)},
            "de_dwb": {"out": net.dense_jacobian(-1.0), "fresh": lambda: net.jacobian(None, -1.0)},
            "gradient": {"numpy": net.gradient},
            "hessian_diagonal": {"recursion": lambda: hessian_diagonal(net)},
            "gram": {"J'J": net.gram, "J'J, panels": lambda: gram_by_panels(net)},
            "dual_step": {"J'J": lambda: net.dual_step()},
            "epochs": {"numpy": net.epochs},
        }
        if j_bytes > 9e9:
            del calls["gram"]["J'J"]
        if quantity in ("normal_equations", "gauss_newton"):
            scaled = quantity == "gauss_newton"
            lengths = PANELS if blas else ()
            calls[quantity] = {
                f"panels of {n}": lambda n=n: net.by_panels(scaled, n) for n in lengths
            }
            if j_bytes < 2e9:
                calls[quantity]["dense"] = lambda: net.by_dense(scaled)
        return offered(calls, quantity)

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """Bring Jacobians (samples, outputs, parameters) to one column per error."""
        if quantity in ("jacobian", "de_dwb"):
            return [result.reshape(-1, case.n_parameters).T]
        if quantity == "gauss_newton" or (quantity == "gram" and not result.flags.c_contiguous):
            return [square(result)]
        if quantity == "normal_equations":
            return [square(result[0]), *map(np.asarray, result[1:])]
        return super().comparable(case, quantity, result)


class _Network:
    """A chain of layers with samples in rows."""

    def __init__(self, case: Case) -> None:
        x, t, wb = case.data
        self.case, self.layers = case, case.layers()
        self.x, self.t, self.wb = x.T.copy(), t.T.copy(), wb
        self.dense: np.ndarray | None = None
        self.set(wb)

    def set(self, wb: np.ndarray) -> None:
        self.weights = [wb[w].reshape(k, h).T.copy() for _, w, h, k in self.layers]
        self.biases = [wb[b].copy() for b, *_ in self.layers]

    def transfer(self, n: np.ndarray) -> np.ndarray:
        return np.tanh(n) if self.case.hidden == "tansig" else 1 / (1 + np.exp(-n))

    def slope(self, a: np.ndarray) -> np.ndarray:
        return 1 - a**2 if self.case.hidden == "tansig" else a * (1 - a)

    def forward(self, x: np.ndarray | None = None) -> tuple[list[np.ndarray], np.ndarray]:
        a = [self.x if x is None else x]
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            a.append(self.transfer(a[-1] @ w.T + b))
        return a, a[-1] @ self.weights[-1].T + self.biases[-1]

    def input_jacobian(self) -> np.ndarray:
        a, y = self.forward()
        d = np.broadcast_to(np.eye(y.shape[1]), (*y.shape, y.shape[1]))
        for i in reversed(range(1, len(self.layers))):
            d = (d @ self.weights[i]) * self.slope(a[i])[:, None, :]
        return d @ self.weights[0]

    def jacobian(
        self, out: np.ndarray | None, sign: float, rows: slice = slice(None)
    ) -> np.ndarray:
        """Rows of dy/dw for some samples: (samples, outputs, parameters)."""
        a, y = self.forward(self.x[rows])
        if out is None:
            out = np.empty((*y.shape, self.case.n_parameters))
        d = np.broadcast_to(sign * np.eye(y.shape[1]), (*y.shape, y.shape[1]))
        for i in reversed(range(len(self.layers))):
            bias, weight, h, k = self.layers[i]
            out[:, :, bias] = d
            block = out[:, :, weight].reshape(*y.shape, k, h)
            np.multiply(a[i][:, None, :, None], d[:, :, None, :], out=block)
            if i > 0:
                d = (d @ self.weights[i]) * self.slope(a[i])[:, None, :]
        self.errors = self.t[rows] - y
        return out

    def dense_jacobian(self, sign: float) -> Call:
        return lambda: self.jacobian(self._memory(), sign)

    def _memory(self) -> np.ndarray:
        if self.dense is None:
            case = self.case
            self.dense = np.zeros((case.n_samples, case.n_outputs, case.n_parameters))
        return self.dense

    def by_dense(self, scaled: bool) -> Any:
        """Form J, then J'J by BLAS syrk."""
        j = self.jacobian(self._memory(), -1.0).reshape(-1, self.case.n_parameters)
        jj = blas.dsyrk(1.0, j.T, lower=1) if blas else j.T @ j  # NumPy's is syrk, too
        e = self.errors.ravel()
        return 2 / self.t.size * jj if scaled else (jj, j.T @ e, e @ e)

    def by_panels(self, scaled: bool, length: int = PANELS[0]) -> Any:
        """Add up J'J over panels of J that stay in the caches."""
        case, p = self.case, self.case.n_parameters
        step = max(1, length // case.n_outputs)
        panel = np.empty((min(step, case.n_samples), case.n_outputs, p))
        jj, je, sse = np.zeros((p, p), order="F"), np.zeros(p), 0.0
        for start in range(0, case.n_samples, step):
            rows = slice(start, min(start + step, case.n_samples))
            j = self.jacobian(panel[: rows.stop - start], -1.0, rows).reshape(-1, p)
            scale = 2 / self.t.size if scaled else 1.0
            jj = blas.dsyrk(scale, j.T, 1.0, jj, lower=1, overwrite_c=1)
            e = self.errors.ravel()
            je += j.T @ e
            sse += e @ e
        return jj if scaled else (jj, je, sse)

    def gradient(self) -> np.ndarray:
        a, y = self.forward()
        g = np.empty(self.case.n_parameters)
        d = 2 / y.size * (y - self.t)
        for i in reversed(range(len(self.layers))):
            bias, weight, *_ = self.layers[i]
            g[bias] = d.sum(0)
            g[weight] = (a[i].T @ d).ravel()
            if i > 0:
                d = (d @ self.weights[i]) * self.slope(a[i])
        return g

    def gram(self) -> np.ndarray:
        """Form J, then the products of its columns."""
        j = self.jacobian(self._memory(), 1.0).reshape(-1, self.case.n_parameters)
        return j @ j.T

    def dual_step(self) -> np.ndarray:
        """One Levenberg-Marquardt epoch from the products of the Jacobian's columns."""
        j = self.jacobian(self._memory(), -1.0).reshape(-1, self.case.n_parameters)
        e = self.errors.ravel()
        jj = j @ j.T
        perf, mu = e @ e, DAMPING
        while True:
            step = np.linalg.solve(jj + e.size * mu * np.eye(e.size), e)
            trial = self.wb - j.T @ step
            self.set(trial)
            if np.sum((self.t - self.forward()[1]) ** 2) < perf or mu > 1e10:
                self.set(self.wb)
                return trial
            mu *= 10

    def epochs(self) -> np.ndarray:
        """MATLAB's trainlm: damping falls after a good step and rises after a bad one."""
        wb, mu = self.wb, DAMPING
        self.set(wb)
        for _ in range(EPOCHS):
            jj, je, perf = self.by_panels(False) if blas else self.by_dense(False)
            while mu <= 1e10:
                trial = wb - self._solve(jj, self.t.size * mu, je)
                self.set(trial)
                better = np.sum((self.t - self.forward()[1]) ** 2) < perf
                mu *= 0.1 if better else 10.0
                if better:
                    wb = trial
                    break
            self.set(wb)
        self.set(self.wb)
        return wb

    @staticmethod
    def _solve(jj: np.ndarray, shift: float, je: np.ndarray) -> np.ndarray:
        shifted = jj + shift * np.eye(len(jj))
        return (
            cho_solve(cho_factor(shifted, lower=True), je) if blas else np.linalg.solve(shifted, je)
        )
