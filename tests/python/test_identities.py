"""What must hold exactly, or between two of jacnet's own answers."""

import tracemalloc

import jacnet as jn
import mpmath
import numpy as np
import pytest
from building import arguments
from hypothesis import given, settings
from strategies import cases

WHATS = ("de_dwb", "dperf_dwb")


def network(sizes=(3, 7, 5, 2), seed=0, **options):
    net = jn.Network(list(sizes), **options)
    rng = np.random.default_rng(seed)
    net.setwb(rng.normal(size=net.n_parameters) * 0.5)
    return net


def data(net, n=30, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(net.input_sizes[0], n)), rng.normal(size=(net.output_sizes[0], n))


@pytest.fixture
def problem():
    net = network()
    return net, *data(net)


def questions(net, x, t, **options):
    """Every array-valued question, by name: one answer each."""
    untargeted = {k: v for k, v in options.items() if k != "ew"}
    return {
        "de_dwb": jn.defaultderiv("de_dwb", net, x, t, **options),
        "gradient": jn.gradient(net, x, t, **options),
        "jacobian": jn.jacobian(net, x, **untargeted),
        "inputs": jn.jacobian(net, x, wrt="inputs", **untargeted),
        "JJ": jn.normal_equations(net, x, t, **options)[0],
        "Je": jn.normal_equations(net, x, t, **options)[1],
        "gauss_newton": jn.gauss_newton(net, x, t, **options),
        "hessian": jn.hessian(net, x, t, **options),
    }


def assert_same_bits(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in actual.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name, strict=True)


class TestAlgebra:
    def test_gradient_of_mse_is_jacobian_times_errors(self, problem):
        net, x, t = problem
        J = jn.defaultderiv("de_dwb", *problem)
        e = (t - net(x)).ravel(order="F")
        expected = 2 / t.size * J @ e
        scale = 2 / t.size * np.max(np.abs(J) @ np.abs(e))
        np.testing.assert_allclose(
            jn.defaultderiv("dperf_dwb", *problem), expected, rtol=0, atol=1e-13 * scale
        )

    def test_gauss_newton_of_mse_is_jacobian_squared(self, problem):
        J = jn.defaultderiv("de_dwb", *problem)
        expected = 2 / problem[2].size * J @ J.T
        GN = jn.hessian(*problem, kind="gauss-newton")
        np.testing.assert_allclose(GN, expected, rtol=0, atol=1e-13 * np.abs(expected).max())

    def test_jacobian_of_errors_is_minus_that_of_outputs(self, problem):
        net, x, _ = problem
        np.testing.assert_array_equal(
            jn.defaultderiv("de_dwb", *problem), -jn.jacobian(net, x, "parameters")
        )

    @settings(max_examples=60)
    @given(cases(max_parameters=300))
    def test_second_derivatives(self, case):
        args, options = arguments(case)
        H = jn.hessian(*args, **options)
        GN = jn.gauss_newton(*args, **options)
        np.testing.assert_array_equal(H, H.T)
        np.testing.assert_array_equal(GN, GN.T)
        np.testing.assert_array_equal(GN, jn.hessian(*args, kind="gauss-newton", **options))
        JJ = jn.normal_equations(*args, **options)[0]
        np.testing.assert_array_equal(JJ, JJ.T)

    def test_complex_step(self):
        """Six lines of NumPy, differentiated by a step too small to cancel."""
        net = network((2, 3, 1))
        x, _ = data(net, 4)

        def outputs(w):
            hidden = np.tanh(w[:3, None] + w[3:9].reshape(2, 3).T @ x)
            return w[9] + w[10:] @ hidden

        steps = np.eye(net.n_parameters) * 1e-100j
        expected = [outputs(net.wb + step).imag / 1e-100 for step in steps]
        np.testing.assert_allclose(jn.jacobian(net, x), expected, rtol=1e-13, atol=1e-15)

    def test_a_linear_network_has_the_gauss_newton_hessian(self):
        net = network((4, 2), transfer="purelin")
        x, t = data(net)
        np.testing.assert_allclose(
            jn.hessian(net, x, t), jn.gauss_newton(net, x, t), rtol=0, atol=1e-14
        )

    def test_matlab_sign(self, problem):
        true = jn.defaultderiv("dperf_dwb", *problem)
        np.testing.assert_array_equal(jn.defaultderiv("dperf_dwb", *problem, sign="matlab"), -true)
        J = jn.defaultderiv("de_dwb", *problem)
        np.testing.assert_array_equal(jn.defaultderiv("de_dwb", *problem, sign="matlab"), J)


