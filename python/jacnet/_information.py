"""The information J J' that data hold about the parameters, as factors that keep its digits.

Nothing is lost to squaring the condition number of J. A Cholesky factor R1 of J J' makes J R1^-1
nearly orthogonal; the factor of its square, taken from J block by block, corrects R1 to the
accuracy of a QR factorisation (Yamamoto, Nakatsukasa, Yanagisawa and Fukaya, "Roundoff error
analysis of the CholeskyQR2 algorithm", ETNA 44 (2015) 306-326). Where J J' is too near to singular
for that, J' is brought to triangular form by Householder's method, block by block, and its singular
values decide the rank (Golub and Van Loan, Matrix Computations, chapter 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._blocks import sample_blocks
from ._core import Linearization
from .network import Network

_SAFE_CONDITION = 1e6  # of scaled columns; the method needs less than 1e8


@dataclass(frozen=True)
class Information:
    """``inverse_root @ inverse_root.T`` is the (pseudo-)inverse of J J' + penalty I."""

    inverse_root: np.ndarray  # P x rank
    rank: int
    null: np.ndarray  # P x (P - rank): directions that the data say nothing about, scaled columns


def information(
    net: Network, lin: Linearization, penalty: float = 0.0, n_threads: int | None = None
) -> Information:
    """Factors of J J' + penalty I, with J = de_dwb of the errors of `lin`.

    Cost: 4 N P^2 flops for N errors and 3 P^3, or 25 P^3 near singularity; memory 5 P^2.
    """
    inverse_root = _by_cholesky(net, lin, penalty, n_threads)
    if inverse_root is not None:
        p = lin.n_parameters
        return Information(inverse_root, p, np.zeros((p, 0)))
    root = np.zeros((0, lin.n_parameters))
    for block in _blocks(net, lin):
        root = triangle(root, block.de_dwb(n_threads=n_threads).T)
    if penalty > 0.0:
        root = triangle(root, np.sqrt(penalty) * np.eye(lin.n_parameters))
    return _by_singular_values(root)


def score_root(net: Network, lin: Linearization, n_threads: int | None = None) -> np.ndarray:
    """R with R'R = sum_n s_n s_n', where s_n is the sum of J e over the outputs of sample n."""
    root = np.zeros((0, lin.n_parameters))
    for block in _blocks(net, lin):
        errors = block.errors(n_threads=n_threads)
        jacobian = block.de_dwb(n_threads=n_threads).reshape(-1, *errors.shape, order="F")
        root = triangle(root, np.einsum("psq,sq->qp", jacobian, errors))
    return root


def triangle(*rows: np.ndarray) -> np.ndarray:
    """R of the QR factorisation of stacked rows: R'R is the sum of their squares."""
    return np.asarray(np.linalg.qr(np.concatenate(rows), mode="r"))


def _blocks(net: Network, lin: Linearization) -> Iterator[Linearization]:
    errors = max(lin.n_parameters, 512)
    return sample_blocks(net, lin, max(1, errors // max(1, lin.n_outputs)))


def _by_cholesky(
    net: Network, lin: Linearization, penalty: float, n_threads: int | None
) -> np.ndarray | None:
    """The inverse root, or None where the first factor is not good enough to start from."""
    squares = lin.normal_equations(n_threads=n_threads)[0]
    squares[np.diag_indices_from(squares)] += penalty
    sizes = np.sqrt(np.diag(squares))
    if not sizes.all():
        return None
    squares /= sizes
    squares /= sizes[:, None]
    first = _inverse_factor(squares)
    if first is None:
        return None
    first /= sizes[:, None]
    squares = penalty * (first.T @ first)
    for block in _blocks(net, lin):
        rows = block.de_dwb(n_threads=n_threads).T @ first
        squares += rows.T @ rows
    second = _inverse_factor(squares)
    return None if second is None else first @ second


def _inverse_factor(squares: np.ndarray) -> np.ndarray | None:
    """Inverse of the upper Cholesky factor, unless it is ill-conditioned."""
    try:
        factor = np.linalg.cholesky(squares).T
    except np.linalg.LinAlgError:
        return None
    inverse = np.linalg.solve(factor, np.eye(len(factor)))  # no row exchange: substitution
    condition = np.linalg.norm(factor) * np.linalg.norm(inverse)
    return inverse if condition < _SAFE_CONDITION * np.sqrt(len(factor)) else None


def _by_singular_values(root: np.ndarray) -> Information:
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
    return Information(inverse_root, rank, null)
