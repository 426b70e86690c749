"""curvlinops: its linear operators times a vector, or the identity, some columns at a time."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from curvlinops import GGNLinearOperator, HessianLinearOperator
from torch import nn

from ..cases import Case
from .base import Call, NotOfferedError, Peer
from .torch_modules import sequential, versions

_CHUNK = 128
_OPERATORS = {
    "gauss_newton": GGNLinearOperator,
    "hessian": HessianLinearOperator,
    "ggnvp": GGNLinearOperator,
    "hvp": HessianLinearOperator,
}


class Contender(Peer):
    """curvlinops' GGN and Hessian operators."""

    version = versions("curvlinops-for-pytorch")

    def __init__(self) -> None:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the call of a quantity."""
        if quantity not in _OPERATORS:
            raise NotOfferedError("not offered")
        x, t, _ = (torch.from_numpy(part.T.copy()) for part in case.data)
        model = sequential(case)
        operator = _OPERATORS[quantity](
            model,
            nn.MSELoss(),
            list(model.parameters()),
            [(x, t)],
            check_deterministic=False,
        )
        if quantity in ("ggnvp", "hvp"):
            v = torch.from_numpy(case.direction[case.order("rows", "bias")])
            return {"times a vector": lambda: operator @ v}
        columns = torch.split(torch.eye(case.n_parameters, dtype=torch.float64), _CHUNK, 1)
        return {"times the identity": lambda: torch.cat([operator @ part for part in columns], 1)}

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """From torch's order of parameters."""
        order = case.order("rows", "bias")
        ours = np.empty(result.shape)
        ours[np.ix_(order, order) if ours.ndim == 2 else order] = result.detach().numpy()
        return [ours]