class TestSameAnswerAnotherWay:
    @settings(max_examples=60)
    @given(cases(max_parameters=300))
    def test_samples_is_the_call_on_those_columns(self, case):
        (net, x, t), options = arguments(case)
        whole = jn.defaultderiv("de_dwb", net, x, t, **options)
        _, batch_t, batch_ew = case.batch()
        batch_x = case.batch()[0] if isinstance(x, list) else case.batch()[0][0]
        for function in (jn.gradient, jn.gauss_newton, jn.hessian):
            np.testing.assert_array_equal(
                function(net, x, t, **options), function(net, batch_x, batch_t, ew=batch_ew)
            )
        np.testing.assert_array_equal(
            whole, jn.defaultderiv("de_dwb", net, batch_x, batch_t, ew=batch_ew)
        )

    @pytest.mark.parametrize("sizes", [[2, 12, 150, 1], [3, 10, 60, 6]])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_jacobians_have_the_same_bits_however_they_are_written(self, sizes, weighted):
        """Large and small ones, with contiguous rows or columns."""
        net = network(sizes)
        x, t = data(net, n=150)
        ew = np.random.default_rng(5).uniform(0.5, 2, size=t.shape) if weighted else None
        whole = jn.defaultderiv("de_dwb", net, x, t, ew=ew)
        rows = jn.defaultderiv("de_dwb", net, x, t, ew=ew, out=np.empty(whole.shape, order="C"))
        np.testing.assert_array_equal(rows, whole)
        few = jn.defaultderiv("de_dwb", net, x, t, ew=ew, samples=range(8))
        np.testing.assert_array_equal(few, whole[:, : 8 * sizes[-1]])

    @pytest.mark.parametrize("ew", [None, np.linspace(0.5, 2, 30)[None]])
    def test_linearization_answers_as_the_free_functions(self, problem, ew):
        net, x, t = problem
        samples = np.array([5, 2, 2, 29])
        options = {"ew": ew, "samples": samples}
        lin = jn.linearize(net, x, t, **options)
        methods = {
            "de_dwb": lin.de_dwb(),
            "gradient": lin.gradient(),
            "jacobian": lin.jacobian(),
            "inputs": lin.jacobian("inputs"),
            "JJ": lin.normal_equations()[0],
            "Je": lin.normal_equations()[1],
            "gauss_newton": lin.gauss_newton(),
            "hessian": lin.hessian(),
        }
        assert_same_bits(methods, questions(net, x, t, **options))
        np.testing.assert_array_equal(lin.hessian("gauss-newton"), lin.gauss_newton())
        np.testing.assert_array_equal(lin.outputs(), net(x[:, samples]))
        weights = None if ew is None else ew[:, samples]
        perf = jn.perform(net, t[:, samples], lin.outputs(), weights)
        assert lin.performance() == pytest.approx(perf, rel=1e-14)

    def test_linearization_keeps_the_parameters_it_was_made_with(self, problem):
        net, x, t = problem
        lin = jn.linearize(net, x, t)
        before = jn.hessian(net, x, t)
        net.wb[:] += 1.0
        np.testing.assert_array_equal(lin.hessian(), before)

    @pytest.mark.parametrize("n_threads", [2, 3, 5, 8])
    def test_threads_do_not_change_a_bit(self, n_threads):
        net = network((8, 20, 3))
        x, t = data(net, 3000)
        expected = questions(net, x, t, n_threads=1)
        assert_same_bits(questions(net, x, t, n_threads=n_threads), expected)
        np.testing.assert_array_equal(net(x, n_threads=n_threads), net(x, n_threads=1))

    @pytest.mark.parametrize("what", WHATS)
    def test_static_is_default(self, problem, what):
        np.testing.assert_array_equal(
            jn.staticderiv(what, *problem), jn.defaultderiv(what, *problem)
        )

    @settings(max_examples=40)
    @given(cases(max_width=5, max_parameters=60))
    def test_differences(self, case):
        if case.spec.performance in ("mae", "sae") or {"netinv", "elu"} & set(case.spec.transfer):
            return  # a kink, of the slope even, or a pole may lie in reach of the step
        args, options = arguments(case)
        for what in WHATS:
            exact = jn.defaultderiv(what, *args, **options)
            fine = jn.num5deriv(what, *args, **options)
            coarse = jn.num2deriv(what, *args, **options)
            size = max(1.0, np.abs(exact).max(), difference_size(case, what))
            assert np.abs(fine - exact).max() <= 1e-8 * size
            # The one-sided difference is off by half a step's second derivative.
            bend = second_derivative(what, args, options)
            assert np.abs(coarse - fine).max() <= 1e-7 * bend + 1e-5 * size

    @pytest.mark.parametrize("what", WHATS)
    def test_the_toolbox_own_comparison(self, what):
        """Relative tolerance 1e-7 on a 4-5-3 network and 3 samples, as MATLAB tests itself."""
        net = network((4, 5, 3))
        x, t = data(net, 3)
        exact, fine = jn.defaultderiv(what, net, x, t), jn.num5deriv(what, net, x, t)
        assert np.linalg.norm(fine - exact) <= 1e-7 * np.linalg.norm(exact)
        coarse = jn.num2deriv(what, net, x, t)
        assert np.linalg.norm(coarse - fine) <= 1e-6 * np.linalg.norm(fine)


