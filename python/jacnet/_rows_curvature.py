"""Comparisons of the self-check: second derivatives of the performance, and their pieces."""

from __future__ import annotations

import numpy as np

from ._blocks import signals
from ._core import linearize
from ._likelihood import Categorical
from ._subject import Measured, Subject, product_scale
from ._threads import Threaded


def normal_equations(s: Subject) -> Measured:
    J, e = s.lin.de_dwb(), s.lin.errors().ravel(order="F")
    JJ, Je, sse = s.lin.normal_equations()
    parts = (
        s.identity(JJ, J @ J.T),
        s.identity(Je, J @ e, product_scale(J, e)),
        s.identity(sse, e @ e),
    )
    return max(parts)


def gauss_newton(s: Subject) -> Measured:
    J = s.lin.de_dwb()
    return s.identity(s.gauss_newton, s.squares * (J @ J.T) + s.regularised("gauss_newton"))


def gauss_newton_of_classes(s: Subject) -> Measured:
    try:
        classes = Categorical("check", s.net, signals(s.x), s.t, s.ew, None, s.n_threads)
    except ValueError:
        return "not the crossentropy of one softmax or logistic output"
    roots = classes.roots()
    p, (q, rows, _) = s.lin.n_parameters, roots.shape
    J = linearize(classes.features, signals(s.x)).jacobian(n_threads=s.n_threads)
    J = J.reshape(p, rows, q, order="F")
    J = np.einsum("psq,qsr->pqr", J, roots).reshape(p, -1)
    share = (1.0 - s.net.performParam.regularization) / max(s.lin.n_targets, 1)
    return s.identity(s.gauss_newton, share * (J @ J.T) + s.regularised("gauss_newton"))


def hessian(s: Subject) -> Measured:
    return s.difference(s.hessian @ s.directions, s.along(lambda lin: lin.gradient()))


def symmetry(s: Subject) -> Measured:
    return max(s.identity(H, H.T) for H in (s.hessian, s.gauss_newton))


def hvp_differences(s: Subject) -> Measured:
    products = np.stack([s.lin.hvp(d) for d in s.directions.T], axis=1)
    return s.difference(products, s.along(lambda lin: lin.gradient()))


def hvp(s: Subject) -> Measured:
    v = s.vectors(s.lin.n_parameters)
    return s.identity(s.lin.hvp(v), s.hessian @ v, product_scale(s.hessian, v))


def ggnvp(s: Subject) -> Measured:
    v = s.vectors(s.lin.n_parameters)
    return s.identity(s.lin.ggnvp(v), s.gauss_newton @ v, product_scale(s.gauss_newton, v))


def hessian_diagonal(s: Subject) -> Measured:
    scale = np.max(np.abs(s.hessian), initial=0.0)
    return max(
        s.identity(s.lin.hessian_diagonal(kind="exact"), np.diag(s.hessian), scale),
        s.identity(s.lin.hessian_diagonal(kind="gauss-newton"), np.diag(s.gauss_newton), scale),
    )


def gauss_newton_diagonal(s: Subject) -> Measured:
    return s.identity(s.lin.gauss_newton_diagonal(), np.diag(s.gauss_newton))


def hessian_trace(s: Subject) -> Measured:
    exact, plain = (s.lin.hessian_diagonal(kind=k) for k in ("exact", "gauss-newton"))
    return max(
        s.identity(s.lin.hessian_trace(kind="exact"), exact.sum(), np.abs(exact).sum()),
        s.identity(s.lin.hessian_trace(kind="gauss-newton"), plain.sum()),
    )


def hessian_block(s: Subject) -> Measured:
    p = s.lin.n_parameters
    rows, cols = (np.sort(s.rng.permutation(p)[: max(1, p // 3)]) for _ in range(2))
    scale = np.max(np.abs(s.hessian), initial=0.0)
    return max(
        s.identity(s.lin.hessian_block(rows, cols, kind="exact"),
                 s.hessian[np.ix_(rows, cols)], scale),
        s.identity(s.lin.hessian_block(rows, cols, kind="gauss-newton"),
                 s.gauss_newton[np.ix_(rows, cols)], scale),
    )  # fmt: skip


def hessian_forms(s: Subject) -> Measured:
    """The packed triangle, the diagonal, the layers' blocks."""
    cols, rows = np.tril_indices(s.lin.n_parameters)
    parts = [
        s.identity(s.lin.hessian(packed=True), s.hessian[rows, cols]),
        s.identity(s.lin.hessian(structure="diagonal"), np.diag(s.hessian), s.largest),
    ]
    first = 0
    for block in s.lin.hessian(structure="block"):
        own = slice(first, first + len(block))
        parts.append(s.identity(block, s.hessian[own, own], s.largest))
        first += len(block)
    return max(parts)


def hessians(s: Subject) -> Measured:
    """Of so many samples as make no more than a million numbers."""
    few = s.first(max(1, 1_000_000 // max(1, s.lin.n_parameters) ** 2))
    parts = few.lin.hessians()
    scale = np.max(np.sum(np.abs(parts), axis=0), initial=0.0)
    return s.identity(parts.sum(axis=0) + few.regularised("hessian"), few.lin.hessian(), scale)


def fisher(s: Subject) -> Measured:
    try:
        information = s.lin.fisher()
    except ValueError:
        return "not the likelihood of a model"
    plain = s.gauss_newton - s.regularised("gauss_newton")
    return max(
        s.identity(information, plain, s.largest),
        s.identity(s.lin.fisher(structure="diagonal"), np.diag(plain), s.largest),
    )


def empirical_fisher(s: Subject) -> Measured:
    G = s.lin.gradients()
    twice = 2.0 if s.net.performance in ("mse", "sse") else 1.0
    count = 1 if s.net.performance in ("sse", "sae") else max(s.lin.n_targets, 1)
    tau = twice * (1.0 - s.net.performParam.regularization) / count
    expected = G @ G.T / tau if tau > 0.0 else np.zeros((len(G), len(G)))
    return max(
        s.identity(s.lin.empirical_fisher(), expected),
        s.identity(s.lin.empirical_fisher(structure="diagonal"), np.diag(expected)),
    )


def own_loss(s: Subject) -> Measured:
    """Half the sum of the squares of the outputs."""

    def gradient(lin: Threaded) -> np.ndarray:
        return Threaded(lin.with_loss(lin.outputs()), s.n_threads).gradient()

    y = s.lin.outputs()
    own = Threaded(s.lin.with_loss(y, np.ones_like(y)), s.n_threads)
    return s.difference(own.hvp(s.directions), s.along(gradient))
