"""torch.func, in float64: every idiom that may be the fastest.

"flat" differentiates by one vector of parameters and gives one matrix; "blocks" differentiates by
a tensor per weight, gives a tensor per weight, and is spared putting the matrix together; "matrix"
does that, too.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import func

from ..cases import Case
from . import torch_curvature
from .base import Call, LayerModel, Peer, offered

_CHUNK = 128  # columns of a Hessian at a time: all at once would not fit into memory


class Contender(Peer):
    """torch.func."""

    version = torch.__version__

    def __init__(self) -> None:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the idioms for a quantity."""
        x, t, wb = (torch.from_numpy(part.T.copy()) for part in case.data)
        model = _Model(case)
        if quantity in ("hvp", "ggnvp"):
            return torch_curvature.products(case, model, quantity)
        blocks = model.split(wb)
        flat = {"jacrev": func.jacrev, "jacfwd": func.jacfwd}
        if case.n_parameters > 1000:  # a tangent for each parameter and sample
            del flat["jacfwd"]
        by_flat = {k: func.vmap(f(model.flat), (None, 0)) for k, f in flat.items()}
        by_blocks = func.vmap(func.jacrev(model.blocks), (None, 0))
        inputs = {
            k: func.vmap(f(model.flat, argnums=1), (None, 0))
            for k, f in {"jacrev": func.jacrev, "jacfwd": func.jacfwd}.items()
        }
        gradient = func.grad(lambda w: torch.mean((t - model.flat(w, x)) ** 2))
        eye = torch.eye(case.n_parameters, dtype=torch.float64)
        column = lambda v: func.jvp(gradient, (wb,), (v,))[1]  # noqa: E731
        columns = {
            # torch.func.hessian, with the chunks that its jacfwd does not offer
            "forward over reverse": lambda w: func.vmap(column, chunk_size=_CHUNK)(eye),
            "reverse over reverse": func.jacrev(gradient, chunk_size=_CHUNK),
        }
        jacobians = {f"{k}, flat": lambda f=f: f(wb, x) for k, f in by_flat.items()}
        jacobians["jacrev, blocks"] = lambda: by_blocks(blocks, x)
        jacobians["jacrev, matrix"] = lambda: model.matrix(by_blocks(blocks, x))

        def normal_equations(jacobian: Call) -> Any:
            j, e = model.matrix(jacobian()), (model.flat(wb, x) - t).ravel()
            return j.T @ j, j.T @ e, e @ e

        normal = {k: lambda f=f: normal_equations(f) for k, f in jacobians.items()}
        del normal["jacrev, matrix"]  # the same as blocks here
        calls = {
            "forward": {"torch": lambda: model.flat(wb, x)},
            "input_jacobian": {k: lambda f=f: f(wb, x) for k, f in inputs.items()},
            "jacobian": jacobians,
            "de_dwb": jacobians,  # a model of t - y would give the sign for free
            "gradient": {"func.grad": lambda: gradient(wb), "autograd": _autograd(model, wb, x, t)},
            "normal_equations": normal,
            "gauss_newton": {k: lambda f=f: 2 / t.numel() * f()[0] for k, f in normal.items()},
            "hessian": {k: lambda f=f: f(wb) for k, f in columns.items()},
        }
        return offered(calls, quantity)

    def comparable(self, case: Case, quantity: str, result: Any) -> list[Any]:
        """Put blocks together, and bring Jacobians to one column per error."""
        if quantity in ("jacobian", "de_dwb"):
            sign = 1 if quantity == "jacobian" else -1
            return [sign * _Model(case).matrix(result).numpy().T]
        if quantity == "forward":
            return [result.numpy().T]
        if quantity in ("hvp", "ggnvp"):
            return [torch.cat([part.detach().ravel() for part in result]).numpy()]
        return super().comparable(case, quantity, result)


class _Model(LayerModel):
    """A chain of layers on samples in rows, or on one sample."""

    def __init__(self, case: Case) -> None:
        super().__init__(case, torch.tanh if case.hidden == "tansig" else torch.sigmoid)
        self.lengths = [length for _, _, h, k in self.layers for length in (h, h * k)]

    def split(self, wb: Any) -> list[Any]:
        """Bias and weights (inputs x outputs) of every layer."""
        parts = torch.split(wb, self.lengths)
        shapes = [shape for _, _, h, k in self.layers for shape in ((h,), (k, h))]
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    @staticmethod
    def matrix(jacobian: Any) -> Any:
        """One row per error."""
        if isinstance(jacobian, (list, tuple)):
            jacobian = torch.cat([block.flatten(2) for block in jacobian], 2)
        return jacobian.flatten(0, 1) if jacobian.ndim == 3 else jacobian


def _autograd(model: _Model, wb: Any, x: Any, t: Any) -> Call:
    blocks = [part.clone().requires_grad_() for part in model.split(wb)]

    def gradient() -> Any:
        loss = torch.mean((t - model.blocks(blocks, x)) ** 2)
        return torch.cat([g.ravel() for g in torch.autograd.grad(loss, blocks)])

    return gradient
