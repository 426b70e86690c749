"""R's nnet package: nnetHess, in an R process that keeps its own time (``nnet.R``)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..cases import Case
from .base import Call, MissingError, NotOfferedError, Peer

_SCRIPT = Path(__file__).with_name("nnet.R")


class Contender(Peer):
    """The exact Hessian of one hidden layer of logistic units."""

    def __init__(self) -> None:
        if not shutil.which("Rscript"):
            raise MissingError("no Rscript")
        self.process = subprocess.Popen(
            ["Rscript", "--vanilla", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.version = self._ask("version")
        if not self.version:
            raise MissingError("R has no package nnet")

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the call of the Hessian."""
        if quantity != "hessian":
            raise NotOfferedError("only the Hessian is offered")
        if case.hidden != "logsig" or len(case.sizes) != 3:
            raise NotOfferedError("one hidden layer of logistic units only")
        return {"nnetHess": _Hessian(self._ask, case)}

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """From its order of parameters and its sum of squares."""
        order, ours = case.order("rows with bias"), np.empty_like(result)
        ours[np.ix_(order, order)] = result
        return [ours / case.n_errors]

    def _ask(self, command: str) -> str:
        print(command, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


class _Hessian:
    """A call whose time R measures."""

    def __init__(self, ask: Any, case: Case) -> None:
        self.ask, self.p = ask, case.n_parameters
        x, t, wb = case.data
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data"
            weights = wb[case.order("rows with bias")]
            np.concatenate([part.ravel() for part in (weights, x, t)]).tofile(path)
            ask(f"prepare {path} {' '.join(map(str, case.sizes))} {case.n_samples}")

    def __call__(self) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            self.ask(f"result {folder}/result")
            return np.fromfile(f"{folder}/result").reshape(self.p, self.p)

    def seconds(self, loops: int) -> float:
        return float(self.ask(f"time {loops}")) / loops
