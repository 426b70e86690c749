"""torch-levenberg-marquardt: epochs of training."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch_levenberg_marquardt.damping import StandardDampingStrategy
from torch_levenberg_marquardt.training import LevenbergMarquardtModule

from ..cases import DAMPING, EPOCHS, Case
from .base import Call, NotOfferedError, Peer
from .torch_modules import sequential, versions


class Contender(Peer):
    """The package's training step, with each of its ways of solving that Cholesky can stand for."""

    version = versions("torch-levenberg-marquardt")

    def __init__(self) -> None:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the calls of a quantity."""
        if quantity != "epochs":
            raise NotOfferedError("only training is offered")
        if case.n_errors < case.n_parameters:
            raise NotOfferedError("damps the dual system by another rule")
        x, t, _ = (torch.from_numpy(part.T.copy()) for part in case.data)
        return {
            f"{solver}{'' if vmap else ', no vmap'}": _training(case, x, t, solver, vmap)
            for solver in ("cholesky", "solve")
            for vmap in (True, False)
        }

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """From torch's order of parameters."""
        wb = np.empty(case.n_parameters)
        wb[case.order("rows", "bias")] = result.numpy()
        return [wb]


def _training(case: Case, x: Any, t: Any, solver: str, vmap: bool) -> Call:
    trainer = LevenbergMarquardtModule(
        sequential(case), damping_strategy=_damping(case), solve_method=solver, use_vmap=vmap
    )
    start = trainer.flat_params.clone()

    def train() -> Any:
        trainer.flat_params.copy_(start)
        trainer.backup_parameters()
        trainer.damping_strategy = _damping(case)
        for _ in range(EPOCHS):
            trainer.training_step(x, t)
        return trainer.flat_params.clone()

    return train


def _damping(case: Case) -> StandardDampingStrategy:
    strategy = StandardDampingStrategy(min_value=0.0)
    # Its normal equations are divided by samples, MATLAB's by errors. In double: the class would
    # round 1e-3 to single.
    strategy.damping_factor = torch.tensor(DAMPING * case.n_outputs, dtype=torch.float64)
    return strategy
