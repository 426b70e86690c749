"""neural-tangents: the empirical tangent kernel by its three implementations, jitted, in float64.

Its last release wants a JAX of its time: give it a Python of its own (see bench/README.md). The
part of it that needs TensorFlow is left out.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from ..cases import Case
from .base import Call, LayerModel, NotOfferedError, Peer

sys.modules.setdefault("neural_tangents.experimental", ModuleType("experimental"))
nt = import_module("neural_tangents")

_MOST_JACOBIAN = 1e9  # bytes; XLA holds more than one
_WAYS = {
    "structured derivatives": nt.NtkImplementation.STRUCTURED_DERIVATIVES,
    "NTK-vector products": nt.NtkImplementation.NTK_VECTOR_PRODUCTS,
    "Jacobian contraction": nt.NtkImplementation.JACOBIAN_CONTRACTION,
}


class Contender(Peer):
    """neural-tangents' empirical_ntk_fn."""

    version = f"{nt.__version__} (jax {jax.__version__})"

    def __init__(self) -> None:
        jax.config.update("jax_enable_x64", True)

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the implementations; each is compiled by its first call."""
        if quantity != "gram":
            raise NotOfferedError("not offered")
        x, _, wb = case.data
        model = _Model(case)
        blocks, samples = model.split(jnp.asarray(wb)), jnp.asarray(x.T)
        calls = {name: _call(model, way, samples, blocks) for name, way in _WAYS.items()}
        if case.result_bytes("jacobian") > _MOST_JACOBIAN:
            del calls["Jacobian contraction"]
        return calls

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """From (samples, samples, outputs, outputs)."""
        return [np.asarray(result).transpose(0, 2, 1, 3).reshape(case.n_errors, case.n_errors)]


class _Model(LayerModel):
    """A chain of layers on samples in rows."""

    def __init__(self, case: Case) -> None:
        super().__init__(case, jnp.tanh if case.hidden == "tansig" else jax.nn.sigmoid)

    def split(self, wb: Any) -> list[Any]:
        """Bias and weights (inputs x outputs) of every layer."""
        return [
            part
            for bias, weight, h, k in self.layers
            for part in (wb[bias], wb[weight].reshape(k, h))
        ]


def _call(model: _Model, way: Any, samples: Any, blocks: Any) -> Call:
    kernel = nt.empirical_ntk_fn(model.blocks, trace_axes=(), vmap_axes=0, implementation=way)
    # None for the second set of samples: the kernel of the first with itself
    compiled = jax.jit(lambda x, parameters: kernel(x, None, parameters))
    return lambda: jax.block_until_ready(compiled(samples, blocks))
