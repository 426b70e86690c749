"""Quantiles of the normal and of Student's distribution; the latter by SciPy, on use."""

from __future__ import annotations

from numbers import Real
from statistics import NormalDist
from typing import Any

import numpy as np


def checked_confidence(function: str, confidence: Any) -> float:
    """`confidence` if it is a number between 0 and 1."""
    if not isinstance(confidence, Real) or isinstance(confidence, (bool, np.bool_)):
        raise TypeError(
            f"{function}: confidence must be a number between 0 and 1, got "
            f"{type(confidence).__name__}"
        )
    value = float(confidence)
    if not 0.0 < value < 1.0:
        hint = "; 95 % is 0.95" if 1.0 < value < 100.0 else ""
        raise ValueError(
            f"{function}: confidence is {confidence}, expected a number between 0 and 1{hint}"
        )
    return value


def normal_quantile(confidence: float) -> float:
    """Half width, in standard deviations, of the central interval of a normal variable."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def student_quantile(confidence: float, degrees_of_freedom: float) -> float:
    """The same of Student's t."""
    try:
        from scipy.special import stdtrit
    except ImportError as error:
        raise ImportError(
            "intervals need SciPy for the quantiles of Student's t: pip install scipy, or "
            'pip install "jacnet[scipy]"'
        ) from error
    return float(stdtrit(degrees_of_freedom, 0.5 + confidence / 2))
