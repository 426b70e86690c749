"""Which entry of the parameter vector is which weight.

``net.wb`` holds, layer by layer, the bias ``b{i}``, then every ``IW{i,j}``, then every ``LW{i,j}``
in ascending j, each column by column (MATLAB's getwb order). Rows of ``de_dwb``, entries of the
gradient and rows and columns of the Hessian follow the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import groupby, product
from typing import TYPE_CHECKING, Any

import numpy as np

from ._calls import public_methods
from ._selection import selected, whole
from ._suggest import chosen, quoted, suggest

if TYPE_CHECKING:
    from . import _core


@public_methods("block")
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


@public_methods("net.layout")
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
        every = tuple(blocks) if np.iterable(blocks) else (blocks,)
        for block in every:
            if not isinstance(block, Block):
                raise TypeError(
                    f"Layout: blocks must be Blocks, got {type(block).__name__}; use net.layout"
                )
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
            message = f"no block {quoted(name)} in wb{frozen}; {suggest(name, self._blocks)}"
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
        order : {"matlab", "torch", "keras", "sklearn"}
            ``"matlab"``: as it is. ``"torch"``: per layer the weight (out x in, C order), then the
            bias, as ``parameters()`` of a Sequential yields them. ``"keras"``: per layer the kernel
            (in x out, C order), then the bias, as ``get_weights()``. ``"sklearn"``: every kernel
            (in x out, C order), then every bias, as ``coefs_ + intercepts_``. Parameters that
            the network lacks, or that are frozen, are left out.

        Returns
        -------
        ndarray of int, shape (P,)
            ``other = wb[index]`` and, the other way round, ``wb[index] = other``.

        Raises
        ------
        ValueError, TypeError
            If the order is unknown, or another library's and the network is no chain of layers: it
            has no such network, and so no order for its parameters.
        """
        return self._permutation(order, "permutation")

    def _permutation(self, order: str, function: str) -> np.ndarray:
        """`permutation` for a function that messages name; the bindings call it."""
        known = ("matlab", *_ORDERS)
        if chosen(f"{function}: order", order, known) == "matlab":
            return np.arange(self.n_parameters)
        self._need_chain(order, function)
        parts = _ORDERS[order]([_layer_indices(group) for group in self._layers()])
        return np.concatenate([np.zeros(0, np.intp), *parts])

    def _need_chain(self, order: str, function: str) -> None:
        """Refuse a network that the other library does not have."""
        every = (*self.values(), *self.frozen)
        read = {(b.kind, b.layer, b.source): b.name for b in every if b.kind != "b"}
        layers = range(1, 1 + max((block.layer for block in every), default=0))
        chain = [("IW", 0, 0), *(("LW", layer, layer - 1) for layer in layers)]
        if not every or set(read) == set(chain):
            return
        odd = [name for key, name in read.items() if key not in chain]
        why = f"{odd[0]} has no place in it" if odd else "some layer does not read the one before"
        raise ValueError(
            f"{function}: order={order!r} is that of {_CHAINS[order]}, a chain of layers, but this "
            f"network is none: {why}; leave order out, or take the result apart by "
            "net.layout.blocks_of"
        )

    def reorder(
        self, result: np.ndarray, order: str, axes: int | Sequence[int] | None = None
    ) -> np.ndarray:
        """A result in another library's order of the parameters.

        Parameters
        ----------
        result : array
            With parameters along some axes: gradient, Jacobian, Hessian, ...
        order : {"matlab", "torch", "keras", "sklearn"}
            As in `permutation`.
        axes : int or sequence of int, optional
            The axes that run over the parameters. Default: the first, and both of a P x P matrix.

        Returns
        -------
        ndarray
            A copy.

        Raises
        ------
        ValueError, TypeError
            As `permutation`, or if an axis is not as long as the parameter vector.
        """
        index = self._permutation(order, "reorder")
        array = _array("reorder", result)
        for axis in self._axes("reorder", array, axes):
            array = np.take(array, index, axis)
        return array

    def blocks_of(
        self, result: np.ndarray, axes: int | Sequence[int] | None = None
    ) -> dict[Any, np.ndarray]:
        """The blocks of a result by name, as views.

        Parameters
        ----------
        result : array
            In the layout's order (``order="matlab"``).
        axes : int or sequence of int, optional
            The axes that run over the parameters. Default: the first, and both of a P x P matrix.

        Returns
        -------
        dict
            With one such axis, ``{"b{1}": view, ...}``; blocks of a vector have the shape of the
            weights, ``(S,)`` or ``(S, C)``, so that ``blocks_of(gradient)["IW{1,1}"]`` is the
            gradient with respect to that matrix. With several axes, keys are tuples of names:
            ``blocks_of(H)["LW{2,1}", "b{1}"]``.

        Raises
        ------
        ValueError, TypeError
            If an axis is not as long as the parameter vector.
        """
        result = _array("blocks_of", result)
        over = self._axes("blocks_of", result, axes)
        found: dict[Any, np.ndarray] = {}
        for blocks in product(self.values(), repeat=len(over)):
            where: list[slice] = [slice(None)] * result.ndim
            for axis, block in zip(over, blocks, strict=True):
                where[axis] = block.slice
            view = result[tuple(where)]
            if result.ndim == 1:
                view = _shaped(view, blocks[0].shape)
            names = tuple(block.name for block in blocks)
            found[names if len(names) > 1 else names[0]] = view
        return found

    def _axes(
        self, function: str, result: np.ndarray, axes: int | Sequence[int] | None
    ) -> list[int]:
        size = self.n_parameters
        if axes is None:
            axes = (0, 1) if result.shape == (size, size) else (0,)
        over = list(axes) if np.iterable(axes) else [axes]
        if not all(isinstance(axis, (int, np.integer)) for axis in over):
            raise TypeError(
                f"{function}: axes must be a whole number or a list of them, got "
                f"{type(axes).__name__}"
            )
        if not over:
            raise ValueError(f"{function}: axes is empty, expected at least one axis")
        for axis in over:
            if not -result.ndim <= axis < result.ndim or result.shape[axis] != size:
                raise ValueError(
                    f"{function}: axis {axis} of result, of shape {result.shape}, does not run "
                    f"over the {size} parameters; name those that do with axes="
                )
        return [int(axis) % result.ndim for axis in over]

    def layer(self, layer: int) -> np.ndarray:
        """Rows of ``wb`` that belong to a layer, counted from 0."""
        return self._layer(layer, "layer")

    def _layer(self, layer: int, what: str) -> np.ndarray:
        rows = [block.indices.ravel("F") for block in self._of_layer(what, layer)]
        return np.concatenate([np.zeros(0, np.intp), *rows])

    def neuron(self, layer: int, neuron: int) -> np.ndarray:
        """Rows of ``wb`` that lead into one neuron, both counted from 0: its bias, its weights.

        Raises
        ------
        IndexError
            If there is no such layer or neuron.
        """
        return self._neuron(layer, neuron, "neuron")

    def _neuron(self, layer: int, neuron: int, what: str) -> np.ndarray:
        blocks = self._of_layer(what, layer)
        height = blocks[0].shape[0] if blocks else 0
        neuron = whole(what, "neuron", neuron)
        if not 0 <= neuron < height:
            raise IndexError(
                f"{what}: layer {layer} has {height} neurons with parameters, counted from 0, "
                f"got neuron {neuron}"
            )
        return np.concatenate([np.atleast_1d(block.indices[neuron]) for block in blocks])

    def _of_layer(self, what: str, layer: Any) -> list[Block]:
        layer = whole(what, "layer", layer)
        every = {block.layer for block in (*self.values(), *self.frozen)}
        if layer not in every:
            raise IndexError(
                f"{what}: there is no layer {layer} with parameters; layers count from 0 "
                f"to {max(every, default=-1)}"
            )
        return [block for block in self.values() if block.layer == layer]

    def select(self, choice: Any) -> np.ndarray:
        """Rows of ``wb`` from names, layers, neurons, indices, or any mixture.

        Parameters
        ----------
        choice
            A block's name ``"LW{2,1}"`` or a :class:`Block`; an element's name
            ``"IW{1,1}(3,1)"``; ``("layer", l)``; ``("neuron", l, i)``, counted from 0; an index;
            a slice; an array of indices; a boolean mask of length P; or a list of any of these, one
            after the other.

        Returns
        -------
        ndarray of int

        Raises
        ------
        ValueError, TypeError, IndexError
            For names that the layout does not have, indices out of range, anything else.
        """
        return self._selected(choice, "select", "choice")

    def _selected(
        self, choice: Any, function: str, argument: str, order: np.ndarray | None = None
    ) -> np.ndarray:
        """`select` for a function and argument that messages name; the bindings call it.

        With the permutation to another order, integers count in that order, and what is
        chosen by name, layer or neuron comes in it.
        """
        return selected(self, choice, f"{function}: {argument}", order)

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


