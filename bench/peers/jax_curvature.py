"""JAX: products with the Hessian and the Gauss-Newton matrix, and the tangent kernel.

"kept" linearizes once, before the clock runs, and times the linear map alone; "blocks" takes and
gives an array for each bias and weight, and is spared cutting up one vector. The kernel is formed
by the three algorithms of Novak, Sohl-Dickstein and Schoenholz (2022), "Fast finite width neural
tangent kernel", written out for a chain of layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp

from ..cases import Case
from .base import Call

_MOST_JACOBIAN = 1e9  # bytes; XLA holds more than one


def products(case: Case, model: Any, quantity: str) -> dict[str, Call]:
    """Return ways to the Hessian (hvp) or Gauss-Newton matrix (ggnvp) times the direction."""
    x, t, wb, v = (jnp.asarray(part.T) for part in (*case.data, case.direction))
    ways = _hessian_ways if quantity == "hvp" else _gauss_newton_ways
    blocks, directions = model.split(wb), model.split(v)
    calls = {}
    for suffix, forward, at, along in (
        ("", model.flat, wb, v),
        (", blocks", model.blocks, blocks, directions),
    ):
        once, keep = ways(forward, t.size)
        for name, function in once.items():
            calls[f"{name}{suffix}"] = _timed(jax.jit(function), at, along, x, t)
        calls[f"kept{suffix}"] = _timed(jax.jit(keep(at, x, t)), along)
    return calls


def gram(case: Case, model: Any) -> dict[str, Call]:
    """Return ways to the tangent kernel of all outputs, rows and columns as jacnet's."""
    x, _, wb = (jnp.asarray(part.T) for part in case.data)
    ways = {
        "structured derivatives": _structured,
        "tangent products": _tangent_products,
    }
    if case.result_bytes("jacobian") < _MOST_JACOBIAN:
        ways["Jacobian contraction"] = _jacobian_contraction
    return {name: _timed(jax.jit(way(model)), wb, x) for name, way in ways.items()}


def _timed(function: Callable[..., Any], *arguments: Any) -> Call:
    return lambda: jax.block_until_ready(function(*arguments))


def _hessian_ways(forward: Any, n_errors: int) -> tuple[dict[str, Any], Any]:
    def loss(w, x, t):
        return jnp.sum((t - forward(w, x)) ** 2) / n_errors

    gradient = jax.grad(loss)

    def reverse_over_reverse(w, v, x, t):
        return jax.vjp(lambda u: gradient(u, x, t), w)[1](v)[0]

    def forward_over_reverse(w, v, x, t):
        return jax.jvp(lambda u: gradient(u, x, t), (w,), (v,))[1]

    def reverse_over_forward(w, v, x, t):
        return jax.grad(lambda u: jax.jvp(lambda q: loss(q, x, t), (u,), (v,))[1])(w)

    def keep(w, x, t):
        return jax.linearize(lambda u: gradient(u, x, t), w)[1]

    once = {
        "jvp of grad": forward_over_reverse,
        "grad of jvp": reverse_over_forward,
        "vjp of grad": reverse_over_reverse,
    }
    return once, keep


def _gauss_newton_ways(forward: Any, n_errors: int) -> tuple[dict[str, Any], Any]:
    def product(outputs: Any, w: Any, v: Any) -> Any:
        dy = jax.jvp(outputs, (w,), (v,))[1]
        return jax.vjp(outputs, w)[1](2 / n_errors * dy)[0]

    def linearized(outputs: Any, w: Any) -> Any:
        _, jvp = jax.linearize(outputs, w)
        _, vjp = jax.vjp(outputs, w)
        return lambda v: vjp(2 / n_errors * jvp(v))[0]

    once = {
        "jvp and vjp": lambda w, v, x, t: product(lambda u: forward(u, x), w, v),
        "linearize and vjp": lambda w, v, x, t: linearized(lambda u: forward(u, x), w)(v),
    }

    def keep(w, x, t):
        return linearized(lambda u: forward(u, x), w)

    return once, keep


def _jacobian_contraction(model: Any) -> Callable[..., Any]:
    def kernel(w, x):
        jacobians = jax.vmap(jax.jacrev(model.blocks), (None, 0))(model.split(w), x)
        rows = [block.reshape(-1, block[0, 0].size) for block in jacobians]
        return sum(block @ block.T for block in rows)

    return kernel


def _tangent_products(model: Any) -> Callable[..., Any]:
    def kernel(w, x):
        _, jvp = jax.linearize(lambda blocks: model.blocks(blocks, x), model.split(w))

        def rows(one):
            y, vjp = jax.vjp(lambda blocks: model.blocks(blocks, one), model.split(w))
            return jax.vmap(lambda unit: jvp(vjp(unit)[0]).ravel())(jnp.eye(y.size))

        found = jax.lax.map(rows, x)
        return found.reshape(-1, found.shape[-1])

    return kernel


def _structured(model: Any) -> Callable[..., Any]:
    """Sum over layers of (products of sources) times (products of sensitivities)."""

    def kernel(w, x):
        blocks = model.split(w)
        shifts = [jnp.zeros(bias.size) for bias in blocks[::2]]

        def one(sample):
            def shifted(shift):
                biases = [b + s for b, s in zip(blocks[::2], shift, strict=True)]
                pairs = zip(biases, blocks[1::2], strict=True)
                return model.blocks([part for pair in pairs for part in pair], sample)

            return jax.jacrev(shifted)(shifts)

        sensitivities = jax.vmap(one)(x)
        total, sources = 0.0, x
        for i, d in enumerate(sensitivities):
            n, m, h = d.shape
            rows = d.reshape(n * m, h)
            products = 1.0 + sources @ sources.T
            total += products[:, None, :, None] * (rows @ rows.T).reshape(n, m, n, m)
            sources = model.transfer(sources @ blocks[2 * i + 1] + blocks[2 * i])
        return total.reshape(n * m, n * m)

    return kernel
