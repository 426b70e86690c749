"""Measure jacnet beside its peers: ``python -m bench`` in the repository's root.

Every contender lives in a process of its own; its results are compared with jacnet's before it is
timed. Times are medians of rounds in which the contenders take turns. A peer that is not installed
is reported as missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from . import cases, grid, required
from .session import Session, every_peer, save
from .table import criteria_met, table


def main() -> int:
    """Run the benchmark; returns the exit code."""
    options = _options()
    if options.table:
        print(table(json.loads(Path(options.table).read_text(encoding="utf-8"))))
        return 0
    if options.kernels:
        return _kernels(options.kernels)
    peers = options.peers.split(",")
    scale = 0.0 if options.smoke else options.scale
    limit = 150.0 if options.acceptance else 15.0
    session = Session(peers, scale, 1 if options.smoke else 3, limit)
    try:
        report = _measure(session, options)
    finally:
        session.close()
    if options.out:
        save(report, options.out)
    failures = session.failures()
    for failure in failures:
        print(f"FAILED {failure}")
    return 1 if failures and (options.smoke or any("differ" in f for f in failures)) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    processors = len(os.sched_getaffinity(0))
    add = parser.add_argument
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", help="three networks, 3 minutes; default")
    mode.add_argument("--full", action="store_true", help="the whole grid, 1 and all threads")
    mode.add_argument("--acceptance", action="store_true", help="the required speeds")
    mode.add_argument("--smoke", action="store_true", help="a quick look that all of it runs")
    mode.add_argument("--table", metavar="FILE.json", help="print stored figures in Markdown")
    mode.add_argument("--kernels", metavar="PROGRAM", help="run bench_kernels, per instruction set")
    add("--out", metavar="FILE.json", help="store the figures")
    add("--peers", help="comma-separated; default: all, but in a quick run the fastest")
    add("--threads", default=None, help=f"comma-separated numbers; default: {processors}")
    add("--scale", type=float, default=1.0, help="factor on the time spent; default: 1")
    add("--rows", default="", help="of --acceptance, or networks: comma-separated parts of names")
    options = parser.parse_args()
    if options.smoke:
        options.peers = "numpy"
    elif not options.peers:
        full = options.full or options.acceptance
        options.peers = ",".join(every_peer()) if full else "numpy,torch,jax,casadi"
    default = [1, processors] if options.full and processors > 1 else [processors]
    options.threads = [int(n) for n in options.threads.split(",")] if options.threads else default
    return options


def _measure(session: Session, options: argparse.Namespace) -> dict[str, object]:
    only = [part for part in re.split(r",(?! )", options.rows) if part]  # names have ", " in them
    if options.acceptance:
        found = required.measure(session, options.threads[-1], only)
        report = {
            **session.report("acceptance"),
            "acceptance": [criterion.to_json() for criterion in found],
        }
        print(f"\n{table(report)}\n\n{criteria_met(report['acceptance'])}")
        return report
    if options.smoke:
        grid.measure(session, cases.SMOKE, options.threads, cases.QUANTITIES, 0.0, True)
        return session.report("smoke")
    if options.full:
        for n in options.threads:
            networks = _named(cases.FULL_ONE_THREAD if n == 1 else cases.FULL, only)
            grid.measure(session, networks, [n], cases.QUANTITIES, 0.8)
        return session.report("full")
    networks = _named(cases.QUICK, only)
    grid.measure(session, networks, options.threads, cases.QUICK_QUANTITIES, 2.0)
    return session.report("quick")


def _named(networks: tuple[cases.Case, ...], parts: list[str]) -> tuple[cases.Case, ...]:
    """Networks whose name contains one of the parts; all, when there are none."""
    return tuple(c for c in networks if not parts or any(part in c.name for part in parts))


def _kernels(program: str) -> int:
    """Run the micro-benchmarks once for each instruction set of this machine."""
    listed = subprocess.run([program, "--sets"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        subprocess.run([program], env={**os.environ, "JACNET_ISA": name}, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
