"""A number of threads, once for all the questions of a linearization."""

from __future__ import annotations

from functools import partial
from typing import Any

from ._core import Linearization

_WITHOUT = frozenset(("parameters", "error_scales", "with_loss", "check", "_made_of"))


class Threaded:
    """A linearization that is asked with at most `n_threads` threads."""

    def __init__(self, lin: Linearization, n_threads: int | None) -> None:
        self._lin, self._n_threads = lin, n_threads

    def __getattr__(self, name: str) -> Any:
        answer = getattr(self._lin, name)
        if name in _WITHOUT or not callable(answer) or self._n_threads is None:
            return answer
        return partial(answer, n_threads=self._n_threads)
