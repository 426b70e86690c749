"""Results in another library's order of the parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._core import Linearization
from ._named import named
from .layout import Layout


def order_index(function: str, layout: Layout, order: Any) -> np.ndarray | None:
    """Index array to an order that `Layout.permutation` knows; None where nothing moves."""
    if order is None or (isinstance(order, str) and order == "matlab"):
        return None
    with named(function, "permutation"):
        return layout.permutation(order)


def order_of(function: str, lin: Linearization, order: Any) -> np.ndarray | None:
    """The same of the network of a linearization."""
    index = order_index(function, lin._made_of()[0].layout, order)
    if index is not None and len(index) != lin.n_parameters:
        raise ValueError(
            f"{function}: the network's layout has changed since linearize; order= needs a new "
            "linearization"
        )
    return index


def reordered(result: np.ndarray, index: np.ndarray | None, *axes: int) -> np.ndarray:
    """The result itself, or a copy whose `axes` are rearranged."""
    if index is None:
        return result
    for axis in axes:
        result = np.take(result, index, axis)
    return result
