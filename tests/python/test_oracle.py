"""Every derivative against automatic differentiation, on random networks of every kind.

A difference may be at most 1e-12 of the natural scale of the quantity: the largest of the terms
that are added to form it (`reference.Derivatives` says how it is estimated).
"""

import jacnet as jn
import numpy as np
import pytest
from building import arguments, inputs, pca_transforms
from hypothesis import assume, given, settings
from strategies import cases

TOLERANCE = 1e-12

pytestmark = pytest.mark.slow


def assert_close(actual, expected, scale, what):
    assert np.shape(actual) == np.shape(expected), what
    assert np.all(np.isfinite(actual)), what
    error = np.max(np.abs(actual - expected), initial=0.0)
    assert error <= TOLERANCE * scale, f"{what}: error {error:.2e}, scale {scale:.2e}"


@settings(max_examples=400)
@given(cases())
def test_targets_in_sight(case):
    """Value, gradient, J, normal equations, Gauss-Newton and Hessian, from the free functions."""
    args, options = arguments(case)
    d = case.reference(*pca_transforms(args[0]))
    assert args[0].n_parameters == len(case.w)

    J = jn.defaultderiv("de_dwb", *args, **options)
    scaling = np.max(np.abs(d.error_scaling), initial=0.0)
    assert_close(J, d.de_dwb, d.jacobian_scale * scaling, "de_dwb")

    gradient = jn.defaultderiv("dperf_dwb", *args, **options)
    assert_close(gradient, d.gradient, d.gradient_scale, "dperf_dwb")
    np.testing.assert_array_equal(jn.gradient(*args, **options), gradient)

    JJ, Je, sse = jn.normal_equations(*args, **options)
    size = np.abs(d.de_dwb)
    errors = (np.abs(d.loss.t) + np.abs(d.y)).ravel(order="F") * np.abs(d.error_scaling)
    largest_row = np.max(np.sum(size, axis=1), initial=0.0)
    natural = largest_row * max(d.jacobian_scale * scaling, 1e-300)
    assert_close(JJ, d.normal_equations[0], natural, "JJ")
    assert_close(Je, d.normal_equations[1], np.max(size @ errors, initial=0.0) + natural, "Je")
    assert_close(sse, d.normal_equations[2], errors @ errors, "sse")

    assert_close(jn.gauss_newton(*args, **options), d.gauss_newton, d.gauss_newton_scale, "GN")
    assert_close(jn.hessian(*args, **options), d.hessian, d.hessian_scale, "H")

    lin = jn.linearize(*args, **options)
    assert_close(lin.performance(), d.performance, abs(d.performance) + errors @ errors, "perf")


@settings(max_examples=200)
@given(cases())
def test_no_targets(case):
    """Outputs and their Jacobians with respect to parameters and inputs."""
    assume(not case.has_unknown_inputs)
    (net, x, _), options = arguments(case)
    del options["ew"]
    d = case.reference(*pca_transforms(net))
    batch = inputs(case.batch()[0])

    assert_close(net(batch), d.y, 1 + np.abs(d.y).max(), "y")
    J = jn.jacobian(net, x, **options)
    assert_close(J, d.jacobian, d.jacobian_scale, "dy/dw")
    dx = jn.jacobian(net, x, wrt="inputs", **options)
    assert_close(dx, d.input_jacobian, d.input_jacobian_scale, "dy/dx")
