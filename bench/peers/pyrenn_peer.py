"""pyrenn: real-time recurrent learning's Jacobian, and training by Levenberg-Marquardt."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
import pyrenn

from ..cases import DAMPING, EPOCHS, Case
from .base import Call, NotOfferedError, Peer, offered

_MOST = 3e6  # elements of a Jacobian; beyond, a call takes minutes


class Contender(Peer):
    """pyrenn's RTRL, BPTT and train_LM."""

    version = version("pyrenn")

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the call of a quantity."""
        if case.hidden != "tansig":
            raise NotOfferedError("tansig only")
        if case.result_bytes("jacobian") > 8 * _MOST or case.n_samples > 20_000:
            raise NotOfferedError("takes minutes")
        x, t, wb = case.data
        start = wb[case.order("columns", "bias")]
        net = pyrenn.CreateNN(list(case.sizes))
        net["w"] = start.copy()
        data, net = pyrenn.prepare_data(x, t, net)

        def epochs() -> np.ndarray:
            net["w"] = start.copy()
            factor = DAMPING * case.n_errors
            return pyrenn.train_LM(x, t, net, EPOCHS, 0.0, dampfac=factor)["w"]

        jacobian = {"RTRL": lambda: pyrenn.RTRL(net, data)[0]}
        calls = {
            "jacobian": jacobian,
            "de_dwb": jacobian,
            "gradient": {"BPTT": lambda: pyrenn.BPTT(net, data)[0]},
            "epochs": {"train_LM": epochs},
        }
        return offered(calls, quantity)

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """From its order of parameters, its sum of squares, and its sign of the Jacobian."""
        result = np.asarray(result).T
        ours = np.empty_like(result)
        ours[case.order("columns", "bias")] = result
        if quantity == "gradient":
            ours = ours.ravel() / case.n_errors
        return [-ours if quantity == "jacobian" else ours]
