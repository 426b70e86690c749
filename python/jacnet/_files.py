"""Files of networks; what goes wrong names the function that was called, and the path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from ._suggest import quoted


@contextmanager
def opened(function: str, path: Any, mode: str) -> Iterator[IO[bytes]]:
    """An open file. Errors are of the classes that ``open`` raises."""
    try:
        name = os.fspath(path)  # not a file descriptor
    except TypeError:
        raise TypeError(
            f"{function}: path must be a str or a path, got {type(path).__name__}"
        ) from None
    if "\0" in os.fsdecode(name):
        raise ValueError(f"{function}: path is {quoted(name)}, expected no null character")
    try:
        with open(name, mode) as file:
            yield file
    except OSError as error:
        raise OSError(error.errno, f"jacnet.{function}: {error.strerror}", name) from None
