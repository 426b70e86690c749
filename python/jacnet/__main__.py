"""Fit a network from the command line and take its derivatives: ``python -m jacnet``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import jacnet as jn
from jacnet._csv import Table, TableError, read_table

_EXAMPLES = """\
columns are given by name or by number from 1; without a header row, by number.

examples:
  python -m jacnet
      train on the simplefit data and show its derivatives
  python -m jacnet data.csv --targets price --hidden 10,10 --out result.npz
      the same for a file; result.npz holds wb, names, J, gradient, H, y and more
  g++ -std=c++20 -I"$(python -m jacnet --includes)" ...
      build C++ code against the installed library
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, or 2 for bad files, columns and options."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.show:
        return _show(options.show)
    try:
        x, t, labels = _data(options)
        _run(x, t, labels, options)
    except (TableError, ValueError, TypeError, OSError, MemoryError) as error:
        print(f"jacnet: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jacnet",
        description="Train a network by Levenberg-Marquardt and compute the Jacobian of its "
        "errors, the gradient and the exact Hessian of its performance.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = parser.add_argument_group("data")
    data.add_argument("file", nargs="?", help="table of numbers; default: the simplefit data")
    data.add_argument("--targets", metavar="COL[,COL]", help="target columns")
    data.add_argument("--inputs", metavar="COL[,COL]", help="input columns; default: all others")
    data.add_argument("--delimiter", help="default: comma, semicolon, tab or blanks, as found")
    fit = parser.add_argument_group("network and training")
    fit.add_argument("--hidden", type=_sizes, default=[10], metavar="N[,N]", help="default: 10")
    fit.add_argument("--seed", type=_count, default=0, help="default: 0")
    fit.add_argument("--epochs", type=_count, default=1000, help="at most; default: 1000")
    fit.add_argument("--performance", choices=["mse", "sse"], default="mse")
    fit.add_argument("--val", type=_share, default=0.15, help="share of samples; default: 0.15")
    fit.add_argument("--test", type=_share, default=0.15, help="share of samples; default: 0.15")
    fit.add_argument("--threads", type=_count, metavar="N", help="default: all")
    output = parser.add_argument_group("output")
    output.add_argument("--out", metavar="FILE.npz", help="write weights, names, J, gradient, H")
    output.add_argument("--network", metavar="FILE", help="write the network, for jacnet.load")
    output.add_argument("--quiet", action="store_true", help="print nothing but errors")
    _add_queries(parser.add_argument_group("information, for builds of C++ code"))
    return parser


def _add_queries(group: argparse._ArgumentGroup) -> None:
    for flag, meaning in {
        "includes": "print the folder of the C++ headers",
        "cmakedir": "print the folder of jacnetConfig.cmake",
        "pkgconfigdir": "print the folder of jacnet.pc",
        "version": "print the version",
        "info": "print facts about this build",
    }.items():
        group.add_argument(f"--{flag}", dest="show", action="store_const", const=flag, help=meaning)


def _sizes(text: str) -> list[int]:
    sizes = [_count(part) for part in text.split(",")]
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"layer sizes must be at least 1: {text!r}")
    return sizes


def _count(text: str) -> int:
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to below 1, got {text!r}")
    return value


def _show(what: str) -> int:
    answers = {
        "includes": jn.get_include,
        "cmakedir": jn.get_cmake_dir,
        "pkgconfigdir": jn.get_pkgconfig_dir,
        "version": lambda: jn.__version__,
        "info": lambda: "\n".join(f"{key}: {value}" for key, value in jn.build_info().items()),
    }
    try:
        print(answers[what]())
    except FileNotFoundError as error:
        print(f"jacnet: {error}", file=sys.stderr)
        return 2
    return 0


# The data ----------------------------------------------------------------------------------

Labels = tuple[list[str], list[str]]  # names of the inputs, names of the targets


def _data(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, Labels]:
    if options.file is None:
        if options.targets or options.inputs:
            raise TableError("--targets and --inputs need a data file")
        x, t = jn.datasets.simplefit()
        return x, t, (["x"], ["t"])
    if not options.targets:
        raise TableError(f"{options.file}: say which columns are targets: --targets COL[,COL]")
    table = read_table(options.file, _delimiter(options.delimiter))
    inputs, targets = _columns(table, options)
    x = table.numbers(inputs, missing_allowed=False)
    t = table.numbers(targets, missing_allowed=True)
    return x, t, ([table.names[k] for k in inputs], [table.names[k] for k in targets])


def _delimiter(text: str | None) -> str | None:
    mark = {"tab": "\t", "\\t": "\t", "space": " "}.get(text, text) if text else None
    if mark is not None and len(mark) != 1:
        raise TableError(f"--delimiter: expected one character, 'tab' or 'space', got {text!r}")
    return mark


