"""Figures from stored results: ``python -m bench.plot FILE.json [FOLDER]`` (needs matplotlib).

Writes the README's figure (times of jacnet and its peers) and a roofline plot (rates that jacnet
reaches, below the machine's own), each as SVG and PNG.
"""

from __future__ import annotations

import json
import sys
from itertools import cycle
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

from .table import duration

NETWORKS = ([1, 10, 1], [10, 20, 20, 3], [20, 64, 64, 5])
SAMPLES = (94, 1000, 200, 50)  # the first of these that was measured
QUANTITIES = {
    "de_dwb": "Jacobian",
    "gradient": "gradient",
    "gauss_newton": "Gauss-Newton",
    "hessian": "exact Hessian",
}
CONTENDERS = {  # colours that stay apart for colour-blind readers
    "jacnet": "#0072b2",
    "numpy": "#999999",
    "jax": "#e69f00",
    "torch": "#d55e00",
    "casadi": "#009e73",
    "backpack": "#cc79a7",
    "curvlinops": "#f0c000",
    "alglib": "#56b4e9",
}
MARKERS = {
    "de_dwb": "s",
    "gradient": "v",
    "normal_equations": "d",
    "gauss_newton": "o",
    "hessian": "^",
    "hvp": "<",
    "ggnvp": ">",
}
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "jacnet",
}


def speed(report: dict[str, Any]) -> Any:
    """Draw times of one call, one panel for each network, one group for each quantity."""
    threads = _threads(report)
    shown = [name for name in CONTENDERS if _used(report, name, threads)]
    figure, panels = plt.subplots(1, len(NETWORKS), figsize=(11, 4.2), layout="constrained")
    for panel, sizes in zip(panels, NETWORKS, strict=True):
        n_samples = _samples(report, sizes, threads)
        for group, quantity in enumerate(QUANTITIES):
            result = _find(report, sizes, n_samples, quantity, threads)
            _bars(panel, group, result, shown)
        panel.set_title(f"{'-'.join(map(str, sizes))}, {n_samples} samples", fontsize=10)
        panel.set_yscale("log")
        panel.set_xticks(range(len(QUANTITIES)), QUANTITIES.values(), rotation=20)
        panel.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
        panel.grid(axis="y", alpha=0.3)
        panel.set_axisbelow(True)
    handles = [plt.Rectangle((0, 0), 1, 1, color=CONTENDERS[name]) for name in shown]
    figure.legend(handles, shown, loc="outside upper center", ncols=len(shown), frameon=False)
    figure.supylabel("time of one call (less is better)", fontsize=9)
    figure.supxlabel(_caption(report, threads), fontsize=7, color="#555555")
    return figure


def roofline(report: dict[str, Any]) -> Any:
    """Draw the rate of jacnet's calls over the flops they do for each byte of their result."""
    threads = _threads(report)
    rates = report["rates"][str(threads)]
    roof, bandwidth = rates["dgemm_gflops"], rates["store_gbytes"]
    figure, axes = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
    x = np.geomspace(1 / 16, 1e5, 200)
    axes.plot(x, np.minimum(roof, bandwidth * x), color="#333333", linewidth=1.2)
    axes.annotate(f"DGEMM {roof:.0f} Gflop/s", (1e5, roof), ha="right", va="bottom")
    axes.annotate(f"stores {bandwidth:.0f} GB/s  ", (0.4, 0.4 * bandwidth), ha="right")
    points = [_point(result) for result in report["results"] if _drawn(result, threads)]
    names = sorted({point[0] for point in points})
    colours = dict(zip(names, cycle(plt.get_cmap("tab10").colors), strict=False))
    for name, quantity, intensity, rate in points:
        axes.plot(intensity, rate, MARKERS[quantity], color=colours[name], markersize=6, alpha=0.8)
    axes.set(xscale="log", yscale="log", xlabel="least flops for each byte of the result")
    axes.set_ylabel("least flops / time, Gflop/s")
    axes.set_ylim(bottom=roof / 1e3)
    marks = [plt.Line2D([], [], marker=m, ls="", color="#333333") for m in MARKERS.values()]
    dots = [plt.Line2D([], [], marker="o", ls="", color=colours[name]) for name in names]
    words = [name.replace("_", " ") for name in MARKERS]
    axes.legend(marks + dots, words + names, loc="lower right", fontsize=7, ncols=2, frameon=False)
    axes.grid(alpha=0.3)
    figure.supxlabel(_caption(report, threads), fontsize=7, color="#555555")
    return figure


