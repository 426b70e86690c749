"""Choices of parameters, by name, layer, neuron or index, as rows of the parameter vector."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from ._suggest import quoted, suggest

if TYPE_CHECKING:
    from .layout import Layout

_TUPLES = ("('layer', l)", "('neuron', l, i)")


def selected(layout: Layout, choice: Any, what: str, order: np.ndarray | None = None) -> np.ndarray:
    """Rows of ``wb``, as `Layout.select` describes; `what` is the argument, for messages.

    `order` is the permutation to another order of the parameters, or None: see
    `Layout._selected`.
    """
    named = _by_name(layout, choice, what)
    if named is not None:
        return named if order is None else order[np.isin(order, named)]
    if isinstance(choice, (list, tuple)) and not all(map(_is_number, choice)):
        if any(one is choice for one in choice):
            raise TypeError(f"{what} is a list that holds itself")
        parts = [selected(layout, one, what, order) for one in choice]
        return np.concatenate([np.zeros(0, np.intp), *parts])
    if isinstance(choice, slice):
        places = _sliced(layout.n_parameters, choice, what)
    else:
        places = _indices(layout.n_parameters, choice, what)
    return places if order is None else order[places]


def _by_name(layout: Layout, choice: Any, what: str) -> np.ndarray | None:
    """Rows of a block, an element, a layer or a neuron; None for other choices."""
    match choice:
        case str():
            return _named(layout, choice, what)
        case (str() as word, *numbers) if word in ("layer", "neuron"):
            return _of_layer(layout, word, numbers, what)
    if hasattr(choice, "meaning"):  # a Block
        return _named(layout, choice.name, what)
    return None


def _of_layer(layout: Layout, word: str, numbers: list[Any], what: str) -> np.ndarray:
    """Rows of a layer or a neuron."""
    match word, numbers:
        case "layer", [layer]:
            return layout._layer(layer, what)
        case "neuron", [layer, neuron]:
            return layout._neuron(layer, neuron, what)
    raise ValueError(
        f"{what} is {quoted((word, *numbers))}, expected {' or '.join(_TUPLES)}, counted from 0"
    )


def _sliced(size: int, choice: slice, what: str) -> np.ndarray:
    try:
        return np.arange(size)[choice]
    except (TypeError, ValueError) as error:
        raise type(error)(f"{what} is no slice of parameters: {error}") from None


def _indices(size: int, choice: Any, what: str) -> np.ndarray:
    try:
        array = np.asarray(choice)
    except (TypeError, ValueError):
        array = np.array(None)
    if array.ndim > 1 or array.dtype.kind not in ("biu" if array.size else "biuf"):
        raise TypeError(
            f"{what} must be a name, ('layer', l), ('neuron', l, i), indices, a mask, a slice or a "
            f"list of these, got {type(choice).__name__} (shape {array.shape}, dtype {array.dtype})"
        )
    if array.dtype.kind == "b":
        if array.shape != (size,):
            raise IndexError(
                f"{what} is a mask of shape {array.shape}, but there are {size} parameters"
            )
        return np.flatnonzero(array)
    wrong = array[(array < -size) | (array >= size)] if array.size else array
    if wrong.size:
        raise IndexError(
            f"{what} holds the index {wrong.ravel()[0]}, but there are {size} parameters"
        )
    indices = np.atleast_1d(array).astype(np.intp)
    return np.where(indices < 0, indices + size, indices)


def _named(layout: Layout, name: str, what: str) -> np.ndarray:
    """A block or one element of it, counted from 1."""
    if name in layout:
        return layout[name].indices.ravel("F")
    stem, _, rest = name.partition("(")
    if stem not in layout:
        frozen = " (it is frozen)" if stem in {block.name for block in layout.frozen} else ""
        raise ValueError(
            f"{what}: no block {quoted(stem)} among the parameters{frozen}; "
            f"{suggest(stem, [*layout, *_TUPLES])}"
        )
    block = layout[stem]
    try:
        index = tuple(int(part) - 1 for part in rest.removesuffix(")").split(","))
        if rest[-1:] != ")" or min(index) < 0 or len(index) != len(block.shape):
            raise IndexError
        return np.atleast_1d(block.indices[index])
    except (ValueError, IndexError):
        raise ValueError(
            f"{what}: {quoted(name)} is no element of {stem}, of shape {block.shape}, counted "
            "from 1"
        ) from None


def _is_number(one: Any) -> bool:
    return isinstance(one, (bool, int, np.bool_, np.integer))


def whole(what: str, name: str, index: Any) -> int:
    """A whole number, through ``__index__``."""
    try:
        if not isinstance(index, bool):
            return operator.index(index)
    except TypeError:
        pass
    raise TypeError(f"{what}: {name} must be a whole number from 0, got {type(index).__name__}")
