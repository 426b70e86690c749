"""JAX, compiled, in float64: every idiom that may be the fastest; compilation is not timed.

"flat", "blocks" and "matrix" mean what they mean for torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from ..cases import Case
from . import jax_curvature
from .base import Call, LayerModel, Peer, offered

_SMALL = 400  # parameters up to which a Hessian is taken in one piece
_CHUNKS = (32, 128)  # columns at a time beyond that


class Contender(Peer):
    """JAX's jit."""

    version = jax.__version__

    def __init__(self) -> None:
        jax.config.update("jax_enable_x64", True)

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the idioms for a quantity; each is compiled by its first call."""
        if quantity in ("hvp", "ggnvp"):
            return jax_curvature.products(case, _Model(case), quantity)
        if quantity == "gram":
            return jax_curvature.gram(case, _Model(case))
        x, t, wb = (jnp.asarray(part.T) for part in case.data)
        functions = offered(_functions(case, _Model(case)), quantity)
        calls = {name: _compiled(function, wb, x, t) for name, function in functions.items()}
        if quantity == "input_jacobian":
            calls.update(_constant_weights(case, _Model(case), wb, x))
        return calls

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """Put blocks together, and bring Jacobians to one column per error."""
        if quantity in ("jacobian", "de_dwb"):
            return [np.asarray(_Model(case).matrix(result)).T]
        if quantity == "forward":
            return [np.asarray(result).T]
        if quantity == "input_jacobian":
            return [np.asarray(result).reshape(-1, case.n_outputs, case.sizes[0])]
        if quantity in ("hvp", "ggnvp"):
            parts = result if isinstance(result, (list, tuple)) else [result]
            return [np.concatenate([np.ravel(part) for part in parts])]
        return super().comparable(case, quantity, result)


class _Model(LayerModel):
    """A chain of layers, on one sample or on samples in rows."""

    def __init__(self, case: Case) -> None:
        super().__init__(case, jnp.tanh if case.hidden == "tansig" else jax.nn.sigmoid)

    def split(self, wb: Any) -> list[Any]:
        """Bias and weights (inputs x outputs) of every layer."""
        return [
            part
            for bias, weight, h, k in self.layers
            for part in (wb[bias], wb[weight].reshape(k, h))
        ]

    @staticmethod
    def matrix(jacobian: Any) -> Any:
        """One row per error."""
        if isinstance(jacobian, (list, tuple)):
            parts = [block.reshape(*block.shape[:2], -1) for block in jacobian]
            jacobian = jnp.concatenate(parts, 2)
        return jacobian.reshape(-1, jacobian.shape[-1])  # samples and outputs are rows


def _functions(case: Case, model: _Model) -> dict[str, dict[str, Callable[..., Any]]]:
    def errors(w, x, t):
        return t - model.flat(w, x)

    def block_errors(blocks, x, t):
        return t - model.blocks(blocks, x)

    def loss(w, x, t):
        return jnp.mean(errors(w, x, t) ** 2)

    def normal_equations(jacobian):
        def evaluate(w, x, t):
            j, e = model.matrix(jacobian(w, x, t)), errors(w, x, t).ravel()
            return j.T @ j, j.T @ e, e @ e

        return evaluate

    def gauss_newton(jacobian):
        return lambda w, x, t: 2 / t.size * normal_equations(jacobian)(w, x, t)[0]

    def mapped(chunk):
        def hessian(w, x, t):
            _, column = jax.linearize(lambda v: jax.grad(loss)(v, x, t), w)
            return jax.lax.map(column, jnp.eye(w.size), batch_size=min(w.size, chunk))

        return hessian

    modes = {"jacrev": jax.jacrev, "jacfwd": jax.jacfwd}
    if case.n_parameters > 1000:  # a tangent for each parameter and sample
        del modes["jacfwd"]
    de_dwb = {f"{k}, flat": jax.vmap(f(errors), (None, 0, 0)) for k, f in modes.items()}
    by_blocks = jax.vmap(jax.jacrev(block_errors), (None, 0, 0))
    de_dwb["jacrev, blocks"] = lambda w, x, t: by_blocks(model.split(w), x, t)
    dy_dw = {f"{k}, flat": jax.vmap(f(model.flat), (None, 0)) for k, f in modes.items()}
    outputs_by_blocks = jax.vmap(jax.jacrev(model.blocks), (None, 0))
    jacobians = {k: lambda w, x, t, f=f: f(w, x) for k, f in dy_dw.items()}
    jacobians["jacrev, blocks"] = lambda w, x, t: outputs_by_blocks(model.split(w), x)
    products = dict(de_dwb)  # J of any form makes J'J
    for jacobian in (de_dwb, jacobians):
        blocks = jacobian["jacrev, blocks"]
        jacobian["jacrev, matrix"] = lambda *args, f=blocks: model.matrix(f(*args))
    inputs = {
        k: jax.vmap(f(model.flat, 1), (None, 0))
        for k, f in {"jacrev": jax.jacrev, "jacfwd": jax.jacfwd}.items()
    }
    hessians = {f"lax.map, {chunk} columns at a time": mapped(chunk) for chunk in _CHUNKS}
    if case.n_parameters <= _SMALL:
        hessians["jacfwd of jacrev"] = jax.jacfwd(jax.jacrev(loss))
    return {
        "forward": {"jit": lambda w, x, t: model.flat(w, x)},
        "input_jacobian": {k: lambda w, x, t, f=f: f(w, x) for k, f in inputs.items()},
        "jacobian": jacobians,
        "de_dwb": de_dwb,
        "gradient": {"grad": jax.grad(loss)},
        "normal_equations": {k: normal_equations(f) for k, f in products.items()},
        "gauss_newton": {k: gauss_newton(f) for k, f in products.items()},
        "hessian": hessians,
    }


def _constant_weights(case: Case, model: _Model, wb: Any, x: Any) -> dict[str, Call]:
    """Input Jacobians of a function of the inputs alone; for one sample also without vmap."""
    calls = {}
    for name, mode in (("jacrev", jax.jacrev), ("jacfwd", jax.jacfwd)):
        one = mode(lambda sample: model.flat(wb, sample))
        calls[f"{name}, weights constant"] = _compiled(jax.vmap(one), x)
        if case.n_samples == 1:
            calls[f"{name}, one sample"] = _compiled(one, x[0])
    return calls


def _compiled(function: Callable[..., Any], *arguments: Any) -> Call:
    compiled = jax.jit(function)
    return lambda: jax.block_until_ready(compiled(*arguments))
