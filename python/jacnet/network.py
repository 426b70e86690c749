"""The network: structure, parameters and training settings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from . import _core
from ._suggest import suggest
from .layout import Block, Layout
from .parameters import DEFAULTS, Parameters, PerformParam, StoredParam, real_array

Step = str | tuple[str, dict[str, float]]
Flags = bool | Sequence[bool]


class Network(_core.Network):
    """A static multilayer network with exact derivatives.

    Parameters
    ----------
    sizes : sequence
        ``[R, h1, ..., S]``: input size, hidden layer sizes, output size. The first entry is a
        list for a network with several inputs: ``[[2, 3], 10, 1]``. Size 0 means "known at
        configure" and is allowed for inputs and outputs.
    transfer : str or sequence of str, optional
        One transfer function for all layers or one per layer. Default: tansig in the hidden
        layers and purelin in the last.
    bias : bool or sequence of bool, optional
        Whether layers have a bias vector, for all layers or one flag per layer.
    connect : {"chain", "cascade"} or (input_connect, layer_connect), optional
        ``"chain"``: every input to the first layer, each layer to the next. ``"cascade"``: every
        input and every earlier layer to every layer. Otherwise two boolean matrices, row =
        receiving layer: layers x inputs, and layers x layers, strictly lower triangular.
    outputs : sequence of int, optional
        Layers (from 0) whose outputs are the network's. Default: the last.
    learn : dict, optional
        Blocks to freeze, by name: ``{"IW{1,1}": False}``.
    input_processing, output_processing : sequence, optional
        Steps, each a name or ``(name, {"param": value})``, in the order inputs pass them; a
        list of such lists where inputs or outputs are several. Default: none.
    performance : {"mse", "sse", "mae", "sae", "crossentropy"}, optional

    Raises
    ------
    ValueError, TypeError
        If sizes, names or connections do not fit; the message says which and what would.

    Notes
    -----
    Weights are zero until `init` or `setwb`. Parameters live in one vector, `wb`; `IW`, `LW`
    and `b` are writable views of it. Attributes are checked when they are assigned, and
    unknown ones are refused.

    Concurrent reading is safe: several threads may evaluate one network and take derivatives
    at the same time. A network must not be changed by one thread while another uses it.

    Examples
    --------
    >>> net = jn.Network([2, 5, 1], transfer=["logsig", "purelin"])
    >>> net.init(seed=0)
    <jacnet.Network 2-5-1, logsig/purelin, 21 parameters, mse, trainlm>
    >>> net.IW[0, 0].shape
    (5, 2)
    """

    __slots__ = ()

    def __init__(
        self,
        sizes: Sequence[Any],
        transfer: str | Sequence[str] | None = None,
        bias: Flags = True,
        *,
        connect: str | tuple[Any, Any] = "chain",
        outputs: Sequence[int] | None = None,
        learn: Mapping[str, bool] | None = None,
        input_processing: Sequence[Any] = (),
        output_processing: Sequence[Any] = (),
        performance: str = "mse",
    ) -> None:
        inputs, layers = _split_sizes(sizes)
        n_layers = len(layers)
        output_layers = [n_layers - 1] if outputs is None else [int(k) for k in outputs]
        input_connect, layer_connect = _connections(connect, len(inputs), n_layers)
        super().__init__(
            input_sizes=inputs,
            layer_sizes=layers,
            transfer=_transfers(transfer, n_layers),
            bias=_per_layer(bias, n_layers, "bias"),
            input_connect=input_connect,
            layer_connect=layer_connect,
            output_layers=output_layers,
            input_processing=_steps(input_processing, len(inputs), "input_processing"),
            output_processing=_steps(output_processing, len(output_layers), "output_processing"),
        )
        self.performFcn = performance
        for name, flag in (learn or {}).items():
            self.set_learn(name, flag)

    # Parameters ---------------------------------------------------------------------------

    @property
    def IW(self) -> Views:  # noqa: N802
        """Input weights: ``net.IW[i, j]`` is the S x C matrix into layer i from input j."""
        return Views(self, "IW")

    @property
    def LW(self) -> Views:  # noqa: N802
        """Layer weights: ``net.LW[i, j]`` is the S x C matrix into layer i from layer j."""
        return Views(self, "LW")

    @property
    def b(self) -> Views:
        """Biases: ``net.b[i]`` is the vector of layer i, shape (S,)."""
        return Views(self, "b")

    @property
    def layout(self) -> Layout:
        """Which entry of `wb` is which weight: a printable table and a mapping."""
        return Layout.of(self)

    def setwb(self, wb: Any) -> Network:
        """Set every parameter from a vector of length P, in layout order; returns the network."""
        super().setwb(wb)
        return self

    def set_learn(self, name: str, flag: bool) -> Network:
        """Freeze (False) or free (True) a block by name; `wb` changes its length accordingly."""
        super().set_learn(name, bool(flag))
        return self

    def configure(self, x: Any, t: Any) -> Network:
        """Fit sizes and processing to data, then initialise once; returns the network.

        Parameters
        ----------
        x : array_like, shape (R, Q), or list of them
            Inputs, one sample per column.
        t : array_like, shape (S, Q), or list of them
            NaN marks unknown targets. A softmax layer with a single target row becomes logsig,
            as in MATLAB's patternnet.
        """
        _core.Network.configure(self._with_binary_output(t), x, t)
        return self

    def init(self, seed: int | None = None) -> Network:
        """Draw new weights (Nguyen-Widrow) and return the network.

        Parameters
        ----------
        seed : int, optional
            Seed of the Mersenne Twister, as of ``numpy.random.RandomState``; 5489 is MATLAB's
            state at start-up. Default: different weights at every call.
        """
        super().init(seed)
        return self

    def _with_binary_output(self, t: Any) -> Network:
        """Replace softmax by logsig where a network to be configured has one target row."""
        targets = t if isinstance(t, (list, tuple)) and len(self.output_layers) > 1 else [t]
        if not self.configured:
            for layer, target in zip(self.output_layers, targets, strict=False):
                if self.transfer[layer] == "softmax" and np.atleast_2d(target).shape[0] == 1:
                    self.set_transfer(layer, "logsig")
        return self

    # Structure, in MATLAB's words ---------------------------------------------------------

    @property
    def biasConnect(self) -> np.ndarray:  # noqa: N802
        """Which layers have a bias; bool, shape (layers,)."""
        return np.array(self.bias_connect, bool)

    @property
    def inputConnect(self) -> np.ndarray:  # noqa: N802
        """Which input (column) feeds which layer (row); bool, layers x inputs."""
        return np.array(self.input_connect, bool)

    @property
    def layerConnect(self) -> np.ndarray:  # noqa: N802
        """Which layer (column) feeds which layer (row); bool, layers x layers."""
        return np.array(self.layer_connect, bool)

    @property
    def outputConnect(self) -> np.ndarray:  # noqa: N802
        """Which layers are outputs of the network; bool, shape (layers,)."""
        return np.isin(np.arange(len(self.layer_sizes)), self.output_layers)

    # Settings -----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Any text; kept in files and shown by ``repr``."""
        return self._recall("name", "")

    @name.setter
    def name(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"name: expected str, got {type(text).__name__}")
        self._remember("name", text)

    @property
    def performFcn(self) -> str:  # noqa: N802
        """Performance function: mse, sse, mae, sae or crossentropy."""
        return self.performance

    @performFcn.setter
    def performFcn(self, function: str) -> None:  # noqa: N802
        self.performance = _chosen("performFcn", function, DEFAULTS["performFcn"])

    @property
    def performParam(self) -> PerformParam:  # noqa: N802
        """``regularization`` in [0, 1] and ``normalization`` ("none", "standard", "percent")."""
        return PerformParam(self)

    @performParam.setter
    def performParam(self, values: Mapping[str, Any]) -> None:  # noqa: N802
        PerformParam(self).assign(values)

    @property
    def trainFcn(self) -> str:  # noqa: N802
        """Training function; assigning one resets `trainParam` to its defaults."""
        return self._recall("trainFcn", "trainlm")

    @trainFcn.setter
    def trainFcn(self, function: str) -> None:  # noqa: N802
        chosen = _chosen("trainFcn", function, DEFAULTS["trainFcn"])
        self._remember("trainFcn", chosen, trainParam={})

    @property
    def trainParam(self) -> Parameters:  # noqa: N802
        """Parameters of the training function, such as ``net.trainParam.epochs``."""
        return StoredParam(self, "trainFcn", "trainParam")

    @trainParam.setter
    def trainParam(self, values: Mapping[str, Any]) -> None:  # noqa: N802
        StoredParam(self, "trainFcn", "trainParam").assign(values)

    @property
    def divideFcn(self) -> str:  # noqa: N802
        """Division function; assigning one resets `divideParam` to its defaults."""
        return self._recall("divideFcn", "dividerand")

    @divideFcn.setter
    def divideFcn(self, function: str) -> None:  # noqa: N802
        chosen = _chosen("divideFcn", function, DEFAULTS["divideFcn"])
        self._remember("divideFcn", chosen, divideParam={})

    @property
    def divideParam(self) -> Parameters:  # noqa: N802
        """Parameters of the division: ratios, or for divideind the indices (from 0)."""
        return StoredParam(self, "divideFcn", "divideParam")

    @divideParam.setter
    def divideParam(self, values: Mapping[str, Any]) -> None:  # noqa: N802
        StoredParam(self, "divideFcn", "divideParam").assign(values)

    # Settings travel with the core's own copy and file functions, as text it does not read.

    def _recall(self, key: str, default: Any) -> Any:
        text = self.annotations.get(key)
        return default if text is None else json.loads(text)

    def _remember(self, key: str, value: Any, **others: Any) -> None:
        texts = {name: json.dumps(entry) for name, entry in {key: value, **others}.items()}
        self.annotations = {**self.annotations, **texts}

    def __setattr__(self, name: str, value: Any) -> None:
        if type(self) is Network and not hasattr(Network, name):
            raise AttributeError(f"a network has no attribute {name!r}; {_attribute_hint(name)}")
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a network has no attribute {name!r}; {_attribute_hint(name)}")

    # Copies, pickles, files ---------------------------------------------------------------

    def copy(self) -> Network:
        """Independent copy: parameters, settings, annotations."""
        return type(self)._adopt(self)

    def __copy__(self) -> Network:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return self.copy()

    def __reduce__(self) -> tuple[Callable[..., Network], tuple[bytes]]:
        return type(self)._from_bytes, (self.to_bytes(),)

    @classmethod
    def _from_bytes(cls, data: bytes) -> Network:
        return cls._adopt(_core.Network.from_bytes(data))

    @classmethod
    def _adopt(cls, core: _core.Network) -> Network:
        net = cls.__new__(cls)
        _core.Network.__init__(net, **_SMALLEST)
        net.assign(core)
        return net

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file that Python and C++ read; see :func:`jacnet.load`.

        The file is a short text header (format version, structure, names, settings) followed by
        the parameters as little-endian doubles. Nothing in it is executed on reading.
        """
        with open(path, "wb") as file:
            file.write(self.to_bytes())

    # Display ------------------------------------------------------------------------------

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<jacnet.Network{name} {', '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        title = escape(f"{self.name or 'Network'}: {', '.join(self._facts())}")
        return f"<b>{title}</b>{self.layout._repr_html_()}"

    def _facts(self) -> Iterator[str]:
        yield "-".join([_joined(self.input_sizes), *map(_size, self._shown_layers())]) + self._graph
        yield "/".join(self.transfer)
        yield f"{self.n_parameters} parameters" if self.configured else "not configured"
        yield self.performFcn
        yield self.trainFcn

    def _shown_layers(self) -> list[int]:
        """Layer sizes, the last one in original units where processing removes rows."""
        sizes = list(self.layer_sizes)
        for layer, size in zip(self.output_layers, self.output_sizes, strict=True):
            sizes[layer] = size
        return sizes

    @property
    def _graph(self) -> str:
        connections = self.inputConnect.tolist(), self.layerConnect.tolist()
        counts = len(self.input_sizes), len(self.layer_sizes)
        if connections == _connections("chain", *counts):
            return ""
        return " cascade" if connections == _connections("cascade", *counts) else " graph"


class Views(Mapping[Any, np.ndarray]):
    """Weight blocks of one kind by position; assigning copies into the network.

    Keys count from 0: ``net.IW[layer, input]``, ``net.LW[layer, source]``, ``net.b[layer]``.
    """

    __slots__ = ("_kind", "_net")

    def __init__(self, net: Network, kind: str) -> None:
        self._net = net
        self._kind = kind

    def _names(self) -> dict[Any, str]:
        names: dict[Any, str] = {}
        for name, kind, layer, source, *_ in self._net.blocks:
            if kind == self._kind:
                names[layer if kind == "b" else (layer, source)] = name
        return names

    def _name(self, key: Any) -> str:
        names = self._names()
        try:
            return names[key]
        except (KeyError, TypeError):
            existing = ", ".join(f"{self._kind}[{_subscript(entry)}]" for entry in names)
            message = f"no {self._kind}[{_subscript(key)}]; there are: {existing or 'none'}"
            raise KeyError(message) from None

    def __getitem__(self, key: Any) -> np.ndarray:
        return self._net.block(self._name(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        view = self[key]
        view[...] = fitted(value, view.shape, f"{self._kind}[{_subscript(key)}]")

    def __iter__(self) -> Iterator[Any]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        shapes = (f"[{_subscript(key)}] {view.shape}" for key, view in self.items())
        return f"<{self._kind}: {', '.join(shapes) or 'none'}>"


def fitted(value: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`value` as a finite array of `shape`; a vector may stand for a single row or column."""
    array = real_array(value, what)
    if array.shape == shape:
        return array
    vector_like = max(shape, default=1) == int(np.prod(shape))
    column = (shape[0], 1) if len(shape) == 1 else None
    if array.size == np.prod(shape) and ((vector_like and array.ndim < 2) or array.shape == column):
        return array.reshape(shape)
    hint = "; it fits after .T" if array.T.shape == shape else ""
    raise ValueError(f"{what}: expected shape {shape}, got {array.shape}{hint}")


