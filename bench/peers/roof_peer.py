"""The machine itself: the rates F and W that bound every quantity, measured among the contenders.

F is the rate of DGEMM through NumPy's BLAS. W is the bandwidth of stores beyond the caches, through
non-temporal stores of the widest registers (``cpp/store.cpp``) or memset, whichever is faster; not
of zeros, which some processors store at twice the rate of anything else.
"""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .. import compilation
from ..cases import Case
from .base import Call, MissingError, NotOfferedError, Peer

SIZE = 2048  # of the matrices
BYTES = 256 << 20


class Contender(Peer):
    """Quantities "dgemm" (2 SIZE^3 flops) and "store" (BYTES written)."""

    version = np.__version__
    every_idiom = True

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the call."""
        if quantity == "dgemm":
            random = np.random.default_rng(0)
            a, b, c = random.random((SIZE, SIZE)), random.random((SIZE, SIZE)), np.ones((SIZE,) * 2)
            return {"dgemm": lambda: np.matmul(a, b, out=c)}
        if quantity == "store":
            return _stores(np.ones(BYTES // 8), int(os.environ.get("OMP_NUM_THREADS", "1")))
        raise NotOfferedError("rates only")

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """Nothing to compare."""
        return []

    def facts(self) -> dict[str, Any]:
        """The BLAS that measures F."""
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {"blas": f"{blas['name']} {blas['version']}"}


def _stores(buffer: np.ndarray, n_threads: int) -> dict[str, Call]:
    share = buffer.nbytes // n_threads
    pool = ThreadPoolExecutor(n_threads)  # ctypes releases the GIL

    def fill(one: Any) -> None:
        starts = [buffer.ctypes.data + share * k for k in range(n_threads)]
        list(pool.map(one, starts))

    calls = {"memset": lambda: fill(lambda start: ctypes.memset(start, 1, share))}
    try:
        flags = ["-O3", "-march=native", "-std=c++17", "-shared", "-fPIC"]
        path = compilation.compiled(compilation.SOURCES / "store.cpp", flags)
    except MissingError:
        return calls
    store = ctypes.CDLL(str(path)).store
    store.argtypes = [ctypes.c_void_p, ctypes.c_long]
    calls["streaming"] = lambda: fill(lambda start: store(start, share))
    return calls
