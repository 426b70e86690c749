"""Names that are nearly right, and the sentences that say so."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Any

_ENOUGH = 30  # names that a message lists


def quoted(name: object, most: int = 40) -> str:
    """As messages show it: in quotes if it is a text, and its start only where it is long."""
    if isinstance(name, str):
        return repr(name[:most]) + ("..." if len(name) > most else "")
    text = repr(name)
    return text if len(text) <= most else f"{text[:most]}..."


def nearest(name: object, known: Iterable[str]) -> str:
    """The one of `known` that is near, or nothing; upper and lower case do not matter."""
    lower = {choice.lower(): choice for choice in known}
    near = difflib.get_close_matches(str(name)[:80].lower(), lower, n=1)
    return lower[near[0]] if near else ""


def question(name: object, known: Iterable[str]) -> str:
    """``; did you mean 'tansig'?`` when one of `known` is near, or nothing: a message's end."""
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else ""


def suggest(name: object, known: Iterable[str]) -> str:
    """``did you mean 'tansig'?`` when one of `known` is near, and a list of them in any case."""
    choices = list(known)
    near = nearest(name, choices)
    asked = f"did you mean {near!r}? " if near else ""
    shown = choices[:_ENOUGH] + ["..."] * (len(choices) > _ENOUGH)
    return f"{asked}{'There' if near else 'there'} are: {', '.join(shown) or 'none'}"


def chosen(what: str, name: Any, known: Collection[str]) -> str:
    """`name` if it is one of `known`; `what` begins the message, which names the nearest."""
    if not isinstance(name, str):
        raise TypeError(f"{what} must be {_listed(known)}, got {type(name).__name__}")
    if name in known:
        return name
    raise ValueError(f"{what} is {quoted(name)}, expected {_listed(known)}{question(name, known)}")


def _listed(known: Iterable[str]) -> str:
    """The words in quotes: ``'exact' or 'gauss-newton'``."""
    *first, last = map(repr, known)
    return f"{', '.join(first)} or {last}" if first else last