def _columns(table: Table, options: argparse.Namespace) -> tuple[list[int], list[int]]:
    targets = [table.column(key.strip()) for key in options.targets.split(",")]
    twice = [table.names[k] for k in targets if targets.count(k) > 1]
    if twice:
        raise TableError(f"column {twice[0]!r} is named twice in --targets")
    if options.inputs:
        inputs = [table.column(key.strip()) for key in options.inputs.split(",")]
    else:
        inputs = [k for k in range(len(table.names)) if k not in targets]
    both = [table.names[k] for k in inputs if k in targets]
    if both:
        raise TableError(f"column {both[0]!r} is input and target at once")
    if not inputs:
        raise TableError("every column is a target; no input is left")
    return inputs, targets


# The work ----------------------------------------------------------------------------------


def _run(x: np.ndarray, t: np.ndarray, labels: Labels, options: argparse.Namespace) -> None:
    say = (lambda *_: None) if options.quiet else print
    _require_writable(options.out, options.network)
    say(f"inputs  {', '.join(labels[0])}: {x.shape[0]} x {x.shape[1]} samples")
    say(f"targets {', '.join(labels[1])}: {t.shape[0]} x {t.shape[1]}\n")

    net, tr = _train(x, t, options)
    threads = {"n_threads": options.threads}
    y = net(x, **threads)
    jacobian = jn.defaultderiv("de_dwb", net, x, t, **threads)
    gradient = jn.defaultderiv("dperf_dwb", net, x, t, **threads)
    hessian = jn.hessian(net, x, t, **threads)

    perf = jn.perform(net, t, y)
    say(_report(net, tr, perf, jacobian, gradient, hessian))
    if options.out:
        results = {"J": jacobian, "gradient": gradient, "H": hessian, "y": y, "perf": perf}
        _write(options.out, net, tr, labels, **results)
        say(f"\nwrote {options.out}")
    if options.network:
        net.save(options.network)
        say(f"wrote {options.network}")


def _require_writable(*paths: str | None) -> None:
    """Complain before the training, not after it."""
    for path in filter(None, paths):
        folder = Path(path).absolute().parent
        if not folder.is_dir():
            raise TableError(f"{path}: there is no folder {folder}")


def _train(
    x: np.ndarray, t: np.ndarray, options: argparse.Namespace
) -> tuple[jn.Network, jn.TrainingRecord]:
    if options.val + options.test >= 1:
        raise TableError("--val and --test leave nothing to train on")
    net = jn.feedforwardnet(options.hidden)
    net.performFcn = options.performance
    net.divideParam = {
        "trainRatio": 1 - options.val - options.test,
        "valRatio": options.val,
        "testRatio": options.test,
    }
    return jn.train(
        net,
        x,
        t,
        seed=options.seed,
        epochs=options.epochs,
        n_threads=options.threads,
        verbose=not options.quiet,
    )


def _report(
    net: jn.Network,
    tr: jn.TrainingRecord,
    perf: float,
    jacobian: np.ndarray,
    gradient: np.ndarray,
    hessian: np.ndarray,
) -> str:
    eigenvalues = np.linalg.eigvalsh(hessian)
    lowest, highest = (eigenvalues[0], eigenvalues[-1]) if eigenvalues.size else (0.0, 0.0)
    corner = np.array2string(jacobian[:3, :4], precision=5, prefix=" " * 14)
    return "\n".join(
        [
            f"\n{net!r}",
            f"performance   {net.performFcn} {perf:.6g} on all samples",
            f"training      {tr.num_epochs} epochs, best {tr.best_epoch}; {tr.stop}",
            f"\n{net.layout}\n",
            f"Jacobian      de_dwb, {_by(jacobian)}; upper left corner:",
            f"              {corner}",
            f"gradient      dperf_dwb, norm {np.linalg.norm(gradient):.6g}",
            f"Hessian       {_by(hessian)}, eigenvalues from {lowest:.6g} to {highest:.6g}",
        ]
    )


def _by(matrix: np.ndarray) -> str:
    return " x ".join(map(str, matrix.shape))


def _write(
    path: str,
    net: jn.Network,
    tr: jn.TrainingRecord,
    labels: Labels,
    **results: Any,
) -> None:
    with open(path, "wb") as file:  # an open file keeps the name as it was given
        np.savez(
            file,
            wb=net.wb,
            names=np.array(net.layout.names),
            inputs=np.array(labels[0]),
            targets=np.array(labels[1]),
            trainInd=tr.trainInd,
            valInd=tr.valInd,
            testInd=tr.testInd,
            **results,
        )


if __name__ == "__main__":
    sys.exit(main())
