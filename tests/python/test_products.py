"""Products with the Jacobian, the Hessian and the Gauss-Newton matrix, without forming any."""

import jacnet as jn
import numpy as np
import pytest
from building import arguments, inputs, pca_transforms
from hypothesis import assume, given, settings
from strategies import cases
from test_bad_input import refused

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


def directions(rows, columns=K):
    return np.random.default_rng(0).normal(size=(rows, columns))


@settings(max_examples=40)
@given(cases(max_width=12, max_parameters=300))
def test_curvature_products_against_automatic_differentiation(case):
    (net, x, t), options = arguments(case)
    lin = jn.linearize(net, x, t, **options)
    V = directions(net.n_parameters)
    d = case.reference(*pca_transforms(net))
    for product, free, matrix, natural in (
        (lin.hvp, jn.hvp, d.hessian, d.hessian_scale),
        (lin.ggnvp, jn.ggnvp, d.gauss_newton, d.gauss_newton_scale),
    ):
        scale = size_of(matrix, V) + natural * np.abs(V).sum(axis=0).max(initial=0.0)
        HV = product(V)
        assert_close(HV, matrix @ V, scale, free.__name__)
        np.testing.assert_array_equal(free(net, x, t, V, **options), HV)


@settings(max_examples=40)
@given(cases(max_width=12, max_parameters=300))
def test_curvature_products_are_those_of_the_matrices(case):
    (net, x, t), options = arguments(case)
    lin = jn.linearize(net, x, t, **options)
    V = directions(net.n_parameters)
    d = case.reference(*pca_transforms(net))
    lin.performance()  # uses targets at another scale
    for product, matrix, natural in (
        (lin.hvp, lin.hessian(), d.hessian_scale),
        (lin.ggnvp, lin.gauss_newton(), d.gauss_newton_scale),
    ):
        scale = size_of(matrix, V) + natural * np.abs(V).sum(axis=0).max(initial=0.0)
        HV = product(V)
        assert_close(HV, matrix @ V, scale, product.__name__)
        np.testing.assert_array_equal(product(V[:, 1]), HV[:, 1])
        np.testing.assert_array_equal(product(V[:, 2:], n_threads=1), HV[:, 2:])


@settings(max_examples=60)
@given(cases(max_width=12, max_parameters=300))
def test_jacobian_products_against_automatic_differentiation(case):
    assume(not case.has_unknown_inputs)
    (net, x, _), options = arguments(case)
    del options["ew"]
    d = case.reference(*pca_transforms(net))
    V = directions(net.n_parameters)
    lin = jn.linearize(net, x, **options)
    S, Q = lin.n_outputs, lin.n_samples
    U = directions(S * Q)
    natural = d.jacobian_scale

    JV = lin.jvp(V)
    scale = size_of(d.jacobian.T, V) + natural * np.abs(V).sum(axis=0).max(initial=0.0)
    assert_close(JV.reshape((S * Q, K), order="F"), d.jacobian.T @ V, scale, "jvp")
    np.testing.assert_array_equal(jn.jvp(net, x, V, **options), JV)
    np.testing.assert_array_equal(lin.jvp(V[:, 1]), JV[:, :, 1])

    u = U.reshape((S, Q, K), order="F")
    JU = lin.vjp(u)
    scale = size_of(d.jacobian, U) + natural * np.abs(U).sum(axis=0).max(initial=0.0)
    assert_close(JU, d.jacobian @ U, scale, "vjp")
    np.testing.assert_array_equal(jn.vjp(net, x, u, **options), JU)
    np.testing.assert_array_equal(lin.vjp(u[:, :, 1]), JU[:, 1])

    adjoint = np.sum(u * JV, axis=(0, 1)) - np.sum(JU * V, axis=0)  # <u, J v> = <J' u, v>
    assert np.max(np.abs(adjoint)) <= TOLERANCE * scale * np.abs(V).sum(initial=1.0)


@settings(max_examples=30)
@given(cases(max_width=8, max_parameters=150))
def test_a_minibatch_is_those_columns(case):
    assume(case.samples is not None)
    (net, x, t), options = arguments(case)
    bx, bt, bew = case.batch()
    v = directions(net.n_parameters, 1)[:, 0]
    for product in (jn.hvp, jn.ggnvp):
        np.testing.assert_array_equal(
            product(net, x, t, v, **options), product(net, inputs(bx), bt, v, ew=bew)
        )


