"""Reading a table of numbers for ``python -m jacnet``: header or not, missing values as NaN."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ._suggest import suggest

_MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "."}


class TableError(ValueError):
    """What is wrong with a file or a column, in one line."""


@dataclass(frozen=True)
class Table:
    """Cells of a file as text, by row and column.

    Attributes
    ----------
    path : str
        The file, for messages.
    names : list of str
        Header, or the column numbers from 1 where the file has none.
    rows : list of list of str
        Data cells.
    lines : list of int
        Line of the file that each row comes from, from 1.
    """

    path: str
    names: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, key: str) -> int:
        """Index of a column given by name, or by its number from 1.

        Raises
        ------
        TableError
            If there is no such column.
        """
        if key in self.names:
            return self.names.index(key)
        if key.isdecimal() and 1 <= int(key) <= len(self.names):
            return int(key) - 1
        raise TableError(f"no column {key!r}; {suggest(key, self.names)}")

    def numbers(self, columns: Sequence[int], *, missing_allowed: bool) -> np.ndarray:
        """Columns as rows of an array, (columns x samples); missing values are NaN.

        Raises
        ------
        TableError
            At the first cell that is no number, infinite, or missing where it must not be.
        """
        values = np.empty((len(columns), len(self.rows)))
        for sample, row in enumerate(self.rows):
            for index, column in enumerate(columns):
                line = f"{self.path}: line {self.lines[sample]}"
                where = f"{line}, column {self.names[column]!r}"
                values[index, sample] = _number(row[column], where, missing_allowed)
        return values


def read_table(path: str, delimiter: str | None = None) -> Table:
    """Read a delimited text file; the first row is a header if any cell of it is no number.

    Parameters
    ----------
    path : str
        Text in UTF-8.
    delimiter : str, optional
        Default: the one of comma, semicolon, tab and blanks that the first line shows.

    Raises
    ------
    TableError
        If the file cannot be read, is empty or ragged.
    """
    lines = _text(path).splitlines()
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise TableError(f"{path}: the file is empty")
    split = _splitter(delimiter or _guess(numbered[0][1]))
    rows = [split(line) for _, line in numbered]
    _require_same_length(path, rows, [number for number, _ in numbered])
    has_header = not all(_is_number(cell) for cell in rows[0])
    names = rows[0] if has_header else [str(k + 1) for k in range(len(rows[0]))]
    first = int(has_header)
    if len(rows) == first:
        raise TableError(f"{path}: there is a header but no data")
    return Table(path, names, rows[first:], [number for number, _ in numbered[first:]])


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise TableError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise TableError(f"{path}: not a text file in UTF-8")
    return text


def _guess(line: str) -> str:
    return next((mark for mark in "\t;," if mark in line), " ")


def _splitter(delimiter: str) -> Callable[[str], list[str]]:
    if delimiter == " ":
        return str.split
    return lambda line: [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]


def _require_same_length(path: str, rows: list[list[str]], lines: list[int]) -> None:
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            raise TableError(
                f"{path}: line {line} has {len(row)} columns, line {lines[0]} has {width}"
            )


def _is_number(cell: str) -> bool:
    if cell.lower() in _MISSING:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, where: str, missing_allowed: bool) -> float:
    if cell.lower() in _MISSING:
        if missing_allowed:
            return np.nan
        raise TableError(f"{where}: missing value in an input; remove the row or fill it in")
    try:
        value = float(cell)
    except ValueError:
        raise TableError(f"{where}: {cell!r} is not a number") from None
    if np.isinf(value):
        raise TableError(f"{where}: {cell!r} is not finite")
    return value
