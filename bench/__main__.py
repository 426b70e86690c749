"""Measure jacnet beside its peers: ``python -m bench [--out FILE]`` in the repository's root.

Every contender's result is compared with jacnet's before it is timed. Times are medians of rounds
in which the contenders take turns. A peer that is not installed is reported as missing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from .table import duration, table

_PEERS = "numpy,jax,torch.func"


def main() -> int:
    """Run the benchmark; returns the exit code."""
    options = _options()
    if options.table:
        with open(options.table, encoding="utf-8") as file:
            print(table(json.load(file)))
        return 0
    _settle_environment(options.threads)
    report = _measure(options)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")
        print(f"\nwrote {options.out}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--peers", default=None, help=f"comma-separated; default: {_PEERS}")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=3.0, help="for each line; default: 3")
    parser.add_argument("--out", metavar="FILE.json", help="store the figures")
    parser.add_argument("--smoke", action="store_true", help="a quick look that all of it runs")
    parser.add_argument("--table", metavar="FILE.json", help="print stored figures in Markdown")
    options = parser.parse_args()
    if options.peers is None:
        options.peers = "numpy" if options.smoke else _PEERS
    return options


def _settle_environment(n_threads: int) -> None:
    """Start anew where libraries would read other settings than those of the measurement."""
    wanted = {"OMP_NUM_THREADS": str(n_threads), "OPENBLAS_NUM_THREADS": str(n_threads)}
    unwanted = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_VERBOSE")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])
    if any(name in os.environ for name in unwanted) or any(
        os.environ.get(name) != value for name, value in wanted.items()
    ):
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        os.execve(
            sys.executable, [sys.executable, "-m", "bench", *sys.argv[1:]], {**kept, **wanted}
        )


def _measure(options: argparse.Namespace) -> dict[str, object]:
    # These load the numerical libraries, which read the environment once.
    from . import machine
    from .cases import CASES, QUANTITIES
    from .measure import Effort, compare
    from .peers import contenders

    found, missing = contenders([name for name in options.peers.split(",") if name])
    effort = Effort(0.0, 1) if options.smoke else Effort(options.seconds, 3)
    facts = machine.facts()
    rates = machine.rates(repeats=2 if options.smoke else 7)
    for key, value in {**facts, **rates}.items():
        print(f"{key:16} {value if not isinstance(value, float) else round(value, 1)}")
    for name in missing:
        print(f"{name:16} missing: not installed")

    rows = []
    for case in CASES:
        print(f"\n{case.name}  ({case.n_parameters} parameters)")
        for quantity in QUANTITIES:
            times = compare(case, quantity, found, effort)
            share = _share(case.work(quantity), times["jacnet"]["seconds"], rates)
            rows.append(
                {
                    "sizes": case.sizes,
                    "n_samples": case.n_samples,
                    "quantity": quantity,
                    "share_of_bound": share,
                    "times": times,
                }
            )
            print(_line(quantity, times, share))
    versions = {name: contender.version for name, contender in found.items()}
    return {
        "machine": {**facts, **rates},
        "versions": versions,
        "missing": missing,
        "results": rows,
    }


def _share(work: tuple[float, str], seconds: float, rates: dict[str, float]) -> float:
    """What part of the machine's rate jacnet reaches, counting only the least work."""
    amount, unit = work
    rate = rates["store_gbytes" if unit == "bytes" else "dgemm_gflops"] * 1e9
    return amount / seconds / rate


def _line(quantity: str, times: dict[str, dict[str, float]], share: float) -> str:
    columns = [f"{name} {duration(row['seconds'])}" for name, row in times.items()]
    return f"  {quantity:16} {share:5.0%}   {'   '.join(columns)}"


if __name__ == "__main__":
    sys.exit(main())
