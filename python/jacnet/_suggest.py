"""Names that are nearly right, and the sentence that says so."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Any


def suggest(name: object, known: Iterable[str]) -> str:
    """``did you mean 'tansig'?`` when one of `known` is near, and the list of them in any case."""
    choices = list(known)
    lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(str(name).lower(), lower, n=1)
    question = f"did you mean {lower[near[0]]!r}? " if near else ""
    return f"{question}{'There' if near else 'there'} are: {', '.join(choices)}"


def chosen(what: str, name: Any, known: Collection[str]) -> str:
    """`name` if it is one of `known`; otherwise a ValueError that names the nearest."""
    if isinstance(name, str) and name in known:
        return name
    raise ValueError(f"{what}: unknown name {name!r}; {suggest(name, known)}")
