"""Density of a Hessian's eigenvalues by stochastic Lanczos quadrature, with its standard error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._calls import public, public_methods
from ._lanczos import Quadrature, lanczos_quadrature
from ._linearized import Kind, curvature_product
from ._memory import need_memory
from ._options import check_seed, positive, whole


@public_methods("density")
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
        if not callable(f):
            raise TypeError(
                "trace: f must take an array of eigenvalues and return as many numbers, got "
                f"{type(f).__name__}"
            )
        return Quadrature(self.nodes, self.weights, self.n_parameters).trace(f)


@public
def spectral_density(
    net: Any,
    x: Any = None,
    t: Any = None,
    *,
    kind: Kind = "exact",
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
    lin, product = curvature_product(function, net, x, t, ew, samples, kind, n_threads)
    if lin.n_parameters == 0:
        raise ValueError(f"{function}: the network has no parameters that learn")
    remedy = "take fewer probes or points of the grid (n_points)"
    size = float(probes) * (n_points + 2.0 * min(steps, lin.n_parameters))
    need_memory(function, f"the curves of {probes} probes", size, remedy)
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
