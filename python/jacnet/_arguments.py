"""Arguments of a network's constructor, checked and brought to the core's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._suggest import chosen

Step = str | tuple[str, dict[str, float]]
Flags = bool | Sequence[bool]
Sources = list[list[int]]


def split_sizes(sizes: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Input sizes and layer sizes."""
    try:
        first, *layers = sizes
    except TypeError:
        raise TypeError(f"sizes: expected a sequence like [1, 10, 1], got {sizes!r}") from None
    except ValueError:
        layers = []
    if not layers:
        raise ValueError("sizes: expected at least an input and a layer size, like [1, 10, 1]")
    inputs = list(first) if np.iterable(first) else [first]
    if not inputs:
        raise ValueError("sizes: the list of input sizes is empty")
    return [_whole(size) for size in inputs], [_whole(size) for size in layers]


def _whole(size: Any) -> int:
    if isinstance(size, (bool, np.bool_)) or not isinstance(size, (int, np.integer)):
        raise TypeError(f"sizes: expected whole numbers, got {size!r}")
    if not 0 <= size < 2**62:
        raise ValueError(f"sizes: expected sizes from 0 to below 2**62, got {size}")
    return int(size)


def transfers(transfer: str | Sequence[str] | None, n_layers: int) -> list[str]:
    """One name per layer; the core knows which names there are."""
    if transfer is None:
        return ["tansig"] * (n_layers - 1) + ["purelin"]
    names = [transfer] * n_layers if isinstance(transfer, str) else list(transfer)
    if len(names) != n_layers:
        raise ValueError(
            f"transfer: expected one name or one per layer ({n_layers}), got {len(names)}"
        )
    return names


def per_layer(flag: Flags, n_layers: int, what: str) -> list[bool]:
    """One flag per layer."""
    if isinstance(flag, (bool, np.bool_)):
        return [bool(flag)] * n_layers
    flags = [bool(entry) for entry in flag]
    if len(flags) != n_layers:
        raise ValueError(
            f"{what}: expected one flag or one per layer ({n_layers}), got {len(flags)}"
        )
    return flags


def connections(
    connect: str | tuple[Any, Any], n_inputs: int, n_layers: int
) -> tuple[Sources, Sources]:
    """The inputs and the layers that each layer reads."""
    if isinstance(connect, str):
        cascade = chosen("connect", connect, ("chain", "cascade")) == "cascade"
        inputs = [
            list(range(n_inputs if cascade or layer == 0 else 0)) for layer in range(n_layers)
        ]
        first = (0 if cascade else max(layer - 1, 0) for layer in range(n_layers))
        return inputs, [list(range(source, layer)) for layer, source in enumerate(first)]
    pair = _explicit(connect, (n_layers, n_inputs), (n_layers, n_layers))
    inputs, layers = ([np.flatnonzero(row).tolist() for row in matrix] for matrix in pair)
    return inputs, layers


def _explicit(connect: Any, *shapes: tuple[int, int]) -> list[np.ndarray]:
    try:
        pair = [np.asarray(matrix, bool) for matrix in connect]
    except (TypeError, ValueError):
        pair = []
    if len(pair) != 2:
        raise TypeError('connect: expected "chain", "cascade" or (input_connect, layer_connect)')
    for matrix, shape, what in zip(pair, shapes, ("input", "layer"), strict=True):
        if matrix.shape != shape:
            hint = "; it fits after .T" if matrix.T.shape == shape else ""
            message = f"connect: {what}_connect must have shape {shape}, got {matrix.shape}{hint}"
            raise ValueError(message)
    return pair


def processing_steps(
    processing: Sequence[Any], count: int, what: str
) -> list[list[tuple[str, dict]]]:
    """The same steps for each of `count` signals, or one list of steps for each."""
    if isinstance(processing, str):
        processing = [processing]
    nested = bool(processing) and all(isinstance(entry, list) for entry in processing)
    per_signal = list(processing) if nested else [processing] * count
    if len(per_signal) != count:
        raise ValueError(f"{what}: expected {count} lists of steps, got {len(per_signal)}")
    return [[_step(entry, what) for entry in steps] for steps in per_signal]


def _step(entry: Step, what: str) -> tuple[str, dict[str, float]]:
    match entry:
        case str():
            return entry, {}
        case (str() as name, Mapping() as settings):
            return name, {str(key): float(value) for key, value in settings.items()}
    raise TypeError(f'{what}: expected a name or (name, {{"param": value}}), got {entry!r}')
