"""The information J J' that data hold about the parameters, as factors that keep its digits.

J' is brought to triangular form block by block, so that neither J nor the square of its condition
number ever appears: a tall matrix and a triangle, stacked, give the next triangle (Golub and Van
Loan, Matrix Computations, section 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._blocks import sample_blocks
from ._core import Linearization
from .network import Network


@dataclass(frozen=True)
class Information:
    """``inverse_root @ inverse_root.T`` is the (pseudo-)inverse of J J' + penalty I."""

    inverse_root: np.ndarray  # P x rank
    rank: int
    null: np.ndarray  # P x (P - rank): directions that the data say nothing about, scaled columns
    scores: np.ndarray | None  # triangular root of sum_n (J_n e_n)(J_n e_n)', where asked for


def information(
    net: Network, lin: Linearization, *, penalty: float = 0.0, scores: bool = False
) -> Information:
    """Factors of J J' of the errors of `lin`, with J = de_dwb.

    Cost: about 4 N P^2 flops for N errors, and 20 P^3; memory 3 P^2.
    """
    p = lin.n_parameters
    errors_per_block = max(p, 512)
    size = max(1, errors_per_block // max(1, lin.n_outputs))
    root, score_root = np.zeros((0, p)), np.zeros((0, p))
    for block in sample_blocks(net, lin, size):
        jacobian = block.de_dwb()
        root = triangle(root, jacobian.T)
        if scores:
            errors = block.errors()
            per_sample = jacobian.reshape(p, block.n_outputs, -1, order="F")
            score_root = triangle(score_root, np.einsum("psq,sq->qp", per_sample, errors))
    if penalty > 0.0:
        root = triangle(root, np.sqrt(penalty) * np.eye(p))
    return _inverted(root, score_root if scores else None)


def triangle(*rows: np.ndarray) -> np.ndarray:
    """R of the QR factorisation of stacked rows: R'R is the sum of their squares."""
    return np.linalg.qr(np.concatenate(rows), mode="r")


def _inverted(root: np.ndarray, scores: np.ndarray | None) -> Information:
    p = root.shape[1]
    sizes = np.linalg.norm(root, axis=0)
    sizes[sizes == 0.0] = 1.0  # columns are scaled alike, so that units don't decide the rank
    _, values, axes = np.linalg.svd(root / sizes, full_matrices=True)
    tolerance = 16 * max(p, 64) * np.finfo(float).eps
    rank = int(np.count_nonzero(values > tolerance * values.max(initial=0.0)))
    inverse_root = axes[:rank].T / values[:rank] / sizes[:, None]
    null = axes[rank:].T
    if rank < p:  # Moore and Penrose's: the part of it without components along the null space
        basis = np.linalg.qr(null / sizes[:, None])[0]
        inverse_root -= basis @ (basis.T @ inverse_root)
    return Information(inverse_root, rank, null, scores)
