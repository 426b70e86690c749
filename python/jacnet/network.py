"""The network: structure, parameters and training settings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from html import escape
from typing import Any

import numpy as np

from . import _core
from ._arguments import (
    Flags,
    biases,
    connections,
    learned,
    output_layers,
    processing_steps,
    split_sizes,
    transfers,
)
from ._calls import public_methods
from ._files import opened
from ._named import named
from ._suggest import chosen, suggest
from .layout import Layout
from .parameters import DEFAULTS, Parameters, PerformParam, StoredParam, real_array


@public_methods("net")
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
    Weights are zero until `init` or `setwb`. Parameters live in one vector, `wb` (P,); `IW`, `LW`
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
        inputs, layers = split_sizes(sizes)
        n_layers = len(layers)
        last = output_layers(outputs, n_layers)
        input_sources, layer_sources = connections(connect, len(inputs), n_layers)
        self._build(
            input_sizes=inputs,
            layer_sizes=layers,
            transfer=transfers(transfer, n_layers),
            bias=biases(bias, n_layers),
            input_sources=input_sources,
            layer_sources=layer_sources,
            output_layers=last,
            input_processing=processing_steps(input_processing, len(inputs), "input_processing"),
            output_processing=processing_steps(output_processing, len(last), "output_processing"),
        )
        self.performance = chosen("Network: performance", performance, DEFAULTS["performFcn"])
        for name, flag in learned(learn).items():
            with named("Network: learn", "set_learn"):
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
        """Set every parameter from a vector, and return the network.

        Parameters
        ----------
        wb : array_like, shape (P,)
            In the order of `layout`.

        Raises
        ------
        ValueError, TypeError
            For a vector of another length, or values that are not finite real numbers.
        """
        super().setwb(wb)
        return self

    def set_learn(self, name: str, flag: bool) -> Network:
        """Freeze or free a block, and return the network; `wb` changes its length accordingly.

        Parameters
        ----------
        name : str
            Of the block: ``"b{1}"``, ``"IW{1,1}"``, ``"LW{2,1}"``.
        flag : bool
            False takes it out of `wb`, with the values that it has; True takes it in again.

        Raises
        ------
        ValueError, TypeError
            For a block that there is not, or a flag that is no bool.
        """
        super().set_learn(name, flag)
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

        Raises
        ------
        ValueError, TypeError
            For data that do not fit the network or each other.
        """
        super().configure(x, t)
        return self.init()

    def init(self, seed: int | None = None) -> Network:
        """Draw new weights (Nguyen-Widrow) and return the network.

        Parameters
        ----------
        seed : int, optional
            Seed of the Mersenne Twister, as of ``numpy.random.RandomState``; 5489 is MATLAB's
            state at start-up. Default: different weights at every call.

        Raises
        ------
        ValueError, TypeError
            For a network that is not configured, or a seed that is none.
        """
        super().init(seed)
        return self

    # Structure, in MATLAB's words ---------------------------------------------------------

    @property
    def biasConnect(self) -> np.ndarray:  # noqa: N802
        """Which layers have a bias; bool, shape (layers,)."""
        return np.array(self.bias_connect, bool)

    @property
    def inputConnect(self) -> np.ndarray:  # noqa: N802
        """Which input (column) feeds which layer (row); bool, layers x inputs."""
        return _matrix(self.input_sources, len(self.input_sizes))

    @property
    def layerConnect(self) -> np.ndarray:  # noqa: N802
        """Which layer (column) feeds which layer (row); bool, layers x layers."""
        return _matrix(self.layer_sources, len(self.layer_sizes))

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
            raise TypeError(f"Network: name must be a str, got {type(text).__name__}")
        self._remember("name", text)

    @property
    def performFcn(self) -> str:  # noqa: N802
        """Performance function: mse, sse, mae, sae or crossentropy."""
        return self.performance

    @performFcn.setter
    def performFcn(self, function: str) -> None:  # noqa: N802
        self.performance = chosen("Network: performFcn", function, DEFAULTS["performFcn"])

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
        name = chosen("Network: trainFcn", function, DEFAULTS["trainFcn"])
        self._remember("trainFcn", name, trainParam={})

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
        name = chosen("Network: divideFcn", function, DEFAULTS["divideFcn"])
        self._remember("divideFcn", name, divideParam={})

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
        if name == "wb":
            raise AttributeError("net.wb is a view: use net.setwb(values) or net.wb[:] = values")
        if name in ("IW", "LW", "b"):
            raise AttributeError(f"net.{name} has views: assign to one, net.{name}[...] = values")
        if getattr(getattr(type(self), name, None), "fset", name) is None:
            raise AttributeError(
                f"net.{name} follows from the structure: use set_transfer, set_learn or configure, "
                "or make another Network"
            )
        if type(self) is Network and not hasattr(Network, name):
            raise AttributeError(f"a network has no attribute {name!r}; {_attribute_hint(name)}")
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a network has no attribute {name!r}; {_attribute_hint(name)}")

    # Copies, pickles, files ---------------------------------------------------------------

    def copy(self) -> Network:
        """Independent copy: parameters, settings, annotations."""
        copy = type(self)._adopt(self)
        for name, value in self._own_state().items():
            setattr(copy, name, value)
        return copy

    def _own_state(self) -> dict[str, Any]:
        """Attributes that a subclass has added."""
        return getattr(self, "__dict__", {})

    def __copy__(self) -> Network:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        copy = type(self)._adopt(self)
        for name, value in self._own_state().items():
            setattr(copy, name, deepcopy(value, memo))
        return copy

    def __reduce__(self) -> tuple[Any, ...]:
        state = self._own_state() or None
        return type(self)._from_bytes, (self.to_bytes(),), state

    @classmethod
    def from_bytes(cls, data: bytes) -> Network:  # type: ignore[override]
        """Network of the bytes that ``to_bytes`` made, or of a file that :func:`save` wrote.

        Parameters
        ----------
        data : bytes

        Returns
        -------
        Network

        Raises
        ------
        ValueError
            For anything else, and for damaged data.
        TypeError
            For anything but bytes.
        """
        with named("from_bytes", "load"):
            return cls._from_bytes(data)

    @classmethod
    def _from_bytes(cls, data: bytes) -> Network:
        net = cls._adopt(_core.network_of_bytes(data))
        try:
            net._check_settings()
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"load: the network file is damaged: {error}") from None
        return net

    def _check_settings(self) -> None:
        """Pass what a file carried through the checks of the setters."""
        self.name = self.name
        for label, function in (("trainParam", "trainFcn"), ("divideParam", "divideFcn")):
            known = DEFAULTS[function][
                chosen(function, getattr(self, function), DEFAULTS[function])
            ]
            stored = self._recall(label, {})
            for entry in stored:
                chosen(label, entry, known)
            getattr(self, label).assign(stored)

    @classmethod
    def _adopt(cls, core: _core.Network) -> Network:
        net = cls.__new__(cls)
        net.assign(core)
        return net

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file that Python and C++ read; see :func:`jacnet.load`.

        Parameters
        ----------
        path : str or path
            Overwritten if it exists.

        Raises
        ------
        OSError
            If the file cannot be written.
        TypeError
            For a path that is none.

        Notes
        -----
        The file is a short text header (format version, structure, names, settings) followed by
        the parameters as little-endian doubles. Nothing in it is executed on reading.
        """
        with opened("save", path, "wb") as file:
            file.write(self.to_bytes())

    # Display ------------------------------------------------------------------------------

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<jacnet.Network{name} {', '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        title = escape(f"{self.name or 'Network'}: {', '.join(self._facts())}")
        return f"<b>{title}</b>{self.layout._repr_html_()}"

    def _facts(self) -> Iterator[str]:
        if not self.layer_sizes:
            yield "no layers"
        else:
            sizes = [_joined(self.input_sizes), *map(_size, self._shown_layers())]
            yield "-".join(sizes) + self._graph
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
        own = self.input_sources, self.layer_sources
        counts = len(self.input_sizes), len(self.layer_sizes)
        if own == connections("chain", *counts):
            return ""
        return " cascade" if own == connections("cascade", *counts) else " graph"


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
            existing = ", ".join(f"{self._kind}[{subscript(entry)}]" for entry in names)
            message = f"no {self._kind}[{subscript(key)}]; there are: {existing or 'none'}"
            raise KeyError(message) from None

    def __getitem__(self, key: Any) -> np.ndarray:
        return self._net.block(self._name(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        view = self[key]
        view[...] = fitted(value, view.shape, f"net.{self._kind}[{subscript(key)}]")

    def __iter__(self) -> Iterator[Any]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        shapes = (f"[{subscript(key)}] {view.shape}" for key, view in self.items())
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
    raise ValueError(f"{what} has shape {array.shape}, expected {shape}{hint}")


def _matrix(sources: Sequence[Sequence[int]], count: int) -> np.ndarray:
    """Layers x sources: which layer reads which."""
    matrix = np.zeros((len(sources), count), bool)
    for row, own in zip(matrix, sources, strict=True):
        row[own] = True
    return matrix


def _attribute_hint(name: str) -> str:
    return suggest(name, [entry for entry in dir(Network) if not entry.startswith("_")])


def subscript(key: Any) -> str:
    """A key as it stands between brackets: ``1, 0``."""
    return ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _size(size: int) -> str:
    return str(size) if size else "?"


def _joined(sizes: Sequence[int]) -> str:
    return _size(sizes[0]) if len(sizes) == 1 else f"({'+'.join(map(_size, sizes))})"
