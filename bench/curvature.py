"""The required speeds of the curvature suite: products, the diagonal, input Jacobians, kernels."""

from __future__ import annotations

from .cases import Case
from .criteria import Row, share
from .measure import Task
from .session import Session, roofs

PRODUCTS = (Case((20, 64, 64, 5), 200), Case((784, 256, 128, 10), 2000))
DIAGONAL = PRODUCTS[0]
ONE_SAMPLE, BATCH = Case((6, 64, 64, 3), 1), Case((6, 64, 64, 3), 10_000)
KERNEL = Case((784, 256, 10), 500)

# Products are compared with what does as much: from a tape that is kept, or in one call.
_FORMS = ("", ", blocks")
_KEPT = tuple(f"kept{what}{form}" for what in ("", " graph", " linear map") for form in _FORMS)
_ONCE = tuple(
    f"{way}{form}"
    for way in (
        *("jvp of grad", "grad of jvp", "vjp of grad", "autograd hvp", "autograd vhp"),
        *("jvp and vjp", "linearize and vjp", "vjp of vjp", "once"),
    )
    for form in _FORMS
)


def _products(session: Session, row: Row, threads: int) -> None:
    for case in PRODUCTS:
        for quantity in ("hvp", "ggnvp"):
            _product(session, row, threads, case, quantity)


def _product(session: Session, row: Row, threads: int, case: Case, quantity: str) -> None:
    peers = ("jax", "torch", "numpy")
    tasks = [
        Task("jacnet", "jacnet", case, quantity),
        *roofs("dgemm"),
        *(Task(f"{peer}, kept", peer, case, quantity, only=_KEPT) for peer in peers),
        *(Task(f"{peer}, one call", peer, case, quantity, only=_ONCE) for peer in peers),
        Task("curvlinops", "curvlinops", case, quantity),
    ]
    rows = session.compare(threads, tasks, 15)
    what = f"{quantity}, {case.name}"
    for how, ours in (("kept", "jacnet"), ("one call", "jacnet (out)")):
        row.faster(f"{what}, {how}, JAX", 2, rows, ours, f"jax, {how}")
        row.faster(f"{what}, {how}, torch", 4, rows, ours, f"torch, {how}")
    if case is PRODUCTS[-1]:
        row.at_least(what, 50, "% of F", share(rows, "jacnet", case, quantity))


def _diagonal(session: Session, row: Row, threads: int) -> None:
    tasks = [
        Task("jacnet", "jacnet", DIAGONAL, "hessian_diagonal"),
        Task("whole Hessian", "jacnet", DIAGONAL, "hessian", only=("out",)),
        Task("backpack", "backpack", DIAGONAL, "hessian_diagonal"),
        Task("numpy", "numpy", DIAGONAL, "hessian_diagonal"),
    ]
    rows = session.compare(threads, tasks, 10)
    row.faster("the whole Hessian", 20, rows, "jacnet (out)", "whole Hessian")
    row.faster("BackPACK's DiagHessian", 20, rows, "jacnet (out)", "backpack")


def _one_sample(session: Session, row: Row, threads: int) -> None:
    peers = ("jacnet", "jax", "torch", "jacnet_cpp", "casadi")
    tasks = [Task(peer, peer, ONE_SAMPLE, "input_jacobian") for peer in peers]
    rows = session.compare(1, tasks, 5)
    row.faster("from Python, into out=, JAX", 6, rows, "jacnet", "jax")
    row.faster("from Python, allocated anew, JAX", 6, rows, "jacnet (fresh)", "jax")
    row.faster("from C++, CasADi's C in a C loop", 1, rows, "jacnet_cpp", "casadi")


def _batch(session: Session, row: Row, threads: int) -> None:
    peers = ("jacnet", "jax", "torch", "numpy")
    tasks = [Task(peer, peer, BATCH, "input_jacobian") for peer in peers]
    rows = session.compare(threads, tasks, 8)
    row.faster("into out=, JAX", 3, rows, "jacnet", "jax")
    row.faster("allocated anew, JAX", 3, rows, "jacnet (fresh)", "jax")


def _kernel(session: Session, row: Row, threads: int) -> None:
    tasks = [Task(peer, peer, KERNEL, "gram") for peer in ("jacnet", "neural_tangents", "jax")]
    rows = session.compare(threads, tasks, 10)
    row.faster("neural-tangents", 10, rows, "jacnet", "neural_tangents")
    for peer, what in (("numpy", "J by hand"), ("dense", "jn.jacobian")):  # in turn: 8 GB each
        tasks = [Task(name, name, KERNEL, "gram") for name in ("jacnet", peer)]
        rows = session.compare(threads, tasks, 1, 600)
        row.faster(f"{what}, J'J by BLAS", 100, rows, "jacnet", peer)


ROWS = {
    "hvp and ggnvp": _products,
    "Hessian diagonal, 20-64-64-5, N=200": _diagonal,
    "input Jacobian, 6-64-64-3, one sample": _one_sample,
    "input Jacobian, 6-64-64-3, N=10000": _batch,
    "tangent kernel, 784-256-10, N=500": _kernel,
}
