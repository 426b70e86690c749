"""Derivatives with respect to the inputs: Jacobian, Hessian, Laplacian and their products."""

import autograd.numpy as anp
import jacnet as jn
import numpy as np
import pytest
from building import arguments, pca_transforms
from hypothesis import assume, given, settings
from reference.derivatives import grad, largest
from strategies import cases


def network(sizes=(3, 7, 5, 2), seed=0, **options):
    net = jn.Network(list(sizes), **options)
    net.setwb(np.random.default_rng(seed).normal(size=net.n_parameters) * 0.5)
    return net


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture
def problem():
    return network(), normal(3, 30)


def assert_close(actual, expected, scale, tolerance=1e-12, what=""):
    assert np.shape(actual) == np.shape(expected), what
    assert np.all(np.isfinite(actual)), what
    error = largest(actual - expected)
    assert error <= tolerance * scale, f"{what}: error {error:.2e}, scale {scale:.2e}"


def reference_hessian(d):
    """d2y/dx2, Q x S x R x R, by automatic differentiation twice, through the process functions."""
    net, stacked = d.net, np.concatenate(d.u)
    ends = np.cumsum([len(u) for u in d.u])
    outputs, rows = np.eye(net.output_rows), np.eye(len(stacked))

    def selected(v):  # (S, R, R, Q): one copy of the samples for each element
        parts = [v[..., a:b, :] for a, b in zip((0, *ends), ends, strict=False)]
        return anp.sum(net.outputs(d.w, parts) * outputs[:, None, :, None])

    copies = np.broadcast_to(stacked, (net.output_rows, len(stacked), *stacked.shape)).copy()
    second = grad(lambda v: anp.sum(grad(selected)(v) * rows[None, :, :, None]))(copies)
    slope = np.zeros((len(stacked), sum(net.spec.input_sizes)))
    row = column = 0
    for pipeline in net.input_pipelines:
        part = pipeline.slope()
        slope[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    return np.einsum("mabq,ar,bt->qmrt", second, slope, slope, optimize=True)


def untargeted(case):
    (net, x, _), options = arguments(case)
    del options["ew"]
    return net, x, options


class TestOracle:
    @settings(max_examples=40)
    @given(cases(max_width=12))
    def test_random_networks(self, case):
        assume(not case.has_unknown_inputs)
        net, x, options = untargeted(case)
        d = case.reference(*pca_transforms(net))
        H = reference_hessian(d)
        scale = largest(H) + d.input_jacobian_scale**2 + d.input_jacobian_scale
        J = jn.jacobian(net, x, "inputs", **options)
        assert_close(J, d.input_jacobian, d.input_jacobian_scale, what="dy/dx")
        assert_close(jn.input_hessian(net, x, **options), H, scale, 1e-11, "d2y/dx2")
        trace = np.einsum("qsrr->qs", H)
        assert_close(jn.laplacian(net, x, **options), trace, scale * H.shape[-1], 1e-11, "trace")

        rng = np.random.default_rng(len(case.w))
        v = rng.normal(size=(H.shape[2], len(H)))
        u = rng.normal(size=(H.shape[1], len(H)))
        jvp = np.einsum("qsr,rq->sq", d.input_jacobian, v)
        assert_close(jn.input_jvp(net, x, v, **options), jvp, 10 * d.input_jacobian_scale * len(v))
        vjp = np.einsum("qsr,sq->rq", d.input_jacobian, u)
        assert_close(jn.input_vjp(net, x, u, **options), vjp, 10 * d.input_jacobian_scale * len(u))
        hvp = np.einsum("sq,qsrt,tq->rq", u, H, v)
        size = 10 * scale * len(v) * len(u)
        assert_close(jn.input_hvp(net, x, u, v, **options), hvp, size, 1e-11)

    @pytest.mark.parametrize("sizes", [(6, 64, 64, 3), (1, 10, 1), (12, 5, 2), (2, 9, 9, 7)])
    def test_jax(self, sizes):
        jax = pytest.importorskip("jax")
        jax.config.update("jax_enable_x64", True)
        net, x = network(sizes), normal(sizes[0], 20)
        weights = [
            (np.array(net.LW[i, i - 1] if i else net.IW[0, 0]), np.array(net.b[i]))
            for i in range(len(sizes) - 1)
        ]

        def f(a):
            for i, (W, b) in enumerate(weights):
                a = W @ a + b
                a = jax.numpy.tanh(a) if i < len(weights) - 1 else a
            return a

        H = np.asarray(jax.vmap(jax.hessian(f))(x.T))
        J = np.asarray(jax.vmap(jax.jacrev(f))(x.T))
        assert_close(jn.jacobian(net, x, "inputs"), J, largest(J))
        assert_close(jn.input_hessian(net, x), H, largest(H))
        assert_close(jn.laplacian(net, x), np.trace(H, axis1=2, axis2=3), sizes[0] * largest(H))

    @pytest.mark.parametrize("transfer", ["softmax", "radbasn"])
    def test_differences_where_slopes_are_matrices(self, transfer):
        net = network((3, 6, 5, 4), transfer=[transfer, "tansig", transfer])
        x, step = normal(3, 9), 1e-5
        H, numeric = jn.input_hessian(net, x), []
        for direction in step * np.eye(3)[:, :, None]:
            above, below = (jn.jacobian(net, x + by, "inputs") for by in (direction, -direction))
            numeric.append((above - below) / (2 * step))
        np.testing.assert_allclose(H, np.stack(numeric, -1), rtol=0, atol=1e-8)
        assert largest(H) > 1e-3  # the comparison is of something


class TestIdentities:
    @settings(max_examples=60)
    @given(cases(max_width=12))
    def test_among_themselves(self, case):
        assume(not case.has_unknown_inputs)
        net, x, options = untargeted(case)
        J = jn.jacobian(net, x, "inputs", **options)
        H = jn.input_hessian(net, x, **options)
        np.testing.assert_array_equal(H, H.swapaxes(2, 3))
        rng = np.random.default_rng(len(case.w))
        v, u = rng.normal(size=(J.shape[2], len(J))), rng.normal(size=(J.shape[1], len(J)))
        Jv = jn.input_jvp(net, x, v, **options)
        Ju = jn.input_vjp(net, x, u, **options)
        natural = np.sum(np.abs(u) * np.einsum("qsr,rq->sq", np.abs(J), np.abs(v)))
        assert abs(np.sum(u * Jv) - np.sum(v * Ju)) <= 1e-11 * max(natural, 1e-290)
        Hv = jn.input_hvp(net, x, u, v, **options)
        w = rng.normal(size=v.shape)  # the Hessian is its own adjoint
        Hw = jn.input_hvp(net, x, u, w, **options)
        natural = np.einsum("sq,qsrt,rq,tq->", *map(np.abs, (u, H, v, w)))
        natural += largest(J) ** 2 + largest(J)
        assert abs(np.sum(w * Hv) - np.sum(v * Hw)) <= 1e-11 * natural

    @settings(max_examples=40)
    @given(cases(max_width=12))
    def test_a_sample_alone_is_that_of_the_batch(self, case):
        assume(not case.has_unknown_inputs)
        net, x, _ = untargeted(case)
        J = jn.jacobian(net, x, "inputs")
        one = jn.jacobian(net, x, "inputs", samples=[0])
        scale = largest(J) + case.reference(*pca_transforms(net)).input_jacobian_scale
        assert_close(one, J[:1], scale)
        for function in (jn.input_hessian, jn.laplacian):
            np.testing.assert_array_equal(function(net, x, samples=[0]), function(net, x)[:1])

    def test_laplacian_is_the_trace(self, problem):
        H = jn.input_hessian(*problem)
        assert_close(jn.laplacian(*problem), np.einsum("qsrr->qs", H), largest(H))

    def test_many_inputs(self):
        """Squares of input weights beyond what is kept for all samples."""
        net = network((45, 90, 2), seed=3)
        x = normal(45, 3) * 0.3
        H, u = jn.input_hessian(net, x), np.array([[1.0], [0.0]]) * np.ones(3)
        for r in (0, 7, 44):
            v = np.zeros((45, 3))
            v[r] = 1
            assert_close(jn.input_hvp(net, x, u, v), H[:, 0, :, r].T, largest(H))

    @pytest.mark.parametrize("sizes", [(1, 8, 8, 6), (6, 8, 8, 1), (2, 3)])
    def test_jacobian_forward_and_backward(self, sizes):
        """The cheaper way round is taken; both are columns or rows of the same matrix."""
        net, x = network(sizes), normal(sizes[0], 40)
        J = jn.jacobian(net, x, "inputs")
        for r in range(sizes[0]):
            v = np.zeros_like(x)
            v[r] = 1
            assert_close(jn.input_jvp(net, x, v), J[:, :, r].T, largest(J))
        for s in range(sizes[-1]):
            u = np.zeros((sizes[-1], 40))
            u[s] = 1
            assert_close(jn.input_vjp(net, x, u), J[:, s].T, largest(J))

    @pytest.mark.parametrize("transfer", ["relu", "poslin", "purelin", "satlin", "hardlim"])
    def test_straight_networks_do_not_bend(self, transfer):
        net, x = network(transfer=[transfer, transfer, "purelin"]), normal(3, 9)
        assert not jn.input_hessian(net, x).any()
        assert not jn.laplacian(net, x).any()

    def test_quantities_scale_with_the_units(self):
        """Through mapminmax: x in other units, y in other units."""
        x, t = normal(3, 50), normal(2, 50, seed=2)
        options = {"input_processing": ["mapminmax"], "output_processing": ["mapminmax"]}
        one = jn.Network([3, 6, 2], **options).configure(x, t).init(0)
        other = jn.Network([3, 6, 2], **options).configure(1000 * x, t / 8).init(0)
        other.setwb(one.wb)
        expected = jn.input_hessian(one, x)
        actual = jn.input_hessian(other, 1000 * x) * 8e6
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * largest(expected))


