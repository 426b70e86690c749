"""Stochastic Lanczos quadrature: traces of functions of a symmetric matrix, from products alone.

Golub and Meurant (2010), "Matrices, Moments and Quadrature with Applications"; Ubaru, Chen and Saad
(2017), "Fast estimation of tr(f(A)) via stochastic Lanczos quadrature", SIAM J. Matrix Anal. Appl.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Product = Callable[[np.ndarray], np.ndarray]
BYTES_TOGETHER = 2**28  # of the vectors of probes that go together


class Quadrature(NamedTuple):
    """Nodes and weights of each probe, (probes, steps), for the mean of f over the spectrum."""

    nodes: np.ndarray
    weights: np.ndarray
    size: int

    def trace(self, f: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
        """Mean over probes of the trace of f, and its standard error."""
        traces = self.size * np.sum(self.weights * f(self.nodes), axis=1)
        error = traces.std(ddof=1) / np.sqrt(len(traces)) if len(traces) > 1 else np.nan
        return float(traces.mean()), float(error)


def lanczos_quadrature(
    product: Product, size: int, steps: int, probes: int, seed: int | None
) -> Quadrature:
    """Gauss quadrature of the spectral measure of random vectors with elements +1 and -1."""
    steps = min(steps, size)
    rng = np.random.default_rng(seed)
    nodes, weights = np.empty((probes, steps)), np.empty((probes, steps))
    together = max(1, min(probes, BYTES_TOGETHER // max(8 * size * steps, 1)))
    for first in range(0, probes, together):
        last = min(first + together, probes)
        start = rng.choice((-1.0, 1.0), size=(last - first, size)).T / np.sqrt(size)
        for i, (alpha, beta) in enumerate(_tridiagonals(product, start, steps), first):
            nodes[i], weights[i] = _gauss(alpha, beta, steps)
    return Quadrature(nodes, weights, size)


def _tridiagonals(product: Product, start: np.ndarray, steps: int) -> list:
    """Lanczos from each column of `start`, all in one product: diagonal and off-diagonal.

    Every vector is made orthogonal to all before it, twice. A column ends with its space.
    """
    size, count = start.shape
    basis = _room(count, steps, size)
    basis[:, 0] = start.T
    alpha, beta = np.zeros((count, steps)), np.zeros((count, steps))
    length = np.full(count, steps)
    active = list(range(count))
    for j in range(steps):
        moved = product(np.asfortranarray(basis[active, j].T)).T
        remaining = []
        for i, w in zip(active, moved, strict=True):
            alpha[i, j] = w @ basis[i, j]
            known = basis[i, : j + 1]
            scale = np.linalg.norm(w)
            for _ in range(2):
                w = w - (known @ w) @ known
            beta[i, j] = np.linalg.norm(w)
            if beta[i, j] <= 1e-13 * max(scale, abs(alpha[i]).max()) or j + 1 == steps:
                length[i] = j + 1
            else:
                basis[i, j + 1] = w / beta[i, j]
                remaining.append(i)
        active = remaining
        if not active:
            break
    return [(alpha[i, :n], beta[i, : n - 1]) for i, n in enumerate(length)]


def _room(*shape: int) -> np.ndarray:
    try:
        return np.empty(shape)
    except (MemoryError, ValueError):  # ValueError: more than an array can have
        gib = 8.0 * np.prod(np.array(shape, dtype=float)) / 2**30
        raise MemoryError(
            f"Lanczos vectors of {shape[2]} parameters and {shape[1]} steps need {gib:.3g} GiB; "
            "take fewer steps"
        ) from None


def _gauss(alpha: np.ndarray, beta: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights, filled up with weights of zero."""
    values, vectors = np.linalg.eigh(np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1))
    missing = steps - len(values)
    nodes = np.concatenate([values, np.full(missing, values[-1])])
    return nodes, np.concatenate([vectors[0] ** 2, np.zeros(missing)])
