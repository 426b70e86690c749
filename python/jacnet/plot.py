"""Pictures, with matplotlib (``pip install "jacnet[plot]"``), which is imported on use."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ._calls import public
from ._options import flag
from ._suggest import quoted
from .eigenpairs import Eigenpairs
from .spectral_density import SpectralDensity

if TYPE_CHECKING:
    from .sensitivities import Sensitivity


@partial(public, name="plot.spectrum")
def spectrum(values: Any, *, ax: Any = None, log: bool = True, label: str | None = None) -> Any:
    """Draw a spectrum: a density as a curve with its error band, eigenvalues as a scree plot.

    Parameters
    ----------
    values : SpectralDensity, Eigenpairs, or array of eigenvalues (k,)
        A :class:`SpectralDensity` is drawn over the eigenvalue, with a band of two standard errors;
        eigenvalues in descending order over their rank, those of :class:`Eigenpairs` with their
        residuals as error bars, negative ones marked by hollow circles at their magnitude where the
        axis is logarithmic.
    ax : matplotlib axes, optional
        To draw on; by default new ones.
    log : bool
        Logarithmic density or magnitude.
    label : str, optional
        For a legend.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError, ValueError
        For anything but a spectrum.
    """
    log = flag("plot.spectrum", "log", log)
    if label is not None and not isinstance(label, str):
        raise TypeError(f"plot.spectrum: label must be a str or None, got {type(label).__name__}")
    ax = _axes("plot.spectrum", ax)
    if isinstance(values, SpectralDensity):
        return _density(values, ax, log, label)
    if isinstance(values, Eigenpairs):
        return _scree(values.values, values.residuals, ax, log, label)
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(
            "plot.spectrum: values must be a SpectralDensity, Eigenpairs or an array of "
            f"eigenvalues, got {type(values).__name__}"
        ) from None
    if array.ndim != 1:
        raise ValueError(
            f"plot.spectrum: values has shape {array.shape}, expected (k,) eigenvalues"
        )
    unknown = int(np.count_nonzero(~np.isfinite(array)))
    if unknown:
        raise ValueError(
            f"plot.spectrum: values has {unknown} NaN or infinite of {len(array)}, expected finite "
            "eigenvalues; leave them out: values[np.isfinite(values)]"
        )
    return _scree(array, None, ax, log, label)


def _density(density: SpectralDensity, ax: Any, log: bool, label: str | None) -> Any:
    (line,) = ax.plot(density.grid, density.density, label=label)
    low, high = (density.density + side * density.std_error for side in (-2, 2))
    floor = density.density.max() * 1e-6 if log else 0.0
    ax.fill_between(
        density.grid,
        np.maximum(low, floor),
        np.maximum(high, floor),
        color=line.get_color(),
        alpha=0.25,
        linewidth=0,
    )
    if log:
        ax.set_yscale("log")
        ax.set_ylim(floor, 3 * high.max())
    ax.set_xlabel("eigenvalue")
    ax.set_ylabel("density")
    return ax


def _scree(
    values: np.ndarray, errors: np.ndarray | None, ax: Any, log: bool, label: str | None
) -> Any:
    order = np.argsort(-values)
    values = values[order]
    rank = np.arange(1, len(values) + 1)
    heights = np.abs(values) if log else values
    hollow = (values < 0) & log
    points = ax.scatter(rank[~hollow], heights[~hollow], label=label)
    color = points.get_facecolor()
    ax.scatter(rank[hollow], heights[hollow], facecolors="none", edgecolors=color)
    if errors is not None:
        ax.errorbar(rank, heights, yerr=errors[order], fmt="none", ecolor=color)
    if log and np.any(heights > 0):
        ax.set_yscale("log")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("rank")
    ax.set_ylabel("|eigenvalue|" if log else "eigenvalue")
    return ax


@partial(public, name="plot.sensitivity")
def sensitivity(table: Sensitivity, *, output: int | str = 0, ax: Any = None) -> Any:
    """Sensitivities of one output to every input: RMS as bars, mean and largest as marks.

    Parameters
    ----------
    table : Sensitivity
        What ``jacnet.sensitivity(net, x)`` returned.
    output : int or str
        Number, from 0, or name of the output.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError, ValueError
        For anything but a ``Sensitivity``, or an output that it does not have.
    """
    for name in ("rms", "mean", "max", "input_names", "output_names"):
        if not hasattr(table, name):
            raise TypeError(
                "plot.sensitivity: table must be what jacnet.sensitivity(net, x) returns, "
                f"got {type(table).__name__}"
            )
    row = _row(table, output)
    ax = _axes("plot.sensitivity", ax)
    place = np.arange(len(table.input_names))
    ax.barh(place, table.rms[row], height=0.6, color="0.8", label="RMS")
    ax.plot(table.mean[row], place, "o", color="C0", label="mean")
    ax.plot(table.max[row], place, "|", color="C3", markersize=12, label="largest absolute")
    ax.axvline(0.0, color="0.5", linewidth=0.8)
    ax.set_yticks(place, table.input_names)
    ax.invert_yaxis()
    scale = "" if table.scale == "raw" else ", standardised"
    ax.set_xlabel(f"sensitivity of {table.output_names[row]}{scale}")
    ax.legend()
    return ax


def _row(table: Sensitivity, output: int | str) -> int:
    names = table.output_names
    if isinstance(output, str) and output in names:
        return names.index(output)
    if isinstance(output, (int, np.integer)) and -len(names) <= output < len(names):
        return int(output) % len(names)
    expected = f"expected a number below {len(names)} or one of the names {', '.join(names[:8])}"
    if not isinstance(output, (str, int, np.integer)):
        raise TypeError(f"plot.sensitivity: output is a {type(output).__name__}, {expected}")
    raise ValueError(f"plot.sensitivity: output is {quoted(output)}, {expected}")


def _axes(function: str, ax: Any) -> Any:
    """Those given, or new ones."""
    if ax is not None:
        if not hasattr(ax, "set_xlabel"):
            raise TypeError(f"{function}: ax must be matplotlib axes, got {type(ax).__name__}")
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            f'{function}: needs matplotlib ({error}): pip install "jacnet[plot]"'
        ) from error
    _, ax = pyplot.subplots(layout="constrained")
    return ax
