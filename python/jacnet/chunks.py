"""Data cut into chunks of samples, for `accumulate`; nothing is read before its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._calls import public
from .minibatches import columns, positive, shape_of

Part = slice | np.ndarray


@public
def chunks(
    x: Any, t: Any, size: int, *, ew: Any = None, samples: Any = None
) -> Iterator[tuple[Any, ...]]:
    """Chunks of `size` samples, one after the other, for `accumulate`.

    Parameters
    ----------
    x : array (R, Q), or list of one per input
        Anything with ``shape`` that can be sliced: arrays, ``np.memmap``, HDF5 or Zarr data sets.
        Only the slices are read, when their turn comes. For data stored as (Q, R), pass ``x.T``.
    t : array (S, Q), or list of one per output
    size : int
        Samples per chunk.
    ew : number, (1, Q), (S, 1) or (S, Q), optional
    samples : indices, boolean mask or slice, optional
        The samples to use, in that order. HDF5 data sets want them ascending.

    Yields
    ------
    (x, t) or (x, t, ew)
        Views where `x`, `t` and `ew` are arrays; copies of the chosen samples with `samples`.

    Raises
    ------
    ValueError, TypeError, IndexError
        If shapes disagree, `size` is not a positive whole number, or there are no such `samples`.
    """
    size = positive("chunks: size", size)
    count = _samples_of("x", x)
    if _samples_of("t", t) != count:
        raise ValueError(
            f"chunks: t has {_samples_of('t', t)} samples (columns), expected {count} as x has"
        )
    weights_of = _weights(ew, count, t)
    order = _sample_order(samples, count)
    total = count if order is None else len(order)

    def slices() -> Iterator[tuple[Any, ...]]:
        for first in range(0, total, size):
            part: Part = slice(first, min(first + size, total))
            part = part if order is None else order[part]
            xt = _columns_of(x, part), _columns_of(t, part)
            yield xt if ew is None else (*xt, weights_of(part))

    return slices()


def _weights(ew: Any, count: int, t: Any) -> Callable[[Part], Any]:
    """What takes the error weights of some of the samples."""
    if _signals(ew) and any(len(e.shape) > 0 for e in ew):
        raise TypeError(
            f"chunks: ew must be a number or one array (1, Q), (S, 1) or (S, Q), got a "
            f"{type(ew).__name__} of {len(ew)} arrays; stack their rows: np.vstack(ew)"
        )
    shape = shape_of("chunks: ew must be a number or an array", ew)
    weights = ew if hasattr(ew, "shape") or not shape else np.asarray(ew)
    if len(shape) > 2:
        raise ValueError(
            f"chunks: ew has shape {shape}, expected one weight, (1, Q), (S, 1) or (S, Q)"
        )
    if len(shape) == 1 and shape[0] > 1:
        rows = _rows_of(t)
        if rows != 1 or shape[0] != count:
            remedy = {count: "; pass ew[None, :]", rows: "; pass ew[:, None]"}.get(shape[0], "")
            raise ValueError(
                f"chunks: ew has shape {shape}, expected one weight, (1, {count}), ({rows}, 1) or "
                f"({rows}, {count}){remedy}"
            )
        return lambda part: np.asarray(weights[part])[None, :]
    if len(shape) == 2 and shape[1] > 1:
        if shape[1] != count:
            raise ValueError(f"chunks: ew has {shape[1]} columns, expected 1 or {count}")
        return lambda part: weights[:, part]
    return lambda part: weights


def _rows_of(t: Any) -> int:
    if _signals(t):
        return sum(_rows_of(entry) for entry in t)
    shape = np.shape(t)
    return shape[0] if len(shape) == 2 else 1


def _signals(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and len(x) > 0 and all(hasattr(e, "shape") for e in x)


def _samples_of(name: str, x: Any) -> int:
    what = f"chunks: {name} must be an array"
    counts = {columns(what, entry) for entry in x} if _signals(x) else {columns(what, x)}
    if len(counts) > 1:
        raise ValueError(f"chunks: the arrays of {name} differ in their samples (columns)")
    return counts.pop()


def _columns_of(x: Any, part: Part) -> Any:
    if _signals(x):
        return [_columns_of(entry, part) for entry in x]
    x = x if hasattr(x, "shape") else np.asarray(x)
    return np.asarray(x[part] if len(x.shape) == 1 else x[:, part])


def _sample_order(samples: Any, count: int) -> np.ndarray | None:
    """Numbers of the chosen samples, from 0; None for all as they are."""
    if samples is None:
        return None
    if isinstance(samples, slice):
        try:
            return np.arange(count)[samples]
        except (TypeError, ValueError) as error:
            message = f"chunks: samples is no slice of samples: {error}"
            raise ValueError(message) from None
    try:
        chosen = np.asarray(samples)
    except (TypeError, ValueError):
        chosen = np.array(None)
    if chosen.ndim != 1 or chosen.dtype.kind not in ("biu" if chosen.size else "biuf"):
        raise TypeError(
            "chunks: samples must be whole numbers, a boolean mask or a slice, got "
            f"{type(samples).__name__} (shape {chosen.shape}, dtype {chosen.dtype})"
        )
    if chosen.dtype.kind == "b":
        if len(chosen) != count:
            raise IndexError(
                f"chunks: samples is a mask of {len(chosen)} elements, but x has {count} samples"
            )
        return np.flatnonzero(chosen)
    wrong = chosen[(chosen < -count) | (chosen >= count)]
    if wrong.size:
        raise IndexError(f"chunks: samples holds the index {wrong[0]}, but x has {count} samples")
    return np.arange(count)[chosen.astype(np.intp)]
