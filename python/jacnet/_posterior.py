"""Gaussian posteriors of parameters: precision = data / noise + delta * prior.

Each form knows the eigenvalues of the data's part relative to the prior, from which the evidence
follows at once for any delta and noise, and the covariance of outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._blocks import jacobian_block_size, sample_blocks, signals
from ._core import gram, linearize
from ._likelihood import Categorical, Gaussian
from ._memory import need_memory

Likelihood = Gaussian | Categorical


class Primal:
    """Eigenvectors in parameter space: full, P x P, or for a diagonal posterior the axes."""

    def __init__(self, likelihood: Likelihood, prior: np.ndarray, *, diagonal: bool) -> None:
        self._features = likelihood.features
        self._shrink = 1.0 / np.sqrt(prior)
        self._axes = None
        p = float(len(prior))
        if not diagonal:
            need_memory(
                "laplace",
                f"the full posterior of {len(prior)} parameters",
                4 * p * p,
                "use structure='diagonal' or 'last-layer', or freeze weights (net.set_learn)",
            )
        if diagonal:
            self.eigenvalues = likelihood.curvature_diagonal() / prior
        else:
            scaled = likelihood.curvature() * self._shrink * self._shrink[:, None]
            values, self._axes = np.linalg.eigh(scaled)
            self.eigenvalues = np.maximum(values, 0.0)

    def outputs(
        self, x: Any, delta: float, noise: float, n_threads: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Features (S, Q) and their covariances (S, S, Q)."""
        lin = linearize(self._features, x)
        covariance = np.empty((lin.n_outputs, lin.n_outputs, lin.n_samples))
        first = 0
        for block in sample_blocks(self._features, lin, jacobian_block_size(lin)):
            spread = self._whitened(block.jacobian(n_threads=n_threads), delta, noise)
            spread = spread.reshape(-1, block.n_outputs, block.n_samples, order="F")
            part = np.einsum("psq,prq->srq", spread, spread)
            covariance[:, :, first : first + block.n_samples] = part
            first += block.n_samples
        return lin.outputs(n_threads=n_threads), covariance

    def covariance(self, delta: float, noise: float) -> np.ndarray:
        """Of the parameters, P x P."""
        root = self._whitened(np.eye(len(self._shrink)), delta, noise)
        return root.T @ root

    def _whitened(self, jacobian: np.ndarray, delta: float, noise: float) -> np.ndarray:
        spread = self._shrink[:, None] * jacobian
        if self._axes is not None:
            spread = self._axes.T @ spread
        return spread / np.sqrt(self.eigenvalues / noise + delta)[:, None]


class Dual:
    """Eigenvectors in the space of the errors, where these are fewer: nothing is P x P."""

    def __init__(self, likelihood: Likelihood, x: list[np.ndarray], used: np.ndarray) -> None:
        self._features, self._x = likelihood.features, x
        self._roots = likelihood.roots()[used]
        errors = float(self._roots.shape[0] * self._roots.shape[1])
        need_memory(
            "laplace",
            f"the dual form of {int(errors)} errors",
            4 * errors * errors,
            "use fewer samples, or structure='diagonal' or 'last-layer'",
        )
        kernel = self._rooted(gram(self._features, signals(x), n_threads=likelihood.n_threads))
        kernel = self._rooted(kernel.T)
        values, self._axes = np.linalg.eigh(0.5 * (kernel + kernel.T))
        values[: max(0, len(values) - likelihood.lin.n_parameters)] = 0.0  # what is beyond the rank
        values[values < len(values) * np.finfo(float).eps * values.max(initial=0.0)] = 0.0
        self.eigenvalues = values

    def outputs(
        self, x: Any, delta: float, noise: float, n_threads: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Features (S, Q) and their covariances (S, S, Q)."""
        lin = linearize(self._features, x)
        s = lin.n_outputs
        covariance = np.empty((s, s, lin.n_samples))
        damped = self.eigenvalues + delta * noise
        known = len(self._axes)
        for first, new in self._new_blocks(lin):
            q = new[0].shape[1]
            both = [np.concatenate(pair, axis=1) for pair in zip(self._x, new, strict=True)]
            kernel = gram(self._features, signals(both), n_threads=n_threads)
            cross = self._axes.T @ self._rooted(kernel[:known, known:])
            spread = (cross / np.sqrt(damped)[:, None]).reshape(known, s, q, order="F")
            own = kernel[known:, known:].reshape(s, q, s, q, order="F")
            own = np.einsum("aqbq->abq", own)
            covariance[:, :, first : first + q] = (
                own - np.einsum("ksq,krq->srq", spread, spread)
            ) / delta
        return lin.outputs(n_threads=n_threads), covariance

    def covariance(self, delta: float, noise: float) -> np.ndarray:
        """Not to be had without what this form avoids."""
        raise ValueError(
            "covariance: this posterior is kept in its dual form, which never holds P x P numbers; "
            'make it by jn.laplace(..., form="primal")'
        )

    def _new_blocks(self, lin: Any) -> Iterator[tuple[int, list[np.ndarray]]]:
        size, first = max(1, self._x[0].shape[1]), 0
        for block in sample_blocks(self._features, lin, size):
            yield first, [np.atleast_2d(xi) for xi in block._made_of()[1]]
            first += block.n_samples

    def _rooted(self, kernel: np.ndarray) -> np.ndarray:
        """R' kernel, R block-diagonal over samples."""
        q, s, _ = self._roots.shape
        rows = kernel.reshape(q, s, kernel.shape[1])
        return np.einsum("qsr,qsk->qrk", self._roots, rows).reshape(q * s, kernel.shape[1])


def dual_samples(likelihood: Likelihood) -> tuple[list[np.ndarray], np.ndarray] | None:
    """Inputs of the samples that tell something, and which they are; None if some have NaN yet."""
    lin = likelihood.lin
    _, x, _, _, samples = lin._made_of()
    order = np.arange(lin.n_samples) if samples is None else samples
    used = np.flatnonzero(likelihood.roots().any(axis=(1, 2)))
    if not np.isfinite(lin.outputs(n_threads=likelihood.n_threads)[:, used]).all():
        return None
    return [np.atleast_2d(xi)[:, order[used]] for xi in x], used
