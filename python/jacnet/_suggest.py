"""The sentence that ends every "no such name" message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggest(name: object, known: Iterable[str]) -> str:
    """``did you mean 'tansig'?`` when one of `known` is near, and the list of them in any case."""
    choices = list(known)
    lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(str(name).lower(), lower, n=1)
    question = f"did you mean {lower[near[0]]!r}? " if near else ""
    return f"{question}There are: {', '.join(choices)}"
