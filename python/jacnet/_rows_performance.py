"""Comparisons of the self-check: derivatives of the errors and of the performance."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._subject import Measured, Subject, product_scale


def de_dwb(s: Subject) -> Measured:
    expected = -s.jacobian * s.lin.error_scales().ravel(order="F")
    return s.identity(s.lin.de_dwb(), expected)


def gradient(s: Subject) -> Measured:
    return s.difference(s.directions.T @ s.lin.gradient(), s.along(lambda lin: lin.performance()))


def gradient_of_errors(s: Subject) -> Measured:
    J, e = s.lin.de_dwb(), s.lin.errors().ravel(order="F")
    factor = s.squares
    expected = factor * (J @ e) + s.regularised("gradient")
    return s.identity(s.lin.gradient(), expected, factor * product_scale(J, e))


def gradients(s: Subject) -> Measured:
    parts = s.lin.gradients()
    scale = np.max(np.sum(np.abs(parts), axis=1), initial=0.0)
    return s.identity(parts.sum(axis=1) + s.regularised("gradient"), s.lin.gradient(), scale)


def gradients_of_errors(s: Subject) -> Measured:
    J = s.lin.de_dwb().reshape(-1, s.lin.n_outputs, s.lin.n_samples, order="F")
    expected = s.squares * np.einsum("psq,sq->pq", J, s.lin.errors())
    return s.identity(s.lin.gradients(), expected)


def errors(s: Subject) -> Measured:
    """0 where the target is not known."""
    t: Any = s.t
    e = np.nan_to_num(s.lin.error_scales() * (t - s.lin.outputs()))
    return s.identity(s.lin.errors(), e, np.max(np.abs(np.nan_to_num(t)), initial=0.0))


def performance(s: Subject) -> Measured:
    value = s.package.perform(s.net, s.t, s.lin.outputs(), s.ew)
    return s.identity(s.lin.performance(), value)
