"""Spectra of Hessians: extreme eigenpairs, spectral density, log-determinant, with their errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ._lanczos import Quadrature, lanczos_quadrature
from ._linearized import linearized, need_curvature
from ._memory import memory_remedy
from ._options import check_seed, positive, whole
from ._suggest import chosen

KINDS = ("exact", "gauss-newton")
DENSE = 4096  # parameters up to which a log-determinant is exact by default


class Eigenpairs(NamedTuple):
    """Eigenvalues (k,), eigenvectors in columns (P, k), and the norms of ``H v - value v`` (k,).

    Each value is within its residual of an eigenvalue of the matrix.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray


class LogDeterminant(NamedTuple):
    """The value, its standard error over the probes (0 where it is exact), and the method."""

    value: float
    std_error: float
    method: str


@dataclass(frozen=True)
class SpectralDensity:
    """Density of the eigenvalues, smoothed; it integrates to one.

    Attributes
    ----------
    grid, density, std_error : ndarray, (n_points,)
        Eigenvalues, the density there, and its standard error over the probes.
    width : float
        Standard deviation of the Gaussian that smooths it.
    n_parameters : int
        P, the number of eigenvalues.
    nodes, weights : ndarray, (probes, steps)
        Quadrature of each probe; its weights add up to one.
    """

    grid: np.ndarray
    density: np.ndarray
    std_error: np.ndarray
    width: float
    n_parameters: int
    nodes: np.ndarray
    weights: np.ndarray

    def trace(self, f: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
        """Estimate of the trace of f(H), the sum of f over all eigenvalues, and its standard error.

        ``f`` takes an array of eigenvalues: ``density.trace(lambda e: e)`` is the trace of H,
        ``density.trace(lambda e: e / (e + mu))`` the effective number of parameters.
        """
        return Quadrature(self.nodes, self.weights, self.n_parameters).trace(f)


def eigenpairs(
    net: Any,
    x: Any = None,
    t: Any = None,
    *,
    k: int = 6,
    which: str = "LA",
    kind: str = "exact",
    ew: Any = None,
    samples: Any = None,
    tol: float = 0.0,
    max_iterations: int | None = None,
    seed: int | None = 0,
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
    tol : float
        Relative accuracy of the eigenvalues; 0 means that of the machine.
    max_iterations : int, optional
        Of the Lanczos method, restarts; by default 10 P.
    seed : int, optional
        Of the start vector; None draws a new one each time.
    n_threads : int, optional

    Returns
    -------
    Eigenpairs
        ``values`` (k,), ``vectors`` (P, k), ``residuals`` (k,): bounds on the errors of the values.

    Raises
    ------
    ValueError, TypeError, IndexError
        As ``linearize``, and for a k, which or kind that there is not.
    RuntimeError
        If the iteration does not converge.
    ImportError
        Without SciPy, where it is needed.

    Notes
    -----
    Implicitly restarted Lanczos (ARPACK, through SciPy) on products with the matrix, at most 12 P Q
    flops each. Small matrices, and k > P / 3, take the whole matrix and LAPACK.
    """
    function = "eigenpairs"
    chosen(f"{function}: which", which, ("LA", "SA", "LM", "BE"))
    tol = positive(function, "tol", tol, zero=True)
    if max_iterations is not None:
        max_iterations = whole(function, "max_iterations", max_iterations, 1)
    check_seed(function, seed)
    lin, product = _products(function, net, x, t, ew, samples, kind, n_threads)
    p = lin.n_parameters
    k = whole(function, "k", k, 1, p)
    remedy = f"ask for fewer pairs than k={k}" if k > 1 else "freeze weights (net.set_learn)"
    with memory_remedy(function, remedy):
        if p <= 64 or 3 * k > p:
            values, vectors = np.linalg.eigh(lin.hessian(kind, n_threads=n_threads))
        else:
            values, vectors = _lanczos_pairs(product, p, k, which, tol, max_iterations, seed)
        order = _wanted(values, k, which)
        values, vectors = values[order], np.asfortranarray(vectors[:, order])
        residuals = np.linalg.norm(product(vectors) - vectors * values, axis=0)
    return Eigenpairs(values, vectors, residuals)


def spectral_density(
    net: Any,
    x: Any = None,
    t: Any = None,
    *,
    kind: str = "exact",
    probes: int = 10,
    steps: int = 80,
    n_points: int = 512,
    width: float | None = None,
    ew: Any = None,
    samples: Any = None,
    seed: int | None = 0,
    n_threads: int | None = None,
) -> SpectralDensity:
    """Density of the Hessian's eigenvalues by stochastic Lanczos quadrature.

    Parameters
    ----------
    net, x, t, kind, ew, samples, n_threads : as in :func:`eigenpairs`
    probes : int
        Random vectors, at least 2; the standard error falls with their square root.
    steps : int
        Lanczos steps of each probe; P of them, or as many as there are distinct eigenvalues, leave
        no error but that of the probes.
    n_points : int
        Of the grid.
    width : float, optional
        Standard deviation of the Gaussian that smooths the density, in units of the eigenvalues; by
        default a hundredth of their range.
    seed : int, optional
        Of the probes; None draws new ones each time.

    Returns
    -------
    SpectralDensity

    Raises
    ------
    ValueError, TypeError, IndexError
        As ``linearize``, and for options out of range.

    Notes
    -----
    Ubaru, Chen and Saad (2017), "Fast estimation of tr(f(A)) via stochastic Lanczos quadrature";
    Ghorbani, Krishnan and Xiao (2019), "An investigation into neural net optimization via Hessian
    eigenvalue density". Cost: probes x steps products of at most 12 P Q flops, and 4 P steps^2
    flops for each probe to keep its vectors orthogonal; memory 8 P steps bytes.
    """
    function = "spectral_density"
    probes = whole(function, "probes", probes, 2)
    steps = whole(function, "steps", steps, 1)
    n_points = whole(function, "n_points", n_points, 2)
    check_seed(function, seed)
    lin, product = _products(function, net, x, t, ew, samples, kind, n_threads)
    if lin.n_parameters == 0:
        raise ValueError(f"{function}: the network has no parameters that learn")
    quadrature = lanczos_quadrature(product, lin.n_parameters, steps, probes, seed)
    low, high = quadrature.nodes.min(), quadrature.nodes.max()
    if width is None:
        width = 0.01 * (high - low) or 0.01 * abs(high) or 0.01
    width = positive(function, "width", width)
    grid = np.linspace(low - 4 * width, high + 4 * width, n_points)
    curves = np.empty((probes, n_points))
    for curve, nodes, weights in zip(curves, quadrature.nodes, quadrature.weights, strict=True):
        curve[:] = weights @ np.exp(-0.5 * ((grid - nodes[:, None]) / width) ** 2)
    curves /= width * np.sqrt(2 * np.pi)
    return SpectralDensity(
        grid=grid,
        density=curves.mean(axis=0),
        std_error=curves.std(axis=0, ddof=1) / np.sqrt(probes),
        width=width,
        n_parameters=lin.n_parameters,
        nodes=quadrature.nodes,
        weights=quadrature.weights,
    )


def log_determinant(
    net: Any,
    x: Any = None,
    t: Any = None,
    *,
    kind: str = "gauss-newton",
    damping: float = 0.0,
    method: str = "auto",
    probes: int = 30,
    steps: int = 80,
    ew: Any = None,
    samples: Any = None,
    seed: int | None = 0,
    n_threads: int | None = None,
) -> LogDeterminant:
    """Logarithm of the determinant of ``H + damping I``; H is the Gauss-Newton matrix by default.

    The sum must be positive definite. The Gauss-Newton matrix is positive semi-definite, so that
    any damping above 0 will do; the exact Hessian, which :func:`eigenpairs` and
    :func:`spectral_density` take by default, may have negative eigenvalues.

    Parameters
    ----------
    net, x, t, ew, samples, n_threads : as in :func:`eigenpairs`
    kind : {'gauss-newton', 'exact'}
        The other functions of spectra default to 'exact'.
    damping : float
        Added to every eigenvalue; at least 0.
    method : {'auto', 'cholesky', 'slq'}
        'cholesky': exactly, through the whole matrix. 'slq': an estimate by stochastic Lanczos
        quadrature, from products alone. 'auto': exactly for up to 4096 parameters.
    probes, steps, seed : as in :func:`spectral_density`
        Of 'slq'.

    Returns
    -------
    LogDeterminant
        ``value``, ``std_error`` over the probes (0 where it is exact), ``method``.

    Raises
    ------
    ValueError
        If the matrix is not positive definite, with its smallest eigenvalue.
    ValueError, TypeError, IndexError
        As ``linearize``, and for options out of range.

    Notes
    -----
    Cost of 'cholesky': that of the matrix and P^3 / 3 flops; of 'slq': as
    :func:`spectral_density`. The standard error does not show what too few steps leave out: for a
    small damping beside large eigenvalues raise `steps` until the value stays.
    """
    function = "log_determinant"
    chosen(f"{function}: method", method, ("auto", "cholesky", "slq"))
    damping = positive(function, "damping", damping, zero=True)
    probes = whole(function, "probes", probes, 2)
    steps = whole(function, "steps", steps, 1)
    check_seed(function, seed)
    lin, product = _products(function, net, x, t, ew, samples, kind, n_threads)
    p = lin.n_parameters
    if method == "cholesky" or (method == "auto" and p <= DENSE):
        with memory_remedy(function, "use method='slq', which needs products alone"):
            return LogDeterminant(_exact(function, lin, kind, damping, n_threads), 0.0, "cholesky")
    quadrature = lanczos_quadrature(product, p, steps, probes, seed)
    counted = quadrature.weights > 0
    smallest = quadrature.nodes[counted].min(initial=np.inf)
    if smallest + damping <= 0:
        _refuse_indefinite(function, kind, smallest, damping)
    value, error = quadrature.trace(lambda e: np.log(np.where(counted, e + damping, 1.0)))
    return LogDeterminant(value, error, "slq")


def _products(function, net, x, t, ew, samples, kind, n_threads):
    chosen(f"{function}: kind", kind, KINDS)
    lin = linearized(function, net, x, t, ew, samples)
    need_curvature(function, lin, kind)
    product = lin.hvp if kind == "exact" else lin.ggnvp
    return lin, lambda v: product(v, n_threads=n_threads)


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


def _exact(function, lin, kind, damping, n_threads) -> float:
    h = lin.hessian(kind, n_threads=n_threads)
    h[np.diag_indices_from(h)] += damping
    try:
        return 2.0 * float(np.sum(np.log(np.diag(np.linalg.cholesky(h)))))
    except np.linalg.LinAlgError:
        _refuse_indefinite(function, kind, np.linalg.eigvalsh(h)[0] - damping, damping)


def _refuse_indefinite(function: str, kind: str, smallest: float, damping: float) -> NoReturn:
    remedy = " or kind='gauss-newton'" if kind == "exact" else ""
    raise ValueError(
        f"{function}: the matrix is not positive definite to working precision: its smallest "
        f"eigenvalue is {smallest:.3g} and damping is {damping:.3g}; pass a larger damping{remedy}"
    )