_SMALLEST: dict[str, Any] = {
    "input_sizes": [1],
    "layer_sizes": [1],
    "transfer": ["purelin"],
    "bias": [False],
    "input_connect": [[True]],
    "layer_connect": [[False]],
    "output_layers": [0],
    "input_processing": [[]],
    "output_processing": [[]],
}


def _split_sizes(sizes: Sequence[Any]) -> tuple[list[int], list[int]]:
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
    if size < 0:
        raise ValueError(f"sizes: expected sizes >= 0, got {size}")
    return int(size)


def _transfers(transfer: str | Sequence[str] | None, n_layers: int) -> list[str]:
    if transfer is None:
        return ["tansig"] * (n_layers - 1) + ["purelin"]
    names = [transfer] * n_layers if isinstance(transfer, str) else list(transfer)
    if len(names) != n_layers:
        raise ValueError(
            f"transfer: expected one name or one per layer ({n_layers}), got {len(names)}"
        )
    return [_chosen("transfer", name, _core.transfer_functions()) for name in names]


def _per_layer(flag: Flags, n_layers: int, what: str) -> list[bool]:
    if isinstance(flag, (bool, np.bool_)):
        return [bool(flag)] * n_layers
    flags = [bool(entry) for entry in flag]
    if len(flags) != n_layers:
        raise ValueError(
            f"{what}: expected one flag or one per layer ({n_layers}), got {len(flags)}"
        )
    return flags


