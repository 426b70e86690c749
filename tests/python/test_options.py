"""`n_threads` and `order` of what is built on a linearization: the same bits, rearranged."""

import jacnet as jn
import numpy as np
import pytest

OPERATORS = ("JacobianOperator", "GramOperator", "HessianOperator", "GaussNewtonOperator")


@pytest.fixture(scope="module")
def problem():
    """A fit with enough samples for several threads, near its minimum."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 600))
    t = np.tanh(x[:2]) + 0.1 * rng.normal(size=(2, 600))
    net = jn.Network([3, 6, 5, 2]).init(0)
    net.divideFcn = "dividetrain"
    return *jn.train(net, x, t, seed=0, epochs=20)[:1], x, t


@pytest.fixture(scope="module")
def classes(problem):
    _, x, t = problem
    net = jn.Network([3, 6, 2], ["tansig", "softmax"], performance="crossentropy").init(0)
    return net, x, (t == t.max(axis=0)).astype(float)


def numbers(result):
    """Every array and number of a result."""
    if isinstance(result, np.ndarray):
        return [result]
    if isinstance(result, (tuple, list)):
        return [array for part in result for array in numbers(part)]
    if hasattr(result, "__dict__"):
        return [a for k, v in vars(result).items() if k[0] != "_" for a in numbers(v)]
    return [np.array(result)]


def fit_of(net, x, t, n, **options):
    return jn.uncertainty(net, x, t, n_threads=n, **options)


QUESTIONS = {
    "laplace": lambda net, x, t, n: jn.laplace(net, x, t, n_threads=n).predict(x[:, :9]),
    "laplace diagonal": lambda net, x, t, n: jn.laplace(
        net, x, t, structure="diagonal", n_threads=n
    ).variance(x[:, :9]),
    "laplace dual": lambda net, x, t, n: jn.laplace(
        net, x[:, :20], t[:, :20], form="dual", prior_precision=1, noise=0.1
    ).variance(x, n_threads=n),
    "Laplace.predict": lambda net, x, t, n: jn.laplace(net, x, t).predict(x, n_threads=n),
    "uncertainty": lambda net, x, t, n: fit_of(net, x, t, n).standard_errors,
    "robust": lambda net, x, t, n: fit_of(net, x, t, n, robust=True).standard_errors,
    "Uncertainty.predict": lambda net, x, t, n: fit_of(net, x, t, None).predict(x, n_threads=n),
    "Uncertainty.variance": lambda net, x, t, n: fit_of(net, x, t, None).variance(x, n_threads=n),
    "parameter_covariance": lambda net, x, t, n: jn.parameter_covariance(net, x, t, n_threads=n),
    "prediction_interval": lambda net, x, t, n: list(
        jn.prediction_interval(net, x, data=(x, t), n_threads=n)
    ),
    "batch_weight": lambda net, x, t, n: jn.batch_weight(net, x, t, [0, 1], n_threads=n),
    "sensitivity": lambda net, x, t, n: (
        jn.sensitivity(net, x, scale="standardised", n_threads=n).rms
    ),
    "accumulate": lambda net, x, t, n: jn.accumulate(
        ["performance", "gradient", "hessian"], net, jn.chunks(x, t, 200), n_threads=n
    ),
    "eigenpairs": lambda net, x, t, n: jn.eigenpairs(net, x, t, k=3, n_threads=n),
    "spectral_density": lambda net, x, t, n: (
        jn.spectral_density(net, x, t, probes=2, steps=9, n_threads=n).density
    ),
    "log_determinant": lambda net, x, t, n: jn.log_determinant(
        net, x, t, damping=1.0, method="slq", probes=2, steps=9, n_threads=n
    ),
    "check": lambda net, x, t, n: [
        row.error for row in jn.check(net, x, t, verbose=False, n_threads=n).rows
    ],
    "sim": lambda net, x, t, n: jn.sim(net, x, n_threads=n),
    "HessianOperator": lambda net, x, t, n: jn.HessianOperator(net, x, t, n_threads=n) @ net.wb,
}
NEED_SCIPY = ("Uncertainty.predict", "prediction_interval", "eigenpairs", "HessianOperator")


@pytest.mark.parametrize("name", QUESTIONS)
def test_any_number_of_threads_gives_the_same_bits(problem, name):
    if name in NEED_SCIPY:
        pytest.importorskip("scipy")
    one, two, all_of_them = (numbers(QUESTIONS[name](*problem, n)) for n in (1, 2, None))
    assert one
    for a, b, c in zip(one, two, all_of_them, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_classes(classes):
    net, x, t = classes
    one, two = (jn.laplace(net, x, t, n_threads=n).predict(x[:, :9]) for n in (1, 2))
    np.testing.assert_array_equal(one.y, two.y)
    np.testing.assert_array_equal(one.variance, two.variance)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize(("bad", "error"), [(0, ValueError), ("2", TypeError), (True, TypeError)])
def test_a_wrong_number_of_threads(problem, name, bad, error):
    if name in NEED_SCIPY:
        pytest.importorskip("scipy")
    with pytest.raises(error, match=r"n_threads .*None uses all that there are"):
        QUESTIONS[name](*problem, bad)


@pytest.mark.parametrize("name", ["laplace", "uncertainty", "check", "eigenpairs", "batch_weight"])
def test_the_message_names_the_function(problem, name):
    with pytest.raises(ValueError, match=rf"^{name}: n_threads is 0, expected at least 1"):
        QUESTIONS[name](*problem, 0)


def test_threads_are_handed_down(problem, monkeypatch):
    """What the objects keep reaches the questions that later methods ask."""
    net, x, t = problem
    asked = []
    original = jn.Linearization.jacobian

    def jacobian(self, *args, n_threads=None, **options):
        asked.append(n_threads)
        return original(self, *args, n_threads=n_threads, **options)

    fit, la = jn.uncertainty(net, x, t, n_threads=1), jn.laplace(net, x, t, n_threads=1)
    monkeypatch.setattr(jn.Linearization, "jacobian", jacobian)
    for answer in (fit.variance, la.variance, la.predict):
        answer(x[:, :3])
        answer(x[:, :3], n_threads=2)
    assert asked == [1, 2] * 3


ORDERS = ("matlab", "torch", "keras", "sklearn")


@pytest.mark.parametrize("order", ORDERS)
class TestOrder:
    """Everything equals the natural result at ``net.layout.permutation(order)``."""

    def test_covariance(self, problem, order):
        net, x, t = problem
        p = net.layout.permutation(order)
        natural = jn.parameter_covariance(net, x, t)
        covariance = jn.parameter_covariance(net, x, t, order=order)
        np.testing.assert_array_equal(covariance, natural[np.ix_(p, p)])

    def test_uncertainty(self, problem, order):
        net, x, t = problem
        p = net.layout.permutation(order)
        natural, fit = jn.uncertainty(net, x, t), jn.uncertainty(net, x, t, order=order)
        np.testing.assert_array_equal(fit.parameters, net.wb[p])
        np.testing.assert_array_equal(fit.standard_errors, natural.standard_errors[p])
        np.testing.assert_array_equal(fit.covariance, natural.covariance[np.ix_(p, p)])
        np.testing.assert_array_equal(fit.correlation, natural.correlation[np.ix_(p, p)])
        np.testing.assert_array_equal(fit.variance(x[:, :5])[1], natural.variance(x[:, :5])[1])
        assert fit.names == [net.layout.names[i] for i in p]
        lines, expected = fit.summary().splitlines()[2:], natural.summary().splitlines()[2:]
        assert lines == [expected[i] for i in p]

    def test_delta(self, problem, order):
        net, x, t = problem
        p = net.layout.permutation(order)
        fit = jn.uncertainty(net, x, t, order=order)
        slope = np.linspace(-1, 1, len(p))
        expected = np.sqrt(slope @ fit.covariance @ slope)
        np.testing.assert_allclose(fit.delta(lambda w: slope @ w).standard_error, expected)
        np.testing.assert_allclose(fit.delta(lambda w: slope @ w, slope).standard_error, expected)

    def test_laplace(self, problem, order):
        net, x, t = problem
        p = net.layout.permutation(order)
        la = jn.laplace(net, x, t)
        np.testing.assert_array_equal(la.covariance(order), la.covariance()[np.ix_(p, p)])

    def test_eigenpairs(self, problem, order):
        net, x, t = problem
        p = net.layout.permutation(order)
        natural, pairs = jn.eigenpairs(net, x, t), jn.eigenpairs(net, x, t, order=order)
        np.testing.assert_array_equal(pairs.vectors, natural.vectors[p])
        H = jn.hessian(net, x, t, order=order)
        np.testing.assert_allclose(
            H @ pairs.vectors, pairs.vectors * pairs.values, atol=1e-9 * pairs.values[0]
        )

    def test_accumulate(self, problem, order):
        net, x, t = problem
        p = net.layout.permutation(order)
        what = ["performance", "gradient", "hessian", "gauss_newton", "normal_equations"]
        natural = jn.accumulate(what, net, jn.chunks(x, t, 200))
        value, g, H, G, (JJ, Je, sse) = jn.accumulate(what, net, jn.chunks(x, t, 200), order=order)
        assert (value, sse) == (natural[0], natural[4][2])
        np.testing.assert_array_equal(g, natural[1][p])
        np.testing.assert_array_equal(Je, natural[4][1][p])
        for matrix, expected in ((H, natural[2]), (G, natural[3]), (JJ, natural[4][0])):
            np.testing.assert_array_equal(matrix, expected[np.ix_(p, p)])

    def test_operators(self, problem, order):
        pytest.importorskip("scipy")
        net, x, t = problem
        lin = jn.linearize(net, x, t)
        V = np.random.default_rng(0).normal(size=(net.n_parameters, 2))
        U = np.random.default_rng(0).normal(size=(t.size, 2))
        J = lin.jacobian(order=order)
        operator = jn.JacobianOperator(net, x, order=order)
        np.testing.assert_allclose(operator @ V, J.T @ V, rtol=0, atol=1e-11)
        np.testing.assert_allclose(operator.H @ U, J @ U, rtol=0, atol=1e-9)
        for operator, kind in (
            (jn.HessianOperator(net, x, t, order=order), "exact"),
            (jn.GaussNewtonOperator(lin, order=order), "gauss-newton"),
        ):
            H = lin.hessian(kind, order=order)
            np.testing.assert_allclose(operator @ V, H @ V, rtol=0, atol=1e-11)
            np.testing.assert_allclose(operator.H @ V, H @ V, rtol=0, atol=1e-11)
            np.testing.assert_allclose(operator.matvec(V[:, 0]), H @ V[:, 0], rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("uncertainty", lambda net, x, t: jn.uncertainty(net, x, t, order="pytorch")),
        ("parameter_covariance", lambda n, x, t: jn.parameter_covariance(n, x, t, order="pytorch")),
        ("covariance", lambda net, x, t: jn.laplace(net, x, t).covariance("pytorch")),
        ("eigenpairs", lambda net, x, t: jn.eigenpairs(net, x, t, order="pytorch")),
        ("accumulate", lambda n, x, t: jn.accumulate("gradient", n, [(x, t)], order="pytorch")),
        ("HessianOperator", lambda net, x, t: jn.HessianOperator(net, x, t, order="pytorch")),
    ],
)
def test_unknown_orders(problem, name, ask):
    if name == "HessianOperator":
        pytest.importorskip("scipy")
    with pytest.raises(ValueError, match=rf"^{name}: .*order.*did you mean 'torch'"):
        ask(*problem)


def test_a_layout_that_has_changed(problem):
    net, x, t = problem[0].copy(), *problem[1:]
    lin = jn.linearize(net, x, t)
    net.set_learn("b{1}", False)
    with pytest.raises(ValueError, match=r"eigenpairs: .*layout has changed since linearize"):
        jn.eigenpairs(lin, order="torch")


class TestSamples:
    """Of chunks, and of an accumulator."""

    @pytest.mark.parametrize(
        "samples", [[5, 3, -1], slice(4, 500, 3), np.arange(600) % 2 == 0, range(0)]
    )
    @pytest.mark.parametrize("weighted", [False, True])
    def test_chunks(self, problem, samples, weighted):
        net, x, t = problem
        ew = np.linspace(0.5, 2, 600)[None] if weighted else None
        parts = list(jn.chunks(x, t, 7, ew=ew, samples=samples))
        order = np.arange(600)[list(samples) if isinstance(samples, range) else samples]
        assert [part[0].shape[1] for part in parts[:-1]] == [7] * (len(parts) - 1)
        if len(order):
            np.testing.assert_array_equal(np.hstack([part[0] for part in parts]), x[:, order])
            g = jn.accumulate("gradient", net, parts)
            expected = jn.gradient(net, x[:, order], t[:, order],
                                   ew=None if ew is None else ew[:, order])  # fmt: skip
            np.testing.assert_allclose(g, expected, rtol=0, atol=1e-13 * np.abs(expected).max())
        else:
            assert not parts

    def test_accumulator(self, problem):
        net, x, t = problem
        sums = jn.Accumulator(net, "gradient")
        sums.add(x, t, samples=np.arange(300))
        sums.add(x, t, samples=np.arange(300, 600))
        assert sums.n_samples == 600
        np.testing.assert_allclose(sums.gradient(), jn.gradient(net, x, t), rtol=0, atol=1e-14)

    @pytest.mark.parametrize(
        ("samples", "error", "message"),
        [
            ([600], IndexError, "chunks: samples holds the index 600, but x has 600 samples"),
            (np.ones(5, bool), IndexError, "chunks: samples is a mask of 5 elements"),
            ([0.5], TypeError, "chunks: samples must be whole numbers, a boolean mask or a slice"),
            (3, TypeError, "chunks: samples must be whole numbers"),
        ],
    )
    def test_bad_samples(self, problem, samples, error, message):
        _, x, t = problem
        with pytest.raises(error, match=message):
            jn.chunks(x, t, 2, samples=samples)
