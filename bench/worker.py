"""A process that holds one contender: ``python -m bench.worker PEER``.

It reads one request a line on standard input and answers one line each, both JSON. Whatever a
contender prints goes to standard error. A request that fails is answered by {"error": message};
the process goes on.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import Any

from .cases import Case
from .peers import load
from .peers.base import Call, MissingError, NotOfferedError, Peer

_TOLERANCE = 1e-9  # of the largest element; training steps solve systems
_TOLERANCES = {"epochs": 1e-5, "dual_step": 1e-7}
_LONG = 8.0  # seconds; a call that long is not repeated to see what it costs
_GLANCE = 0.01  # seconds to find out what a short call costs
_GLANCES = 3  # of which the fastest counts
_REPEATED = 0.5  # seconds; longer calls are looked at once
_WARM_BELOW = 0.05  # seconds; a longer call fills the caches by itself


class Worker:
    """The requests, one method each."""

    def __init__(self, name: str) -> None:
        self.peer: Peer = load(name)
        self.prepared: dict[int, tuple[Case, str, dict[str, Call]]] = {}

    def hello(self) -> Any:
        """Version and facts."""
        return {"version": self.peer.version, "facts": self.peer.facts()}

    def prepare(self, key: int, case: dict[str, Any], quantity: str) -> Any:
        """Prepare the calls of a quantity; answers the idioms' names."""
        rebuilt = Case.from_json(case)
        calls = self.peer.prepare(rebuilt, quantity)
        self.prepared[key] = rebuilt, quantity, calls
        return {"idioms": list(calls), "every": self.peer.every_idiom}

    def check(self, key: int, idiom: str, folder: str) -> Any:
        """Call once and compare with the numbers in a folder, or be the first to write them there.

        The first call compiles where anything is compiled; later ones tell what a call costs.
        """
        import numpy as np  # not before a contender: it may set threads up at its first import

        case, quantity, calls = self.prepared[key]
        start = time.perf_counter()
        result = calls[idiom]()
        first = time.perf_counter() - start
        arrays = self.peer.comparable(case, quantity, result)
        difference = None
        for i, array in enumerate(arrays):
            path = os.path.join(folder, f"{case.name} {quantity} {i}.npy")
            if os.path.exists(path):
                tolerance = _TOLERANCES.get(quantity, _TOLERANCE)
                found = _difference(array, np.load(path, "r"), tolerance)
                difference = max(difference or 0.0, found)
            else:
                np.save(path, array)
        del result, arrays
        seconds = first if first > _LONG else _seconds(calls[idiom], 1)
        if seconds < _REPEATED:  # the idiom that is timed must not be chosen by chance
            loops = max(1, int(_GLANCE / seconds))
            seconds = min(seconds, *(_seconds(calls[idiom], loops) for _ in range(_GLANCES)))
        return {"first": first, "seconds": seconds, "difference": difference}

    def time(self, key: int, idiom: str, loops: int) -> Any:
        """Seconds of one call, averaged over `loops` of them."""
        call = self.prepared[key][2][idiom]
        if loops > 1:
            _seconds(call, max(1, loops // 8))
        return {"seconds": _seconds(call, loops)}

    def warm(self, key: int, idiom: str, seconds: float) -> Any:
        """Call once untimed where a call is short enough to depend on the caches."""
        if seconds < _WARM_BELOW:
            self.prepared[key][2][idiom]()
        return {}

    def drop(self) -> Any:
        """Forget what has been prepared."""
        self.prepared.clear()
        gc.collect()
        return {}


def _seconds(call: Call, loops: int) -> float:
    if hasattr(call, "seconds"):
        return call.seconds(loops)
    start = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - start) / loops


def _difference(a: Any, b: Any, tolerance: float) -> float:
    """Largest difference in units of the largest element; refuses results that disagree."""
    import numpy as np

    if a.shape != b.shape:
        raise ValueError(f"result has shape {a.shape}, not {b.shape}")
    a, b = np.atleast_2d(a.T), np.atleast_2d(b.T)  # in pieces: temporaries would fill the memory
    step = max(1, (1 << 22) // max(1, a[:1].size))
    largest, worst = 0.0, 0.0
    for i in range(0, len(a), step):
        largest = max(largest, float(np.abs(b[i : i + step]).max()))
        worst = max(worst, float(np.abs(a[i : i + step] - b[i : i + step]).max()))
    difference = worst / largest if largest else worst
    if not difference < tolerance:
        raise ArithmeticError(f"results differ by {difference:.1e} of the largest element")
    return difference


def _answer(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return getattr(worker, request.pop("do"))(**request)
    except NotOfferedError as reason:
        return {"absent": str(reason)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}


def main() -> int:
    """Answer requests until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        worker = Worker(sys.argv[1])
    except MissingError as reason:
        print(json.dumps({"missing": str(reason)}), file=replies)
        return 0
    print(json.dumps(worker.hello()), file=replies)
    gc.disable()
    for line in sys.stdin:
        print(json.dumps(_answer(worker, json.loads(line))), file=replies)
    return 0


if __name__ == "__main__":
    sys.exit(main())
