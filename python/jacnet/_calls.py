"""Calls of what is written in Python: a wrong one is refused as by compiled functions.

The words are those of python/src/fast_call.cpp.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from ._suggest import question, quoted

Function = TypeVar("Function", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)


def public(function: Function, name: str = "", call: str = "", hidden: int = 0) -> Function:
    """`function`; whoever calls it wrongly is told what is missing, unknown or too much.

    `name` begins the message, `call` is how it is written in a call, and `hidden` is 1 where that
    leaves out ``self``. The signature is read only after a TypeError, which is passed on where the
    arguments fit: it came from within.
    """
    name = name or function.__name__

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except TypeError:
            shown = list(inspect.signature(function).parameters.values())[hidden:]
            whole = len(args) >= hidden
            misfit = _misfit(shown, args[hidden:], options) if whole else "self is missing"
            if not misfit:
                raise
        end = " Call" if misfit.endswith("?") else "; call"
        raise TypeError(f"{name}: {misfit}{end} it as {call or name}{_signature(shown)}")

    return cast(Function, called)


def public_methods(instance: str) -> Callable[[Class], Class]:
    """The same for the constructor and the methods of a class; `instance` is an object's name."""

    def decorated(cls: Class) -> Class:
        init = inspect.getattr_static(cls, "__init__")  # an inherited one gets the class's name
        own = {"__init__": init, **vars(cls)}
        for attribute, member in own.items():
            constructs = attribute in ("__init__", "__new__")
            function = inspect.unwrap(getattr(member, "__func__", member))
            if not inspect.isfunction(function) or (attribute[0] == "_" and not constructs):
                continue
            name = cls.__name__ if constructs else attribute
            owner = cls.__name__ if isinstance(member, classmethod) else instance
            call = name if constructs else f"{owner}.{name}"
            told = public(function, name, call, hidden=1)
            setattr(cls, attribute, told if inspect.isfunction(member) else type(member)(told))
        return cls

    return decorated


def _misfit(
    parameters: list[inspect.Parameter], args: tuple[Any, ...], options: Mapping[str, Any]
) -> str:
    """What is wrong about a call; nothing where it fits."""
    kinds = {p.kind for p in parameters}
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    positional = [p.name for p in named if p.kind is not p.KEYWORD_ONLY]
    most = len(positional)
    if len(args) > most and inspect.Parameter.VAR_POSITIONAL not in kinds:
        plural = "" if most == 1 else "s"
        return f"takes {most or 'no'} argument{plural} by position, got {len(args)}"
    names = [p.name for p in named]
    for name in options:
        if name not in names and inspect.Parameter.VAR_KEYWORD not in kinds:
            return f"unknown argument {quoted(name)}{question(name, names)}"
        if name in positional[: len(args)]:
            return f"{name} is given twice"
    given = {*positional[: len(args)], *options}
    missing = [p.name for p in named if p.default is p.empty and p.name not in given]
    return f"{missing[0]} is missing" if missing else ""


def _signature(parameters: list[inspect.Parameter]) -> str:
    """Names and defaults: ``(n, size, *, shuffle=True)``."""
    return str(inspect.Signature([p.replace(annotation=p.empty) for p in parameters]))
