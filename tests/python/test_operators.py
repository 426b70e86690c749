"""SciPy's linear operators: the matrices they stand for, and SciPy's methods on them."""

import copy
import pickle
import subprocess
import sys

import jacnet as jn
import numpy as np
import pytest
from building import arguments
from hypothesis import assume, given, settings
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg, eigsh, lsmr, svds
from strategies import cases
from test_bad_input import refused


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 40))
    t = np.sin(x[:2]) + 0.1 * rng.normal(size=(2, 40))
    net = jn.Network([3, 8, 6, 2])
    net.setwb(rng.normal(size=net.n_parameters))
    net.performParam.regularization = 0.1
    return net, x, t


def dense(operator):
    return operator @ np.eye(operator.shape[1])


@settings(max_examples=25)
@given(cases(max_width=8, max_parameters=150))
def test_they_are_their_matrices(case):
    (net, x, t), options = arguments(case)
    lin = jn.linearize(net, x, t, **options)
    for operator, matrix in (
        (jn.HessianOperator(net, x, t, **options), lin.hessian()),
        (jn.GaussNewtonOperator(lin), lin.gauss_newton()),
    ):
        assert isinstance(operator, LinearOperator)
        assert operator.shape == matrix.shape
        scale = 1e-12 * (np.abs(matrix).max(initial=0.0) + np.abs(lin.gauss_newton()).max() + 1)
        assert np.max(np.abs(dense(operator) - matrix), initial=0.0) <= 100 * scale
        assert operator.T is operator
    assume(not case.has_unknown_inputs)
    J, G = lin.jacobian(), lin.gram()
    del options["ew"]
    jacobian = jn.JacobianOperator(net, x, **options)
    assert jacobian.shape == J.T.shape
    np.testing.assert_allclose(dense(jacobian), J.T, rtol=0, atol=1e-12 * (1 + np.abs(J).max()))
    np.testing.assert_allclose(dense(jacobian.H), J, rtol=0, atol=1e-12 * (1 + np.abs(J).max()))
    gram = dense(jn.GramOperator(lin))
    np.testing.assert_allclose(gram, G, rtol=0, atol=1e-12 * (1 + np.abs(G).max()))


def test_vectors_and_blocks(problem):
    net, x, t = problem
    rng = np.random.default_rng(1)
    for operator in (
        jn.JacobianOperator(net, x),
        jn.GramOperator(net, x, n_threads=1),
        jn.HessianOperator(net, x, t),
        jn.GaussNewtonOperator(net, x, t),
    ):
        rows, columns = operator.shape
        V, U = rng.normal(size=(columns, 3)), rng.normal(size=(rows, 3))
        assert operator.dtype == np.float64
        assert operator.matvec(V[:, 0]).shape == (rows,)
        assert operator.matvec(V[:, :1]).shape == (rows, 1)
        assert operator.rmatvec(U[:, 0]).shape == (columns,)
        np.testing.assert_array_equal(operator.matmat(V)[:, 1], operator.matvec(V[:, 1]))
        np.testing.assert_array_equal(operator.rmatmat(U)[:, 2], operator.rmatvec(U[:, 2]))
        np.testing.assert_array_equal(operator.T @ U, operator.rmatmat(U))
        adjoint = np.sum(U * (operator @ V)) - np.sum((operator.H @ U) * V)
        assert abs(adjoint) < 1e-10


def test_scipy_solves_with_them(problem):
    net, x, t = problem
    G, J, H = jn.gauss_newton(net, x, t), jn.jacobian(net, x), jn.hessian(net, x, t)
    g = jn.gradient(net, x, t)
    damped = jn.GaussNewtonOperator(net, x, t) + 0.01 * aslinearoperator(np.eye(len(g)))
    step, info = cg(damped, -g, rtol=1e-12, maxiter=2000)
    assert info == 0
    expected = np.linalg.solve(G + 0.01 * np.eye(len(g)), -g)
    np.testing.assert_allclose(step, expected, rtol=1e-6, atol=1e-8)

    u = np.random.default_rng(1).normal(size=J.shape[1])
    found = lsmr(jn.JacobianOperator(net, x), u, damp=0.1, atol=1e-12, btol=1e-12, maxiter=3000)[0]
    expected = np.linalg.solve(J @ J.T + 0.01 * np.eye(len(J)), J @ u)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)

    values = np.sort(eigsh(jn.HessianOperator(net, x, t), k=4, which="LA")[0])
    np.testing.assert_allclose(values, np.linalg.eigvalsh(H)[-4:], rtol=1e-10)
    values = np.sort(svds(jn.JacobianOperator(net, x), k=3)[1])
    np.testing.assert_allclose(values, np.linalg.svd(J)[1][:3][::-1], rtol=1e-8)
    values = np.sort(eigsh(jn.GramOperator(net, x), k=3)[0])
    np.testing.assert_allclose(values, np.linalg.eigvalsh(jn.gram(net, x))[-3:], rtol=1e-10)


