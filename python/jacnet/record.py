"""The training record: what happened in each epoch and why training stopped."""

# ruff: noqa: N815  (the fields have MATLAB's names)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from ._calls import public_methods


@public_methods("tr")
class TrainingRecord(Mapping[str, Any]):
    """Record of a training run, with MATLAB's field names; ``tr.perf`` and ``tr["perf"]`` alike.

    Attributes
    ----------
    trainFcn, trainParam, performFcn, performParam, derivFcn : str or dict
        How the network was trained.
    divideFcn, divideMode, divideParam : str or dict
        How the samples were divided.
    trainInd, valInd, testInd : ndarray of int
        Samples of each part, from 0, ascending.
    trainMask, valMask, testMask : ndarray, shape (S, Q)
        1 where a target belongs to the part, NaN elsewhere.
    stop : str
        Why training stopped.
    num_epochs, best_epoch : int
        Epochs made, and the epoch whose network was returned.
    goal : float
    states : list of str
        Names of the arrays below.
    epoch, time, perf, vperf, tperf, mu, gradient, val_fail : ndarray
        One entry per epoch, the first before any step; length ``num_epochs + 1``. `time` is in
        seconds; `perf`, `vperf` and `tperf` are the performance on training, validation and test
        samples (NaN where there are none).
    best_perf, best_vperf, best_tperf : float
        Their values at `best_epoch`.
    """

    trainFcn: str
    trainParam: dict[str, Any]
    performFcn: str
    performParam: dict[str, Any]
    derivFcn: str
    divideFcn: str
    divideMode: str
    divideParam: dict[str, Any]
    trainInd: np.ndarray
    valInd: np.ndarray
    testInd: np.ndarray
    trainMask: np.ndarray | list[np.ndarray]
    valMask: np.ndarray | list[np.ndarray]
    testMask: np.ndarray | list[np.ndarray]
    stop: str
    num_epochs: int
    best_epoch: int
    goal: float
    states: list[str]
    epoch: np.ndarray
    time: np.ndarray
    perf: np.ndarray
    vperf: np.ndarray
    tperf: np.ndarray
    mu: np.ndarray
    gradient: np.ndarray
    val_fail: np.ndarray
    best_perf: float
    best_vperf: float
    best_tperf: float

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.__dict__.update(fields)

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        parts = (f"{name} {text}" for name, text in self._summary())
        return f"<jacnet.TrainingRecord: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>"
            for name, text in self._summary()
        )
        return f"<table><caption>Training record</caption>{''.join(rows)}</table>"

    def _summary(self) -> Iterator[tuple[str, str]]:
        yield "trainFcn", self.trainFcn
        yield "stop", repr(self.stop)
        yield "num_epochs", str(self.num_epochs)
        yield "best_epoch", str(self.best_epoch)
        for name in ("best_perf", "best_vperf", "best_tperf"):
            if np.isfinite(self[name]):
                yield name, f"{self[name]:.4g}"
