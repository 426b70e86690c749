"""Performance against a plain transcription of its definition."""

import jacnet as jn
import numpy as np
import pytest

NAMES = ("mse", "sse", "mae", "sae", "crossentropy")
MEAN = ("mse", "mae", "crossentropy")
EPS = np.finfo(float).eps


def plain_performance(name, t, y, ew=1.0, factor=1.0):
    known = ~np.isnan(t)
    e = (t - y) * factor
    if name in ("mse", "sse"):
        terms = e**2
    elif name in ("mae", "sae"):
        terms = np.abs(e)
    else:
        terms = -t * np.log(np.maximum(y, EPS))
        if len(t) == 1:
            terms = terms - (1 - t) * np.log(np.maximum(1 - y, EPS))
    total = np.sum(np.where(known, ew * terms, 0.0))
    return total / known.sum() if name in MEAN else total


def network(name, rows=3, transfer=("tansig", "purelin"), **options):
    net = jn.Network([2, 4, rows], transfer=list(transfer), performance=name, **options)
    net.setwb(np.random.default_rng(5).normal(size=net.n_parameters))
    return net


def data(rows=3, n=11):
    rng = np.random.default_rng(7)
    return rng.random((rows, n)), rng.uniform(0.05, 0.95, (rows, n))


EW = {
    "scalar": 2.5,
    "1xQ": np.linspace(0, 2, 11)[None, :],
    "Sx1": np.array([[0.5], [1.0], [3.0]]),
    "SxQ": np.linspace(0.1, 4, 33).reshape(3, 11),
}


@pytest.mark.parametrize("name", NAMES)
class TestPerform:
    @pytest.mark.parametrize("rows", [1, 3])
    def test_definition(self, name, rows):
        t, y = data(rows)
        expected = plain_performance(name, t, y)
        assert jn.perform(network(name, rows), t, y) == pytest.approx(expected, rel=1e-14)

    @pytest.mark.parametrize("shape", EW)
    def test_error_weights(self, name, shape):
        t, y = data()
        expected = plain_performance(name, t, y, EW[shape])
        assert jn.perform(network(name), t, y, EW[shape]) == pytest.approx(expected, rel=1e-14)
        assert jn.perform(network(name), t, y, ew=EW[shape]) == pytest.approx(expected, rel=1e-14)

    def test_unknown_targets_do_not_count(self, name):
        t, y = data()
        t[0, 3] = t[2, :4] = np.nan
        expected = plain_performance(name, t, y, EW["SxQ"])
        assert jn.perform(network(name), t, y, EW["SxQ"]) == pytest.approx(expected, rel=1e-14)

    def test_nothing_known_is_zero(self, name):
        t, y = data()
        assert jn.perform(network(name), np.full_like(t, np.nan), y) == 0

    def test_regularization(self, name):
        net, (t, y) = network(name), data()
        net.performParam.regularization = 0.3
        size = np.sum(np.abs(net.wb)) if name in ("mae", "sae") else np.sum(net.wb**2)
        if name in MEAN:
            size /= net.n_parameters
        expected = 0.7 * plain_performance(name, t, y) + 0.3 * size
        assert jn.perform(net, t, y) == pytest.approx(expected, rel=1e-14)

    @pytest.mark.parametrize(("normalization", "numerator"), [("standard", 2.0), ("percent", 1.0)])
    def test_normalization(self, name, normalization, numerator):
        net, (t, y) = network(name), data()
        t[1] = 0.25  # a constant row: its factor is not finite, hence 1
        net.configure(np.zeros((2, t.shape[1])), t)
        net.performParam.normalization = normalization
        spread = np.array([[np.ptp(t[0])], [numerator], [np.ptp(t[2])]])
        factor = 1.0 if name == "crossentropy" else numerator / spread
        expected = plain_performance(name, t, y, factor=factor)
        assert jn.perform(net, t, y) == pytest.approx(expected, rel=1e-13)

    def test_linearization_keeps_its_normalization(self, name):
        net, x, t = network(name), np.random.default_rng(8).normal(size=(2, 11)), data()[0]
        net.configure(x, t)
        net.performParam.normalization = "standard"
        lin = jn.linearize(net, x, t)
        expected = lin.gradient(), lin.de_dwb()
        net.performParam.normalization = "percent"
        again = jn.linearize(net, x, t)
        np.testing.assert_array_equal(lin.gradient(), expected[0])
        np.testing.assert_array_equal(lin.de_dwb(), expected[1])
        if name != "crossentropy":
            np.testing.assert_allclose(again.de_dwb(), 0.5 * expected[1], rtol=1e-14)

    def test_gradient_differentiates_the_value(self, name):
        """Along one direction, with everything switched on."""
        outputs = "logsig" if name == "crossentropy" else "purelin"
        net = network(name, transfer=("tansig", outputs))
        x = np.random.default_rng(8).normal(size=(2, 11))
        t = data()[0]
        net.performParam.regularization = 0.1
        direction = np.random.default_rng(9).normal(size=net.n_parameters)
        w = net.wb.copy()

        def value(step):
            net.setwb(w + step * direction)
            return jn.linearize(net, x, t, ew=EW["SxQ"]).performance()

        slope = (value(1e-6) - value(-1e-6)) / 2e-6
        net.setwb(w)
        expected = jn.gradient(net, x, t, ew=EW["SxQ"]) @ direction
        assert slope == pytest.approx(expected, rel=1e-6)


