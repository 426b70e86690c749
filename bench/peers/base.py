"""What a contender is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..cases import Case

Call = Callable[[], Any]


class MissingError(Exception):
    """A contender, or something that it needs, is not installed."""


class NotOfferedError(Exception):
    """A contender does not compute a quantity, or not for such a network; the message says why."""


class Peer:
    """A contender: prepares calls to be timed and brings their results into jacnet's layout.

    Whatever can be done once (compilation, conversion of the data, memory of the result) is done
    by `prepare`, before the clock runs. A call may have a method ``seconds(loops)``, for peers with
    a clock of their own.
    """

    version = ""
    every_idiom = False  # time all of them, instead of the fastest

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the ways of computing a quantity that may be the fastest, by name.

        Raises
        ------
        NotOfferedError
            If there is none; the message says why.
        """
        raise NotImplementedError

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """Bring a result into jacnet's layout: a list of arrays."""
        parts = result if isinstance(result, (tuple, list)) else (result,)
        return [np.asarray(part) for part in parts]

    def facts(self) -> dict[str, Any]:
        """What else to store about this contender."""
        return {}


class LayerModel:
    """A chain of layers on samples in rows, or on one sample, in any library's arrays."""

    def __init__(self, case: Case, transfer: Callable[[Any], Any]) -> None:
        self.layers = case.layers()
        self.transfer = transfer

    def split(self, wb: Any) -> list[Any]:
        """Bias and weights (inputs x outputs) of every layer."""
        raise NotImplementedError

    def flat(self, wb: Any, x: Any) -> Any:
        """Outputs for the parameters as one vector."""
        return self.blocks(self.split(wb), x)

    def blocks(self, blocks: list[Any], x: Any) -> Any:
        """Outputs for the parameters as `split` gives them."""
        for i in range(len(self.layers)):
            n = x @ blocks[2 * i + 1] + blocks[2 * i]
            x = n if i == len(self.layers) - 1 else self.transfer(n)
        return x


def offered(calls: dict[str, dict[str, Call]], quantity: str) -> dict[str, Call]:
    """Return the calls of a quantity from a table of them.

    Raises
    ------
    NotOfferedError
        If the table lacks it.
    """
    if not calls.get(quantity):
        raise NotOfferedError("not offered")
    return calls[quantity]


def square(upper_or_lower: np.ndarray, block: int = 256) -> np.ndarray:
    """Mirror the lower triangle into the upper one in tiles that stay in the caches."""
    h, n = upper_or_lower, len(upper_or_lower)
    for i in range(0, n, block):
        tile = h[i : i + block, i : i + block]
        tile[:] = np.tril(tile) + np.tril(tile, -1).T
        for j in range(0, i, block):
            h[j : j + block, i : i + block] = h[i : i + block, j : j + block].T
    return h