def _connections(
    connect: str | tuple[Any, Any], n_inputs: int, n_layers: int
) -> tuple[list[list[bool]], list[list[bool]]]:
    layer, source = np.indices((n_layers, n_layers))
    first = np.zeros((n_layers, n_inputs), bool)
    first[0] = True
    if isinstance(connect, str):
        graphs = {
            "chain": (first, layer == source + 1),
            "cascade": (np.ones_like(first), layer > source),
        }
        chosen = graphs[_chosen("connect", connect, graphs)]
    else:
        chosen = _explicit(connect, first.shape, (n_layers, n_layers))
    return chosen[0].tolist(), chosen[1].tolist()


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


def _steps(processing: Sequence[Any], count: int, what: str) -> list[list[tuple[str, dict]]]:
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


def _chosen(what: str, name: Any, known: Any) -> str:
    if isinstance(name, str) and name in known:
        return name
    raise ValueError(f"{what}: unknown name {name!r}; {suggest(name, known)}")


def _attribute_hint(name: str) -> str:
    return suggest(name, [entry for entry in dir(Network) if not entry.startswith("_")])


def _subscript(key: Any) -> str:
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _size(size: int) -> str:
    return str(size) if size else "?"


def _joined(sizes: Sequence[int]) -> str:
    return _size(sizes[0]) if len(sizes) == 1 else f"({'+'.join(map(_size, sizes))})"


