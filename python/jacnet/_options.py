"""Numbers among the options of a function, checked."""

from __future__ import annotations

from typing import Any

import numpy as np


def whole(function: str, name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number from `least` to `most`, which is P."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{function}: {name} must be a whole number, got {type(value).__name__}")
    if value < least or (most is not None and value > most):
        expected = f"at least {least}" if most is None else f"{least} to {most} (P)"
        raise ValueError(f"{function}: {name} is {value}, expected {expected}")
    return int(value)


def positive(function: str, name: str, value: Any, zero: bool = False) -> float:
    """A finite number above 0, or with `zero` of at least 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"{function}: {name} must be a number, got {type(value).__name__}"
        ) from None
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        least = "of at least" if zero else "above"
        raise ValueError(f"{function}: {name} is {number}, expected a number {least} 0")
    return number
