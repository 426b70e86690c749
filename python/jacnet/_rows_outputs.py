"""Comparisons of the self-check: derivatives of the outputs, by parameters and by inputs.

A comparison returns (error, tolerance, share of entries that could be compared), or a sentence that
says why there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._blocks import signals
from ._core import gram
from ._differences import derivative
from ._subject import Measured, Subject, product_scale
from ._threads import Threaded


def outputs(s: Subject) -> Measured:
    return s.identity(s.lin.outputs(), s.net(signals(s.x), n_threads=s.n_threads))


def jacobian(s: Subject) -> Measured:
    values, doubts, size = s.along(lambda lin: lin.outputs())
    shape = values.shape
    return s.difference((s.jacobian.T @ s.directions).reshape(shape, order="F"),
                      (values, doubts, size))  # fmt: skip


def input_jacobian(s: Subject) -> Measured:
    exact = s.lin.jacobian("inputs")  # Q x S x R
    results, scales = _along_inputs(s, lambda lin: lin.outputs().T)
    return s.difference(exact * scales, results)


def _along_inputs(s: Subject, function: Callable[[Threaded], np.ndarray]) -> Any:
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


def gram_traced(s: Subject) -> Measured:
    m = s.lin.n_outputs
    whole = s.lin.gram()
    return s.identity(s.lin.gram(traced=True), sum(whole[k::m, k::m] for k in range(m)))


def ntk(s: Subject) -> Measured:
    """Between all samples, and between the first half and all."""
    whole, m = gram(s.net, signals(s.x), n_threads=s.n_threads), s.lin.n_outputs
    half = (s.lin.n_samples + 1) // 2
    some = signals([xi[:, :half] for xi in s.x])
    options = {"n_threads": s.n_threads}
    return max(
        s.identity(s.package.ntk(s.net, signals(s.x), **options), whole),
        s.identity(s.package.ntk(s.net, some, signals(s.x), **options), whole[: m * half]),
    )


def jvp(s: Subject) -> Measured:
    v = s.vectors(s.lin.n_parameters)
    y = s.lin.jvp(v)
    return s.identity(y.ravel(order="F"), s.jacobian.T @ v, product_scale(s.jacobian.T, v))


def vjp(s: Subject) -> Measured:
    u = s.vectors(s.lin.n_outputs, s.lin.n_samples)
    flat = u.ravel(order="F")
    return s.identity(s.lin.vjp(u), s.jacobian @ flat, product_scale(s.jacobian, flat))


def adjoint(s: Subject) -> Measured:
    u, v = s.vectors(s.lin.n_outputs, s.lin.n_samples), s.vectors(s.lin.n_parameters)
    y, g = s.lin.jvp(v), s.lin.vjp(u)
    return s.identity(np.sum(u * y), g @ v, np.sum(np.abs(u * y)) + np.abs(g) @ np.abs(v))
