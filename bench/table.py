"""Stored figures as a Markdown table, for the README."""

from __future__ import annotations

from typing import Any


def table(report: dict[str, Any]) -> str:
    """Return the medians of a report, and below them what they were measured on."""
    names = list(report["versions"])
    head = ["network", "quantity", *names]
    lines = [_row(head), _row(["---", "---", *["--:"] * len(names)])]
    for result in report["results"]:
        sizes = "-".join(map(str, result["sizes"]))
        network = f"{sizes}, {result['n_samples']} samples"
        cells = [_cell(result["times"].get(name)) for name in names]
        lines.append(_row([network, result["quantity"].replace("_", " "), *cells]))
    return "\n".join([*lines, "", _machine(report)])


def duration(seconds: float) -> str:
    """Return a time in a readable unit, to three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(times: dict[str, float] | None) -> str:
    return duration(times["seconds"]) if times else ""


def _machine(report: dict[str, Any]) -> str:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return (
        f"{machine['processor']}, {machine['threads']} threads, {machine['instruction_set']}; "
        f"DGEMM {machine['dgemm_gflops']:.0f} Gflop/s, stores {machine['store_gbytes']:.1f} GB/s; "
        f"{versions}; {machine['compiler']}, Eigen {machine['eigen']}."
    )
