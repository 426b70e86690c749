"""ALGLIB: gradient and Hessian of its multilayer perceptrons, from C++ (``cpp/alglib.cpp``)."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from .. import compilation
from ..cases import Case
from .base import Call, NotOfferedError, Peer, offered


class Contender(Peer):
    """ALGLIB's mlpgradnbatch and mlphessiannbatch."""

    def __init__(self) -> None:
        source = compilation.SOURCES / "alglib.cpp"
        flags = ["-O2", "-std=c++17", "-shared", "-fPIC", "-I/usr/include/libalglib"]
        self.library = ctypes.CDLL(str(compilation.compiled(source, flags, ["-lalglib"])))
        self.library.alglib_version.restype = ctypes.c_char_p
        self.version = self.library.alglib_version().decode()
        self.library.network.restype = ctypes.c_void_p

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the call of a quantity."""
        if case.hidden != "tansig" or len(case.sizes) > 4:
            raise NotOfferedError("one or two hidden layers of tanh only")
        x, t, wb = case.data
        xy = np.ascontiguousarray(np.vstack([x, t]).T)
        weights = wb[case.order("rows with bias")]
        sizes = (ctypes.c_long * len(case.sizes))(*case.sizes)
        handle = self._network(sizes, weights, xy)
        g, h = np.zeros(case.n_parameters), np.zeros((case.n_parameters,) * 2)

        def gradient() -> np.ndarray:
            self.library.gradient(handle, _pointer(g))
            return g

        def hessian() -> np.ndarray:
            self.library.hessian(handle, _pointer(h))
            return h

        calls = {"gradient": {"C++": gradient}, "hessian": {"C++": hessian}}
        return offered(calls, quantity)

    def _network(self, sizes: Any, weights: np.ndarray, xy: np.ndarray) -> Any:
        n_sizes, n_samples = len(sizes), ctypes.c_long(len(xy))
        return ctypes.c_void_p(
            self.library.network(n_sizes, sizes, _pointer(weights), n_samples, _pointer(xy))
        )

    def _order(self, case: Case) -> tuple[np.ndarray, np.ndarray]:
        """Which parameter each of ALGLIB's is, and its sign there."""
        sizes = (ctypes.c_long * len(case.sizes))(*case.sizes)
        marks, found = 1.0 + case.order("rows with bias"), np.empty(case.n_parameters)
        sample = np.zeros((1, case.sizes[0] + case.n_outputs))
        self.library.parameters(self._network(sizes, marks, sample), _pointer(found))
        return abs(found).astype(int) - 1, np.sign(found)

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """From its order of parameters and half a sum of squares."""
        (order, sign), ours = self._order(case), np.empty_like(result)
        if result.ndim == 1:
            ours[order] = sign * result
        else:
            ours[np.ix_(order, order)] = np.outer(sign, sign) * result
        return [2 / case.n_errors * ours]


def _pointer(array: np.ndarray) -> Any:
    return ctypes.c_void_p(array.ctypes.data)
