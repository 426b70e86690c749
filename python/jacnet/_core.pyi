"""The compiled core: everything numerical."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]  # float32 where dtype says so
Signals = ArrayLike | Sequence[ArrayLike]  # one array, or one per input or output
Samples = ArrayLike | slice | None
Quantity = Literal["de_dwb", "dperf_dwb"]
Sign = Literal["true", "matlab"]
HessianKind = Literal["exact", "gauss-newton"]
Structure = Literal["full", "block", "diagonal"]
Order = Literal["matlab", "torch", "keras", "sklearn"] | None
Variables = Literal["parameters", "inputs"]
RealType = Any  # None, numpy.float64 or numpy.float32, as numpy.dtype takes them
Step = tuple[str, Mapping[str, float]]
BlockRow = tuple[str, str, int, int, int, int, int, bool]

class Network:
    annotations: dict[str, str]
    performance: str
    regularization: float
    normalization: str
    def _build(
        self,
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
    def __call__(
        self, x: Signals, *, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...

def network_of_bytes(data: bytes) -> Network: ...

class Linearization:
    def outputs(self, *, n_threads: int | None = None, out: Array | None = None) -> Array: ...
    def performance(self, *, n_threads: int | None = None) -> float: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def n_outputs(self) -> int: ...
    @property
    def n_inputs(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def n_targets(self) -> int: ...
    @property
    def has_targets(self) -> bool: ...
    def parameters(self) -> Array: ...
    def errors(self, *, n_threads: int | None = None, out: Array | None = None) -> Array: ...
    def error_scales(self, *, out: Array | None = None) -> Array: ...
    def gradient(
        self, *, order: Order = None, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def jacobian(
        self,
        wrt: Variables = "parameters",
        *,
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def de_dwb(
        self, *, order: Order = None, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def gram(
        self, *, traced: bool = False, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def input_hessian(self, *, n_threads: int | None = None, out: Array | None = None) -> Array: ...
    def laplacian(self, *, n_threads: int | None = None, out: Array | None = None) -> Array: ...
    def input_jvp(
        self, v: Signals, *, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def input_vjp(
        self, u: Signals, *, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def input_hvp(
        self, u: Signals, v: Signals, *, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def normal_equations(
        self, *, order: Order = None, n_threads: int | None = None, out: Array | None = None
    ) -> tuple[Array, Array, float]: ...
    def gauss_newton(
        self, *, order: Order = None, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def hessian(
        self,
        kind: HessianKind = "exact",
        *,
        structure: Structure = "full",
        packed: bool = False,
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Any: ...
    def gradients(
        self, *, order: Order = None, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def hessians(
        self,
        kind: HessianKind = "exact",
        *,
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def check(
        self, *, seed: int = 0, verbose: bool = True, n_threads: int | None = None
    ) -> Any: ...
    def jvp(
        self,
        v: ArrayLike,
        *,
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def vjp(
        self,
        u: ArrayLike,
        *,
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def hvp(
        self,
        v: ArrayLike,
        *,
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def ggnvp(
        self,
        v: ArrayLike,
        *,
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def hessian_diagonal(
        self,
        kind: HessianKind = "exact",
        *,
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def gauss_newton_diagonal(
        self, *, order: Order = None, n_threads: int | None = None, out: Array | None = None
    ) -> Array: ...
    def hessian_trace(
        self, kind: HessianKind = "exact", *, n_threads: int | None = None
    ) -> float: ...
    def hessian_block(
        self,
        rows: Any,
        cols: Any = None,
        *,
        kind: HessianKind = "exact",
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def fisher(
        self,
        *,
        structure: Literal["full", "diagonal"] = "full",
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def empirical_fisher(
        self,
        *,
        structure: Literal["full", "diagonal"] = "full",
        order: Order = None,
        n_threads: int | None = None,
        out: Array | None = None,
    ) -> Array: ...
    def with_loss(self, dloss: ArrayLike, d2loss: ArrayLike | None = None) -> Linearization: ...
    def _made_of(self) -> tuple[Any, ...]: ...

def linearize(
    net: Network,
    x: Signals,
    t: Signals | None = None,
    *,
    ew: Signals | None = None,
    samples: Samples = None,
    dtype: RealType = None,
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
    order: Order = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
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
    order: Order = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
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
    order: Order = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
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
    order: Order = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
) -> Array: ...
def gradient(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
) -> Array: ...
def gauss_newton(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
) -> Array: ...
def hessian(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    kind: HessianKind = "exact",
    structure: Structure = "full",
    packed: bool = False,
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
) -> Any: ...
def gradients(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def hessians(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    kind: HessianKind = "exact",
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def hessian_diagonal(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    kind: HessianKind = "exact",
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def gauss_newton_diagonal(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def fisher(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    structure: Literal["full", "diagonal"] = "full",
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def empirical_fisher(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    structure: Literal["full", "diagonal"] = "full",
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def hessian_trace(
    net: Network,
    x: Signals,
    t: Signals,
    *,
    kind: HessianKind = "exact",
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
) -> float: ...
def hessian_block(
    net: Network,
    x: Signals,
    t: Signals,
    rows: Any,
    cols: Any = None,
    *,
    kind: HessianKind = "exact",
    order: Order = None,
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
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
) -> tuple[Array, Array, float]: ...
def jacobian(
    net: Network,
    x: Signals,
    wrt: Variables = "parameters",
    *,
    order: Order = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
) -> Array: ...
def gram(
    net: Network,
    x: Signals,
    *,
    traced: bool = False,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
) -> Array: ...
def ntk(
    net: Network,
    x1: Signals,
    x2: Signals | None = None,
    *,
    traced: bool = False,
    n_threads: int | None = None,
    out: Array | None = None,
    dtype: RealType = None,
) -> Array: ...
def input_hessian(
    net: Network,
    x: Signals,
    *,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def laplacian(
    net: Network,
    x: Signals,
    *,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def input_jvp(
    net: Network,
    x: Signals,
    v: Signals,
    *,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def input_vjp(
    net: Network,
    x: Signals,
    u: Signals,
    *,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def input_hvp(
    net: Network,
    x: Signals,
    u: Signals,
    v: Signals,
    *,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def jvp(
    net: Network,
    x: Signals,
    v: ArrayLike,
    *,
    order: Order = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def vjp(
    net: Network,
    x: Signals,
    u: ArrayLike,
    *,
    order: Order = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def hvp(
    net: Network,
    x: Signals,
    t: Signals,
    v: ArrayLike,
    *,
    order: Order = None,
    ew: Signals | None = None,
    samples: Samples = None,
    n_threads: int | None = None,
    out: Array | None = None,
) -> Array: ...
def ggnvp(
    net: Network,
    x: Signals,
    t: Signals,
    v: ArrayLike,
    *,
    order: Order = None,
    ew: Signals | None = None,
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
