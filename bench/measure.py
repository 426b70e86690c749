"""Interleaved timing of several functions, and the comparison of their results."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from .cases import Case
from .peers import Call, Contender


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds until `seconds` are over, but at least `rounds`."""

    seconds: float
    rounds: int


def compare(
    case: Case, quantity: str, contenders: dict[str, Contender], effort: Effort
) -> dict[str, dict[str, Any]]:
    """Time one quantity of one case; returns a row for each contender that offers it.

    A round runs every contender once, so that a change in the machine's speed meets all of them.
    """
    calls = {name: one.prepare(case, quantity) for name, one in contenders.items()}
    calls = {name: call for name, call in calls.items() if call is not None}
    results = {name: _comparable(case, quantity, call()) for name, call in calls.items()}
    errors = {name: _difference(result, results["jacnet"]) for name, result in results.items()}
    del results
    times = _interleave(calls, effort)
    return {
        name: {
            "seconds": median(times[name]),
            "fastest": min(times[name]),
            "rounds": len(times[name]),
            "difference": errors[name],
        }
        for name in calls
    }


def _interleave(calls: dict[str, Call], effort: Effort) -> dict[str, list[float]]:
    loops = {name: max(1, int(2e-3 / _time(call, 1))) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    start = time.perf_counter()
    rounds = 0
    while rounds < effort.rounds or time.perf_counter() - start < effort.seconds:
        for name, call in calls.items():
            times[name].append(_time(call, loops[name]))
        rounds += 1
    return times


def _time(call: Call, loops: int) -> float:
    start = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - start) / loops


def _comparable(case: Case, quantity: str, result: Any) -> np.ndarray:
    """Bring a result into jacnet's layout; of the normal equations, the matrix."""
    array = np.asarray(result[0] if isinstance(result, tuple) else result)
    if quantity == "jacobian" and array.ndim == 3:  # samples, outputs, parameters
        return array.reshape(-1, case.n_parameters).T
    return array


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference in units of the largest element; refuses results that disagree."""
    if a is b:
        return 0.0
    difference = float(np.abs(a - b).max() / np.abs(b).max())
    if not difference < 1e-9:
        raise RuntimeError(f"results differ by {difference:.1e} of the largest element")
    return difference