@pytest.fixture
def net():
    net = jn.Network([4, 6, 5, 2], transfer=["tansig", "softmax", "purelin"])
    return net.setwb(np.random.default_rng(3).normal(size=net.n_parameters))


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    return rng.normal(size=(4, 301)), rng.normal(size=(2, 301))


def test_threads_change_no_bit(net, data):
    for size in (1, K):
        V = directions(net.n_parameters, size)
        lin = jn.linearize(net, *data)
        u = np.random.default_rng(2).normal(size=(*data[1].shape, size))
        for product, vectors in ((lin.hvp, V), (lin.ggnvp, V), (lin.jvp, V), (lin.vjp, u)):
            one = product(vectors, n_threads=1)
            for n in (2, 3):
                np.testing.assert_array_equal(product(vectors, n_threads=n), one)


def two_layers(wb, x, t, h):
    """Outputs and gradient of the mse of a tansig and a purelin layer; wb may be complex."""
    k, m = x.shape[0] + 1, t.shape[0]
    first = wb[: h * k].reshape((h, k), order="F")
    second = wb[h * k :].reshape((m, h + 1), order="F")
    u = np.vstack([np.ones((1, x.shape[1])), x])
    a = np.tanh(first @ u)
    v = np.vstack([np.ones((1, x.shape[1])), a])
    y = second @ v
    g = 2 / t.size * (y - t)
    back = (second[:, 1:].T @ g) * (1 - a**2)
    return y, np.concatenate([(back @ u.T).ravel(order="F"), (g @ v.T).ravel(order="F")])


@pytest.mark.parametrize(("inputs", "hidden", "samples"), [(600, 37, 333), (300, 500, 90)])
def test_wide_layers_against_numpy(inputs, hidden, samples):
    """Directional derivatives by complex steps, which lose no digits."""
    net = jn.Network([inputs, hidden, 3])
    rng = np.random.default_rng(2)
    net.wb[:] = rng.normal(size=net.n_parameters) / np.sqrt(inputs)
    x, t = rng.normal(size=(samples, inputs)).T, rng.normal(size=(3, samples))
    v, u = rng.normal(size=net.n_parameters), rng.normal(size=(3, samples))
    y, gradient = two_layers(net.wb, x, t, hidden)
    jvp, hvp = (d.imag / 1e-30 for d in two_layers(net.wb + 1e-30j * v, x, t, hidden))
    lin = jn.linearize(net, x, t)
    for actual, expected in (
        (lin.outputs(), y),
        (jn.gradient(net, x, t), gradient),
        (lin.jvp(v), jvp),
        (lin.hvp(v), hvp),
    ):
        assert_close(actual, expected, np.abs(expected).max(), inputs)
    assert (u * jvp).sum() == pytest.approx(lin.vjp(u) @ v, rel=1e-11)
    for n_threads in (1, 2, 3, 5):
        np.testing.assert_array_equal(lin.hvp(v, n_threads=n_threads), lin.hvp(v))
        np.testing.assert_array_equal(jn.hvp(net, x, t, v, n_threads=n_threads), lin.hvp(v))


def test_a_streamed_tape_gives_the_bits_of_a_kept_one():
    net = jn.Network([2, 30, 30, 1])
    net.setwb(np.random.default_rng(3).normal(size=net.n_parameters))
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(2, 40_000)), rng.normal(size=(1, 40_000))
    V = directions(net.n_parameters, 2)
    whole = jn.hvp(net, x, t, V)  # too much to keep: 380 numbers of 40 000 samples
    parts = [jn.linearize(net, x, t, samples=range(q, q + 8_000)) for q in range(0, 40_000, 8_000)]
    mean = sum(part.hvp(V) for part in parts) / len(parts)
    np.testing.assert_allclose(whole, mean, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(whole[:, 1], jn.hvp(net, x, t, V[:, 1]))


def test_more_vectors_than_are_summed_together():
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(1, 3000)), rng.normal(size=(1, 3000))
    net = jn.Network([1, 1], bias=[False])
    lin, v = jn.linearize(net, x, t), rng.normal(size=(1, 70_000))
    expected = lin.hessian()[0, 0] * v
    np.testing.assert_allclose(lin.hvp(v), expected, rtol=1e-12)
    assert lin.hvp(v[:, -1])[0] == lin.hvp(v)[0, -1]


