"""The comparisons of the self-check, one function each.

A comparison returns (error, tolerance, share of entries that could be compared), or a sentence that
says why there is nothing to compare. A row appears when the methods that it needs exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._blocks import signals
from ._core import Linearization, gram, linearize
from ._differences import derivative
from ._likelihood import Categorical
from ._subject import Measured, Subject

# Derivatives of the outputs


def outputs(s: Subject) -> Measured:
    return s.identity(s.lin.outputs(), s.net(signals(s.x)))


def jacobian(s: Subject) -> Measured:
    values, doubts, size = s.along(lambda lin: lin.outputs())
    shape = values.shape
    return s.difference((s.jacobian.T @ s.directions).reshape(shape, order="F"),
                      (values, doubts, size))  # fmt: skip


def input_jacobian(s: Subject) -> Measured:
    exact = s.lin.jacobian("inputs")  # Q x S x R
    results, scales = _along_inputs(s, lambda lin: lin.outputs().T)
    return s.difference(exact * scales, results)


def _along_inputs(s: Subject, function: Callable[[Linearization], np.ndarray]) -> Any:
    """Derivatives along every raw input row, stacked last, and the rows' sizes."""
    results, scales = [], []
    for i, xi in enumerate(s.x):
        for row in range(len(xi)):
            scale = float(np.std(xi[row])) or max(float(np.abs(xi[row]).max()), 0.1)

            def moved(h: float, i: int = i, row: int = row, scale: float = scale) -> np.ndarray:
                x = [np.array(other) for other in s.x]
                x[i][row] += h * scale
                return function(s.at(s.net.wb, x))

            results.append(derivative(moved))
            scales.append(scale)
    values, doubts, sizes = zip(*results, strict=True)
    return (np.stack(values, axis=-1), np.stack(doubts, axis=-1), max(sizes)), np.array(scales)


def input_hessian(s: Subject) -> Measured:
    results, scales = _along_inputs(s, lambda lin: lin.jacobian("inputs"))
    return s.difference(s.lin.input_hessian() * scales, results)


def laplacian(s: Subject) -> Measured:
    hessians = s.lin.input_hessian()
    scale = np.max(np.abs(hessians), initial=0.0)
    return s.identity(s.lin.laplacian(), np.einsum("qsrr->qs", hessians), scale)


def input_products(s: Subject) -> Measured:
    J = s.lin.jacobian("inputs")
    u, v = s.vectors(s.lin.n_outputs, s.lin.n_samples), s.vectors(s.lin.n_inputs, s.lin.n_samples)
    scales = np.abs(J).sum(axis=(1, 2)).max(initial=0.0)
    return max(
        s.identity(s.lin.input_jvp(v), np.einsum("qsr,rq->sq", J, v), scales),
        s.identity(s.lin.input_vjp(u), np.einsum("qsr,sq->rq", J, u), scales),
    )


def input_hvp(s: Subject) -> Measured:
    H = s.lin.input_hessian()
    u, v = s.vectors(s.lin.n_outputs, s.lin.n_samples), s.vectors(s.lin.n_inputs, s.lin.n_samples)
    scale = np.abs(H).sum(axis=(1, 2, 3)).max(initial=0.0)
    return s.identity(s.lin.input_hvp(u, v), np.einsum("sq,qsrk,kq->rq", u, H, v), scale)


def gram_matrix(s: Subject) -> Measured:
    return s.identity(s.lin.gram(), s.jacobian.T @ s.jacobian)


def ntk(s: Subject) -> Measured:
    x = signals(s.x)
    return s.identity(s.package.ntk(s.net, x), gram(s.net, x))


def jvp(s: Subject) -> Measured:
    v = s.vectors(s.lin.n_parameters)
    y = s.lin.jvp(v)
    return s.identity(y.ravel(order="F"), s.jacobian.T @ v, _product_scale(s.jacobian.T, v))


def vjp(s: Subject) -> Measured:
    u = s.vectors(s.lin.n_outputs, s.lin.n_samples)
    flat = u.ravel(order="F")
    return s.identity(s.lin.vjp(u), s.jacobian @ flat, _product_scale(s.jacobian, flat))


def adjoint(s: Subject) -> Measured:
    u, v = s.vectors(s.lin.n_outputs, s.lin.n_samples), s.vectors(s.lin.n_parameters)
    y, g = s.lin.jvp(v), s.lin.vjp(u)
    return s.identity(np.sum(u * y), g @ v, np.sum(np.abs(u * y)) + np.abs(g) @ np.abs(v))


def _product_scale(matrix: np.ndarray, vector: np.ndarray) -> float:
    return float(np.max(np.abs(matrix) @ np.abs(vector), initial=0.0))


# First derivatives of errors and performance


def errors(s: Subject) -> Measured:
    expected = -s.jacobian * s.lin.error_scales().ravel(order="F")
    return s.identity(s.lin.de_dwb(), expected)