def second_derivative(what, args, options):
    """The largest change of a derivative with its own parameter."""
    net, *data = args
    step, largest = 1e-5, 0.0
    for i in range(net.n_parameters):
        rows = []
        for sign in (1.0, -1.0):
            moved = net.copy()
            moved.wb[i] += sign * step
            rows.append(jn.defaultderiv(what, moved, *data, **options)[i])
        largest = max(largest, np.abs(rows[0] - rows[1]).max() / (2 * step))
    return largest


def difference_size(case, what):
    """Size of the values that a difference subtracts: their rounding is divided by the step."""
    d = case.reference()
    if what == "dperf_dwb":
        return abs(d.performance)
    return np.abs(d.y * d.error_scaling.reshape(d.y.shape, order="F")).max()


class TestOut:
    @pytest.fixture(autouse=True)
    def all_memory_is_counted(self):
        """Memory kept for later results is not NumPy's, and tracemalloc does not see it."""
        limit = jn.buffers()["limit"]
        jn.buffers(0)
        yield
        jn.buffers(limit)

    def results(self, problem):
        net, x, t = problem
        return {
            "de_dwb": lambda **k: jn.defaultderiv("de_dwb", net, x, t, **k),
            "dperf_dwb": lambda **k: jn.defaultderiv("dperf_dwb", net, x, t, **k),
            "jacobian": lambda **k: jn.jacobian(net, x, **k),
            "inputs": lambda **k: jn.jacobian(net, x, wrt="inputs", **k),
            "gradient": lambda **k: jn.gradient(net, x, t, **k),
            "gauss_newton": lambda **k: jn.gauss_newton(net, x, t, **k),
            "hessian": lambda **k: jn.hessian(net, x, t, **k),
            "num5deriv": lambda **k: jn.num5deriv("de_dwb", net, x, t, **k),
            "outputs": lambda **k: net(x, **k),
        }

    @pytest.mark.parametrize(
        "name",
        [
            "de_dwb",
            "dperf_dwb",
            "jacobian",
            "inputs",
            "gradient",
            "gauss_newton",
            "hessian",
            "num5deriv",
            "outputs",
        ],
    )
    def test_any_strides(self, problem, name):
        call = self.results(problem)[name]
        expected = call()
        for out in layouts(expected.shape):
            assert call(out=out) is out
            np.testing.assert_array_equal(out, expected)

    def test_strided_out_leaves_the_gaps_alone(self, problem):
        expected = jn.hessian(*problem)
        big = np.full([2 * n for n in expected.shape], 7.0)
        jn.hessian(*problem, out=big[::2, ::2])
        assert (big[1::2] == 7).all()
        assert (big[:, 1::2] == 7).all()

    def test_jacobian_is_in_fortran_order(self, problem):
        assert jn.defaultderiv("de_dwb", *problem).flags.f_contiguous
        assert jn.jacobian(*problem[:2]).flags.f_contiguous

    def test_nothing_of_the_size_of_the_result_is_allocated(self):
        net = network((10, 40, 20, 4))
        x, t = data(net, 400)
        J = np.empty((net.n_parameters, t.size), order="F")
        H = np.empty((net.n_parameters, net.n_parameters), order="F")
        assert peak(lambda: jn.defaultderiv("de_dwb", net, x, t, out=J)) < J.nbytes / 100
        assert peak(lambda: jn.hessian(net, x, t, out=H)) < H.nbytes / 100
        assert peak(lambda: jn.gauss_newton(net, x, t, out=H)) < H.nbytes / 100

    def test_the_counter_sees_results(self):
        """The test above means something: an allocated result is seen."""
        net = network((10, 40, 20, 4))
        x, t = data(net, 400)
        bytes_of_result = net.n_parameters * t.size * 8
        assert peak(lambda: jn.defaultderiv("de_dwb", net, x, t)) >= bytes_of_result

    @pytest.mark.parametrize("rows", [1, 7, 8, 19])
    @pytest.mark.parametrize("processing", [[], ["mapminmax"]])
    def test_inputs_of_any_strides(self, rows, processing):
        net = network((rows, 3, 2), input_processing=processing)
        x, t = data(net, 37)
        if processing:
            net.configure(x, t)
        expected = questions(net, x, t)
        big = np.zeros((2 * rows, 3 * 37))
        big[::2, ::3] = x
        for same in (np.asfortranarray(x), big[::2, ::3], x[::-1, ::-1].copy()[::-1, ::-1]):
            assert_same_bits(questions(net, same, t), expected)
        assert_same_bits(questions(net, x, t, samples=np.arange(37)), expected)

    @pytest.mark.parametrize("layout", ["(Q, R).T", "strided", "Fortran"])
    def test_inputs_are_not_copied(self, layout):
        net = network((64, 2, 1))
        n = 20_000
        rng = np.random.default_rng(3)
        x = {
            "(Q, R).T": rng.normal(size=(n, 64)).T,
            "strided": rng.normal(size=(128, 2 * n))[::2, ::2],
            "Fortran": np.asfortranarray(rng.normal(size=(64, n))),
        }[layout]
        t = rng.normal(size=(1, n))
        expected = jn.gradient(net, np.ascontiguousarray(x), t)
        assert peak(lambda: jn.gradient(net, x, t)) < x.nbytes / 10
        np.testing.assert_array_equal(jn.gradient(net, x, t), expected)


