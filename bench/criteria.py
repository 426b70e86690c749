"""What is required, and what was measured: a criterion is one number, a row has some of them.

A criterion that cannot be measured, because a peer or a part of jacnet is missing, has no measured
value and says why; it counts as not met.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .cases import Case
from .session import Rows, rates


@dataclass
class Criterion:
    """One required number and the measured one."""

    row: str
    what: str
    relation: str  # ">=" or "<="
    required: float
    unit: str
    measured: float | None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the measured number satisfies the required one."""
        if self.measured is None:
            return False
        above = self.measured >= self.required
        return above if self.relation == ">=" else self.measured <= self.required

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return {**asdict(self), "met": self.met}


class Row:
    """Collects the criteria of one row of the table."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.criteria: list[Criterion] = []

    def at_least(self, what: str, required: float, unit: str, value: Any, note: str = "") -> None:
        """Require a value, which may be None, of at least so much."""
        self.criteria.append(Criterion(self.name, what, ">=", required, unit, value, note))

    def at_most(self, what: str, required: float, unit: str, value: Any, note: str = "") -> None:
        """Require a value, which may be None, of at most so much."""
        self.criteria.append(Criterion(self.name, what, "<=", required, unit, value, note))

    def faster(self, what: str, required: float, rows: Rows, ours: str, *theirs: str) -> None:
        """Require so many times the speed of the fastest of `theirs`."""
        there = [name for name in theirs if name in rows]
        lacking = [name for name in theirs if name not in rows]
        value, note = None, ""
        if ours in rows and there:
            best = min(there, key=lambda name: rows[name]["seconds"])
            value = rows[best]["seconds"] / rows[ours]["seconds"]
            note = f"{best}: {rows[best]['idiom']}"
        if lacking or ours not in rows:
            lacking += [ours] if ours not in rows else []
            note = f"{note}; not measured: {', '.join(lacking)}".lstrip("; ")
        self.at_least(what, required, "x", value, note)


def share(rows: Rows, label: str, case: Case, quantity: str) -> float | None:
    """Return the share of F or W in per cent, F and W taken among the same rounds."""
    amount, unit = case.work(quantity)
    bound = rates(rows).get("store_gbytes" if unit == "bytes" else "dgemm_gflops")
    if label not in rows or not bound:
        return None
    return 100 * amount / rows[label]["seconds"] / bound / 1e9


def ratio(rows: Rows, a: str, b: str) -> float | None:
    """Return the time of `a` over that of `b`."""
    return rows[a]["seconds"] / rows[b]["seconds"] if a in rows and b in rows else None
