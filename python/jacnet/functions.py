"""MATLAB's free functions on networks; those that change one return a changed copy."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .layout import Block
from .network import Network, fitted, subscript


def configure(net: Network, x: Any, t: Any) -> Network:
    """Return a copy of `net` fitted to data and initialised; see :meth:`Network.configure`."""
    return _checked("configure", net).copy().configure(x, t)


def init(net: Network, seed: int | None = None) -> Network:
    """Return a copy of `net` with newly drawn weights; see :meth:`Network.init`."""
    return _checked("init", net).copy().init(seed)


def getwb(net: Network) -> np.ndarray:
    """All parameters as one vector, a copy of ``net.wb``; shape (P,)."""
    return _checked("getwb", net).wb.copy()


def setwb(net: Network, wb: Any) -> Network:
    """Return a copy of `net` with the parameters `wb`, shape (P,)."""
    return _checked("setwb", net).copy().setwb(wb)


def formwb(net: Network, b: Any, IW: Any, LW: Any) -> np.ndarray:  # noqa: N803
    """Put biases and weights together into a parameter vector for `net`.

    Parameters
    ----------
    net : Network
        Gives the layout; its own parameters do not matter.
    b, IW, LW : mapping
        Blocks keyed like ``net.b``, ``net.IW``, ``net.LW``. Frozen blocks are not needed.

    Returns
    -------
    ndarray, shape (P,)

    Raises
    ------
    ValueError
        If a block is missing or has another shape.
    """
    wb = np.zeros(_checked("formwb", net).n_parameters)
    given = {"b": b, "IW": IW, "LW": LW}
    for block in net.layout.values():
        what = f"formwb: {block.kind}[{subscript(_key(block))}]"
        try:
            value = given[block.kind][_key(block)]
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"{what} is missing") from None
        wb[block.slice] = fitted(value, block.shape, what).ravel(order="F")
    return wb


def separatewb(net: Network, wb: Any) -> tuple[dict, dict, dict]:
    """Take a parameter vector apart.

    Parameters
    ----------
    net : Network
        Gives the layout, and the values of frozen blocks.
    wb : array_like, shape (P,)

    Returns
    -------
    b, IW, LW : dict
        Copies of the blocks, keyed like ``net.b``, ``net.IW``, ``net.LW``.
    """
    filled = _checked("separatewb", net).copy().setwb(wb)
    b, input_weights, layer_weights = (
        {key: view.copy(order="F") for key, view in views.items()}
        for views in (filled.b, filled.IW, filled.LW)
    )
    return b, input_weights, layer_weights


def sim(net: Network, x: Any) -> np.ndarray:
    """Network outputs for inputs `x`, the same as ``net(x)``; S x Q."""
    return _checked("sim", net)(x)


def save(net: Network, path: str | os.PathLike[str]) -> None:
    """Write `net` to a file; see :meth:`Network.save`."""
    _checked("save", net).save(path)


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network written by :func:`save` or by the C++ library.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no jacnet file, truncated, damaged, or of a newer format version.
    """
    magic = b"jacnet network "
    with open(os.fspath(path), "rb") as file:  # not a file descriptor
        data = file.read(len(magic))
        if data == magic:  # anything else is not worth reading, and may never end
            data += file.read()
    try:
        return Network._from_bytes(data)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def _checked(function: str, net: Any) -> Network:
    if not isinstance(net, Network):
        raise TypeError(f"{function}: net must be a jacnet.Network, got {type(net).__name__}")
    return net


def _key(block: Block) -> Any:
    return block.layer if block.kind == "b" else (block.layer, block.source)
