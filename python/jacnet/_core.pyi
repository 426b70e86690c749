"""The compiled core: everything numerical."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Signals = ArrayLike | Sequence[ArrayLike]  # one array, or one per input or output
Samples = ArrayLike | None
Quantity = Literal["de_dwb", "dperf_dwb"]
Sign = Literal["true", "matlab"]
HessianKind = Literal["exact", "gauss-newton"]
Variables = Literal["parameters", "inputs"]
Step = tuple[str, Mapping[str, float]]
BlockRow = tuple[str, str, int, int, int, int, int, bool]

class Network:
    annotations: dict[str, str]
    performance: str
    regularization: float
    normalization: str
    def build(
        self,
        *,
        input_sizes: Sequence[int],
        layer_sizes: Sequence[int],
        transfer: Sequence[str],
        bias: Sequence[bool],
        input_sources: Sequence[Sequence[int]],
        layer_sources: Sequence[Sequence[int]],
        output_layers: Sequence[int],
        input_processing: Sequence[Sequence[Step]],
        output_processing: Sequence[Sequence[Step]],
    ) -> None: ...
    @property
    def input_sizes(self) -> list[int]: ...
    @property
    def layer_sizes(self) -> list[int]: ...
    @property
    def output_sizes(self) -> list[int]: ...
    @property
    def output_layers(self) -> list[int]: ...
    @property
    def transfer(self) -> list[str]: ...
    @property
    def bias_connect(self) -> list[bool]: ...
    @property
    def input_sources(self) -> list[list[int]]: ...
    @property
    def layer_sources(self) -> list[list[int]]: ...
    @property
    def input_processing(self) -> list[list[dict[str, Any]]]: ...
    @property
    def output_processing(self) -> list[list[dict[str, Any]]]: ...
    @property
    def input_ranges(self) -> list[Array]: ...
    @property
    def output_ranges(self) -> list[Array]: ...
    @property
    def configured(self) -> bool: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def wb(self) -> Array: ...
    @property
    def blocks(self) -> list[BlockRow]: ...
    def block(self, name: str) -> Array: ...
    def set_learn(self, name: str, flag: bool) -> Any: ...
    def set_transfer(self, layer: int, name: str) -> Any: ...
    def configure(self, x: Signals, t: Signals) -> Any: ...
    def init(self, seed: int | None = None) -> Any: ...
    def setwb(self, wb: ArrayLike) -> Any: ...
    def assign(self, other: Network) -> None: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: bytes) -> Network: ...
    def __call__(
        self, x: Signals, *, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...

class Linearization:
    def outputs(self, *, out: Array | None = None) -> Array: ...
    def performance(self) -> float: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def n_outputs(self) -> int: ...
    @property
    def n_inputs(self) -> int: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def n_targets(self) -> int: ...
    def parameters(self) -> Array: ...
    def errors(self, *, out: Array | None = None) -> Array: ...
    def error_scales(self, *, out: Array | None = None) -> Array: ...
    def gradient(self, *, n_threads: int | None = None, out: Array | None = None) -> Array: ...
    def jacobian(
        self,
        wrt: Variables = "parameters",
        *,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def de_dwb(self, *, n_threads: int | None = None, out: Array | None = None) -> Array: ...
    def gram(self, *, n_threads: int | None = None, out: Array | None = None) -> Array: ...
    def normal_equations(
        self, *, n_threads: int | None = None, out: Array | None = None
    ) -> tuple[Array, Array, float]: ...
    def gauss_newton(self, *, n_threads: int | None = None, out: Array | None = None) -> Array: ...
    def hessian(
        self,
        kind: HessianKind = "exact",
        *,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def check(self, *, seed: int = 0, verbose: bool = True) -> Any: ...
    def _made_of(self) -> tuple[Any, ...]: ...

def linearize(
    net: Network,
    x: Signals,
    t: Signals | None = None,
    *,
    ew: Signals | None = None,
    samples: Samples = None,
) -> Linearization: ...
def perform(net: Network, t: Signals, y: Signals, ew: Signals | None = None) -> float: ...
def defaultderiv(
    what: Quantity,
    net: Network,
    x: Signals,
    t: Signals,
    xi: Any = None,
    ai: Any = None,
    ew: Signals | None = None,
    *,
    sign: Sign = "true",
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def staticderiv(
    what: Quantity,
    net: Network,
    x: Signals,
    t: Signals,
    xi: Any = None,
    ai: Any = None,
    ew: Signals | None = None,
    *,
    sign: Sign = "true",
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def num2deriv(
    what: Quantity,
    net: Network,
    x: Signals,
    t: Signals,
    xi: Any = None,
    ai: Any = None,
    ew: Signals | None = None,
    *,
    sign: Sign = "true",
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def num5deriv(
    what: Quantity,
    net: Network,
    x: Signals,
    t: Signals,
    xi: Any = None,
    ai: Any = None,
    ew: Signals | None = None,
    *,
    sign: Sign = "true",
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def gradient(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def gauss_newton(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def hessian(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    kind: HessianKind = "exact",
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def normal_equations(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> tuple[Array, Array, float]: ...
def jacobian(
    net: Network,
    x: Signals,
    wrt: Variables = "parameters",
    *,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def gram(
    net: Network,
    x: Signals,
    *,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def train(
    net: Network,
    x: Signals,
    t: Signals,
    ew: Signals | None,
    options: Mapping[str, Any],
    seed: int | None,
    callback: Callable[[dict[str, Any]], Any] | None,
    n_threads: int | None,
) -> dict[str, Any]: ...
def transfer_functions() -> list[str]: ...
def transfer(name: str, n: ArrayLike, order: Literal[0, 1, 2] = 0) -> Array: ...
def build_info() -> dict[str, Any]: ...
def available_memory() -> float: ...
def buffers(limit: int | None = None) -> dict[str, int]: ...
def clear_buffers() -> None: ...