def layouts(shape):
    """Result arrays of `shape` in C order, Fortran order, and as a view of every other element."""
    yield np.full(shape, np.nan)
    yield np.full(shape, np.nan, order="F")
    view = np.full([2 * n for n in shape], np.nan)[tuple(slice(None, None, 2) for _ in shape)]
    yield view
    yield view[::-1]


def peak(call) -> int:
    """Bytes that `call` holds at once, as Python and NumPy allocate them; a first call warms up."""
    call()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class TestEmpty:
    def test_no_samples(self):
        net = network()
        P = net.n_parameters
        x, t = np.zeros((3, 0)), np.zeros((2, 0))
        assert jn.defaultderiv("de_dwb", net, x, t).shape == (P, 0)
        assert jn.jacobian(net, x).shape == (P, 0)
        assert jn.jacobian(net, x, wrt="inputs").shape == (0, 2, 3)
        assert net(x).shape == (2, 0)
        for function in (jn.gradient, jn.hessian, jn.gauss_newton):
            result = function(net, x, t)
            assert result.shape == (P,) * result.ndim
            assert not result.any()
        JJ, Je, sse = jn.normal_equations(net, x, t)
        assert not JJ.any()
        assert not Je.any()
        assert sse == 0

    def test_no_samples_chosen(self, problem):
        nothing = np.array([], dtype=int)
        assert jn.defaultderiv("de_dwb", *problem, samples=nothing).shape[1] == 0
        assert not jn.hessian(*problem, samples=nothing).any()

    def test_no_known_target(self, problem):
        net, x, t = problem
        unknown = np.full_like(t, np.nan)
        for result in questions(net, x, unknown).values():
            assert np.isfinite(result).all()
        assert not jn.defaultderiv("de_dwb", net, x, unknown).any()
        assert not jn.gradient(net, x, unknown).any()
        assert not jn.hessian(net, x, unknown).any()