def gradient(s: Subject) -> Measured:
    return s.difference(s.directions.T @ s.lin.gradient(), s.along(lambda lin: lin.performance()))


def gradient_of_errors(s: Subject) -> Measured:
    J, e = s.lin.de_dwb(), s.lin.errors().ravel(order="F")
    factor = _squares(s)
    expected = factor * (J @ e) + s.regularised("gradient")
    return s.identity(s.lin.gradient(), expected, factor * _product_scale(J, e))


def _squares(s: Subject) -> float:
    """Factor of J J' in the Gauss-Newton matrix."""
    count = max(s.lin.n_targets, 1) if s.net.performance == "mse" else 1
    return 2.0 * (1.0 - s.net.performParam.regularization) / count


def gradients(s: Subject) -> Measured:
    parts = s.lin.gradients()
    scale = np.max(np.sum(np.abs(parts), axis=1), initial=0.0)
    return s.identity(parts.sum(axis=1) + s.regularised("gradient"), s.lin.gradient(), scale)


# Curvature


def normal_equations(s: Subject) -> Measured:
    J, e = s.lin.de_dwb(), s.lin.errors().ravel(order="F")
    JJ, Je, sse = s.lin.normal_equations()
    parts = (
        s.identity(JJ, J @ J.T),
        s.identity(Je, J @ e, _product_scale(J, e)),
        s.identity(sse, e @ e),
    )
    return max(parts)


def gauss_newton(s: Subject) -> Measured:
    J = s.lin.de_dwb()
    return s.identity(s.gauss_newton, _squares(s) * (J @ J.T) + s.regularised("gauss_newton"))


def gauss_newton_of_classes(s: Subject) -> Measured:
    try:
        classes = Categorical("check", s.net, signals(s.x), s.t, s.ew, None)
    except ValueError:
        return "not the crossentropy of one softmax or logistic output"
    roots = classes.roots()
    p, (q, rows, _) = s.lin.n_parameters, roots.shape
    J = linearize(classes.features, signals(s.x)).jacobian().reshape(p, rows, q, order="F")
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
    return s.identity(s.lin.hvp(v), s.hessian @ v, _product_scale(s.hessian, v))


def ggnvp(s: Subject) -> Measured:
    v = s.vectors(s.lin.n_parameters)
    return s.identity(s.lin.ggnvp(v), s.gauss_newton @ v, _product_scale(s.gauss_newton, v))


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


ROWS: list[tuple[str, str, str, Callable[[Subject], Measured]]] = [
    ("", "outputs", "net(x)", outputs),
    ("", "jacobian", "differences of outputs", jacobian),
    ("", "jacobian(inputs)", "differences of outputs", input_jacobian),
    ("input_hessian", "input_hessian", "differences of jacobian(inputs)", input_hessian),
    ("laplacian input_hessian", "laplacian", "trace of input_hessian", laplacian),
    ("input_jvp input_vjp", "input_jvp, input_vjp", "jacobian(inputs)", input_products),
    ("input_hvp input_hessian", "input_hvp", "input_hessian", input_hvp),
    ("", "gram", "J'J", gram_matrix),
    ("package.ntk", "ntk", "gram", ntk),
    ("jvp", "jvp", "J'v", jvp),
    ("vjp", "vjp", "J u", vjp),
    ("jvp vjp", "<u, jvp(v)>", "<vjp(u), v>", adjoint),
    ("targets", "de_dwb", "scaled jacobian", errors),
    ("targets", "gradient", "differences of performance", gradient),
    ("targets least-squares", "gradient", "J e", gradient_of_errors),
    ("targets gradients", "gradients", "gradient", gradients),
    ("targets dense", "normal_equations", "J J', J e, e'e", normal_equations),
    ("targets dense least-squares", "gauss_newton", "J J'", gauss_newton),
    ("targets dense classes", "gauss_newton", "logits' J R R'J'", gauss_newton_of_classes),
    ("targets dense", "hessian", "differences of gradient", hessian),
    ("targets dense", "hessian, gauss_newton", "their transposes", symmetry),
    ("targets hvp", "hvp", "differences of gradient", hvp_differences),
    ("targets hvp dense", "hvp", "hessian v", hvp),
    ("targets ggnvp dense", "ggnvp", "gauss_newton v", ggnvp),
    ("targets hessian_diagonal dense", "hessian_diagonal", "hessian", hessian_diagonal),
    ("targets gauss_newton_diagonal dense", "gauss_newton_diagonal", "gauss_newton",
     gauss_newton_diagonal),
    ("targets hessian_trace hessian_diagonal", "hessian_trace", "hessian_diagonal",
     hessian_trace),
    ("targets hessian_block dense", "hessian_block", "hessian", hessian_block),
]  # fmt: skip
