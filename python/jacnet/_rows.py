"""The comparisons of the self-check, and what each of them needs."""

from __future__ import annotations

from collections.abc import Callable

from . import _rows_curvature as curvature
from . import _rows_outputs as outputs
from . import _rows_performance as performance
from ._subject import Measured, Subject

ROWS: list[tuple[str, str, str, Callable[[Subject], Measured]]] = [
    ("", "outputs", "net(x)", outputs.outputs),
    ("", "jacobian", "differences of outputs", outputs.jacobian),
    ("", "jacobian(inputs)", "differences of outputs", outputs.input_jacobian),
    ("", "input_hessian", "differences of jacobian(inputs)", outputs.input_hessian),
    ("", "laplacian", "trace of input_hessian", outputs.laplacian),
    ("", "input_jvp, input_vjp", "jacobian(inputs)", outputs.input_products),
    ("", "input_hvp", "input_hessian", outputs.input_hvp),
    ("", "gram", "J'J", outputs.gram_matrix),
    ("", "gram(traced)", "gram", outputs.gram_traced),
    ("", "ntk", "gram", outputs.ntk),
    ("", "jvp", "J'v", outputs.jvp),
    ("", "vjp", "J u", outputs.vjp),
    ("", "<u, jvp(v)>", "<vjp(u), v>", outputs.adjoint),
    ("", "with_loss", "differences of its gradient", curvature.own_loss),
    ("targets", "errors", "error_scales, t - y", performance.errors),
    ("targets", "de_dwb", "scaled jacobian", performance.de_dwb),
    ("targets errors", "performance", "perform(net, t, y)", performance.performance),
    ("targets", "gradient", "differences of performance", performance.gradient),
    ("targets least-squares", "gradient", "J e", performance.gradient_of_errors),
    ("targets", "gradients", "gradient", performance.gradients),
    ("targets least-squares", "gradients", "J e", performance.gradients_of_errors),
    ("targets dense", "normal_equations", "J J', J e, e'e", curvature.normal_equations),
    ("targets dense least-squares", "gauss_newton", "J J'", curvature.gauss_newton),
    ("targets dense classes", "gauss_newton", "logits' J R R'J'",
     curvature.gauss_newton_of_classes),
    ("targets dense", "hessian", "differences of gradient", curvature.hessian),
    ("targets dense", "hessian, gauss_newton", "their transposes", curvature.symmetry),
    ("targets dense", "hessian(packed, structure)", "hessian", curvature.hessian_forms),
    ("targets dense", "hessians", "hessian", curvature.hessians),
    ("targets", "hvp", "differences of gradient", curvature.hvp_differences),
    ("targets dense", "hvp", "hessian v", curvature.hvp),
    ("targets dense", "ggnvp", "gauss_newton v", curvature.ggnvp),
    ("targets dense", "hessian_diagonal", "hessian", curvature.hessian_diagonal),
    ("targets dense", "gauss_newton_diagonal", "gauss_newton", curvature.gauss_newton_diagonal),
    ("targets", "hessian_trace", "hessian_diagonal", curvature.hessian_trace),
    ("targets dense", "hessian_block", "hessian", curvature.hessian_block),
    ("targets dense model", "fisher", "gauss_newton", curvature.fisher),
    ("targets dense", "empirical_fisher", "gradients", curvature.empirical_fisher),
]  # fmt: skip
