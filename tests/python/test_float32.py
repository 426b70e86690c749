"""dtype=numpy.float32: the same numbers as float64, rounded, and no more than that."""

import inspect
import re
from pathlib import Path

import jacnet as jn
import numpy as np
import pytest
from building import arguments
from hypothesis import given, settings
from strategies import cases

F32 = np.float32
CURVATURES = ("gauss_newton", "hessian")


def problem(sizes, n_samples, seed=0):
    rng = np.random.default_rng(seed)
    net = jn.Network(sizes)
    net.setwb(rng.normal(size=net.n_parameters) * 0.4)
    return net, rng.normal(size=(sizes[0], n_samples)), rng.normal(size=(sizes[-1], n_samples))


def close(a, exact, tolerance=2e-6):
    """Within so much of the largest element, and in float32."""
    assert a.dtype == F32
    assert a.shape == exact.shape
    scale = np.abs(exact).max(initial=0.0)
    assert np.abs(a - exact).max(initial=0.0) <= tolerance * scale + 1e-37


@pytest.mark.parametrize("n", [1, 63, 64, 65, 700, 1030, 2500])
@pytest.mark.parametrize("sizes", [[1, 10, 1], [4, 20, 17, 3], [3, 40, 1]])
def test_curvature(sizes, n):
    net, x, t = problem(sizes, n)
    for name in CURVATURES:
        ask = getattr(jn, name)
        h = ask(net, x, t, dtype=F32)
        close(h, ask(net, x, t), 1e-6)
        np.testing.assert_array_equal(h, h.T)
        np.testing.assert_array_equal(h, ask(net, x, t, dtype=F32, n_threads=1))


@pytest.mark.parametrize("name", CURVATURES)
def test_the_error_does_not_grow_with_the_samples(name):
    """The largest element is a sum of equal terms, whose roundings all have the same sign."""
    for n in (1_000, 100_000):
        net, x, t = problem([2, 6, 2], n)
        exact = getattr(jn, name)(net, x, t)
        h = getattr(jn, name)(net, x, t, dtype=F32)
        assert np.abs(h - exact).max() <= 1e-6 * np.abs(exact).max()


@pytest.mark.parametrize("sizes", [[1, 10, 1], [5, 40, 30, 3], [3, 1200, 2]])
@pytest.mark.parametrize("n", [3, 60, 500])
def test_jacobians_are_rounded_once(sizes, n):
    net, x, t = problem(sizes, n)
    t[0, 0] = np.nan
    pairs = [
        (lambda **k: jn.jacobian(net, x, **k)),
        (lambda **k: jn.defaultderiv("de_dwb", net, x, t, **k)),
    ]
    for ask in pairs:
        a = ask(dtype=F32)
        assert a.dtype == F32
        np.testing.assert_array_equal(a, ask().astype(F32))


@pytest.mark.parametrize("sizes", [[1, 10, 1], [300, 20, 3], [4, 60, 60, 40], [2, 90, 14]])
@pytest.mark.parametrize("alike", [False, True])
def test_gram(sizes, alike):
    """Sources that are all alike give sums of equal terms, whose roundings have the same sign."""
    net, x, _ = problem(sizes, 70)
    if alike:
        x = np.full(x.shape, 0.7)
    for traced in (False, True):
        for other in (None, x[:, :33]):
            exact = jn.ntk(net, x, other, traced=traced)
            k = jn.ntk(net, x, other, traced=traced, dtype=F32)
            close(k, exact, 1e-6)
            if other is None:
                np.testing.assert_array_equal(k, k.T)
            np.testing.assert_array_equal(
                k, jn.ntk(net, x, other, traced=traced, dtype=F32, n_threads=1)
            )
            out = np.empty(exact.shape, F32)
            jn.ntk(net, x, other, traced=traced, out=out, dtype=F32)
            np.testing.assert_array_equal(out, k)


def test_normal_equations():
    net, x, t = problem([3, 12, 2], 1500)
    JJ, Je, sse = jn.normal_equations(net, x, t)
    jj, je, e = jn.normal_equations(net, x, t, dtype=F32)
    close(jj, JJ, 1e-6)
    close(je, Je, 1e-7)
    assert type(e) is float
    assert abs(e - sse) <= 1e-12 * sse
    out = np.empty(JJ.shape, F32), np.empty(Je.shape, F32)
    assert jn.normal_equations(net, x, t, dtype=F32, out=out)[0] is out[0]
    np.testing.assert_array_equal(out[0], jj)


@settings(max_examples=25, deadline=None)
@given(cases())
def test_random_networks(case):
    given_, keywords = arguments(case)
    exact = jn.linearize(*given_, **keywords)
    lin = jn.linearize(*given_, **keywords, dtype=F32)
    for ask in (
        lambda made: made.gauss_newton(),
        lambda made: made.hessian(),
        lambda made: made.de_dwb(),
        lambda made: made.gradient(),
        lambda made: made.hessian_diagonal(),
    ):
        with np.errstate(over="ignore"):
            a, b = ask(lin), ask(exact)
        if np.abs(b).max(initial=0.0) < 1e30:
            close(a, b, 1e-5)