def test_questions_do_not_disturb_each_other(net, data):
    lin = jn.linearize(net, *data)
    v = directions(net.n_parameters, 1)[:, 0]
    fresh = {name: getattr(jn.linearize(net, *data), name)(v) for name in ("hvp", "ggnvp", "jvp")}
    for name in ("ggnvp", "hvp", "jvp", "hvp", "ggnvp"):
        lin.performance()
        lin.de_dwb()
        lin.gradient()
        lin.gram()
        np.testing.assert_array_equal(getattr(lin, name)(v), fresh[name])


@pytest.mark.parametrize("order", ["C", "F"])
def test_any_strides(net, data, order):
    lin = jn.linearize(net, *data)
    S, Q, P = lin.n_outputs, lin.n_samples, lin.n_parameters
    V = np.array(directions(P), order=order)
    u = np.array(np.random.default_rng(2).normal(size=(S, Q, K)), order=order)
    for product, vectors, shape in (
        (lin.hvp, V, (P, K)),
        (lin.ggnvp, V, (P, K)),
        (lin.jvp, V, (S, Q, K)),
        (lin.vjp, u, (P, K)),
    ):
        expected = product(vectors)
        assert expected.shape == shape
        assert expected.flags.f_contiguous
        out = np.full((*shape, 2), np.nan, order=order)[..., ::-1][..., 0]
        assert product(vectors, out=out) is out
        np.testing.assert_array_equal(out, expected)
    one = np.full(2 * P, np.nan)[::2]
    assert lin.hvp(V[:, 0], out=one) is one
    np.testing.assert_array_equal(one, lin.hvp(V)[:, 0])
    np.testing.assert_array_equal(lin.hvp(V.astype(np.float32)), lin.hvp(np.float32(V) * 1.0))


def test_no_vectors_and_no_samples(net, data):
    lin = jn.linearize(net, *data)
    P = net.n_parameters
    assert lin.hvp(np.empty((P, 0))).shape == (P, 0)
    assert lin.jvp(np.empty((P, 0))).shape == (2, 301, 0)
    assert lin.vjp(np.empty((2, 301, 0))).shape == (P, 0)
    empty = jn.linearize(net, *data, samples=[])
    v = directions(P, 1)[:, 0]
    assert not empty.hvp(v).any()
    assert empty.jvp(v).shape == (2, 0)
    assert not empty.vjp(np.empty((2, 0))).any()


def test_a_network_that_learns_nothing(data):
    net = jn.Network([4, 2], learn={"b{1}": False, "IW{1,1}": False})
    lin = jn.linearize(net, *data)
    assert lin.hvp(np.empty(0)).shape == (0,)
    assert not lin.jvp(np.empty(0)).any()
    assert lin.vjp(data[1]).shape == (0,)


def test_one_output_takes_rows():
    net = jn.Network([3, 4, 1])
    x, u = np.random.default_rng(0).normal(size=(3, 9)), np.arange(9.0)
    np.testing.assert_array_equal(jn.vjp(net, x, u), jn.vjp(net, x, u[None]))


def test_differences(net, data):
    """jvp and hvp are derivatives of outputs and gradient along v."""
    v = directions(net.n_parameters, 1)[:, 0]
    step = 1e-6

    def at(scale):
        moved = net.copy().setwb(net.wb + scale * step * v)
        return moved(data[0]), jn.gradient(moved, *data)

    (y1, g1), (y0, g0) = at(1.0), at(-1.0)
    np.testing.assert_allclose(jn.jvp(net, data[0], v), (y1 - y0) / (2 * step), atol=1e-7)
    np.testing.assert_allclose(jn.hvp(net, *data, v), (g1 - g0) / (2 * step), atol=1e-7)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch itself
