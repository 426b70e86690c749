"""What a fit needs before its parameters can have a covariance: data, freedom, rank, memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._memory import need_memory
from .network import Network


def penalty_of(net: Network, n_targets: int, function: str) -> float:
    """Lambda of sse + lambda w'w, which the performance is proportional to."""
    ratio = net.performParam.regularization
    if ratio >= 1.0:
        raise ValueError(f"{function}: regularization is 1: the performance does not see the data")
    per_parameter = n_targets / max(net.n_parameters, 1) if net.performance == "mse" else 1.0
    return ratio / (1.0 - ratio) * per_parameter


def no_freedom(function: str, n_errors: int, n_parameters: float) -> str:
    """Why there is none."""
    return (
        f"{function}: {n_errors} errors for {n_parameters:.6g} (effective) parameters leave no "
        "degree of freedom to estimate the noise from; use more samples, a smaller network, frozen "
        "weights, or jn.laplace"
    )


def rank_message(function: str, factors: Any, names: list[str]) -> str:
    """Which parameters are not determined."""
    weight = np.linalg.norm(factors.null, axis=1)
    some = ", ".join(names[i] for i in np.argsort(-weight, kind="stable")[:4])
    return (
        f"{function}: the Jacobian has rank {factors.rank}, expected {len(names)}: the data do not "
        f"tell all parameters apart, among them {some}. Use fewer neurons, more samples or "
        "regularisation, freeze weights, or pass singular='pseudo-inverse'"
    )


def need_triangles(function: str, p: int) -> None:
    """Refuse a covariance that memory cannot hold."""
    need_memory(
        function,
        f"triangles of {p} x {p} numbers, a few at a time,",
        5.0 * p * p,
        "freeze weights (net.set_learn), or use jn.laplace, which needs SQ x SQ numbers where "
        "errors are fewer than parameters",
    )
