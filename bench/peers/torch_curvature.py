"""torch: products with the Hessian and the Gauss-Newton matrix.

"kept" keeps the graph, or the linear map, of an evaluation before the clock runs; "blocks" takes
and gives a tensor for each bias and weight, and is spared cutting up one vector.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import func

from ..cases import Case
from .base import Call


def products(case: Case, model: Any, quantity: str) -> dict[str, Call]:
    """Return ways to the Hessian (hvp) or Gauss-Newton matrix (ggnvp) times the direction."""
    x, t, wb, v = (torch.from_numpy(part.T.copy()) for part in (*case.data, case.direction))
    ways = _hessian_ways if quantity == "hvp" else _gauss_newton_ways
    calls = ways(lambda w: model.flat(w, x), t, (wb,), (v,))
    blocks, directions = tuple(model.split(wb)), tuple(model.split(v))
    by_blocks = ways(lambda *parts: model.blocks(parts, x), t, blocks, directions)
    return calls | {f"{name}, blocks": call for name, call in by_blocks.items()}


def _hessian_ways(outputs: Any, t: Any, at: Any, along: Any) -> dict[str, Call]:
    def loss(*w: Any) -> Any:
        return torch.mean((t - outputs(*w)) ** 2)

    gradient = func.grad(loss, argnums=tuple(range(len(at))))
    leaves = [part.clone().requires_grad_() for part in at]
    kept = torch.autograd.grad(loss(*leaves), leaves, create_graph=True)
    return {
        "jvp of grad": lambda: func.jvp(gradient, at, along)[1],
        "vjp of grad": lambda: func.vjp(gradient, *at)[1](along),
        "autograd hvp": lambda: torch.autograd.functional.hvp(loss, at, along)[1],
        "autograd vhp": lambda: torch.autograd.functional.vhp(loss, at, along)[1],
        "kept graph": lambda: torch.autograd.grad(kept, leaves, along, retain_graph=True),
        **_linearized(gradient, at, along, lambda dg: dg),
    }


def _gauss_newton_ways(outputs: Any, t: Any, at: Any, along: Any) -> dict[str, Call]:
    scale = 2 / t.numel()

    def once() -> Any:
        dy = func.jvp(outputs, at, along)[1]
        return func.vjp(outputs, *at)[1](scale * dy)

    def twice_reverse() -> Any:
        y, vjp = func.vjp(outputs, *at)
        dy = func.vjp(vjp, torch.zeros_like(y))[1](along)[0]
        return vjp(scale * dy)

    leaves = [part.clone().requires_grad_() for part in at]
    y = outputs(*leaves)
    u = torch.zeros_like(y, requires_grad=True)
    back = torch.autograd.grad(y, leaves, u, create_graph=True)

    def transposed(dy: Any) -> Any:
        return torch.autograd.grad(y, leaves, scale * dy, retain_graph=True)

    def kept() -> Any:
        return transposed(torch.autograd.grad(back, u, along, retain_graph=True)[0])

    return {
        "jvp and vjp": once,
        "vjp of vjp": twice_reverse,
        "kept graph": kept,
        **_linearized(outputs, at, along, transposed),
    }


def _linearized(function: Any, at: Any, along: Any, then: Any) -> dict[str, Call]:
    """torch.func.linearize, where this torch has it and it takes the function."""
    try:
        _, product = func.linearize(function, *at)
    except Exception:  # tracing is experimental
        return {}
    return {"kept linear map": lambda: then(product(*along))}