def test_they_keep_the_parameters_of_their_making(problem):
    net, x, t = problem
    net = net.copy()
    operator, H = jn.HessianOperator(net, x, t), jn.hessian(net, x, t)
    net.setwb(np.zeros(net.n_parameters))
    np.testing.assert_allclose(dense(operator), H, rtol=0, atol=1e-12)


def test_copies(problem):
    operator = jn.HessianOperator(*problem)
    np.testing.assert_array_equal(dense(copy.copy(operator)), dense(operator))
    for ask in (pickle.dumps, copy.deepcopy):
        with refused(TypeError, "HessianOperator", "pickle the network and the data"):
            ask(operator)


def test_a_loss_of_ones_own(problem):
    net, x, _ = problem
    lin = jn.linearize(net, x)
    shape = (lin.n_outputs, lin.n_samples)
    own = lin.with_loss(np.ones(shape), np.ones(shape))
    for operator, kind in ((jn.HessianOperator, "exact"), (jn.GaussNewtonOperator, "gauss-newton")):
        np.testing.assert_allclose(dense(operator(own)), own.hessian(kind), rtol=0, atol=1e-10)
    with refused(ValueError, "HessianOperator", "d2loss"):
        jn.HessianOperator(lin.with_loss(np.ones(shape)))


def test_refusals(problem):
    net, x, _ = problem
    lin = jn.linearize(net, x)
    with refused(ValueError, "HessianOperator", "needs targets"):
        jn.HessianOperator(lin)
    with refused(ValueError, "GaussNewtonOperator", "without t"):
        jn.GaussNewtonOperator(net, x)
    with refused(ValueError, "JacobianOperator", "linearize"):
        jn.JacobianOperator(lin, x)
    with refused(TypeError, "GramOperator", "net", "str"):
        jn.GramOperator("net", x)
    with refused(TypeError, "JacobianOperator", "x is missing"):
        jn.JacobianOperator(net)
    with refused(ValueError, "JacobianOperator: x", "(40, 3)", "x.T"):
        jn.JacobianOperator(net, x.T)
    for bad in (np.zeros(5), np.zeros((5, 2))):
        with refused(ValueError, "JacobianOperator: the operand has shape", "5", "100 rows"):
            jn.JacobianOperator(net, x) @ bad
    for product in ("rmatvec", "rmatmat"):
        with refused(ValueError, "JacobianOperator: the operand has shape (3, 1)", "80 rows"):
            getattr(jn.JacobianOperator(net, x), product)(np.zeros((3, 1)))
    for name in ("Hessian", "GaussNewton", "Gram", "Jacobian"):
        data = problem[1:] if name in ("Hessian", "GaussNewton") else (x,)
        operator = getattr(jn, f"{name}Operator")(net, *data)
        with refused(ValueError, f"{name}Operator: ", "nan", "finite"):
            operator @ np.full(operator.shape[1], np.nan)
    with refused(AttributeError, "jacnet", "JacobianOperators"):
        _ = jn.JacobianOperators


def test_without_scipy():
    code = (
        "import sys; sys.modules['scipy'] = sys.modules['scipy.sparse'] = None\n"
        "from jacnet import *\n"
        "import jacnet as jn\n"
        "try: jn.JacobianOperator\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "jacnet[scipy]"' in done.stdout
    assert "JacobianOperator" in dir(jn)


def test_importing_jacnet_imports_no_scipy():
    code = "import sys, jacnet; print('scipy' in sys.modules, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
