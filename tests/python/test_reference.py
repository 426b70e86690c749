"""The reference against itself: differences of its own values, so that it can be trusted alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from reference import Derivatives
from reference.transfer import PIECEWISE
from strategies import cases

NOT_TWICE_SMOOTH = {"elu", "selu", "elliotsig", "elliot2sig", *PIECEWISE}


def stencil(function, v, h):
    """Five-point derivative of `function` along each element of `v`, on a new last axis."""
    columns = []
    for d in np.eye(len(v)) * h:
        near = function(v + d) - function(v - d)
        far = function(v + 2 * d) - function(v - 2 * d)
        columns.append((8 * near - far) / (12 * h))
    return np.stack(columns, axis=-1)


@settings(max_examples=60)
@given(cases(max_width=4, max_parameters=60))
def test_derivatives_agree_with_differences(case):
    if NOT_TWICE_SMOOTH & set(case.spec.transfer) or case.spec.performance in ("mae", "sae"):
        return  # a kink may lie in reach of the stencil
    d = case.reference()

    def at(w):
        return Derivatives(d.net, w, *case.batch())

    J = stencil(lambda w: at(w).y, d.w, 1e-4)  # S x Q x P
    J = J.transpose(2, 1, 0).reshape(len(d.w), -1)
    assert np.abs(d.jacobian - J).max() <= 1e-7 * (1 + d.jacobian_scale)
    g = stencil(lambda w: np.array(at(w).performance), d.w, 1e-4)
    assert np.abs(d.gradient - g).max() <= 1e-7 * (1 + d.gradient_scale)
    H = stencil(lambda w: at(w).gradient, d.w, 1e-4)
    assert np.abs(d.hessian - H).max() <= 1e-7 * (1 + d.hessian_scale)


@settings(max_examples=30)
@given(cases(max_width=4, max_parameters=60))
def test_input_jacobian_agrees_with_differences(case):
    if NOT_TWICE_SMOOTH & set(case.spec.transfer) or case.has_unknown_inputs:
        return
    d = case.reference()
    x, *_ = case.batch()
    for q in range(x[0].shape[1]):
        column = np.concatenate([xi[:, q] for xi in x])
        splits = np.cumsum(case.spec.input_sizes)[:-1]

        def y(v, splits=splits):
            return d.net(d.w, [part[:, None] for part in np.split(v, splits)])[:, 0]

        step = 1e-4 * max(1.0, np.abs(column).max() * 0.1)
        dy = stencil(y, column, step)
        assert np.abs(d.input_jacobian[q] - dy).max() <= 1e-6 * (1 + np.abs(dy).max())


@settings(max_examples=60)
@given(cases(max_width=8, max_parameters=200))
def test_second_derivatives_are_consistent(case):
    d = case.reference()
    assert np.abs(d.hessian - d.hessian.T).max() <= 1e-13 * d.hessian_scale
    assert np.abs(d.gauss_newton).max() <= 1.0000001 * d.gauss_newton_scale
    if case.spec.performance in ("mae", "sae"):
        assert not d.gauss_newton.any()
    if case.spec.performance == "mse" and case.spec.regularization == 0:
        JJ, Je, _ = d.normal_equations
        factor = 2 / d.loss.divisor
        assert d.gradient == pytest.approx(factor * Je, abs=1e-12 * d.gradient_scale)
        assert d.gauss_newton == pytest.approx(factor * JJ, abs=1e-12 * d.gauss_newton_scale)
