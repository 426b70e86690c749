"""Stored figures as Markdown tables, for the README."""

from __future__ import annotations

from typing import Any


def table(report: dict[str, Any]) -> str:
    """Return a report's criteria or its medians, and what they were measured on."""
    parts = [_criteria(report["acceptance"])] if report.get("acceptance") else []
    parts += [_times(report), _machine(report)]
    return "\n\n".join(part for part in parts if part)


def duration(seconds: float) -> str:
    """Return a time in a readable unit, to three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def criteria_met(criteria: list[dict[str, Any]]) -> str:
    """Such as ``"12 of 38 met, 3 not measured"``."""
    met = sum(c["met"] for c in criteria)
    blank = sum(c["measured"] is None for c in criteria)
    return f"{met} of {len(criteria)} met, {blank} not measured"


def _criteria(criteria: list[dict[str, Any]]) -> str:
    head = ["", "measured", "required", "", "note"]
    lines = [_row(head), _row(["---", "--:", "--:", "---", "---"])]
    name = None
    for c in criteria:
        if c["row"] != name:
            name = c["row"]
            lines.append(_row([f"**{name}**", "", "", "", ""]))
        measured = "not measured" if c["measured"] is None else f"{c['measured']:.3g} {c['unit']}"
        required = f"{c['relation']} {c['required']:g} {c['unit']}"
        lines.append(_row([c["what"], measured, required, "yes" if c["met"] else "no", c["note"]]))
    return "\n".join([*lines, "", criteria_met(criteria)])


def _times(report: dict[str, Any]) -> str:
    results = [result for result in report["results"] if result.get("times")]
    if not results or report["mode"] == "acceptance":  # there, labels differ from row to row
        return ""
    names = list(dict.fromkeys(name for result in results for name in result["times"]))
    head = ["network", "quantity", "threads", *names]
    lines = [_row(head), _row(["---", "---", "--:", *["--:"] * len(names)])]
    for result in results:
        cells = [_cell(result["times"].get(name)) for name in names]
        what = result["quantity"].replace("_", " ")
        lines.append(_row([network(result), what, str(result["threads"]), *cells]))
    return "\n".join(lines)


def network(result: dict[str, Any]) -> str:
    """Such as ``"20-64-64-5, N=200"``."""
    sizes = "-".join(map(str, result["sizes"]))
    hidden = "" if result["hidden"] == "tansig" else f" {result['hidden']}"
    return f"{sizes}{hidden}, N={result['n_samples']}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(times: dict[str, float] | None) -> str:
    return duration(times["seconds"]) if times else ""


def _machine(report: dict[str, Any]) -> str:
    machine, build = report["machine"], report["jacnet"]
    rates = "; ".join(
        f"{n} thread{'s' if n != '1' else ''}: DGEMM {found['dgemm_gflops']:.0f} Gflop/s, "
        f"stores {found['store_gbytes']:.1f} GB/s"
        for n, found in report["rates"].items()
    )
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    missing = ", ".join(report["missing"])
    return (
        f"{machine['processor']}, {machine['processors']} processors; {rates}; {versions}; "
        f"{build.get('instruction_set')}, {build.get('compiler')}, Eigen {build.get('eigen')}, "
        f"BLAS {machine.get('blas')}." + (f" Missing: {missing}." if missing else "")
    )
