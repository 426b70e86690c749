"""The prior precision and noise of the largest evidence (MacKay 1992)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_ROUNDS = 1000
_TOLERANCE = 1e-12


def maximised(
    eigenvalues: np.ndarray,
    scatter: float,
    sse: float,
    n_errors: int,
    delta: float | None,
    noise: float | None,
) -> tuple[float, float]:
    """(delta, noise); those that are None are found, by turns until neither moves.

    With gamma = sum lambda / (lambda + noise delta), the evidence is stationary where
    ``delta * scatter = gamma`` and ``sse / noise = n_errors - gamma``. In each variable alone there
    is one such place and it is a maximum, so every step is a bisection and none can go astray.
    """
    if delta is None and scatter == 0.0:
        raise ValueError("laplace: all parameters are 0; give prior_precision, none follows")
    if delta is None and not eigenvalues.any():
        raise ValueError("laplace: the data say nothing about the parameters; give prior_precision")
    if noise is None and sse == 0.0:
        raise ValueError("laplace: all errors are 0; give noise, none follows from the data")

    def gamma(product: float) -> float:
        return float(np.sum(eigenvalues / (eigenvalues + product)))

    def best_delta(noise: float) -> float:
        most = len(eigenvalues) / scatter
        return _root(lambda d: gamma(noise * d) - d * scatter, most, 0.1)

    def best_noise(delta: float) -> float:
        least = sse / n_errors
        return _root(lambda v: n_errors - gamma(v * delta) - sse / v, least, 10.0)

    d = len(eigenvalues) / scatter if delta is None else delta
    v = sse / n_errors if noise is None else noise
    for _ in range(_ROUNDS):
        before = d, v
        v = best_noise(d) if noise is None else v
        d = best_delta(v) if delta is None else d
        if abs(d - before[0]) <= _TOLERANCE * d and abs(v - before[1]) <= _TOLERANCE * v:
            break
        if delta is not None or noise is not None:
            break  # one variable: it was found at once
    return d, v


def _root(function: Callable[[float], float], start: float, factor: float) -> float:
    """Where `function`, not positive at `start`, changes sign on the way of start * factor^k."""
    low = high = start
    while function(high) < 0.0 and 1e-290 < high < 1e290:
        low, high = high, high * factor
    while abs(high - low) > 1e-14 * abs(high):
        middle = np.sqrt(low) * np.sqrt(high)
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) < 0.0 else (low, middle)
    return float(high)
