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
        if isinstance(value, (str, bytes, bool, np.bool_)) or np.ndim(value):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"{function}: {name} must be a number, got {type(value).__name__}"
        ) from None
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        least = "of at least" if zero else "above"
        raise ValueError(f"{function}: {name} is {number}, expected a finite number {least} 0")
    return number


def flag(function: str, name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{function}: {name} must be True or False, got {type(value).__name__}")
    return bool(value)


def check_seed(function: str, value: Any, most: int | None = None) -> None:
    """A whole number from 0 to `most`, or None."""
    if value is None:
        return
    up_to = "of at least 0" if most is None else f"from 0 to {most}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(
            f"{function}: seed must be a whole number {up_to} or None, got {type(value).__name__}"
        )
    if value < 0 or (most is not None and value > most):
        raise ValueError(f"{function}: seed is {value}, expected a whole number {up_to} or None")


def check_threads(function: str, value: Any) -> None:
    """A whole number of at least 1, or None."""
    hint = "None uses all that there are"
    if value is None:
        return
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(
            f"{function}: n_threads must be a whole number or None, got {type(value).__name__}; "
            f"{hint}"
        )
    if value < 1:
        raise ValueError(f"{function}: n_threads is {value}, expected at least 1; {hint}")
