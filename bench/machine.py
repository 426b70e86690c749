"""What the measurements ran on: facts, and the two rates that bound every quantity."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jacnet as jn
import numpy as np


def facts() -> dict[str, object]:
    """Processor, threads and versions; nothing that names the machine or its user."""
    build = jn.build_info()
    return {
        "processor": _processor(),
        "threads": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],  # of other work, when measuring began
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": _blas(),
        "jacnet": jn.__version__,
        "compiler": build["compiler"],
        "eigen": build["eigen"],
        "instruction_set": build["instruction_set"],
    }


def rates(repeats: int = 7) -> dict[str, float]:
    """Measure F, the rate of DGEMM, and W, the bandwidth of stores beyond the caches.

    Returns
    -------
    dict
        ``"dgemm_gflops"`` through NumPy's BLAS and ``"store_gbytes"`` through the C library's
        memset, both on all threads and the best of `repeats`.
    """
    return {"dgemm_gflops": _dgemm(repeats) / 1e9, "store_gbytes": _store(repeats) / 1e9}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _blas() -> str:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"


def _dgemm(repeats: int, n: int = 1536) -> float:
    random = np.random.default_rng(0)
    a, b, c = random.random((n, n)), random.random((n, n)), np.empty((n, n))
    return 2.0 * n**3 / _best(lambda: np.matmul(a, b, out=c), repeats)


def _store(repeats: int, n_bytes: int = 256 << 20) -> float:
    buffer = np.ones(n_bytes, np.uint8)
    n_threads = len(os.sched_getaffinity(0))
    share = n_bytes // n_threads
    starts = [buffer.ctypes.data + share * k for k in range(n_threads)]
    with ThreadPoolExecutor(n_threads) as pool:  # ctypes releases the GIL
        seconds = _best(
            lambda: list(pool.map(lambda start: ctypes.memset(start, 0, share), starts)), repeats
        )
    return share * n_threads / seconds


def _best(call, repeats: int) -> float:
    best = sys.float_info.max
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
