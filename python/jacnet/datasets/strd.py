"""NIST Statistical Reference Datasets for nonlinear regression, with certified fits.

The files in ``nist/`` are NIST's own, unchanged; this module reads them. The StRD archive is in
the public domain (NIST Information Technology Laboratory).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import numpy as np

from .._calls import public
from .._suggest import quoted, suggest
from .dataset import Certified, Dataset

_ARCHIVE = "NIST/ITL Statistical Reference Datasets, nonlinear regression (public domain)"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[Ee][-+]?\d+)?"

# Units as the files' own text states them; every other variable is "not stated".
_UNITS = {
    "Bennett5": {"x": "log of time in minutes"},
    "BoxBOD": {"y": "mg/l", "x": "days"},
    "DanWood": {"y": "energy per cm^2 per second", "x": "1000 kelvin"},
    "ENSO": {"x": "months"},
    "Hahn1": {"x": "kelvin"},
    "Nelson": {"y": "kilovolts", "x1": "weeks", "x2": "degrees Celsius"},
    "Thurber": {"x": "natural log of the density"},
}


@public
def names() -> list[str]:
    """Names that :func:`nist` accepts, in alphabetical order."""
    return list(_folder_names())


@public
def nist(name: str) -> Dataset:
    """One NIST nonlinear-regression set with its model, starting values and certified fit.

    Parameters
    ----------
    name : str
        A name from :func:`names`; upper and lower case do not matter.

    Returns
    -------
    Dataset
        ``x`` of shape (R, Q) (R is 2 for Nelson, else 1) and ``t`` of shape (1, Q), as recorded.
        Nelson's model describes ``log(t)``.

    Raises
    ------
    ValueError, TypeError
        If there is no such set; the message names the nearest.
    """
    return _parse(_find(name), _read(_find(name)))


@public
def thurber() -> Dataset:
    """Semiconductor electron mobility against log density, 37 measurements (NIST StRD)."""
    return nist("Thurber")


@public
def hahn1() -> Dataset:
    """Thermal expansion of copper against temperature, 236 measurements (NIST StRD)."""
    return nist("Hahn1")


@public
def enso() -> Dataset:
    """Monthly pressure difference Easter Island - Darwin, 168 months (NIST StRD)."""
    return nist("ENSO")


@cache
def _folder_names() -> tuple[str, ...]:
    entries = (entry.name for entry in (files(__package__) / "nist").iterdir())
    stems = (entry.removesuffix(".dat") for entry in entries if entry.endswith(".dat"))
    return tuple(sorted(stems, key=str.lower))


def _find(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"nist: name must be the name of a set, got {type(name).__name__}")
    known = {entry.lower(): entry for entry in _folder_names()}
    if name.lower() not in known:
        message = f"nist: no set named {quoted(name)}; {suggest(name, known.values())}"
        raise ValueError(message)
    return known[name.lower()]


def _read(name: str) -> list[str]:
    text = (files(__package__) / "nist" / f"{name}.dat").read_text(encoding="ascii")
    return text.splitlines()


def _parse(name: str, lines: list[str]) -> Dataset:
    first, last = _data_lines(lines)
    header, table = lines[: first - 1], np.loadtxt(lines[first - 1 : last], ndmin=2).T
    columns = lines[first - 2].split()[1:]  # "Data:  y  x1  x2"
    parameters = _parameter_table(header)
    facts = _section(header, "Data:")
    return Dataset(
        x=np.ascontiguousarray(table[1:]),
        t=table[:1].copy(),
        name=name,
        description=" ".join(_section(header, "Description:")),
        source=f"{' '.join(_section(header, 'Reference:'))} {_ARCHIVE}.",
        units={column: _UNITS.get(name, {}).get(column, "not stated") for column in columns},
        variables=_variables(facts),
        model="\n".join(_section(header, "Model:")[2:]),
        starts=(parameters[0], parameters[1]),
        certified=Certified(
            parameters=parameters[2],
            standard_deviations=parameters[3],
            residual_sum_of_squares=_quantity(header, "Residual Sum of Squares:"),
            residual_standard_deviation=_quantity(header, "Residual Standard Deviation:"),
            # Counted, because Rat43's file prints 9 for 15 - 4.
            degrees_of_freedom=table.shape[1] - parameters.shape[1],
        ),
        observed=any("Observed" in fact for fact in facts),
        difficulty=next(fact.split()[0].lower() for fact in facts if "Difficulty" in fact),
    )


def _data_lines(lines: list[str]) -> tuple[int, int]:
    """First and last line of the data, from 1, as the file's own header states them."""
    statement = next(line for line in lines if re.match(r"\s+Data\s+\(lines", line))
    first, last = re.findall(r"\d+", statement)
    return int(first), int(last)


def _section(header: list[str], title: str) -> list[str]:
    """The stripped, non-empty lines from `title` to the next title."""
    start = next(row for row, line in enumerate(header) if line.startswith(title))
    block = [header[start].removeprefix(title).strip()]
    for line in header[start + 1 :]:
        if line[:1].strip() or "tarting" in line:
            break
        block.append(line.strip())
    return [line for line in block if line]


def _variables(facts: list[str]) -> dict[str, str]:
    """``{"y": "pasture yield", ...}`` from lines like ``1 Response  (y = pasture yield)``."""
    inside = (match[1] for fact in facts if (match := re.search(r"\((.*)\)", fact)))
    parts = (part.partition("=") for text in inside for part in text.split(";"))
    return {name.strip(): meaning.strip() for name, equals, meaning in parts if equals}


def _parameter_table(header: list[str]) -> np.ndarray:
    """Rows: start 1, start 2, certified value, standard deviation; one column per parameter."""
    rows = [line.partition("=")[2] for line in header if re.match(r"\s+b\d+ =", line)]
    return np.array([[float(number) for number in re.findall(_NUMBER, row)] for row in rows]).T


def _quantity(header: list[str], title: str) -> float:
    return float(next(line for line in header if line.startswith(title)).split()[-1])