def questions(net, x, **options):
    count = len(options["samples"]) if "samples" in options else x.shape[1]
    u, v = normal(net.output_sizes[0], count, seed=5), normal(len(x), count, seed=6)
    return {
        "inputs": lambda **k: jn.jacobian(net, x, "inputs", **options, **k),
        "input_hessian": lambda **k: jn.input_hessian(net, x, **options, **k),
        "laplacian": lambda **k: jn.laplacian(net, x, **options, **k),
        "input_jvp": lambda **k: jn.input_jvp(net, x, v, **options, **k),
        "input_vjp": lambda **k: jn.input_vjp(net, x, u, **options, **k),
        "input_hvp": lambda **k: jn.input_hvp(net, x, u, v, **options, **k),
    }


NAMES = list(questions(network(), normal(3, 1)))


class TestCalls:
    @pytest.mark.parametrize("name", NAMES)
    def test_threads_do_not_change_a_bit(self, name):
        call = questions(network((5, 20, 12, 3)), normal(5, 1500))[name]
        expected = call(n_threads=1)
        for n_threads in (2, 3, 8):
            np.testing.assert_array_equal(call(n_threads=n_threads), expected)

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("count", [1, 30])
    def test_out(self, name, count):
        call = questions(network(), normal(3, count))[name]
        expected = call()
        shape = expected.shape
        view = np.full([2 * n for n in shape], 7.0)[tuple(slice(None, None, 2) for _ in shape)]
        for out in (np.empty(shape), np.empty(shape, order="F"), view, view[::-1]):
            assert call(out=out) is out
            np.testing.assert_array_equal(out, expected)
        assert (view.base[tuple(slice(1, None, 2) for _ in shape)] == 7).all()

    @pytest.mark.parametrize("name", NAMES)
    def test_samples(self, name):
        net, x, chosen = network(), normal(3, 30), [5, 3, 3, -1]
        expected = questions(net, x[:, chosen])[name]()
        np.testing.assert_array_equal(questions(net, x, samples=chosen)[name](), expected)

    @pytest.mark.parametrize("with_targets", [False, True])
    def test_linearization(self, problem, with_targets):
        net, x = problem
        lin = jn.linearize(net, x, normal(2, 30) if with_targets else None)
        u, v = normal(2, 30, seed=5), normal(3, 30, seed=6)
        answers = {
            "inputs": lambda: lin.jacobian("inputs"),
            "input_hessian": lin.input_hessian,
            "laplacian": lin.laplacian,
            "input_jvp": lambda: lin.input_jvp(v),
            "input_vjp": lambda: lin.input_vjp(u),
            "input_hvp": lambda: lin.input_hvp(u, v),
        }
        expected = {name: call() for name, call in questions(net, x).items()}
        for name in [*answers, *reversed(answers)]:
            np.testing.assert_array_equal(answers[name](), expected[name], name)

    @pytest.mark.parametrize("name", NAMES)
    def test_no_samples(self, name):
        assert questions(network(), np.zeros((3, 0)))[name]().size == 0

    def test_several_inputs_and_outputs(self):
        connect = (np.array([[1, 0], [0, 1], [0, 0]]), np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]]))
        net = jn.Network([[2, 3], 4, 2, 3], connect=connect, outputs=[1, 2]).init(0)
        x = [normal(2, 8), normal(3, 8)]
        J, H = jn.jacobian(net, x, "inputs"), jn.input_hessian(net, x)
        assert (J.shape, H.shape) == ((8, 5, 5), (8, 5, 5, 5))
        v, u = [normal(2, 8, seed=3), normal(3, 8, seed=4)], [normal(2, 8), normal(3, 8)]
        stacked, sums = np.concatenate(v), np.concatenate(u)
        np.testing.assert_array_equal(jn.input_jvp(net, x, v), jn.input_jvp(net, x, stacked))
        Hv = np.einsum("sq,qsrt,tq->rq", sums, H, stacked)
        assert_close(jn.input_hvp(net, x, u, v), Hv, 10 * largest(H))
        Ju = np.einsum("sq,qsr->rq", sums, J)
        assert_close(jn.input_vjp(net, x, u), Ju, 10 * largest(J))

    @pytest.mark.parametrize("count", [1, 9])
    def test_rows_that_never_varied(self, count):
        """removeconstantrows: such inputs move nothing, such outputs do not move."""
        steps = {"input_processing": ["removeconstantrows"]}
        steps["output_processing"] = steps["input_processing"]
        x, t = normal(3, 20), normal(2, 20)
        x[1], t[0] = 5.0, -1.0
        net = jn.Network([3, 4, 2], **steps).configure(x, t).init(0)
        x = x[:, :count]
        J, H = jn.jacobian(net, x, "inputs"), jn.input_hessian(net, x)
        assert not J[:, 0].any()
        assert not J[:, :, 1].any()
        assert J[:, 1][:, [0, 2]].all()
        assert not H[:, 0].any()
        assert not H[:, :, 1].any()
        np.testing.assert_allclose(jn.laplacian(net, x), np.einsum("qsrr->qs", H), atol=1e-14)
        Jw = jn.jacobian(net, x)
        np.testing.assert_allclose(jn.gram(net, x), Jw.T @ Jw, rtol=0, atol=1e-12)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda lin: lin.jacobian(),
            lambda lin: lin.jacobian("inputs"),
            lambda lin: lin.gram(),
            lambda lin: lin.jvp(np.ones(lin.n_parameters)),
            lambda lin: lin.vjp(np.ones((lin.n_outputs, lin.n_samples))),
            lambda lin: lin.input_hessian(),
            lambda lin: lin.laplacian(),
            lambda lin: lin.input_jvp(np.ones((lin.n_inputs, lin.n_samples))),
        ],
    )
    def test_unknown_outputs_have_no_derivatives(self, problem, ask):
        """With targets too, where NaN inputs leave a sample out of the performance."""
        net, x = problem
        t, others = normal(2, 30), np.arange(30) != 4
        x = x.copy()
        x[1, 4] = np.nan
        lin = jn.linearize(net, x, t)
        assert np.all(np.isfinite(lin.gradient()))
        with pytest.raises(ValueError, match=r"x has a NaN in sample 4.*leave it out by samples"):
            ask(lin)
        rest = ask(jn.linearize(net, x, t, samples=others))
        np.testing.assert_array_equal(rest, ask(jn.linearize(net, x[:, others], t[:, others])))


