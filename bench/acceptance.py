"""The required speeds of Jacobians, Gauss-Newton matrices, Hessians and training, row by row."""

from __future__ import annotations

from statistics import median

from .cases import Case
from .criteria import Row, ratio, share
from .measure import Task
from .probe import probe
from .session import Session, roofs

LARGE_J = (
    Case((20, 64, 64, 5), 400),
    Case((784, 100, 10), 20),
    Case((10, 32, 32, 32, 1), 10_000),
)
MIDDLE, MIDDLE_LONG = Case((20, 64, 64, 5), 200), Case((20, 64, 64, 5), 2000)
WIDE = Case((64, 100, 10), 1000)
SMALL = Case((10, 20, 20, 3), 1000)
ONE_OUTPUT = Case((10, 32, 32, 32, 1), 1000)
DUAL = Case((784, 100, 10), 50)
TINY = Case((1, 10, 1), 94)
GROWTH = tuple(Case((8, 30, 1), n) for n in (1000, 10_000, 100_000, 1_000_000))


def _large_jacobians(session: Session, row: Row, threads: int) -> None:
    for case in LARGE_J:
        tasks = [Task("jacnet", "jacnet", case, "de_dwb", only=("out",)), *roofs("store")]
        rows = session.compare(threads, tasks, 6)
        size = case.result_bytes("de_dwb") / 1e6
        value = share(rows, "jacnet", case, "de_dwb")
        row.at_least(f"{case.name} ({size:.0f} MB), into out=", 85, "% of W", value)


def _middle_jacobian(session: Session, row: Row, threads: int) -> None:
    case, quantity = MIDDLE, "de_dwb"
    matrix = ("jacrev, flat", "jacrev, matrix")  # one array, as jacnet's
    blocks = ("jacrev, blocks",)  # an array for each weight: less than what is asked for
    tasks = [
        Task("jacnet", "jacnet", case, quantity),
        Task("jacnet, tuned", "jacnet", case, quantity, "tuned", ("fresh",)),
        Task("torch, tuned", "torch", case, quantity, "tuned", matrix),
        Task("jax, tuned", "jax", case, quantity, "tuned", matrix),
        Task("torch", "torch", case, quantity, "shipped", matrix),
        Task("jax", "jax", case, quantity, "shipped", matrix),
        Task("torch blocks, tuned", "torch", case, quantity, "tuned", blocks),
        Task("jax blocks, tuned", "jax", case, quantity, "tuned", blocks),
        Task("jax blocks", "jax", case, quantity, "shipped", blocks),
    ]
    rows = session.compare(threads, tasks, 25)
    fresh = "jacnet (fresh)"
    row.faster("into out=, torch with allocator tuning", 6, rows, "jacnet", "torch, tuned")
    row.faster("into out=, JAX with allocator tuning", 5, rows, "jacnet", "jax, tuned")
    row.faster("allocated anew, torch with allocator tuning", 2, rows, fresh, "torch, tuned")
    row.faster("allocated anew, JAX with allocator tuning", 2, rows, fresh, "jax, tuned")
    row.faster("allocated anew, JAX as shipped", 15, rows, fresh, "jax")


def _gauss_newton(session: Session, row: Row, threads: int) -> None:
    tasks = [
        Task("jacnet", "jacnet", MIDDLE, "gauss_newton"),
        *roofs("dgemm"),
        *(Task(peer, peer, MIDDLE, "gauss_newton") for peer in ("torch", "jax", "numpy")),
    ]
    rows = session.compare(threads, tasks, 30)
    value = share(rows, "jacnet", MIDDLE, "gauss_newton")
    row.at_least("N=200", 50, "% of F", value)
    row.faster("N=200, the best of torch and JAX", 7, rows, "jacnet", "torch", "jax")
    tasks = [Task("jacnet", "jacnet", MIDDLE_LONG, "gauss_newton"), *roofs("dgemm")]
    rows = session.compare(threads, tasks, 15)
    value = share(rows, "jacnet", MIDDLE_LONG, "gauss_newton")
    row.at_least("N=2000", 70, "% of F", value)


