"""Memory is planned: what cannot be had is refused with its size, before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import _core

_GIB = 2.0**30


def need_memory(function: str, what: str, doubles: float, remedy: str) -> None:
    """Refuse what needs more than a GiB and more than there is."""
    needed = 8.0 * doubles
    if needed <= _GIB:
        return
    available = _core.available_memory()
    if needed > available:
        raise MemoryError(
            f"{function}: {what} needs {needed / _GIB:.3g} GiB, but {available / _GIB:.3g} GiB are "
            f"available; {remedy}"
        )


@contextmanager
def memory_remedy(function: str, remedy: str, part: str = "") -> Iterator[None]:
    """A lack of memory, of `part` too, is told by `function`, with a remedy that it has."""
    try:
        yield
    except MemoryError as error:
        what = str(error).partition(";")[0] or "there is not enough memory"
        what = what.removeprefix(f"{part or function}: ")
        raise MemoryError(f"{function}: {what}; {remedy}") from None
