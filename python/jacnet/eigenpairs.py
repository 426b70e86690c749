"""Extreme eigenpairs of the Hessian, or of its Gauss-Newton matrix, with their residuals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._calls import public, public_methods
from ._linearized import Kind, curvature_product
from ._memory import memory_remedy
from ._options import check_seed, positive, whole
from ._order import order_of, reordered
from ._suggest import chosen


@public_methods("pairs")
class Eigenpairs(NamedTuple):
    """Eigenvalues (k,), eigenvectors in columns (P, k), norms of ``H v - value v`` (k,).

    Each value is within its residual of an eigenvalue of the matrix.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray


@public
def eigenpairs(
    net: Any,
    x: Any = None,
    t: Any = None,
    *,
    k: int = 6,
    which: str = "LA",
    kind: Kind = "exact",
    ew: Any = None,
    samples: Any = None,
    tol: float = 0.0,
    max_iterations: int | None = None,
    seed: int | None = 0,
    order: str | None = None,
    n_threads: int | None = None,
) -> Eigenpairs:
    """Extreme eigenpairs of the Hessian of the performance, or of its Gauss-Newton matrix.

    Parameters
    ----------
    net : Network or Linearization
        A linearization (of ``linearize`` with targets, or ``with_loss``) brings its own data.
    x, t, ew, samples : as in ``linearize``
        Not with a linearization.
    k : int
        How many, 1 to P.
    which : {'LA', 'SA', 'LM', 'BE'}
        The largest; the smallest (most negative); the largest in magnitude; half of them from
        either end. Sorted with the most wanted first, 'BE' in ascending order.
    kind : {'exact', 'gauss-newton'}
        The Hessian itself, or its Gauss-Newton matrix.
    tol : float
        Relative accuracy of the eigenvalues; 0 means that of the machine.
    max_iterations : int, optional
        Of the Lanczos method, restarts; by default 10 P.
    seed : int, optional
        Of the start vector; None draws a new one each time.
    order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
        Order of the rows of the vectors; see :meth:`Layout.permutation`.
    n_threads : int, optional
        At most this many threads; the products do not depend on it.

    Returns
    -------
    Eigenpairs
        ``values`` (k,), ``vectors`` (P, k), ``residuals`` (k,): bounds on the errors of the values.

    Raises
    ------
    ValueError, TypeError, IndexError
        As ``linearize``, and for a k, which, kind or order that there is not.
    RuntimeError
        If the iteration does not converge.
    ImportError
        Without SciPy, where it is needed.

    Notes
    -----
    Implicitly restarted Lanczos (ARPACK, through SciPy) on products with the matrix, at most 12 P Q
    flops each, typically some tens of k. Up to 64 parameters, and for k > P / 3, the whole matrix
    and LAPACK.
    """
    function = "eigenpairs"
    chosen(f"{function}: which", which, ("LA", "SA", "LM", "BE"))
    tol = positive(function, "tol", tol, zero=True)
    if max_iterations is not None:
        max_iterations = whole(function, "max_iterations", max_iterations, 1)
    check_seed(function, seed)
    lin, product = curvature_product(function, net, x, t, ew, samples, kind, n_threads)
    index = order_of(function, lin, order)
    p = lin.n_parameters
    if p == 0:
        raise ValueError(f"{function}: the network has no parameters that learn")
    k = whole(function, "k", k, 1, p)
    remedy = f"ask for fewer pairs than k={k}" if k > 1 else "freeze weights (net.set_learn)"
    with memory_remedy(function, remedy):
        if p <= 64 or 3 * k > p:
            values, vectors = np.linalg.eigh(lin.hessian(kind, n_threads=n_threads))
        else:
            values, vectors = _lanczos_pairs(product, p, k, which, tol, max_iterations, seed)
        best = _wanted(values, k, which)
        values, vectors = values[best], np.asfortranarray(vectors[:, best])
        residuals = np.linalg.norm(product(vectors) - vectors * values, axis=0)
    return Eigenpairs(values, reordered(vectors, index, 0), residuals)


def _wanted(values: np.ndarray, k: int, which: str) -> np.ndarray:
    """Positions of the k wanted ones, the most wanted first."""
    order = np.argsort(values)
    if which == "SA":
        return order[:k]
    if which == "LA":
        return order[::-1][:k]
    if which == "LM":
        return np.argsort(-np.abs(values), kind="stable")[:k]
    low = k // 2
    return np.concatenate([order[:low], order[len(order) - (k - low) :]])


def _lanczos_pairs(product, p, k, which, tol, max_iterations, seed):
    try:
        from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
    except ImportError as error:
        raise ImportError(
            f"eigenpairs: needs SciPy for more than 64 parameters ({error}): "
            'pip install "jacnet[scipy]"'
        ) from error
    operator = LinearOperator((p, p), matvec=product, matmat=product, dtype=float)
    start = np.random.default_rng(seed).normal(size=p)
    if not np.any(product(start)):  # the matrix is zero, which ARPACK refuses
        return np.zeros(k), np.eye(p, k)
    which = "LA" if which == "BE" and k == 1 else which  # ARPACK wants two ends or one
    try:
        return eigsh(operator, k=k, which=which, v0=start, tol=tol, maxiter=max_iterations)
    except ArpackNoConvergence as error:
        raise RuntimeError(
            f"eigenpairs: {len(error.eigenvalues)} of {k} pairs converged; "
            "raise max_iterations or tol, or ask for fewer"
        ) from None