def _hessian(session: Session, row: Row, threads: int) -> None:
    for case, seconds in ((MIDDLE, 10), (MIDDLE_LONG, 20)):
        tasks = [
            Task("hessian", "jacnet", case, "hessian", only=("out",)),
            Task("gauss_newton", "jacnet", case, "gauss_newton", only=("out",)),
        ]
        rows = session.compare(threads, tasks, seconds)
        value = ratio(rows, "hessian", "gauss_newton")
        row.at_most(f"time over Gauss-Newton's, N={case.n_samples}", 1.25, "x", value)
    tasks = [Task(peer, peer, MIDDLE, "hessian") for peer in ("jacnet", "jax", "torch")]
    rows = session.compare(threads, tasks, 60)
    row.faster("N=200, JAX", 18, rows, "jacnet", "jax")
    row.faster("N=200, torch", 40, rows, "jacnet", "torch")
    found = probe("memory", threads, case=MIDDLE.to_json(), quantity="hessian")
    value = found["extra_bytes"] / found["result_bytes"] if "extra_bytes" in found else None
    row.at_most("peak memory over the result's", 1.3, "x", value, found.get("missing", ""))


def _wide(session: Session, row: Row, threads: int) -> None:
    tasks = [
        *(Task(q, "jacnet", WIDE, q, only=("out",)) for q in ("gauss_newton", "hessian")),
        *roofs("dgemm"),
        Task("J and syrk", "numpy", WIDE, "gauss_newton", only=("dense",)),
    ]
    rows = session.compare(threads, tasks, 40)
    for quantity in ("gauss_newton", "hessian"):
        row.at_least(quantity, 75, "% of F", share(rows, quantity, WIDE, quantity))
        row.faster(f"{quantity}, forming J and syrk", 8, rows, quantity, "J and syrk")


def _small(session: Session, row: Row, threads: int) -> None:
    tasks = [
        Task("gauss_newton", "jacnet", SMALL, "gauss_newton", only=("out",)),
        Task("hessian", "jacnet", SMALL, "hessian", only=("out",)),
        *roofs("dgemm"),
        Task("casadi", "casadi", SMALL, "gauss_newton"),
        Task("alglib", "alglib", SMALL, "hessian"),
    ]
    rows = session.compare(1, tasks, 30)
    for quantity in ("gauss_newton", "hessian"):
        row.at_least(quantity, 55, "% of F", share(rows, quantity, SMALL, quantity))
    row.faster("gauss_newton, CasADi's C and BLAS", 2.5, rows, "gauss_newton", "casadi")
    row.faster("hessian, ALGLIB", 40, rows, "hessian", "alglib")


def _one_output(session: Session, row: Row, threads: int) -> None:
    panels = ("panels of 256", "panels of 1024")
    tasks = [
        Task("gauss_newton", "jacnet", ONE_OUTPUT, "gauss_newton", only=("out",)),
        Task("hessian", "jacnet", ONE_OUTPUT, "hessian", only=("out",)),
        Task("panels", "numpy", ONE_OUTPUT, "gauss_newton", only=panels),
    ]
    rows = session.compare(threads, tasks, 15)
    value = ratio(rows, "gauss_newton", "panels")
    row.at_most("gauss_newton over panels and syrk", 1.1, "x", value)
    value = ratio(rows, "hessian", "gauss_newton")
    row.at_most("hessian over gauss_newton", 1.5, "x", value)
    tasks = [Task(peer, peer, ONE_OUTPUT, "hessian") for peer in ("jacnet", "jax")]
    rows = session.compare(threads, tasks, 30)
    row.faster("hessian, JAX", 15, rows, "jacnet", "jax")