def _array(function: str, result: Any) -> np.ndarray:
    try:
        return np.asarray(result)
    except (TypeError, ValueError):
        raise TypeError(
            f"{function}: result must be an array, got {type(result).__name__}"
        ) from None


def _words(block: Block) -> tuple[str, str, str]:
    return block.name, " x ".join(map(str, block.shape)), block.meaning


def _align(row: tuple[str, ...], widths: list[int]) -> str:
    rows, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join([row[0].rjust(len(rows)), *others]).rstrip()


def _shaped(view: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A vector's block as the matrix that it holds column by column, without a copy."""
    step = view.strides[0]
    strides = (step,) if len(shape) == 1 else (step, step * shape[0])
    return np.lib.stride_tricks.as_strided(view, shape, strides)


LayerIndices = tuple[np.ndarray, np.ndarray]  # weights (out x in) and bias, rows of wb


def _layer_indices(blocks: list[Block]) -> LayerIndices:
    none = np.zeros(0, np.intp)
    weight = [block.indices for block in blocks if block.kind != "b"]
    bias = [block.indices for block in blocks if block.kind == "b"]
    return weight[0] if weight else none, bias[0] if bias else none


def _torch(layers: list[LayerIndices]) -> list[np.ndarray]:
    return [part for weight, bias in layers for part in (weight.ravel(), bias)]


def _keras(layers: list[LayerIndices]) -> list[np.ndarray]:
    return [part for weight, bias in layers for part in (weight.T.ravel(), bias)]


def _sklearn(layers: list[LayerIndices]) -> list[np.ndarray]:
    return [weight.T.ravel() for weight, _ in layers] + [bias for _, bias in layers]


_CHAINS = {
    "torch": "nn.Sequential with Linear layers",
    "keras": "Sequential with Dense layers",
    "sklearn": "MLPRegressor",
}
_ORDERS: dict[str, Callable[[list[LayerIndices]], list[np.ndarray]]] = {
    "torch": _torch,
    "keras": _keras,
    "sklearn": _sklearn,
}