class TestBadInput:
    def test_directions(self, problem):
        net, x = problem
        u, v = normal(2, 30), normal(3, 30)
        with pytest.raises(ValueError, match=r"input_jvp: v .*\(30, 3\).*3.*v\.T"):
            jn.input_jvp(net, x, v.T)
        with pytest.raises(ValueError, match=r"input_jvp: v has shape \(3, 29\).*\(3, 30\)"):
            jn.input_jvp(net, x, v[:, 1:])
        with pytest.raises(ValueError, match=r"input_vjp: u has shape \(3, 30\).*\(2, 30\)"):
            jn.input_vjp(net, x, v)
        v[2, 5] = np.nan
        with pytest.raises(ValueError, match=r"input_hvp: v\[2, 5\] is nan.*finite"):
            jn.input_hvp(net, x, u, v)
        u[0, 1] = np.inf
        with pytest.raises(ValueError, match=r"input_vjp: u\[0, 1\] is inf.*finite"):
            jn.input_vjp(net, x, u)
        with pytest.raises(TypeError, match="input_jvp: v"):
            jn.input_jvp(net, x, "north")
        with pytest.raises(TypeError, match="input_hvp: u"):
            jn.input_hvp(net, x, None, v)

    @pytest.mark.parametrize("name", [n for n in NAMES if n != "inputs"])
    def test_common_arguments(self, name):
        net, x = network(), normal(3, 9)
        call = questions(net, x)[name]
        with pytest.raises(ValueError, match=f"{name}: out has shape"):
            call(out=np.empty(3))
        with pytest.raises((TypeError, ValueError), match="n_threads"):
            call(n_threads=0)
        with pytest.raises(ValueError, match="NaN"):
            questions(net, np.where(x == x[0, 0], np.nan, x))[name]()
        with pytest.raises(ValueError, match=r"x\[0, 0\] is inf"):
            questions(net, np.where(x == x[0, 0], np.inf, x))[name]()
        with pytest.raises(IndexError, match="samples"):
            questions(net, x, samples=[9])[name]()

    def test_out_that_shares_memory(self, problem):
        net, x = problem
        v = normal(3, 30)
        for argument in (v, x):
            with pytest.raises(ValueError, match="input_hvp: out"):
                jn.input_hvp(net, x, normal(2, 30), v, out=argument)

    def test_more_than_there_is(self):
        net = network((3000, 1, 1))
        x = np.broadcast_to(np.zeros((3000, 1)), (3000, 1_000_000))
        with pytest.raises(MemoryError, match=r"input_hessian.*GiB"):
            jn.input_hessian(net, x)
