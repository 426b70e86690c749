"""Which entry of the parameter vector is which weight.

``net.wb`` holds, layer by layer, the bias ``b{i}``, then every ``IW{i,j}``, then every ``LW{i,j}``
in ascending j, each column by column (MATLAB's getwb order). Rows of ``de_dwb``, entries of the
gradient and rows and columns of the Hessian follow the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ._suggest import suggest

if TYPE_CHECKING:
    from . import _core


@dataclass(frozen=True)
class Block:
    """One bias vector or weight matrix inside the parameter vector.

    Attributes
    ----------
    name : str
        MATLAB's name, counted from 1: ``"b{1}"``, ``"IW{1,1}"``, ``"LW{2,1}"``.
    slice : slice
        Its entries in ``wb``, counted from 0; empty for a frozen block.
    shape : tuple of int
        ``(S,)`` for a bias, ``(S, C)`` for weights; columns are contiguous in ``wb``.
    layer, source : int
        Receiving layer and sending input or layer, from 0; `source` is -1 for a bias.
    kind : str
        ``"b"``, ``"IW"`` or ``"LW"``.
    learn : bool
        False for a frozen block, which is not part of ``wb``.
    """

    name: str
    slice: slice
    shape: tuple[int, ...]
    layer: int
    source: int
    kind: str
    learn: bool = True

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(np.prod(self.shape))

    @property
    def meaning(self) -> str:
        """In words: ``"layer 1 weights from input 1"``."""
        if self.kind == "b":
            return f"layer {self.layer + 1} bias"
        sender = "input" if self.kind == "IW" else "layer"
        return f"layer {self.layer + 1} weights from {sender} {self.source + 1}"

    @property
    def indices(self) -> np.ndarray:
        """Rows of ``wb`` as a matrix of the block's shape: where weight ``[s, c]`` is stored."""
        return np.arange(self.slice.start, self.slice.stop).reshape(self.shape, order="F")

    def entries(self) -> Iterator[str]:
        """Name of every parameter in order: ``"IW{1,1}(3,1)"``, ``"b{1}(2)"``."""
        for index in np.ndindex(*reversed(self.shape)):
            yield f"{self.name}({','.join(str(k + 1) for k in reversed(index))})"


class Layout(Mapping[str, Block]):
    """The parameter vector as a table and as a mapping from block name to :class:`Block`.

    ``print(net.layout)`` shows the table. Frozen blocks are listed there and in `frozen`, but
    are no part of the mapping, because they are no part of ``wb``.

    Examples
    --------
    >>> net = jn.Network([1, 10, 1])
    >>> net.layout["IW{1,1}"].slice
    slice(10, 20, None)
    >>> net.layout.names[12]
    'IW{1,1}(3,1)'
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        every = tuple(blocks)
        self._blocks = {block.name: block for block in every if block.learn}
        self.frozen = tuple(block for block in every if not block.learn)

    @classmethod
    def of(cls, core: _core.Network) -> Layout:
        """Layout of a network as it is now; later changes of the network do not show in it."""
        return cls(_block(*row) for row in core.blocks)

    def __getitem__(self, name: str) -> Block:
        try:
            return self._blocks[name]
        except KeyError:
            frozen = " (it is frozen)" if name in {block.name for block in self.frozen} else ""
            message = f"no block {name!r} in wb{frozen}; {suggest(name, self._blocks)}"
            raise KeyError(message) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def n_parameters(self) -> int:
        """Length P of the parameter vector."""
        return sum(block.size for block in self.values())

    @cached_property
    def names(self) -> list[str]:
        """Name of every parameter, in the order of ``wb``; length P."""
        return [name for block in self.values() for name in block.entries()]

    def permutation(self, order: str) -> np.ndarray:
        """Index array to another library's order of the same parameters.

        Parameters
        ----------
        order : {"torch", "keras", "sklearn"}
            ``"torch"``: per layer the weight (out x in, C order), then the bias, as
            ``parameters()`` of a Sequential yields them. ``"keras"``: per layer the kernel
            (in x out, C order), then the bias, as ``get_weights()``. ``"sklearn"``: every kernel
            (in x out, C order), then every bias, as ``coefs_ + intercepts_``. The sources of
            one layer are stacked in layout order: inputs, then layers.

        Returns
        -------
        ndarray of int, shape (P,)
            ``other = wb[index]`` and, the other way round, ``wb[index] = other``.

        Raises
        ------
        ValueError
            If the order is unknown.
        """
        try:
            arrange = _ORDERS[order]
        except (KeyError, TypeError):
            message = f"permutation: unknown order {order!r}; {suggest(order, _ORDERS)}"
            raise ValueError(message) from None
        parts = arrange([_layer_indices(group) for group in self._layers()])
        return np.concatenate([np.zeros(0, np.intp), *parts])

    def _layers(self) -> Iterator[list[Block]]:
        for _, group in groupby(self.values(), key=lambda block: block.layer):
            yield list(group)

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        for block in self.values():
            yield f"{block.slice.start}:{block.slice.stop}", *_words(block)
        for block in self.frozen:
            yield "frozen", *_words(block)

    def __str__(self) -> str:
        table = [("rows", "name", "shape", "meaning"), *self._rows()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [_align(row, widths) for row in table]
        plural = "" if self.n_parameters == 1 else "s"
        return "\n".join([f"{self.n_parameters} parameter{plural}, rows from 0", *lines])

    def __repr__(self) -> str:
        return f"<jacnet.Layout: {self.n_parameters} parameters in {', '.join(self) or 'no block'}>"

    def _repr_html_(self) -> str:
        cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._rows())
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        head = "<tr><th>rows</th><th>name</th><th>shape</th><th>meaning</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _block(
    name: str, kind: str, layer: int, source: int, offset: int, rows: int, cols: int, learn: bool
) -> Block:
    shape = (rows,) if kind == "b" else (rows, cols)
    start = max(offset, 0)
    where = slice(start, start + rows * cols) if learn else slice(0, 0)
    return Block(name, where, shape, layer, source, kind, learn)


def _words(block: Block) -> tuple[str, str, str]:
    return block.name, " x ".join(map(str, block.shape)), block.meaning


def _align(row: tuple[str, ...], widths: list[int]) -> str:
    rows, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join([row[0].rjust(len(rows)), *others]).rstrip()


LayerIndices = tuple[np.ndarray, np.ndarray]  # weights (out x in) and bias, rows of wb


def _layer_indices(blocks: list[Block]) -> LayerIndices:
    none = np.zeros(0, np.intp)
    weights = [block.indices for block in blocks if block.kind != "b"]
    bias = [block.indices for block in blocks if block.kind == "b"]
    return np.hstack(weights) if weights else none, bias[0] if bias else none


def _torch(layers: list[LayerIndices]) -> list[np.ndarray]:
    return [part for weight, bias in layers for part in (weight.ravel(), bias)]


def _keras(layers: list[LayerIndices]) -> list[np.ndarray]:
    return [part for weight, bias in layers for part in (weight.T.ravel(), bias)]


def _sklearn(layers: list[LayerIndices]) -> list[np.ndarray]:
    return [weight.T.ravel() for weight, _ in layers] + [bias for _, bias in layers]


_ORDERS: dict[str, Callable[[list[LayerIndices]], list[np.ndarray]]] = {
    "torch": _torch,
    "keras": _keras,
    "sklearn": _sklearn,
}
