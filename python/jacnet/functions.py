"""MATLAB's free functions on networks; those that change one return a changed copy."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ._calls import public
from ._files import opened
from ._named import named
from .layout import Block
from .network import Network, fitted, subscript


@public
def configure(net: Network, x: Any, t: Any) -> Network:
    """Return a copy of `net` fitted to data and initialised.

    Parameters
    ----------
    net : Network
        Left unchanged.
    x : array (R, Q), or list of one per input
    t : array (S, Q), or list of one per output
        NaN marks unknown targets.

    Returns
    -------
    Network
        With sizes, ranges and process functions of the data, and weights of ``init``.

    Raises
    ------
    ValueError, TypeError
        For data that do not fit the network or each other.

    Notes
    -----
    See :meth:`Network.configure`. Cost: the data are read twice.
    """
    return _checked("configure", net).copy().configure(x, t)


@public
def init(net: Network, seed: int | None = None) -> Network:
    """Return a copy of `net` with newly drawn weights.

    Parameters
    ----------
    net : Network
        Left unchanged; configured.
    seed : int, optional
        As ``numpy.random.RandomState`` takes it; 5489 is MATLAB's state at start-up. Default:
        different weights at every call.

    Returns
    -------
    Network

    Raises
    ------
    ValueError, TypeError
        For a network that is not configured, or a seed that is none.

    Notes
    -----
    Nguyen and Widrow (1990), as MATLAB's initnw draws them; see :meth:`Network.init`.
    """
    return _checked("init", net).copy().init(seed)


@public
def getwb(net: Network) -> np.ndarray:
    """All parameters as one vector, (P,), a copy of ``net.wb``.

    Parameters
    ----------
    net : Network

    Returns
    -------
    ndarray, shape (P,)
        In the order of ``net.layout``, which is MATLAB's.

    Raises
    ------
    TypeError
        For anything but a network.
    """
    return _checked("getwb", net).wb.copy()


@public
def setwb(net: Network, wb: Any) -> Network:
    """Return a copy of `net` with the parameters `wb`, shape (P,).

    Parameters
    ----------
    net : Network
        Left unchanged.
    wb : array_like, shape (P,)
        In the order of ``net.layout``.

    Returns
    -------
    Network

    Raises
    ------
    ValueError, TypeError
        For a vector of another length, or values that are not finite real numbers.
    """
    return _checked("setwb", net).copy().setwb(wb)


@public
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

        In the order of ``net.layout``.

    Raises
    ------
    ValueError, TypeError
        If a block is missing, has another shape or holds no real numbers.
    """
    wb = np.zeros(_checked("formwb", net).n_parameters)
    given = {"b": b, "IW": IW, "LW": LW}
    for name, blocks in given.items():
        if not hasattr(blocks, "__getitem__"):
            raise TypeError(
                f"formwb: {name} must be a mapping keyed like net.{name}, got "
                f"{type(blocks).__name__}"
            )
    for block in net.layout.values():
        what = f"formwb: {block.kind}[{subscript(_key(block))}]"
        try:
            value = given[block.kind][_key(block)]
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"{what} is missing") from None
        wb[block.slice] = fitted(value, block.shape, what).ravel(order="F")
    return wb


@public
def separatewb(net: Network, wb: Any) -> tuple[dict, dict, dict]:
    """Take a parameter vector apart.

    Parameters
    ----------
    net : Network
        Gives the layout, and the values of frozen blocks.
    wb : array_like, shape (P,)
        In the order of ``net.layout``.

    Returns
    -------
    b, IW, LW : dict
        Copies of the blocks, keyed like ``net.b``, ``net.IW``, ``net.LW``: (S,) and (S, C).

    Raises
    ------
    ValueError, TypeError
        For a vector of another length, or values that are not finite real numbers.
    """
    copy = _checked("separatewb", net).copy()
    with named("separatewb", "setwb"):
        filled = copy.setwb(wb)
    b, input_weights, layer_weights = (
        {key: view.copy(order="F") for key, view in views.items()}
        for views in (filled.b, filled.IW, filled.LW)
    )
    return b, input_weights, layer_weights


@public
def sim(
    net: Network, x: Any, *, n_threads: int | None = None, out: np.ndarray | None = None
) -> np.ndarray:
    """Network outputs for inputs `x`, the same as ``net(x)``; S x Q.

    Parameters
    ----------
    net : Network
    x : array (R, Q), or list of one per input
        NaN is an unknown input.
    n_threads : int, optional
        At most this many threads; results do not depend on it.
    out : float64 array (S, Q), optional
        Receives the result and is returned.

    Returns
    -------
    ndarray, shape (S, Q), Fortran order
        The outputs of all output layers, stacked, on the scale of the targets; NaN where an
        unknown input leaves them unknown.

    Raises
    ------
    ValueError, TypeError
        For inputs or an `out` that do not fit, infinite values, an unconfigured network.

    Notes
    -----
    Cost: 2 P Q flops.
    """
    return _checked("sim", net)(x, n_threads=n_threads, out=out)


@public
def save(net: Network, path: str | os.PathLike[str]) -> None:
    """Write a network to a file that Python and C++ read.

    Parameters
    ----------
    net : Network
    path : str or path
        Overwritten if it exists.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        For anything but a network, or a path that is none.

    Notes
    -----
    A text header and raw little-endian doubles: docs/format.md. Nothing in it is executed.
    """
    _checked("save", net).save(path)


@public
def load(path: str | os.PathLike[str]) -> Network:
    """Read a network written by :func:`save` or by the C++ library.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Network
        With the same parameters to the last bit, settings and name.

    Raises
    ------
    OSError
        If the file cannot be read: FileNotFoundError and the like.
    ValueError, TypeError
        If it is no jacnet file, truncated, damaged, or of a newer format version; for a path that
        is none.
    """
    magic = b"jacnet network "
    with opened("load", path, "rb") as file:
        data = file.read(len(magic))
        if data == magic:  # anything else is not worth reading, and may never end
            data += file.read()
    try:
        return Network._from_bytes(data)
    except ValueError as error:
        what = str(error).removeprefix("load: ")
        raise ValueError(f"load: {os.fspath(path)}: {what}") from None


def _checked(function: str, net: Any) -> Network:
    if not isinstance(net, Network):
        raise TypeError(f"{function}: net must be a jacnet.Network, got {type(net).__name__}")
    return net


def _key(block: Block) -> Any:
    return block.layer if block.kind == "b" else (block.layer, block.source)
