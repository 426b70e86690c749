"""The delta method: a function of the parameters, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ._calls import public_methods

Function = Callable[[np.ndarray], Any]


@public_methods("delta")
class Delta(NamedTuple):
    """Value (m,) of a function of the parameters, its standard error (m,), covariance (m, m)."""

    value: np.ndarray
    standard_error: np.ndarray
    covariance: np.ndarray


def delta(function: Function, jacobian: Any, parameters: np.ndarray, root: np.ndarray) -> Delta:
    """The method itself, for parameters whose covariance is ``root @ root.T``."""
    if not callable(function):
        raise TypeError(
            "delta: function must take the parameters (P,) and return a number or a vector, "
            f"got {type(function).__name__}; for the value w[0] pass lambda w: w[0]"
        )
    value = _result("function", function(parameters.copy()), 1)
    if jacobian is None:
        slopes = _differences(function, len(value), parameters, np.linalg.norm(root, axis=1))
    else:
        slopes = _result("jacobian", jacobian, 2)
    expected = (len(value), len(parameters))
    if slopes.shape != expected:
        raise ValueError(f"delta: jacobian has shape {slopes.shape}, expected {expected}")
    spread = slopes @ root
    return Delta(value, np.linalg.norm(spread, axis=1), spread @ spread.T)


def _differences(
    function: Function, size: int, parameters: np.ndarray, errors: np.ndarray
) -> np.ndarray:
    """D function / d wb by the five-point formula, (m, P)."""
    columns = []
    for i, (centre, error) in enumerate(zip(parameters, errors, strict=True)):
        step = 1e-3 * (abs(centre) or error or 1.0)

        def at(shift: float, i: int = i, centre: float = centre) -> np.ndarray:
            moved = parameters.copy()
            moved[i] = centre + shift
            result = _result("function", function(moved), 1)
            if len(result) != size:
                raise ValueError(
                    f"delta: function returned {size} numbers at first and {len(result)} at "
                    "other parameters, expected as many everywhere"
                )
            return result

        near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))


def _result(name: str, given: Any, dimensions: int) -> np.ndarray:
    """What `delta` was given or a function returned: a finite array of at most that dimension."""
    came = "returned" if name == "function" else "is"
    expected = "a number or a vector (m,)" if dimensions == 1 else "an array (m, P)"
    try:
        array = np.asarray(given, float)
    except (TypeError, ValueError):
        raise TypeError(
            f"delta: {name} {came} a {type(given).__name__}, expected {expected} of real numbers"
        ) from None
    if array.ndim > dimensions:
        what = "returned an array" if name == "function" else "is"
        raise ValueError(f"delta: {name} {what} of shape {array.shape}, expected {expected}")
    if not np.isfinite(array).all():
        raise ValueError(
            f"delta: {name} {came} NaN or infinity, expected finite numbers at the fitted "
            "parameters and near them; where only its differences fail, pass jacobian"
        )
    return np.atleast_1d(array) if dimensions == 1 else np.atleast_2d(array)
