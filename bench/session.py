"""One run of the benchmark: its workers, its progress on the screen and its report."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from .cases import Case
from .measure import Effort, Task, compare
from .peers import PEERS
from .peers.base import MissingError
from .peers.roof_peer import BYTES, SIZE
from .processes import Processes
from .table import duration

Rows = dict[str, dict[str, Any]]
_OWN = ("jacnet", "jacnet_cpp", "roof")
_ROOF = Case((1, 1), 1)  # the rates do not depend on a network


class Session:
    """Workers by number of threads, and everything measured so far.

    Parameters
    ----------
    peers : list of str
        Contenders to be compared with jacnet; others are not started.
    scale : float
        Factor on all times that are spent measuring.
    rounds : int
        Least number of rounds.
    limit : float
        Seconds after which a way to a result is given up.
    """

    def __init__(
        self, peers: list[str], scale: float = 1.0, rounds: int = 3, limit: float = 150.0
    ) -> None:
        self.peers, self.scale, self.rounds, self.limit = peers, scale, rounds, limit
        self.results: list[dict[str, Any]] = []
        self.rates: dict[int, dict[str, float]] = {}
        self._processes: dict[int, Processes] = {}
        self._start = time.perf_counter()

    def processes(self, n_threads: int) -> Processes:
        """Return the workers for a number of threads."""
        if n_threads not in self._processes:
            self._processes[n_threads] = Processes(n_threads)
        return self._processes[n_threads]

    def measure_rates(self, n_threads: int, seconds: float = 3.0) -> dict[str, float]:
        """Measure F and W on so many threads, and remember them."""
        tasks = [Task(name, "roof", _ROOF, name) for name in ("dgemm", "store")]
        rows, _ = compare(self.processes(n_threads), tasks, self._effort(seconds))
        self.rates[n_threads] = {**rates(rows), "load": os.getloadavg()[0]}
        values = {name: round(value, 1) for name, value in self.rates[n_threads].items()}
        print(f"{n_threads} threads: {values}")
        return self.rates[n_threads]

    def compare(
        self, n_threads: int, tasks: list[Task], seconds: float, limit: float | None = None
    ) -> Rows:
        """Time tasks in turns, print and store what was found; returns a row for each label.

        `limit` replaces the session's, for what takes minutes.
        """
        tasks = [task for task in tasks if task.peer in self.peers or _own(task)]
        rows, absent = compare(self.processes(n_threads), tasks, self._effort(seconds, limit))
        main = next((task for task in tasks if task.peer == "jacnet"), tasks[0])
        work = main.case.work(main.quantity)
        self.results.append(
            {
                **main.case.to_json(),
                "n_parameters": main.case.n_parameters,
                "quantity": main.quantity,
                "threads": n_threads,
                "work": work and {"amount": work[0], "unit": work[1]},
                "share_of_bound": self._share(main, rows, n_threads),
                "times": rows,
                "absent": absent,
            }
        )
        self._show(self.results[-1], main.case)
        return rows

    def report(self, mode: str) -> dict[str, Any]:
        """Return everything, ready for a file."""
        every = self._processes.values()
        facts = {peer: fact for p in every for peer, fact in p.facts.items()}
        return {
            "mode": mode,
            "machine": {**_machine(), **facts.get("roof", {})},
            "rates": {str(n): found for n, found in self.rates.items()},
            "jacnet": facts.get("jacnet", {}),
            "versions": {k: v for p in every for k, v in p.versions.items() if k != "roof"},
            "missing": self.missing(),
            "seconds": time.perf_counter() - self._start,
            "results": self.results,
        }

    def missing(self) -> dict[str, str]:
        """Contenders that were asked for and are not installed."""
        return {k: v for p in self._processes.values() for k, v in p.missing.items()}

    def failures(self) -> list[str]:
        """What went wrong: results that differ from jacnet's, and errors."""
        return [
            f"{result['quantity']} of {Case.from_json(result).name}, {label}: {reason}"
            for result in self.results
            for label, reason in result.get("absent", {}).items()
            if reason.startswith("failed")
        ]

    def announce(self, n_threads: int, peers: list[str]) -> None:
        """Start contenders once; print their versions or what they lack."""
        for peer in ("jacnet", *peers):
            try:
                process = self.processes(n_threads).get(peer)
                print(f"  {peer:16} {process.version}")
            except MissingError as reason:
                print(f"  {peer:16} missing: {reason}")

    def close(self) -> None:
        """End all workers."""
        for processes in self._processes.values():
            processes.__exit__()

    def _effort(self, seconds: float, limit: float | None = None) -> Effort:
        return Effort(seconds * self.scale, self.rounds, limit or self.limit)

    def _share(self, task: Task, rows: Rows, n_threads: int) -> float | None:
        """What part of the machine's rate jacnet reaches, counting only the least work."""
        work, bound = task.case.work(task.quantity), rates(rows) or self.rates.get(n_threads)
        unit = {"bytes": "store_gbytes", "flops": "dgemm_gflops"}.get(work[1]) if work else None
        if not work or task.label not in rows or not bound or unit not in bound:
            return None
        return work[0] / rows[task.label]["seconds"] / bound[unit] / 1e9

    def _show(self, result: dict[str, Any], case: Case) -> None:
        share = result["share_of_bound"]
        head = f"{case.name}  {result['quantity']}  {result['threads']} threads"
        print(f"\n{head}{'' if share is None else f'  {share:.0%} of bound'}")
        for label, row in result["times"].items():
            low, high = (duration(time) for time in row["quartiles"])
            spread = f"[{low} .. {high}] x{row['rounds']}"
            print(f"  {label:24} {duration(row['seconds']):>9}  {spread:28} {row['idiom']}")
        for label, reason in result["absent"].items():
            print(f"  {label:24} -- {reason}")


def rates(rows: Rows) -> dict[str, float]:
    """F and W in Gflop/s and GB/s, from the rows "dgemm" and "store" where they are."""
    found = {}
    if "dgemm" in rows:
        found["dgemm_gflops"] = 2e-9 * SIZE**3 / rows["dgemm"]["seconds"]
    stores = [row["seconds"] for label, row in rows.items() if label.startswith("store")]
    if stores:
        found["store_gbytes"] = 1e-9 * BYTES / min(stores)
    return found


def roofs(*names: str) -> list[Task]:
    """Tasks that measure "dgemm" or "store" among the contenders."""
    return [Task(name, "roof", _ROOF, name) for name in names]


def save(report: dict[str, Any], path: str) -> None:
    """Write a report."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nwrote {path}")


def every_peer() -> list[str]:
    """Names of all contenders but jacnet."""
    return [name for name in PEERS if name not in _OWN]


def _own(task: Task) -> bool:
    return task.peer in _OWN


def _machine() -> dict[str, Any]:
    """Facts; nothing that names the machine or its user."""
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],  # of this run and of other work
        "system": platform.system(),
        "libc": "-".join(platform.libc_ver()),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    family = f"family {fields.get('cpu family', '?')} model {fields.get('model', '?')}"
    return f"{fields.get('model name', platform.machine())} ({family})"
