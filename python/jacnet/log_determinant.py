"""Logarithm of the determinant of a damped curvature matrix, exactly or estimated from products."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np

from ._calls import public, public_methods
from ._lanczos import lanczos_quadrature
from ._linearized import Kind, curvature_product
from ._memory import memory_remedy
from ._options import check_seed, positive, whole
from ._suggest import chosen

DENSE = 4096  # parameters up to which it is exact by default


@public_methods("result")
class LogDeterminant(NamedTuple):
    """The value, its standard error over the probes (0 where it is exact), and the method."""

    value: float
    std_error: float
    method: str


@public
def log_determinant(
    net: Any,
    x: Any = None,
    t: Any = None,
    *,
    kind: Kind = "gauss-newton",
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
    lin, product = curvature_product(function, net, x, t, ew, samples, kind, n_threads)
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
