"""Blocks of the samples of a linearization, each a linearization of its own: memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._core import Linearization, linearize
from .network import Network

DOUBLES_PER_BLOCK = 4_000_000  # 32 MB


def sample_blocks(net: Network, lin: Linearization, size: int) -> Iterator[Linearization]:
    """Linearizations of `net` on consecutive blocks of at most `size` samples of `lin`."""
    _, x, t, ew, samples = lin._made_of()
    order = np.arange(lin.n_samples) if samples is None else samples
    for first in range(0, len(order), size):
        part = order[first : first + size]
        yield linearize(
            net,
            signals([_taken(xi, part) for xi in x]),
            None if t is None else signals([_taken(ti, part) for ti in t]),
            ew=None if ew is None else _weights(ew[0], part),
        )


def jacobian_block_size(lin: Linearization) -> int:
    """Samples whose Jacobian is of a moderate size."""
    return max(1, DOUBLES_PER_BLOCK // max(1, lin.n_parameters * lin.n_outputs))


def signals(arrays: list[np.ndarray]) -> Any:
    """As arguments take them: one array may hold the rows of several inputs or outputs."""
    return arrays if len(arrays) > 1 else arrays[0]


def _taken(array: np.ndarray, part: np.ndarray) -> np.ndarray:
    return array[part] if array.ndim == 1 else array[:, part]


def _weights(ew: np.ndarray, part: np.ndarray) -> Any:
    return ew[:, part] if ew.ndim == 2 and ew.shape[1] > 1 else ew
