"""Plots, for those who have matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .sensitivities import Sensitivity


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
                "plot.sensitivity: expected what jacnet.sensitivity(net, x) returns, "
                f"got {type(table).__name__}"
            )
    row = _row(table, output)
    if ax is None:
        ax = _pyplot().subplots(layout="constrained")[1]
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
    raise ValueError(
        f"plot.sensitivity: output is {output!r}, expected a number below {len(names)} or one of "
        f"the names {', '.join(names[:8])}"
    )


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("jacnet.plot needs matplotlib: pip install matplotlib") from error
    return pyplot
