"""The parent's side of the workers: one warm process for each contender and environment."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from typing import Any

from .peers.base import MissingError

_UNWANTED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_VERBOSE")
_REST = 0.03  # seconds, after which idle threads no longer spin for work
_LARGE = str(1 << 34)
ALLOCATORS = {
    "shipped": {},
    # Memory that is given back stays with the process, so that large results cost no page faults.
    "tuned": {"MALLOC_MMAP_THRESHOLD_": _LARGE, "MALLOC_TRIM_THRESHOLD_": _LARGE},
}


class FailedError(Exception):
    """A contender could not answer; the message says why."""


class AbsentError(FailedError):
    """A contender does not offer the quantity."""


class TooLongError(FailedError):
    """A contender did not answer in time."""


class Process:
    """One worker."""

    def __init__(self, peer: str, n_threads: int, allocator: str = "shipped") -> None:
        self.peer = peer
        self.prepared: dict[int, dict[str, Any]] = {}  # answers, by key
        self._buffer = b""
        self._process = subprocess.Popen(
            [_interpreter(peer), "-m", "bench.worker", peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("JACNET_BENCH_VERBOSE") else subprocess.DEVNULL,
            env=environment(n_threads, allocator),
            preexec_fn=pinning(n_threads),
        )
        greeting = self._read(300.0)
        if "missing" in greeting:
            raise MissingError(greeting["missing"])
        self.version, self.facts = greeting["version"], greeting["facts"]

    def ask(self, do: str, timeout: float = 300.0, **fields: Any) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises
        ------
        FailedError
            If the answer is an error.
        TooLongError
            If it does not come in time; then the process is ended.
        """
        try:
            self._process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise FailedError("the process has ended") from error
        answer = self._read(timeout)
        if "absent" in answer:
            raise AbsentError(answer["absent"])
        if "error" in answer:
            raise FailedError(answer["error"])
        return answer

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def _read(self, timeout: float) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], timeout)
            if not ready:
                self.end()
                raise TooLongError(f"takes more than {timeout:.0f} s")
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            if not data:
                self.end()
                raise FailedError("the process has ended (out of memory?)")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)


class Processes:
    """All workers of one number of threads; they start when first asked for and stay warm."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self.missing: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self._all: dict[tuple[str, str], Process] = {}
        self._turn: Process | None = None

    def get(self, peer: str, allocator: str = "shipped") -> Process:
        """Return a worker.

        Raises
        ------
        MissingError
            If the contender is not installed.
        """
        if peer in self.missing:
            raise MissingError(self.missing[peer])
        key = peer, allocator
        if key not in self._all or not self._all[key].alive:
            try:
                self._all[key] = Process(peer, self.n_threads, allocator)
            except MissingError as reason:
                self.missing[peer] = str(reason)
                raise
            self.versions[peer] = self._all[key].version
            self.facts[peer] = self._all[key].facts
        return self._all[key]

    def pass_turn(self, process: Process) -> None:
        """Let the threads of the worker that had the turn before fall asleep."""
        if self._turn not in (None, process):
            time.sleep(_REST)
        self._turn = process

    def drop(self) -> None:
        """Let all workers forget what they have prepared."""
        for process in self._all.values():
            if process.alive:
                process.prepared.clear()
                with contextlib.suppress(FailedError):
                    process.ask("drop")

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all.values():
            process.end()


def _interpreter(peer: str) -> str:
    """Python of a contender whose libraries cannot live beside the others'."""
    return os.environ.get(f"JACNET_BENCH_{peer.upper()}", sys.executable)


def environment(n_threads: int, allocator: str = "shipped") -> dict[str, str]:
    """Return the environment variables of a worker."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    multi = str(n_threads > 1).lower()
    xla = f"--xla_cpu_multi_thread_eigen={multi} intra_op_parallelism_threads={n_threads}"
    return {
        **kept,
        **dict.fromkeys(names, str(n_threads)),
        "OPENBLAS_THREAD_TIMEOUT": "20",  # idle threads would spin into the next contender's turn
        "XLA_FLAGS": xla,
        "JAX_PLATFORMS": "cpu",
        **ALLOCATORS[allocator],
    }


def pinning(n_threads: int) -> Any:
    """Return what a new process does first: keep to as many processors as it may have threads."""
    allowed = sorted(os.sched_getaffinity(0))[-n_threads:]
    return lambda: os.sched_setaffinity(0, allowed)
