"""Curvature written out in NumPy: products by the R-operator, Hessian diagonal, Gram matrix.

Pearlmutter (1994), "Fast exact multiplication by the Hessian", for a chain of layers and mse.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Call

try:
    from scipy.linalg import blas
except ImportError:
    blas = None

_ELEMENTS = 1 << 22  # of the second derivatives that are held at a time
_PANEL = 8192  # parameters


def products(net: Any, quantity: str) -> dict[str, Call]:
    """Return ways to the Hessian (hvp) or Gauss-Newton matrix (ggnvp) times the direction."""
    v, exact = net.case.direction, quantity == "hvp"
    tape = _tape(net, exact)
    return {
        "kept": lambda: _product(net, tape, v, exact),
        "once": lambda: _product(net, _tape(net, exact), v, exact),
    }


def hessian_diagonal(net: Any) -> np.ndarray:
    """Diagonal of the exact Hessian from the second derivatives by each layer's net input."""
    step = max(1, _ELEMENTS // max(h for *_, h, _ in net.layers) ** 2)
    total = np.zeros(net.case.n_parameters)
    for start in range(0, net.case.n_samples, step):
        total += _diagonal_of(net, slice(start, start + step))
    return total


def gram_by_panels(net: Any) -> np.ndarray:
    """Add up J'J over panels of parameters; no more than a panel of J is held.

    With SciPy, the upper triangle is left out and the result is in Fortran order.
    """
    a, y = net.forward()
    n, m = y.shape
    total = np.zeros((n * m, n * m), order="F" if blas else "C")
    for i, d in _sensitivities(net, a, y):
        ones = np.ones((n, 1))
        sources = np.hstack([ones, a[i]])
        step = max(1, _PANEL // d.shape[2])
        for start in range(0, sources.shape[1], step):
            part = sources[:, None, start : start + step, None] * d[:, :, None, :]
            panel = part.reshape(n * m, -1)
            if blas:
                total = blas.dsyrk(1.0, panel.T, 1.0, total, trans=1, lower=1, overwrite_c=1)
            else:
                total += panel @ panel.T
    return total


def _tape(net: Any, exact: bool) -> dict[str, Any]:
    """Activations and slopes; for the exact Hessian also what second slopes and gradients give."""
    a, y = net.forward()
    slopes = [None, *(net.slope(part) for part in a[1:])]
    tape = {"a": a, "slopes": slopes, "d": [None] * len(a), "bends": [None] * len(a)}
    if exact:
        d = 2 / y.size * (y - net.t)
        for i in reversed(range(len(a))):
            tape["d"][i] = d
            if i > 0:
                g = d @ net.weights[i]
                d = g * slopes[i]
                tape["bends"][i] = d * _second_over_first(net, a[i])
    return tape


def _product(net: Any, tape: dict[str, Any], v: np.ndarray, exact: bool) -> np.ndarray:
    a, slopes, layers = tape["a"], tape["slopes"], net.layers
    directions = [(v[b], v[w].reshape(k, h)) for b, w, h, k in layers]
    change, changes = None, []  # of the layer's sources; of all net inputs
    changed = [None]
    for i, (b, w) in enumerate(directions):
        n = a[i] @ w + b
        if change is not None:
            n += change @ net.weights[i].T
        changes.append(n)
        if i + 1 < len(layers):
            change = slopes[i + 1] * n
            changed.append(change)
    out = np.empty_like(v)
    d = 2 / changes[-1].size * changes[-1]
    for i in reversed(range(len(layers))):
        bias, weight, *_ = layers[i]
        out[bias] = d.sum(0)
        block = a[i].T @ d
        if exact and i > 0:
            block += changed[i].T @ tape["d"][i]
        out[weight] = block.ravel()
        if i > 0:
            g = d @ net.weights[i]
            if exact:
                g += tape["d"][i] @ directions[i][1].T
            d = g * slopes[i]
            if exact:
                d += tape["bends"][i] * changes[i - 1]
    return out


def _diagonal_of(net: Any, rows: slice) -> np.ndarray:
    a, y = net.forward(net.x[rows])
    out = np.empty(net.case.n_parameters)
    size = net.t.size
    g = 2 / size * (y - net.t[rows])  # by the net input
    b = np.broadcast_to(2 / size * np.eye(y.shape[1]), (*y.shape, y.shape[1]))
    diagonal = np.full(y.shape, 2 / size)
    for i in reversed(range(len(net.layers))):
        bias, weight, *_ = net.layers[i]
        out[bias] = diagonal.sum(0)
        out[weight] = (np.square(a[i]).T @ diagonal).ravel()
        if i == 0:
            break
        w, slope = net.weights[i], net.slope(a[i])
        g = (g @ w) * slope
        bend = g * _second_over_first(net, a[i])
        half = b @ w
        if i == 1:  # no more than the diagonal is needed
            diagonal = (half * w).sum(1) * slope**2 + bend
            continue
        b = (w.T @ half) * slope[:, :, None] * slope[:, None, :]
        b[:, np.arange(len(w.T)), np.arange(len(w.T))] += bend
        diagonal = np.diagonal(b, axis1=1, axis2=2)
    return out


def _sensitivities(net: Any, a: list[np.ndarray], y: np.ndarray) -> Any:
    """From the last layer to the first: its number and dy/dn (samples, outputs, neurons)."""
    d = np.broadcast_to(np.eye(y.shape[1]), (*y.shape, y.shape[1]))
    for i in reversed(range(len(net.layers))):
        yield i, d
        if i > 0:
            d = (d @ net.weights[i]) * net.slope(a[i])[:, None, :]


def _second_over_first(net: Any, a: np.ndarray) -> np.ndarray:
    """Second derivative of the transfer function over its first."""
    return -2 * a if net.case.hidden == "tansig" else 1 - 2 * a
