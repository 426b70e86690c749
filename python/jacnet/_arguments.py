"""Arguments of a network's constructor, checked and brought to the core's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ._suggest import chosen, quoted

Step = str | tuple[str, dict[str, float]]
Flags = bool | Sequence[bool]
Sources = list[list[int]]

_STEPS = 'a list of names and (name, {"param": value})'


def split_sizes(sizes: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Input sizes and layer sizes."""
    entries = _listed("sizes", sizes, "a sequence like [1, 10, 1]")
    if len(entries) < 2:
        raise ValueError(
            f"Network: sizes has length {len(entries)}, expected at least an input and a layer "
            "size, like [1, 10, 1]"
        )
    first, *layers = entries
    inputs = list(first) if np.iterable(first) and not isinstance(first, str) else [first]
    if not inputs:
        raise ValueError("Network: sizes[0] is empty, expected input sizes, like [[2, 3], 10, 1]")
    whole = partial(size_of, "Network: sizes", least=0)
    return list(map(whole, inputs)), list(map(whole, layers))


def size_of(what: str, size: Any, least: int) -> int:
    """One of several sizes; `what` begins the message."""
    if isinstance(size, (bool, np.bool_)) or not isinstance(size, (int, np.integer)):
        raise TypeError(f"{what} must be whole numbers, got {type(size).__name__}")
    if not least <= size < 2**62:
        raise ValueError(f"{what} holds {size}, expected whole numbers from {least} to below 2**62")
    return int(size)


def transfers(transfer: str | Sequence[str] | None, n_layers: int) -> list[str]:
    """One name per layer; the core knows which names there are."""
    if transfer is None:
        return ["tansig"] * (n_layers - 1) + ["purelin"]
    if isinstance(transfer, str):
        return [transfer] * n_layers
    names = _one_per_layer("transfer", transfer, n_layers, "name")
    for layer, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(
                f"Network: transfer[{layer}] must be the name of a transfer function, got "
                f"{type(name).__name__}"
            )
    return names


def biases(bias: Flags, n_layers: int) -> list[bool]:
    """One flag per layer."""
    if isinstance(bias, (bool, np.bool_)):
        return [bool(bias)] * n_layers
    flags = _one_per_layer("bias", bias, n_layers, "flag")
    for layer, entry in enumerate(flags):
        if not isinstance(entry, (bool, np.bool_, int, np.integer)) or entry not in (0, 1):
            raise TypeError(
                f"Network: bias[{layer}] must be True or False, got {type(entry).__name__}"
            )
    return [bool(entry) for entry in flags]


def output_layers(outputs: Sequence[int] | None, n_layers: int) -> list[int]:
    """Numbers of the layers whose outputs are the network's."""
    if outputs is None:
        return [n_layers - 1]
    layers = _listed("outputs", outputs, "a sequence of layers, counted from 0")
    for layer in layers:
        if isinstance(layer, (bool, np.bool_)) or not isinstance(layer, (int, np.integer)):
            raise TypeError(
                f"Network: outputs must be whole numbers, got {type(layer).__name__}; layers count "
                "from 0"
            )
        if not 0 <= layer < n_layers:
            raise ValueError(
                f"Network: outputs holds {layer}, but there are {n_layers} layers, counted from 0"
            )
    return [int(layer) for layer in layers]


def learned(learn: Mapping[str, bool] | None) -> Mapping[str, bool]:
    """Blocks and whether they learn."""
    if learn is None:
        return {}
    if not isinstance(learn, Mapping):
        raise TypeError(
            f'Network: learn must be a dict of blocks and flags, like {{"b{{1}}": False}}, got '
            f"{type(learn).__name__}"
        )
    return learn


def _listed(name: str, given: Any, expected: str) -> list[Any]:
    if isinstance(given, (str, bytes, Mapping)) or not np.iterable(given):
        raise TypeError(f"Network: {name} must be {expected}, got {type(given).__name__}")
    return list(given)


def _one_per_layer(name: str, given: Any, n_layers: int, what: str) -> list[Any]:
    entries = _listed(name, given, f"one {what} or a sequence of one per layer")
    if len(entries) != n_layers:
        raise ValueError(
            f"Network: {name} has length {len(entries)}, expected one {what} or one per layer "
            f"({n_layers})"
        )
    return entries


def connections(
    connect: str | tuple[Any, Any], n_inputs: int, n_layers: int
) -> tuple[Sources, Sources]:
    """The inputs and the layers that each layer reads."""
    if isinstance(connect, str):
        cascade = chosen("Network: connect", connect, ("chain", "cascade")) == "cascade"
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
        raise TypeError(
            "Network: connect must be 'chain', 'cascade' or (input_connect, layer_connect), got "
            f"{type(connect).__name__}"
        )
    for matrix, shape, what in zip(pair, shapes, ("input", "layer"), strict=True):
        if matrix.shape != shape:
            hint = "; it fits after .T" if matrix.T.shape == shape else ""
            raise ValueError(
                f"Network: {what}_connect has shape {matrix.shape}, expected {shape}{hint}"
            )
    return pair


def processing_steps(
    processing: Sequence[Any], count: int, what: str
) -> list[list[tuple[str, dict]]]:
    """The same steps for each of `count` signals, or one list of steps for each."""
    if isinstance(processing, str):
        processing = [processing]
    given = _listed(what, processing, _STEPS)
    nested = bool(given) and all(isinstance(entry, list) for entry in given)
    per_signal = given if nested else [given] * count
    if len(per_signal) != count:
        raise ValueError(
            f"Network: {what} has length {len(per_signal)}, expected {count} lists of steps"
        )
    return [[_step(entry, what) for entry in steps] for steps in per_signal]


def _step(entry: Step, what: str) -> tuple[str, dict[str, float]]:
    match entry:
        case str():
            return entry, {}
        case (str() as name, Mapping() as settings):
            return name, {
                str(key): _setting(f"Network: {what}: {quoted(name)}", key, value)
                for key, value in settings.items()
            }
    raise TypeError(f"Network: {what} must be {_STEPS}, got {type(entry).__name__} in it")


def _setting(what: str, key: Any, value: Any) -> float:
    if not isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
        raise TypeError(f"{what}: {key} must be a number, got {type(value).__name__}")
    return float(value)
