"""jacnet from C++: input Jacobians in a loop there (``cpp/input_jacobian.cpp``)."""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any

import jacnet as jn
import numpy as np

from .. import compilation
from ..cases import Case
from .base import Call, NotOfferedError, Peer


class Contender(Peer):
    """jacnet's C++ library: "evaluator" is made once, "linearization" anew for every call."""

    version = jn.__version__
    every_idiom = True

    def __init__(self) -> None:
        source = compilation.SOURCES / "input_jacobian.cpp"
        flags = ["-O2", "-std=c++20", "-shared", "-fPIC"]
        self.library = ctypes.CDLL(str(compilation.with_jacnet(source, flags)))
        self.library.problem.restype = ctypes.c_void_p

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the calls of the input Jacobian."""
        if quantity != "input_jacobian":
            raise NotOfferedError("input Jacobians only")
        call = _Loop(self.library, case, "linearization")
        if not self.library.has_evaluator():
            return {"linearization": call}
        return {"evaluator": _Loop(self.library, case, "evaluator"), "linearization": call}


class _Loop:
    """A call, and the seconds of many in a loop in C++."""

    def __init__(self, library: Any, case: Case, name: str) -> None:
        x, _, wb = case.data
        self.x = x.T.copy()
        self.out = np.zeros((case.n_samples, case.n_outputs, case.sizes[0]))
        sizes = (ctypes.c_long * len(case.sizes))(*case.sizes)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (wb, self.x, self.out)]
        n, logsig = ctypes.c_long(case.n_samples), int(case.hidden == "logsig")
        self.library, self.function = library, getattr(library, name)
        problem = library.problem(
            ctypes.c_long(len(sizes)), sizes, logsig, pointers[0], n, *pointers[1:]
        )
        self.problem = ctypes.c_void_p(problem)
        threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
        self.more = (threads,) if name == "linearization" else ()

    def __call__(self) -> np.ndarray:
        self._repeat(1)
        return self.out

    def seconds(self, loops: int) -> float:
        start = time.perf_counter()
        self._repeat(loops)
        return (time.perf_counter() - start) / loops

    def _repeat(self, loops: int) -> None:
        self.function(self.problem, ctypes.c_long(loops), *self.more)

    def __del__(self) -> None:
        self.library.release(self.problem)