def _dual(session: Session, row: Row, threads: int) -> None:
    for quantity, what in (("gram", "Gram matrix"), ("dual_step", "dual LM step")):
        tasks = [Task(peer, peer, DUAL, quantity) for peer in ("jacnet", "numpy")]
        rows = session.compare(threads, tasks, 12)
        row.faster(f"{what}, forming J and J'J", 50, rows, "jacnet", "numpy")


def _tiny(session: Session, row: Row, threads: int) -> None:
    required = {"de_dwb": 5, "gradient": 5, "normal_equations": 5, "hessian": 10}
    for quantity, least in required.items():
        tasks = [Task(peer, peer, TINY, quantity) for peer in ("jacnet", "jax")]
        rows = session.compare(1, tasks, 3)
        ours = "jacnet (fresh)" if "jacnet (fresh)" in rows else "jacnet"
        row.faster(f"{quantity}, allocated anew, JAX", least, rows, ours, "jax")
    found = probe("calls", 1)
    session.results.append({"probe": "calls", "threads": 1, "microseconds": found})
    note = found.get("missing", "")
    limits = {"J": 3.0, "forward": 1.0, "input Jacobian": 1.5}
    for kind, busy in (("J", ""), ("J", " busy"), ("forward", ""), ("input Jacobian", "")):
        for out in ("", " out="):
            value = None
            if not note:
                value = found[f"{kind}{out}{busy}"] - found[f"{kind}{out} empty{busy}"]
            beside = " beside a busy thread" if busy else ""
            what = f"{kind}{', into out=' if out else ''} above an empty call{beside}"
            row.at_most(what, limits[kind], "us", value, note)


def _epoch(session: Session, row: Row, threads: int) -> None:
    found = probe("epoch", 1)
    session.results.append({"probe": "epoch", "threads": 1, "microseconds": found})
    value = found["one_trial"][1] if "one_trial" in found else None
    note = found.get("missing", "") or f"mean with further trials {found['mean']:.1f} us"
    row.at_most("an epoch with one trial", 10, "us", value, note)


def _growth(session: Session, row: Row, threads: int) -> None:
    for quantity in ("gradient", "normal_equations", "hessian"):
        only = () if quantity == "normal_equations" else ("out",)
        tasks = [Task(case.name, "jacnet", case, quantity, only=only) for case in GROWTH]
        rows = session.compare(threads, tasks, 12)
        per_sample = [rows[c.name]["seconds"] / c.n_samples for c in GROWTH if c.name in rows]
        value = note = None
        if len(per_sample) == len(GROWTH):
            middle = median(per_sample)
            value = 100 * max(abs(t / middle - 1) for t in per_sample)
            note = "ns a sample: " + ", ".join(f"{1e9 * t:.1f}" for t in per_sample)
        row.at_most(f"{quantity}, time per sample off its median", 10, "%", value, note or "")
        extra = [probe("memory", threads, case=c.to_json(), quantity=quantity) for c in GROWTH[::3]]
        value, note = None, extra[0].get("missing", "")
        if all("extra_bytes" in e for e in extra):
            value = (extra[1]["extra_bytes"] - extra[0]["extra_bytes"]) / 2**20
            note = f"{extra[0]['extra_bytes'] / 2**20:.1f} MiB at N=1000; the data grow by 68 MiB"
        row.at_most(f"{quantity}, memory added from N=1e3 to 1e6", 4, "MiB", value, note)


ROWS = {
    "J of 64 MB and more": _large_jacobians,
    "J, 20-64-64-5, N=200": _middle_jacobian,
    "Gauss-Newton, 20-64-64-5": _gauss_newton,
    "exact Hessian, 20-64-64-5": _hessian,
    "64-100-10, N=1000": _wide,
    "10-20-20-3, N=1000, one thread": _small,
    "10-32-32-32-1, N=1000": _one_output,
    "dual form, 784-100-10, N=50": _dual,
    "1-10-1, N=94, one thread": _tiny,
    "LM epoch, 1-10-1, N=94, C++": _epoch,
    "growth, 8-30-1": _growth,
}