# Free functions with MATLAB's value semantics ----------------------------------------------


def configure(net: Network, x: Any, t: Any) -> Network:
    """Return a copy of `net` fitted to data and initialised; see :meth:`Network.configure`."""
    return net.copy().configure(x, t)


def init(net: Network, seed: int | None = None) -> Network:
    """Return a copy of `net` with newly drawn weights; see :meth:`Network.init`."""
    return net.copy().init(seed)


def getwb(net: Network) -> np.ndarray:
    """All parameters as one vector, a copy of ``net.wb``; shape (P,)."""
    return net.wb.copy()


def setwb(net: Network, wb: Any) -> Network:
    """Return a copy of `net` with the parameters `wb`, shape (P,)."""
    return net.copy().setwb(wb)


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
    wb = np.zeros(net.n_parameters)
    given = {"b": b, "IW": IW, "LW": LW}
    for block in net.layout.values():
        what = f"formwb: {block.kind}[{_subscript(_key(block))}]"
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
    filled = setwb(net, wb)
    b, input_weights, layer_weights = (
        {key: view.copy(order="F") for key, view in views.items()}
        for views in (filled.b, filled.IW, filled.LW)
    )
    return b, input_weights, layer_weights


def _key(block: Block) -> Any:
    return block.layer if block.kind == "b" else (block.layer, block.source)


def sim(net: Network, x: Any) -> np.ndarray:
    """Network outputs for inputs `x`, the same as ``net(x)``; S x Q."""
    return net(x)


def save(net: Network, path: str | os.PathLike[str]) -> None:
    """Write `net` to a file; see :meth:`Network.save`."""
    net.save(path)


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network written by :func:`save` or by the C++ library.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no jacnet file, truncated, damaged, or of a newer format version.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return Network._from_bytes(data)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None
