"""Interleaved timing of several contenders, after a comparison of their results."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from .cases import Case
from .peers.base import MissingError
from .processes import AbsentError, FailedError, Process, Processes, TooLongError

_NEVER_REST = ("jacnet", "jacnet_cpp", "roof")  # before all rounds are done
_BURST = 0.01  # seconds of short calls in one turn
_PREPARATION = 150.0  # seconds at most


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds until `seconds` are over, but at least `rounds`.

    `limit` is for one idiom's compilation, first calls and comparison, in seconds.
    """

    seconds: float
    rounds: int
    limit: float = 150.0


@dataclass(frozen=True)
class Task:
    """One contender's way to one quantity of one case."""

    label: str
    peer: str
    case: Case
    quantity: str
    allocator: str = "shipped"
    only: tuple[str, ...] = ()  # idioms; all by default


@dataclass
class Timing:
    """What was found about one idiom."""

    task: Task
    idiom: str
    first: float
    call: float
    difference: float | None  # from jacnet's result; None: nothing to compare with
    times: list[float] = field(default_factory=list)
    spent: float = 0.0

    def row(self) -> dict[str, Any]:
        """For the report: seconds, with quartiles."""
        spread = quantiles(self.times, n=4) if len(self.times) > 1 else [self.times[0]] * 3
        return {
            "seconds": median(self.times),
            "quartiles": [spread[0], spread[2]],
            "fastest": min(self.times),
            "rounds": len(self.times),
            "idiom": self.idiom,
            "difference": self.difference,
            "first_call": self.first,
        }


def compare(
    processes: Processes, tasks: list[Task], effort: Effort
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Time tasks in turns; returns a row for each, and why others have none.

    jacnet's result is computed first and every other result is compared with it. Of a peer's
    idioms the fastest is timed; all of jacnet's are, under "LABEL" and "LABEL (idiom)". A round
    gives every contender one turn, so that a change in the machine's speed meets all of them;
    those that have used up their share of the time sit out.
    """
    folder = tempfile.mkdtemp(prefix="jacnet-bench-")
    chosen: dict[str, Timing] = {}
    absent: dict[str, str] = {}
    tried: dict[str, dict[str, float]] = {}
    try:
        for key, task in enumerate(tasks):
            try:
                timings, every = _check(processes, key, task, folder, absent, effort.limit)
            except (MissingError, FailedError) as reason:
                absent[task.label] = _told(reason)
                continue
            if every:
                for i, timing in enumerate(timings):
                    chosen[task.label if i == 0 else f"{task.label} ({timing.idiom})"] = timing
            elif timings:
                chosen[task.label] = min(timings, key=lambda timing: timing.call)
                tried[task.label] = {timing.idiom: timing.call for timing in timings}
    finally:
        shutil.rmtree(folder)
    _interleave(processes, tasks, chosen, absent, effort)
    processes.drop()
    rows = {label: timing.row() for label, timing in chosen.items() if timing.times}
    for label, idioms in tried.items():
        if label in rows:
            rows[label]["idioms_tried"] = idioms
    return rows, absent


def _check(
    processes: Processes,
    key: int,
    task: Task,
    folder: str,
    absent: dict[str, str],
    limit: float,
) -> tuple[list[Timing], bool]:
    _, answer = _ready(processes, key, task)
    timings = []
    for idiom in answer["idioms"]:
        if task.only and idiom not in task.only:
            continue
        try:
            process, _ = _ready(processes, key, task)  # the idiom before may have ended it
            found = process.ask("check", limit, key=key, idiom=idiom, folder=folder)
        except TooLongError as reason:  # the others would hardly be much faster
            absent[f"{task.label}, {idiom}"] = _told(reason)
            break
        except FailedError as reason:
            absent[f"{task.label}, {idiom}"] = _told(reason)
            continue
        timings.append(Timing(task, idiom, found["first"], found["seconds"], found["difference"]))
    if not timings:
        raise AbsentError("nothing to time")
    return timings, answer["every"]


def _ready(processes: Processes, key: int, task: Task) -> tuple[Process, dict[str, Any]]:
    """Return a worker that has prepared a task, and its answer."""
    process = processes.get(task.peer, task.allocator)
    if key not in process.prepared:
        case = task.case.to_json()
        process.prepared[key] = process.ask(
            "prepare", _PREPARATION, key=key, case=case, quantity=task.quantity
        )
    return process, process.prepared[key]


def _interleave(
    processes: Processes,
    tasks: list[Task],
    chosen: dict[str, Timing],
    absent: dict[str, str],
    effort: Effort,
) -> None:
    share = 2 * effort.seconds / max(1, len(chosen))

    def rests(label: str, timing: Timing) -> bool:
        count, peer = len(timing.times), timing.task.peer
        if label in absent or count == 0 or (peer in _NEVER_REST and count < effort.rounds):
            return label in absent
        return timing.spent + timing.call > share

    start = time.perf_counter()
    rounds = 0
    while rounds < effort.rounds or time.perf_counter() - start < effort.seconds:
        for label, timing in chosen.items():
            if rests(label, timing):
                continue
            try:
                _turn(processes, tasks.index(timing.task), timing)
            except FailedError as reason:
                absent[label] = _told(reason)
        rounds += 1
        if all(rests(label, timing) for label, timing in chosen.items()):
            break


def _turn(processes: Processes, key: int, timing: Timing) -> None:
    task = timing.task
    loops = max(1, int(_BURST / max(timing.call, 1e-7)))
    names = {"key": key, "idiom": timing.idiom}
    fresh = key not in processes.get(task.peer, task.allocator).prepared
    process, _ = _ready(processes, key, task)
    processes.pass_turn(process)
    began = time.perf_counter()
    if loops == 1 or fresh:
        process.ask("warm", seconds=0.0 if fresh else timing.call, **names)
    timing.times.append(process.ask("time", loops=loops, **names)["seconds"])
    timing.spent += time.perf_counter() - began


def _told(reason: Exception) -> str:
    """Tell what is missing or failed from what is merely not offered."""
    if isinstance(reason, (AbsentError, TooLongError)):
        return str(reason)
    return f"{'missing' if isinstance(reason, MissingError) else 'failed'}: {reason}"