@pytest.mark.parametrize("name", CURVATURES)
@pytest.mark.parametrize("n", [50, 1500])
def test_out(name, n):
    net, x, t = problem([2, 9, 1], n)
    net.regularization = 0.3
    p = net.n_parameters
    exact = getattr(jn, name)(net, x, t)
    for out in (
        np.empty((p, p), F32, order="F"),
        np.empty((p, p), F32),
        np.empty((p + 3, p + 1), F32, order="F")[:p, :p],
        np.empty((2 * p, 2 * p), F32)[::2, ::-2],
    ):
        assert getattr(jn, name)(net, x, t, dtype=F32, out=out) is out
        close(out, exact, 1e-6)


def test_every_answer_of_a_linearization():
    net, x, t = problem([3, 8, 2], 20)
    lin, exact = jn.linearize(net, x, t, dtype=F32), jn.linearize(net, x, t)
    assert lin.dtype == F32
    assert exact.dtype == np.float64
    v, u = np.ones(lin.n_parameters), np.ones((2, 20))
    questions = {
        "outputs": (), "errors": (), "error_scales": (), "gradient": (), "de_dwb": (),
        "jacobian": (), "gram": (), "gauss_newton": (), "hessian": (), "gradients": (),
        "hessians": (), "hessian_diagonal": (), "gauss_newton_diagonal": (), "fisher": (),
        "empirical_fisher": (), "jvp": (v,), "vjp": (u,), "hvp": (v,), "ggnvp": (v,),
        "hessian_block": ([0, 5, 3],), "input_hessian": (), "laplacian": (),
        "input_jvp": (x,), "input_vjp": (t,), "input_hvp": (t, x),
    }  # fmt: skip
    for name, given_ in questions.items():
        expected = getattr(exact, name)(*given_)
        close(getattr(lin, name)(*given_), expected)
        if name == "hessian_block":
            continue
        out = np.full(expected.shape, np.nan, F32)
        assert getattr(lin, name)(*given_, out=out) is out
        close(out, expected)
        with pytest.raises(TypeError, match=f"{name}: out must be a float32 array"):
            getattr(lin, name)(*given_, out=np.empty(expected.shape))
    close(lin.jacobian("inputs"), exact.jacobian("inputs"))
    close(lin.hessian(packed=True), exact.hessian(packed=True))
    for a, b in zip(lin.hessian(structure="block"), exact.hessian(structure="block"), strict=True):
        close(a, b)
    close(lin.hessian(order="torch"), exact.hessian(order="torch"))
    assert lin.performance() == exact.performance()
    assert lin.hessian_trace() == exact.hessian_trace()
    assert lin.parameters().dtype == np.float64
    loss = lin.with_loss(u, np.ones((2, 20)))
    close(loss.gauss_newton(), exact.with_loss(u, np.ones((2, 20))).gauss_newton())


def test_dtype_is_never_inferred():
    net, x, t = problem([2, 4, 1], 6)
    assert jn.hessian(net, x.astype(F32), t.astype(F32)).dtype == np.float64
    with pytest.raises(TypeError, match="hessian: out must be a float64 array, got dtype float32"):
        jn.hessian(net, x, t, out=np.empty((net.n_parameters,) * 2, F32))


@pytest.mark.parametrize("dtype", ["float16", np.int32, complex, "nonsense", 3])
def test_other_dtypes_are_refused(dtype):
    net, x, t = problem([2, 4, 1], 6)
    for name in ("linearize", "hessian", "gauss_newton", "normal_equations", "jacobian", "gram"):
        arguments_ = (net, x) if name in ("jacobian", "gram") else (net, x, t)
        message = f"{name}: dtype must be numpy.float64 or numpy.float32, got "
        with pytest.raises(TypeError, match=message):
            getattr(jn, name)(*arguments_, dtype=dtype)


def test_the_page_names_the_functions_that_take_it():
    page = Path(__file__).parents[2] / "docs" / "float32.md"
    text = page.read_text(encoding="utf-8")
    listed = re.search(r"Of the functions, (.*?) take `dtype=`", text, re.DOTALL)[1]
    compiled = [n for n in jn.__all__ if type(getattr(jn, n)) is type(jn.gradient)]
    taking = {n for n in compiled if "dtype" in inspect.signature(getattr(jn, n)).parameters}
    assert set(re.findall(r"`(\w+)`", listed)) == taking - {"num2deriv", "num5deriv"}


def test_differences_are_float64():
    net, x, t = problem([2, 4, 1], 6)
    with pytest.raises(TypeError, match="num2deriv: differences are taken in float64 only"):
        jn.num2deriv("de_dwb", net, x, t, dtype=F32)