def one_layer(name, rows, biases):
    """A network whose net inputs are `biases`, whatever its input."""
    net = jn.Network([1, rows], transfer=[name], performance="crossentropy")
    net.b[0] = biases
    return net


class TestConfidentCrossentropy:
    """Net inputs of 800: y is exactly 0 or 1, the logarithm must come from the net input."""

    def test_softmax_confidently_wrong(self):
        net, x = one_layer("softmax", 3, [800.0, 0.0, -800.0]), np.array([[0.5]])
        t = np.array([[0.0], [0.0], [1.0]])
        assert jn.linearize(net, x, t).performance() == pytest.approx(1600 / 3, rel=1e-14)
        bias_gradient = jn.gradient(net, x, t)[:3]
        np.testing.assert_allclose(bias_gradient, [1 / 3, 0, -1 / 3], atol=1e-15)

    def test_softmax_confidently_right(self):
        net, x = one_layer("softmax", 2, [0.0, -50.0]), np.array([[0.5]])
        t = np.array([[1.0], [0.0]])
        expected = np.log1p(np.exp(-50.0)) / 2
        assert jn.linearize(net, x, t).performance() == pytest.approx(expected, rel=1e-12)
        assert jn.gradient(net, x, t)[1] == pytest.approx(np.exp(-50.0) / 2, rel=1e-12)

    @pytest.mark.parametrize(("bias", "target"), [(800.0, 0.0), (-800.0, 1.0)])
    def test_logsig_confidently_wrong(self, bias, target):
        net, x, t = one_layer("logsig", 1, [bias]), np.array([[0.5]]), np.array([[target]])
        assert jn.linearize(net, x, t).performance() == pytest.approx(800, rel=1e-14)
        assert jn.gradient(net, x, t)[0] == pytest.approx(np.sign(bias), rel=1e-14)

    def test_logsig_confidently_right(self):
        net, x, t = one_layer("logsig", 1, [50.0]), np.array([[0.5]]), np.array([[1.0]])
        expected = np.log1p(np.exp(-50.0))
        assert jn.linearize(net, x, t).performance() == pytest.approx(expected, rel=1e-12)
        assert jn.gradient(net, x, t)[0] == pytest.approx(-np.exp(-50.0), rel=1e-12)

    @pytest.mark.parametrize("bias", [800.0, -800.0, 50.0])
    @pytest.mark.parametrize("name", ["softmax", "logsig"])
    def test_hessian_is_finite(self, name, bias):
        net, x = one_layer(name, 2, [bias, 0.0]), np.array([[0.5]])
        t = np.array([[0.0], [1.0]])
        assert np.isfinite(jn.hessian(net, x, t)).all()
        assert np.isfinite(jn.gauss_newton(net, x, t)).all()

    def test_perform_clamps(self):
        """It sees y alone: log(eps) is as low as it goes."""
        net = network("crossentropy")
        t, y = np.eye(3)[:, :1], np.array([[0.0], [0.5], [0.5]])
        assert jn.perform(net, t, y) == pytest.approx(-np.log(EPS) / 3, rel=1e-14)


class TestKinks:
    def test_an_exact_fit_has_no_slope(self):
        for name in ("mae", "sae"):
            net = jn.Network([1, 1], transfer="purelin", performance=name)
            x = np.array([[1.0, 2.0]])
            assert not jn.gradient(net, x, np.zeros((1, 2))).any()

    def test_absolute_errors_have_no_gauss_newton(self):
        net = network("mae")
        x, t = np.random.default_rng(1).normal(size=(2, 11)), data()[0]
        assert not jn.gauss_newton(net, x, t).any()
        net.performParam.regularization = 0.5  # |w| has no curvature either
        assert not jn.gauss_newton(net, x, t).any()
