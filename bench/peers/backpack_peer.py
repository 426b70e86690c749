"""BackPACK: the exact Hessian's diagonal, and the root of the Gauss-Newton matrix.

For squared errors that root is the Jacobian.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from backpack import backpack, extend
from backpack.extensions import DiagHessian, SqrtGGNExact

from ..cases import Case
from .base import Call, Peer, offered
from .torch_modules import sequential, versions


class Contender(Peer):
    """BackPACK's SqrtGGNExact and DiagHessian."""

    version = versions("backpack-for-pytorch")

    def __init__(self) -> None:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the calls of a quantity."""
        x, t, _ = (torch.from_numpy(part.T.copy()) for part in case.data)
        model = extend(sequential(case))
        parameters = list(model.parameters())
        loss = extend(torch.nn.MSELoss(reduction="sum"))

        def extended(extension: Any, field: str) -> list[Any]:
            with backpack(extension):
                loss(model(x), t).backward()
            found = [getattr(p, field) for p in parameters]
            for p in parameters:
                p.grad = None
                delattr(p, field)
            return found

        def root() -> list[Any]:  # outputs, samples, shape of the parameter
            return extended(SqrtGGNExact(), "sqrt_ggn_exact")

        def gauss_newton() -> Any:
            v = torch.cat([part.flatten(2) for part in root()], 2).flatten(0, 1)
            return (v.T @ v).mul_(1 / t.numel())

        roots = {"SqrtGGNExact": root}
        calls = {
            "jacobian": roots,
            "de_dwb": roots,
            "gauss_newton": {"SqrtGGNExact": gauss_newton},
            "hessian_diagonal": {"DiagHessian": lambda: extended(DiagHessian(), "diag_h")},
        }
        return offered(calls, quantity)

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """From torch's order of parameters; the root of a sum of squares is sqrt(2) J."""
        order = case.order("rows", "bias")
        if quantity == "gauss_newton":
            matrix = np.empty_like(result.numpy())
            matrix[np.ix_(order, order)] = result.numpy()
            return [matrix]
        if quantity == "hessian_diagonal":  # of the sum of squares
            diagonal = np.empty(case.n_parameters)
            diagonal[order] = torch.cat([part.flatten() for part in result]).numpy()
            return [diagonal / case.n_errors]
        root = torch.cat([part.flatten(2) for part in result], 2).numpy()
        matrix = np.empty((case.n_parameters, case.n_errors))
        matrix[order] = root.transpose(2, 1, 0).reshape(case.n_parameters, -1)
        return [(1 if quantity == "jacobian" else -1) * 0.5**0.5 * matrix]
