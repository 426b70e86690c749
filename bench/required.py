"""The tables of required speeds: each row measured, and set beside what is required."""

from __future__ import annotations

from . import acceptance, curvature
from .criteria import Criterion, Row
from .session import Session

ROWS = {**acceptance.ROWS, **curvature.ROWS}


def measure(session: Session, threads: int, only: list[str]) -> list[Criterion]:
    """Measure every row whose name contains one of `only` (all, when that is empty)."""
    session.announce(threads, session.peers)
    for n in sorted({1, threads}):
        session.measure_rates(n)
    found: list[Criterion] = []
    for name, function in ROWS.items():
        if only and not any(part in name for part in only):
            continue
        print(f"\n=== {name}")
        row = Row(name)
        function(session, row, threads)
        found += row.criteria
        for c in row.criteria:
            print(f"  {_line(c)}")
    return found


def _line(c: Criterion) -> str:
    value = "not measured" if c.measured is None else f"{c.measured:.3g} {c.unit}"
    mark = "ok " if c.met else "NO "
    return f"{mark} {c.what}: {value}, required {c.relation} {c.required:g} {c.unit}  {c.note}"