def test_torch_agrees(data):
    """A chain with crossentropy, through torch's own losses and automatic differentiation."""
    torch = pytest.importorskip("torch")
    x, c = data[0][:, :50], np.random.default_rng(5).integers(0, 3, 50)
    t = np.eye(3)[:, c]
    net = jn.Network([4, 6, 3], transfer=["logsig", "softmax"], performance="crossentropy")
    net.setwb(directions(net.n_parameters, 1)[:, 0])
    v = directions(net.n_parameters, 2)[:, 1]
    xs, cs = torch.tensor(x.T), torch.tensor(c)

    def logits(w):
        b1, w1, b2, w2 = torch.split(w, [6, 24, 3, 18])
        a = torch.sigmoid(xs @ w1.reshape(4, 6) + b1)
        return a @ w2.reshape(6, 3) + b2

    def loss_of(z):
        return torch.nn.functional.cross_entropy(z, cs) / 3  # a mean over elements

    wb, direction = torch.tensor(net.wb.copy()), torch.tensor(v)
    gradient = torch.func.grad(lambda w: loss_of(logits(w)))
    hv = torch.func.jvp(gradient, (wb,), (direction,))[1]
    np.testing.assert_allclose(jn.hvp(net, x, t, v), hv.numpy(), rtol=1e-10, atol=1e-13)
    z, dz = torch.func.jvp(logits, (wb,), (direction,))
    bent = torch.func.jvp(torch.func.grad(loss_of), (z,), (dz,))[1]
    ggn = torch.func.vjp(logits, wb)[1](bent)[0]
    np.testing.assert_allclose(jn.ggnvp(net, x, t, v), ggn.numpy(), rtol=1e-10, atol=1e-13)


class TestRefusals:
    @pytest.mark.parametrize("name", ["jvp", "hvp", "ggnvp"])
    def test_directions(self, net, data, name):
        product = getattr(jn.linearize(net, *data), name)
        P = net.n_parameters
        with refused(ValueError, name, "v", f"({P - 1},)", f"({P},)", "layout"):
            product(np.zeros(P - 1))
        with refused(ValueError, name, "v", f"(2, {P})", "v.T"):
            product(np.zeros((2, P)))
        with refused(ValueError, name, "v", f"({P}, 1, 1)"):
            product(np.zeros((P, 1, 1)))
        with refused(TypeError, name, "v", "complex128"):
            product(np.zeros(P, dtype=complex))
        with refused(TypeError, name, "v", "None"):
            product(None)
        v = np.zeros((P, 2))
        v[5, 1] = np.nan
        with refused(ValueError, name, "v[5, 1]", "finite"):
            product(v)
        v = np.zeros(2 * P + 2 * 301)
        out = v[P - 1 : P - 1 + 602].reshape((2, 301)) if name == "jvp" else v[P - 1 : 2 * P - 1]
        with refused(ValueError, name, "out overlaps v"):
            product(v[:P], out=out)
        v = np.zeros(P)
        with refused(TypeError, name, "n_threads", "float"):
            product(v, n_threads=1.5)

    def test_weights_of_outputs(self, net, data):
        lin = jn.linearize(net, *data)
        with refused(ValueError, "vjp", "u", "(301, 2)", "(2, 301)", "u.T"):
            lin.vjp(np.zeros((301, 2)))
        with refused(ValueError, "vjp", "u", "(602,)"):
            lin.vjp(np.zeros(602))
        u = np.zeros((2, 301))
        u[1, 300] = np.inf
        with refused(ValueError, "vjp", "u[1, 300]", "finite"):
            lin.vjp(u)
        with refused(ValueError, "vjp", "out", "shape", f"({net.n_parameters},)"):
            lin.vjp(np.zeros((2, 301)), out=np.empty(3))

    @pytest.mark.parametrize("name", ["hvp", "ggnvp"])
    def test_no_targets(self, net, data, name):
        v = np.zeros(net.n_parameters)
        with refused(ValueError, name, "needs targets"):
            getattr(jn.linearize(net, data[0]), name)(v)
        with refused(TypeError, name, "t", "None"):
            getattr(jn, name)(net, data[0], None, v)
        with refused(TypeError, name, "net", "int"):
            getattr(jn, name)(3, *data, v)

    def test_unknown_inputs(self, net, data):
        x = data[0].copy()
        x[1, 2] = np.nan
        with refused(ValueError, "jvp", "x has a NaN in sample 2"):
            jn.jvp(net, x, np.zeros(net.n_parameters))