class TestTails:
    """Slopes keep their relative accuracy where 1 - a^2 would have lost every digit."""

    @pytest.mark.parametrize("bias", [20.0, 25.0, 60.0, 300.0, -20.0, -300.0])
    @pytest.mark.parametrize("name", ["tansig", "logsig"])
    def test_saturated_hidden_unit(self, name, bias):
        net = jn.Network([1, 1, 1], transfer=[name, "purelin"])
        net.setwb([bias, 0.5, 0.25, 3.0])  # b1, IW, b2, LW
        x = np.array([[0.75]])
        with mpmath.workdps(400):
            s = mpmath.mpf(bias) + mpmath.mpf(0.5) * mpmath.mpf(0.75)
            if name == "tansig":
                a, slope = mpmath.tanh(s), 1 / mpmath.cosh(s) ** 2
            else:
                a = 1 / (1 + mpmath.exp(-s))
                slope = a * (1 - a)
            expected = [float(v) for v in (3 * slope, 3 * slope * mpmath.mpf(0.75), 1, a)]
        J = jn.jacobian(net, x)[:, 0]
        np.testing.assert_allclose(J, expected, rtol=1e-13)


QUESTIONS = {
    "outputs": (lambda lin: lin.outputs(), lambda net, x, t: net(x)),
    "gradient": (lambda lin: lin.gradient(), jn.gradient),
    "de_dwb": (
        lambda lin: lin.de_dwb(),
        lambda net, x, t: jn.defaultderiv("de_dwb", net, x, t),
    ),
    "jacobian": (lambda lin: lin.jacobian(), lambda net, x, t: jn.jacobian(net, x)),
    "inputs": (
        lambda lin: lin.jacobian("inputs"),
        lambda net, x, t: jn.jacobian(net, x, "inputs"),
    ),
    "hessian": (lambda lin: lin.hessian(), jn.hessian),
    "gram": (lambda lin: lin.gram(), lambda net, x, t: jn.gram(net, x)),
    "jvp": (
        lambda lin: lin.jvp(np.ones(lin.n_parameters)),
        lambda net, x, t: jn.jvp(net, x, np.ones(net.n_parameters)),
    ),
    "hvp": (
        lambda lin: lin.hvp(np.ones(lin.n_parameters)),
        lambda net, x, t: jn.hvp(net, x, t, np.ones(net.n_parameters)),
    ),
    "errors": (lambda lin: lin.errors(), lambda net, x, t: np.nan_to_num(t - net(x))),
    "normal_equations": (lambda lin: lin.normal_equations()[0],
                         lambda net, x, t: jn.normal_equations(net, x, t)[0]),
}  # fmt: skip


