"""What needs a fresh process of its own: ``python -m bench.probe NAME [JSON]`` prints JSON.

Memory of one call, the cost of the smallest calls beside empty ones, one training epoch in C++.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from statistics import median
from typing import Any

from . import compilation
from .cases import Case
from .peers.base import MissingError, NotOfferedError
from .processes import environment, pinning

_CALLS = 4000  # of each kind in one round
_ROUNDS = 9


def probe(name: str, n_threads: int, **arguments: Any) -> dict[str, Any]:
    """Run one of the probes of this module in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-m", "bench.probe", name, json.dumps(arguments)],
        env=environment(n_threads),
        preexec_fn=pinning(n_threads),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        return {"missing": (run.stderr.strip().splitlines() or ["the process has ended"])[-1]}
    return json.loads(run.stdout.splitlines()[-1])


def memory(case: dict[str, Any], quantity: str) -> dict[str, Any]:
    """Bytes that one call adds to the process at its peak, the result included."""
    import jacnet as jn

    from .peers.jacnet_peer import Contender

    peer = Contender()
    small = Case((1, 2, 1), 3)
    peer.prepare(small, quantity)["fresh"]()
    real = Case.from_json(case)
    x, t, _ = real.data
    net = _network(real)
    before = _status("VmRSS")
    result = getattr(jn, quantity)(net, x, t)
    extra = _status("VmHWM") - before
    del result
    return {"extra_bytes": extra, "result_bytes": real.result_bytes(quantity)}


def calls() -> dict[str, Any]:
    """Median microseconds of the smallest calls and of empty ones, alone and beside a busy thread.

    Keys such as "J", "J out=", "J empty"; with " busy" while another Python thread runs.
    """
    import jacnet as jn
    import numpy as np

    empty = _empty_module()
    case = Case((1, 10, 1), 94)
    x, t, _ = case.data
    net, nothing, one = _network(case), empty.Network(), np.ones((1, 1))
    j, y, s = jn.defaultderiv("de_dwb", net, x, t), net(one), jn.jacobian(net, one, "inputs")
    kinds = {
        "J": lambda: jn.defaultderiv("de_dwb", net, x, t),
        "J empty": lambda: empty.defaultderiv("de_dwb", net, x, t),
        "J out=": lambda: jn.defaultderiv("de_dwb", net, x, t, out=j),
        "J out= empty": lambda: empty.defaultderiv("de_dwb", net, x, t, out=j),
        "forward": lambda: net(one),
        "forward empty": lambda: nothing(one),
        "forward out=": lambda: net(one, out=y),
        "forward out= empty": lambda: nothing(one, out=y),
        "input Jacobian": lambda: jn.jacobian(net, one, "inputs"),
        "input Jacobian empty": lambda: empty.jacobian(net, one, "inputs"),
        "input Jacobian out=": lambda: jn.jacobian(net, one, "inputs", out=s),
        "input Jacobian out= empty": lambda: empty.jacobian(net, one, "inputs", out=s),
    }
    gc.disable()
    found = _medians(kinds, "")
    with _Busy():
        found.update(_medians({k: f for k, f in kinds.items() if k.startswith("J")}, " busy"))
    return found


def epoch() -> dict[str, Any]:
    """Microseconds of one epoch in C++; see ``cpp/epoch.cpp``."""
    flags = ["-O2", "-std=c++20"]
    program = compilation.with_jacnet(compilation.SOURCES / "epoch.cpp", flags)
    return json.loads(subprocess.run([program], capture_output=True, check=True).stdout)


class _Busy:
    """Another thread that runs Python code all the time."""

    def __enter__(self) -> None:
        self.stop = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop = True
        self.thread.join()

    def _run(self) -> None:
        count = 0
        while not self.stop:
            count += 1


def _medians(kinds: dict[str, Callable[[], Any]], suffix: str) -> dict[str, float]:
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(_ROUNDS):
        for kind, call in kinds.items():
            times[kind].append(_median_call(call))
    return {f"{kind}{suffix}": median(found) for kind, found in times.items()}


def _median_call(call: Callable[[], Any]) -> float:
    """Microseconds; each call by itself, so that a turn of another thread spoils only one."""
    clock, found = time.perf_counter_ns, []
    for _ in range(_CALLS):
        start = clock()
        call()
        found.append(clock() - start)
    return median(found) / 1e3


def _network(case: Case) -> Any:
    from .peers.jacnet_peer import network

    return network(case)


def _empty_module() -> Any:
    try:
        import pybind11
    except ImportError as error:
        raise MissingError(f"{error} (pip install pybind11)") from error
    includes = [f"-I{pybind11.get_include()}", f"-I{sysconfig.get_path('include')}"]
    flags = ["-O2", "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden", *includes]
    path = str(compilation.compiled(compilation.SOURCES / "empty_call.cpp", flags))
    loader = ExtensionFileLoader("empty_call", path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_file_location("empty_call", path, loader=loader)
    )
    loader.exec_module(module)
    return module


def _status(field: str) -> int:
    """Bytes of memory in /proc; ru_maxrss would include the parent's from before exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) << 10
    raise MissingError(f"no {field} on this system")


def main() -> int:
    """Run the named probe."""
    functions = {"memory": memory, "calls": calls, "epoch": epoch}
    try:
        answer = functions[sys.argv[1]](**json.loads(sys.argv[2]))
    except (MissingError, NotOfferedError, OSError) as reason:
        answer = {"missing": str(reason)}
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
