"""Messages speak of the function that was called, not of those that it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def named(function: str, *parts: str, x: str = "x") -> Iterator[None]:
    """Errors that begin with one of `parts`, or ``linearize``, begin with `function` instead.

    `x` is what that calls its inputs.
    """
    try:
        yield
    except (ValueError, TypeError, IndexError) as error:
        part, colon, rest = str(error).partition(":")
        if not colon or part not in ("linearize", *parts):
            raise
        message = f"{function}:" + re.sub(r"\bx\b", x, rest)
        kinds = (IndexError, TypeError, ValueError)
        raise next(kind for kind in kinds if isinstance(error, kind))(message) from None
