"""Predictions of a network with an interval each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._calls import public_methods


@public_methods("prediction")
@dataclass(frozen=True)
class Prediction:
    """Predictions with an interval each; unpacks as ``y, lower, upper``, all (S, Q).

    Attributes
    ----------
    y, lower, upper : ndarray, shape (S, Q)
        On the original scale of the targets.
    standard_error : ndarray, shape (S, Q)
        Of the network's output, because its parameters are uncertain.
    noise : ndarray, shape (S, Q)
        Standard deviation of a new observation about the true mean.
    confidence : float
    kind : {"prediction", "confidence"}
    """

    y: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    standard_error: np.ndarray
    noise: np.ndarray
    confidence: float
    kind: str

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.y, self.lower, self.upper))
