"""Products with the Jacobian, the Hessian and the Gauss-Newton matrix, without forming any."""

import jacnet as jn
import numpy as np
import pytest
from building import arguments, inputs, pca_transforms
from hypothesis import assume, given, settings
from strategies import cases

TOLERANCE = 1e-12
K = 3


def assert_close(actual, expected, scale, what):
    assert np.shape(actual) == np.shape(expected), what
    assert np.all(np.isfinite(actual)), what
    error = np.max(np.abs(actual - expected), initial=0.0)
    assert error <= TOLERANCE * max(scale, 1e-300), f"{what}: error {error:.2e}, scale {scale:.2e}"


def size_of(matrix, vectors):
    """The largest sum of magnitudes that a product adds up."""
    return np.max(np.abs(matrix) @ np.abs(vectors), initial=0.0)


@settings(max_examples=60)
@given(cases(max_width=12, max_parameters=500))
def test_curvature_products_are_those_of_the_matrices(case):
    (net, x, t), options = arguments(case)
    lin = jn.linearize(net, x, t, **options)
    V = np.random.default_rng(0).normal(size=(net.n_parameters, K))
    d = case.reference(*pca_transforms(net))
    for product, free, matrix, natural in (
        (lin.hvp, jn.hvp, lin.hessian(), d.hessian_scale),
        (lin.ggnvp, jn.ggnvp, lin.gauss_newton(), d.gauss_newton_scale),
    ):
        scale = size_of(matrix, V) + natural * np.abs(V).sum()
        HV = product(V)
        assert_close(HV, matrix @ V, scale, free.__name__)
        np.testing.assert_array_equal(free(net, x, t, V, **options), HV)
        np.testing.assert_array_equal(product(V[:, 1]), HV[:, 1])
        np.testing.assert_array_equal(free(net, x, t, V[:, 2], **options, n_threads=1), HV[:, 2])