def _bars(panel: Any, group: int, result: dict[str, Any] | None, shown: list[str]) -> None:
    width = 0.85 / len(shown)
    for i, name in enumerate(shown):
        row = result and result["times"].get(name)
        if not row:
            continue
        low, high = row["quartiles"]
        middle = row["seconds"]
        spread = [[max(0.0, middle - low)], [max(0.0, high - middle)]]
        at = group + (i - (len(shown) - 1) / 2) * width
        panel.bar(at, middle, width, color=CONTENDERS[name])
        panel.errorbar(at, middle, yerr=spread, color="#333333", linewidth=0.7)


def _point(result: dict[str, Any]) -> tuple[str, str, float, float]:
    work, p = result["work"], result["n_parameters"]
    flops, n_bytes = work["amount"], 8.0 * p * p
    if work["unit"] == "bytes":  # one product for each element
        flops, n_bytes = work["amount"] / 8, work["amount"]
    elif result["quantity"] in ("gradient", "hvp", "ggnvp"):
        n_bytes = 8.0 * p
    seconds = result["times"]["jacnet"]["seconds"]
    name = "-".join(map(str, result["sizes"]))
    return name, result["quantity"], flops / n_bytes, flops / seconds / 1e9


def _drawn(result: dict[str, Any], threads: int) -> bool:
    return bool(
        result.get("work")
        and result["threads"] == threads
        and result["quantity"] in MARKERS
        and "jacnet" in result["times"]
        and result["hidden"] == "tansig"
        and result["n_samples"] > 1
    )


def _threads(report: dict[str, Any]) -> int:
    return max(int(n) for n in report["rates"])


def _used(report: dict[str, Any], name: str, threads: int) -> bool:
    found = (
        _find(report, sizes, _samples(report, sizes, threads), quantity, threads)
        for sizes in NETWORKS
        for quantity in QUANTITIES
    )
    return any(result and name in result["times"] for result in found)


def _samples(report: dict[str, Any], sizes: list[int], threads: int) -> int:
    measured = [n for n in SAMPLES if _find(report, sizes, n, "de_dwb", threads)]
    return measured[0] if measured else SAMPLES[0]


def _find(
    report: dict[str, Any], sizes: list[int], n_samples: int, quantity: str, threads: int
) -> dict[str, Any] | None:
    wanted = (sizes, n_samples, quantity, threads, "tansig")
    for r in report["results"]:
        keys = ("sizes", "n_samples", "quantity", "threads", "hidden")
        if tuple(r.get(key) for key in keys) == wanted:
            return r
    return None


def _caption(report: dict[str, Any], threads: int) -> str:
    processor, build = report["machine"]["processor"], report["jacnet"]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    plural = "s" if threads > 1 else ""
    first = f"{processor}, {threads} thread{plural}, {build.get('instruction_set')}, float64"
    return "\n".join([first, *wrap(versions, 130)])


def main() -> int:
    """Draw both figures of a report."""
    source = Path(sys.argv[1])
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else source.parent
    report = json.loads(source.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(_STYLE):
        for name, draw in {"speed": speed, "roofline": roofline}.items():
            figure = draw(report)
            for suffix in ("svg", "png"):
                path = folder / f"{source.stem}-{name}.{suffix}"
                metadata = {"Date": None} if suffix == "svg" else None
                figure.savefig(path, dpi=150, metadata=metadata)
                print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