class TestKeptTape:
    """A linearization keeps what it made; its answers are those of the free functions."""

    @pytest.mark.parametrize("n", [5, 700])
    @pytest.mark.parametrize("transfer", ["tansig", "softmax"])
    def test_any_order_any_number_of_times(self, n, transfer):
        net = jn.Network([3, 17, 6, 2], [transfer, "logsig", "purelin"]).init(1)
        x, t = data(net, n)
        t[0, 1] = np.nan
        expected = {name: free(net, x, t) for name, (_, free) in QUESTIONS.items()}
        performance = jn.linearize(net, x, t).performance()
        order = np.random.default_rng(n)
        lin = jn.linearize(net, x, t)
        for _ in range(4):
            for name in order.permutation(list(QUESTIONS)):
                np.testing.assert_array_equal(QUESTIONS[name][0](lin), expected[name], name)
                assert lin.performance() == performance

    @pytest.mark.parametrize("n", [1, 9, 300])
    def test_all_samples_in_order_are_all_samples(self, n):
        net = network()
        x, t = data(net, n)
        t[0, 0] = np.nan
        ew = np.random.default_rng(2).uniform(0, 2, t.shape)
        turned = np.arange(n)[::-1]
        for weights in (None, ew):
            whole = jn.linearize(net, x, t, ew=weights)
            for samples in (range(n), slice(None), np.ones(n, dtype=bool)):
                chosen = jn.linearize(net, x, t, ew=weights, samples=samples)
                for name, (ask, _) in QUESTIONS.items():
                    np.testing.assert_array_equal(ask(chosen), ask(whole), name)
            last_first = jn.linearize(net, x, t, ew=weights, samples=turned)
            np.testing.assert_array_equal(last_first.errors(), whole.errors()[:, turned])

    def test_it_keeps_the_parameters_it_was_made_with(self):
        net = network((2, 5, 1))
        x, t = data(net, 9)
        lin = jn.linearize(net, x, t)
        before = lin.gradient()
        net.wb[:] += 1
        np.testing.assert_array_equal(lin.gradient(), before)
        assert not np.array_equal(jn.gradient(net, x, t), before)


class TestGram:
    @pytest.mark.parametrize("n", [0, 1, 9, 64, 150])
    def test_product_of_the_jacobian(self, n):
        net = jn.Network([3, 17, 6, 2], ["softmax", "tansig", "logsig"]).init(1)
        net.set_learn("IW{1,1}", False)
        x, _ = data(net, n)
        jacobian, gram = jn.jacobian(net, x), jn.gram(net, x)
        assert gram.shape == (2 * n, 2 * n)
        np.testing.assert_array_equal(gram, gram.T)
        scale = np.abs(gram).max(initial=1e-300)
        np.testing.assert_allclose(gram, jacobian.T @ jacobian, rtol=0, atol=1e-13 * scale)

    def test_threads_samples_and_out(self):
        net = network((4, 30, 3))
        x, _ = data(net, 200)
        expected = jn.gram(net, x, n_threads=1)
        for n_threads in (2, 3, 5, 8):
            np.testing.assert_array_equal(jn.gram(net, x, n_threads=n_threads), expected)
        chosen = [5, 3, 3]
        np.testing.assert_array_equal(jn.gram(net, x, samples=chosen), jn.gram(net, x[:, chosen]))
        out = np.empty((600, 600))
        assert jn.linearize(net, x).gram(out=out) is out
        np.testing.assert_array_equal(out, expected)
        with pytest.raises(ValueError, match="gram: out has shape"):
            jn.gram(net, x, out=np.empty((3, 600)))
