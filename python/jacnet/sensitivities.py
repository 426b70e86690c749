"""Sensitivity of a network's outputs to its inputs, summed up over samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ._calls import public, public_methods
from ._core import Network, jacobian, linearize
from ._named import named
from ._suggest import chosen

_CHUNK_DOUBLES = 1 << 20
_SCALES = ("raw", "standardised")
_STATISTICS = ("mean", "rms", "max")


@public_methods("table")
@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Mean, root mean square and largest absolute value of dy/dx, each S x R.

    Attributes
    ----------
    mean : ndarray (S, R)
        Its sign is the direction in which an output follows an input, on the whole.
    rms : ndarray (S, R)
        How much an input matters, whatever the sign. A mean far below it: the effect changes sign.
    max : ndarray (S, R)
        Largest absolute value among the samples.
    input_names, output_names : tuple of str
    scale : 'raw' or 'standardised'
    n_samples : int
    """

    mean: np.ndarray
    rms: np.ndarray
    max: np.ndarray
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    scale: str
    n_samples: int

    def rows(self) -> Iterator[tuple[str, str, float, float, float]]:
        """(output, input, mean, rms, max), output by output."""
        for s, output in enumerate(self.output_names):
            for r, name in enumerate(self.input_names):
                mean, rms, largest = (float(getattr(self, word)[s, r]) for word in _STATISTICS)
                yield output, name, mean, rms, largest

    def __str__(self) -> str:
        table: list[tuple[str, ...]] = [("output", "input", *_STATISTICS)]
        table += [(*row[:2], *(f"{value:.4g}" for value in row[2:])) for row in self.rows()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [self._title()]
        for row in table:
            names = (cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True))
            numbers = (cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True))
            lines.append("  ".join([*names, *numbers]))
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<jacnet.Sensitivity: {self._title()}>"

    def _title(self) -> str:
        outputs, inputs = self.mean.shape
        return (
            f"sensitivity of {outputs} outputs to {inputs} inputs over {self.n_samples} samples, "
            f"{self.scale} scale"
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{cell}</th>" for cell in ("output", "input", *_STATISTICS))
        body = ""
        for output, name, *values in self.rows():
            cells = "".join(f"<td>{value:.4g}</td>" for value in values)
            body += f"<tr><th>{escape(output)}</th><th>{escape(name)}</th>{cells}</tr>"
        return f"<table><caption>{escape(self._title())}</caption><tr>{head}</tr>{body}</table>"


@public
def sensitivity(
    net: Network,
    x: Any,
    *,
    scale: str = "raw",
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    samples: Any = None,
    n_threads: int | None = None,
) -> Sensitivity:
    """Mean, RMS and largest absolute sensitivity of every output to every input.

    Parameters
    ----------
    net, x, samples : as in ``linearize``
    scale : {'raw', 'standardised'}
        'raw': dy/dx in the units of the data. 'standardised': times the standard deviation of the
        input and over that of the output (the network's, on these samples), so that inputs in
        different units can be compared; 0 for an output that does not vary.
    input_names, output_names : sequence of str, optional
        R and S names; "x[0]", "x[1]", ... and "y[0]", ... by default.
    n_threads : int, optional
        At most this many threads; results do not depend on it.

    Returns
    -------
    Sensitivity
        A table that prints; its arrays ``mean``, ``rms`` and ``max`` are (S, R).
        ``jacnet.plot.sensitivity`` draws it.

    Raises
    ------
    ValueError, TypeError, IndexError
        As ``jacobian(net, x, wrt="inputs")``, and when there are no samples, for an unknown
        ``scale`` or a wrong number of names.

    Notes
    -----
    The statistics of neural sensitivity analysis: Pizarroso, Portela and Muñoz (2022),
    "NeuralSens: Sensitivity analysis of neural networks", Journal of Statistical Software 102(7).
    Cost: that of the input Jacobian; samples are taken in chunks, so that memory does not grow with
    their number.
    """
    if not isinstance(net, Network):
        raise TypeError(f"sensitivity: net must be a Network, got {type(net).__name__}")
    chosen("sensitivity: scale", scale, _SCALES)
    indices = _indices(net, x, samples)
    outputs, inputs = sum(net.output_sizes), sum(net.input_sizes)
    names = _names("input_names", input_names, inputs, "x")
    output_labels = _names("output_names", output_names, outputs, "y")
    if not len(indices):
        raise ValueError("sensitivity: x or samples is empty, expected at least one sample")
    total, squares = np.zeros((outputs, inputs)), np.zeros((outputs, inputs))
    largest = np.zeros((outputs, inputs))
    step = max(1, _CHUNK_DOUBLES // max(1, outputs * inputs))
    for first in range(0, len(indices), step):
        J = _jacobian(net, x, indices[first : first + step], n_threads)
        total += J.sum(axis=0)
        squares += np.einsum("qsr,qsr->sr", J, J)
        np.maximum(largest, np.abs(J, out=J).max(axis=0), out=largest)
    factor = _spread_ratio(net, x, indices, n_threads) if scale == "standardised" else 1.0
    return Sensitivity(
        mean=total / len(indices) * factor,
        rms=np.sqrt(squares / len(indices)) * factor,
        max=largest * factor,
        input_names=names,
        output_names=output_labels,
        scale=scale,
        n_samples=len(indices),
    )


def _jacobian(net: Network, x: Any, samples: Any, n_threads: int | None) -> np.ndarray:
    with named("sensitivity", "jacobian"):
        return jacobian(net, x, wrt="inputs", samples=samples, n_threads=n_threads)


def _indices(net: Network, x: Any, samples: Any) -> np.ndarray:
    """Numbers of the samples in use, from 0."""
    with named("sensitivity"):
        lin = linearize(net, x, samples=samples)
    indices = lin._made_of()[4]
    return np.arange(lin.n_samples) if indices is None else indices


def _spread_ratio(net: Network, x: Any, indices: np.ndarray, n_threads: int | None) -> np.ndarray:
    several = isinstance(x, (list, tuple)) and len(net.input_sizes) > 1
    used = [np.atleast_2d(np.asarray(part, float))[:, indices] for part in (x if several else [x])]
    spread_in = np.concatenate([part.std(axis=1) for part in used])
    outputs = net(used if several else used[0], n_threads=n_threads)
    spread_out = np.asarray(outputs).std(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = spread_in / spread_out[:, None]
    return np.where(spread_out[:, None] > 0, ratio, 0.0)


def _names(what: str, names: Sequence[str] | None, count: int, letter: str) -> tuple[str, ...]:
    if names is None:
        return tuple(f"{letter}[{i}]" for i in range(count))
    listed = np.iterable(names) and not isinstance(names, str)
    names = list(names) if listed else names
    if not listed or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"sensitivity: {what} must be a list of {count} names, got {type(names).__name__}"
            f"{' of others' if listed else ''}"
        )
    if len(names) != count:
        raise ValueError(f"sensitivity: {what} has {len(names)} names, expected {count}")
    return tuple(names)
