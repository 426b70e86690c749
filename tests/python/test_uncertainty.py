"""Uncertainty of fits against SciPy, certified values, hand-made linear regression, simulation."""

import jacnet as jn
import mpmath
import numpy as np
import pytest
from building import arguments
from hypothesis import given, settings
from jacnet._information import information
from scipy import stats
from scipy.optimize import curve_fit
from strategies import cases
from test_nist_networks import eckerle4, parameters_of_eckerle4, parameters_of_rat42, rat42


def linear(n=25, rows=2, outputs=1, seed=0, noise=0.3):
    """A linear network at its least-squares fit, and the design matrix of ordinary regression."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, n))
    t = rng.normal(size=(outputs, rows)) @ x + 0.7 + noise * rng.normal(size=(outputs, n))
    net = jn.Network([rows, outputs], transfer="purelin")
    design = np.vstack([np.ones(n), x])
    return refit(net, design, t), x, t, design


def refit(net, design, t, weights=None):
    """Sets the least-squares parameters, by NumPy."""
    w = np.ones(t.shape[1]) if weights is None else np.sqrt(weights)
    theta = np.linalg.lstsq((design * w).T, (t * w).T, rcond=None)[0]
    net.b[0], net.IW[0, 0] = theta[0], theta[1:].T
    return net


def small(seed=0, n=40, **options):
    rng = np.random.default_rng(seed)
    net = jn.Network([1, 2, 1], **options)
    net.setwb([1.5, -1.0, 2.0, 1.2, 0.3, 1.0, -0.7])
    x = np.linspace(-3, 3, n)[None]
    t = net(x) + 0.02 * rng.normal(size=x.shape)
    net.divideFcn = "dividetrain"
    return jn.train(net, x, t, epochs=300, min_grad=1e-12)[0], x, t


def of_nist(name, net):
    return parameters_of_rat42(net) if name == "Rat42" else parameters_of_eckerle4(net)


class TestNist:
    @pytest.mark.parametrize(
        ("name", "network", "start"), [("Rat42", rat42, 0), ("Rat42", rat42, 1),
                                       ("Eckerle4", eckerle4, 1)]
    )  # fmt: skip
    @pytest.mark.parametrize("from_start", [False, True])
    def test_certified_standard_deviations(self, name, network, start, from_start):
        """At the certified parameters, and after training from NIST's starting values."""
        x, t = data = jn.datasets.nist(name)
        net = network(*(data.starts[start] if from_start else data.certified.parameters))
        net.performFcn, net.divideFcn = "sse", "dividetrain"
        if from_start:
            net, _ = jn.train(net, x, t, epochs=10_000, min_grad=1e-300)
        fit = jn.uncertainty(net, x, t)
        result = fit.delta(lambda w: of_nist(name, net.copy().setwb(w)))
        np.testing.assert_allclose(
            result.standard_error, data.certified.standard_deviations, rtol=1e-9
        )
        assert fit.residual_standard_deviation == pytest.approx(
            data.certified.residual_standard_deviation, rel=1e-10
        )
        assert fit.degrees_of_freedom == data.certified.degrees_of_freedom


class TestCovariance:
    @pytest.mark.parametrize("weighted", [False, True])
    def test_curve_fit(self, weighted):
        net, x, t = small()
        ew = np.random.default_rng(1).uniform(0.3, 3, x.shape) if weighted else None
        net, _ = jn.train(net, x, t, ew=ew, epochs=300, min_grad=1e-13)
        sigma = None if ew is None else 1 / np.sqrt(ew[0])
        _, expected = curve_fit(
            lambda _, *w: net.copy().setwb(w)(x)[0], x[0], t[0], p0=net.wb, sigma=sigma,
            jac=lambda _, *w: jn.jacobian(net.copy().setwb(w), x).T, xtol=1e-9, ftol=1e-9,
        )  # fmt: skip
        C = jn.parameter_covariance(net, x, t, ew=ew)
        np.testing.assert_allclose(C, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
        np.testing.assert_array_equal(C, C.T)

    @settings(max_examples=40)
    @given(cases(max_parameters=40))
    def test_definition(self, case):
        """sigma^2 (J J')^-1 by NumPy, wherever that is well determined."""
        (net, x, t), options = arguments(case)
        if net.performance not in ("mse", "sse"):
            with pytest.raises(ValueError, match="performFcn is"):
                jn.parameter_covariance(net, x, t, **options)
            return
        net.performParam.regularization = 0.0
        lin = jn.linearize(net, x, t, **options)
        J, n = lin.de_dwb(), np.count_nonzero(lin.error_scales())
        sizes = np.linalg.norm(J, axis=1)
        if n <= len(J) or not sizes.all() or np.linalg.cond(J / sizes[:, None]) > 1e5:
            return
        fit = jn.uncertainty(net, x, t, **options)
        sigma2 = np.sum(lin.errors() ** 2) / (n - len(J))
        scaled = np.linalg.inv((J / sizes[:, None]) @ (J / sizes[:, None]).T)
        expected = sigma2 * scaled / np.outer(sizes, sizes)
        scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected))) + 1e-300
        assert np.abs((fit.covariance - expected) / scale).max() <= 1e-5
        np.testing.assert_allclose(fit.standard_errors, np.sqrt(np.diag(expected)), rtol=1e-5)
        assert fit.n_errors == n

    @pytest.mark.parametrize("penalty", [0.0, 0.3])
    @pytest.mark.parametrize("n", [30, 2000])
    def test_both_ways_to_factors_agree(self, monkeypatch, n, penalty):
        rng = np.random.default_rng(0)
        net = jn.Network([3, 4, 2])
        net.setwb(rng.normal(size=net.n_parameters))
        lin = jn.linearize(net, rng.normal(size=(3, n)), rng.normal(size=(2, n)))
        J = lin.de_dwb()
        expected = np.linalg.inv(J @ J.T + penalty * np.eye(len(J)))
        for limit in (1e6, 0.0):  # by Cholesky; by QR and singular values
            monkeypatch.setattr("jacnet._information._SAFE_CONDITION", limit)
            factors = information(net, lin, penalty)
            C = factors.inverse_root @ factors.inverse_root.T
            assert factors.rank == len(J)
            np.testing.assert_allclose(C, expected, rtol=0, atol=1e-8 * np.abs(expected).max())

    def test_no_digits_are_lost_to_squaring(self):
        """Columns of condition 1e5: normal equations alone would leave six digits."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(2, 400))
        x[1] = x[0] + 1e-5 * x[1]
        net = jn.Network([2, 1], transfer="purelin").init(0)
        t = net(x) + rng.normal(size=(1, 400))
        design = np.vstack([np.ones(400), x])
        with mpmath.workdps(60):
            exact = (mpmath.matrix(design.tolist()) * mpmath.matrix(design.T.tolist())) ** -1
            exact = np.array(exact.tolist(), float)
        fit = jn.uncertainty(refit(net, design, t), x, t)
        C = fit.covariance / fit.residual_standard_deviation**2
        order = [net.layout.names.index(name) for name in ("b{1}(1)", "IW{1,1}(1,1)")]
        np.testing.assert_allclose(C[np.ix_(order, order)], exact[:2, :2], rtol=1e-9)

    def test_many_blocks_are_one(self):
        net, x, t, design = linear(n=5000, outputs=2)
        expected = np.linalg.inv(design @ design.T)
        sse = np.sum((t - net(x)) ** 2)
        C = jn.parameter_covariance(net, x, t)
        rows = net.layout["b{1}"].slice.start
        assert C[rows, rows] == pytest.approx(sse / (10_000 - 6) * expected[0, 0], rel=1e-12)

    def test_frozen_weights_are_certain(self):
        net, x, t, design = linear()
        net.set_learn("b{1}", False)
        C = jn.parameter_covariance(net, x, t)
        expected = np.linalg.inv(design[1:] @ design[1:].T)
        sse = np.sum((t - net(x)) ** 2)
        np.testing.assert_allclose(C, sse / (25 - 2) * expected, rtol=1e-12)

    def test_unknown_targets_and_weights_of_zero_do_not_count(self):
        net, x, t, _ = linear()
        t[0, 3] = np.nan
        ew = np.ones((1, 25))
        ew[0, 7] = 0.0
        fit = jn.uncertainty(net, x, t, ew=ew)
        keep = np.delete(np.arange(25), [3, 7])
        expected = jn.uncertainty(net, x, t, samples=keep)
        assert fit.n_errors == expected.n_errors == 23
        np.testing.assert_allclose(fit.covariance, expected.covariance, rtol=1e-12)

    def test_normalisation_changes_nothing_for_one_output(self):
        net, x, t, _ = linear()
        net.configure(x, t)
        net.init(0)
        expected = jn.uncertainty(net, x, t)
        net.performParam.normalization = "standard"
        fit = jn.uncertainty(net, x, t)
        np.testing.assert_allclose(fit.covariance, expected.covariance, rtol=1e-12)
        for a, b in zip(fit.predict(x), expected.predict(x), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)

    @pytest.mark.parametrize("performance", ["mse", "sse"])
    def test_regularised(self, performance):
        """Ridge regression: J J' + penalty I, effective number of parameters."""
        net, x, t, design = linear()
        net.performFcn = performance
        net.performParam.regularization = 0.2
        penalty = 0.25 * (25 / 3 if performance == "mse" else 1)
        A = design @ design.T + penalty * np.eye(3)
        gamma = np.trace(np.linalg.solve(A, design @ design.T))
        sse = np.sum((t - net(x)) ** 2)
        fit = jn.uncertainty(net, x, t)
        assert fit.effective_parameters == pytest.approx(gamma, rel=1e-12)
        np.testing.assert_allclose(
            fit.covariance, sse / (25 - gamma) * np.linalg.inv(A), rtol=1e-11
        )

    @pytest.mark.parametrize("outputs", [1, 2])
    def test_robust(self, outputs):
        net, x, t, _ = linear(outputs=outputs)
        lin = jn.linearize(net, x, t)
        J = lin.de_dwb()
        scores = np.einsum("psq,sq->pq", J.reshape(len(J), outputs, 25, order="F"), lin.errors())
        bread = np.linalg.inv(J @ J.T)
        n = 25 * outputs
        expected = n / (n - len(J)) * bread @ scores @ scores.T @ bread
        C = jn.parameter_covariance(net, x, t, robust=True)
        np.testing.assert_allclose(C, expected, rtol=1e-11, atol=1e-14)


class TestRank:
    def twins(self):
        """Two neurons alike: their weights cannot be told apart."""
        net = jn.Network([1, 2, 1])
        net.b[0], net.IW[0, 0], net.LW[1, 0] = [0.3, 0.3], [[1.1], [1.1]], [[0.5, 0.5]]
        x = np.linspace(-2, 2, 30)[None]
        return net, x, net(x) + 0.1 * np.random.default_rng(0).normal(size=x.shape)

    def test_refused_by_name(self):
        with pytest.raises(ValueError, match=r"rank 4, expected 7.*(IW|LW|b)\{") as caught:
            jn.uncertainty(*self.twins())
        assert "pseudo-inverse" in str(caught.value)

    def test_pseudo_inverse(self):
        net, x, t = self.twins()
        fit = jn.uncertainty(net, x, t, singular="pseudo-inverse")
        J = jn.jacobian(net, x)
        sse = np.sum((t - net(x)) ** 2)
        expected = sse / (30 - 4) * np.linalg.pinv(J @ J.T, rcond=1e-10, hermitian=True)
        assert fit.rank == fit.effective_parameters == 4
        np.testing.assert_allclose(
            fit.covariance, expected, rtol=0, atol=1e-8 * np.abs(expected).max()
        )

    def test_dead_neuron(self):
        net = jn.Network([1, 2, 1], transfer=["poslin", "purelin"])
        net.b[0], net.IW[0, 0], net.LW[1, 0] = [-99.0, 0.1], [[1.0], [1.0]], [[1.0, 1.0]]
        x = np.linspace(-1, 1, 20)[None]
        with pytest.raises(ValueError, match="rank"):
            jn.uncertainty(net, x, x)

    def test_no_degree_of_freedom(self):
        net, x, t, _ = linear(n=3)
        with pytest.raises(ValueError, match=r"3 errors for 3 .* jn.laplace"):
            jn.uncertainty(net, x, t)


class TestPredictions:
    def test_ordinary_regression(self):
        """Textbook intervals of a line."""
        net, x, t, design = linear()
        new = np.random.default_rng(5).normal(size=(2, 6))
        points = np.vstack([np.ones(6), new])
        sigma2 = np.sum((t - net(x)) ** 2) / 22
        spread = np.sum(points * np.linalg.solve(design @ design.T, points), axis=0)
        quantile = stats.t.ppf(0.95, 22)
        fit = jn.uncertainty(net, x, t)
        for kind, extra in (("confidence", 0.0), ("prediction", 1.0)):
            y, lower, upper = fit.predict(new, 0.9, kind=kind)
            width = quantile * np.sqrt(sigma2 * (spread + extra))
            np.testing.assert_allclose(upper - y, width[None], rtol=1e-12)
            np.testing.assert_allclose(y - lower, width[None], rtol=1e-12)
            np.testing.assert_array_equal(y, net(new))
        direct = jn.prediction_interval(net, new, 0.9, data=(x, t))
        np.testing.assert_array_equal(direct.lower, jn.prediction_interval(fit, new, 0.9).lower)

    def test_intervals_of_parameters(self):
        net, x, t, _ = linear()
        fit = jn.uncertainty(net, x, t)
        width = stats.t.ppf(0.975, 22) * fit.standard_errors
        np.testing.assert_allclose(fit.intervals(), np.stack([net.wb - width, net.wb + width], 1))

    def test_original_scale(self):
        """Through process functions on both sides; the same function without them."""
        net, x, t = small()
        raw = jn.uncertainty(net, x, t).predict(x)
        scaled = jn.feedforwardnet(2).configure(100 * x + 7, 1e3 * t - 5)
        gain_x, gain_t = 2 / np.ptp(x), 2 / np.ptp(t)
        scaled.IW[0, 0], scaled.b[0] = net.IW[0, 0] / gain_x, net.b[0]
        scaled.LW[1, 0] = net.LW[1, 0] * gain_t
        scaled.b[1] = (net.b[1] - t.min()) * gain_t - 1
        fit = jn.uncertainty(scaled, 100 * x + 7, 1e3 * t - 5)
        for a, b in zip(fit.predict(100 * x + 7), raw, strict=True):
            np.testing.assert_allclose(a, 1e3 * b - 5, rtol=1e-9)

    def test_normalised_outputs_have_their_own_noise(self):
        net, x, t, _ = linear(outputs=2)
        t[1] *= 1000
        net = jn.Network([2, 2], transfer="purelin").configure(x, t).init(0)
        net.performParam.normalization = "standard"
        fit = jn.uncertainty(net, x, t)
        prediction = fit.predict(x)
        ratio = prediction.noise[1] / prediction.noise[0]
        np.testing.assert_allclose(ratio, np.ptp(t[1]) / np.ptp(t[0]), rtol=1e-12)

    def test_error_weights_of_new_observations(self):
        net, x, t, _ = linear()
        fit = jn.uncertainty(net, x, t)
        ew = np.array([[1.0, 4.0, 0.25]])
        noise = fit.predict(x[:, :3], ew=ew).noise
        np.testing.assert_allclose(noise, fit.residual_standard_deviation / np.sqrt(ew))

    def test_blocks_do_not_matter(self, monkeypatch):
        net, x, t, _ = linear()
        fit = jn.uncertainty(net, x, t)
        expected = fit.variance(x)[1]
        monkeypatch.setattr("jacnet._blocks.DOUBLES_PER_BLOCK", 10)
        np.testing.assert_allclose(fit.variance(x)[1], expected, rtol=1e-14)

    def test_coverage(self):
        """Nine of ten new observations lie in 90 % intervals, over many repetitions."""
        hits = []
        for seed in range(200):
            net = linear(n=12)[0]
            x_all, t_all = linear(n=12 + 20, seed=seed)[1:3]
            design = np.vstack([np.ones(12), x_all[:, :12]])
            net = refit(net, design, t_all[:, :12])
            _, lower, upper = jn.prediction_interval(
                net, x_all[:, 12:], 0.9, data=(x_all[:, :12], t_all[:, :12])
            )
            hits.append(np.mean((lower <= t_all[:, 12:]) & (t_all[:, 12:] <= upper)))
        assert np.mean(hits) == pytest.approx(0.9, abs=0.02)

    def test_delta_with_a_jacobian(self):
        net, x, t = small()
        fit = jn.uncertainty(net, x, t)
        by_hand = fit.delta(lambda w: net.copy().setwb(w)(x)[0], jn.jacobian(net, x).T)
        itself = fit.delta(lambda w: net.copy().setwb(w)(x)[0])
        np.testing.assert_allclose(itself.standard_error, by_hand.standard_error, rtol=1e-8)
        np.testing.assert_allclose(
            by_hand.standard_error, fit.predict(x).standard_error[0], rtol=1e-12
        )

    def test_delta_of_a_number(self):
        net, x, t, _ = linear()
        fit = jn.uncertainty(net, x, t)
        found = fit.delta(lambda w: w[0])
        assert [part.shape for part in found] == [(1,), (1,), (1, 1)]
        np.testing.assert_allclose(found.standard_error[0], fit.standard_errors[0], rtol=1e-8)

    def test_delta_needs_as_many_numbers_everywhere(self):
        net, x, t, _ = linear()
        fit = jn.uncertainty(net, x, t)
        with pytest.raises(ValueError, match=r"delta: function returned 1 numbers at first and 2"):
            fit.delta(lambda w: [1.0] if (w == fit.parameters).all() else [1.0, 2.0])

    def test_summary(self):
        net, x, t, _ = linear()
        fit = jn.uncertainty(net, x, t)
        text = fit.summary()
        assert all(name in text for name in net.layout.names)
        assert "22 degrees of freedom" in text
        assert f"{fit.standard_errors[0]:.6g}" in text
        np.testing.assert_allclose(np.diag(fit.correlation), 1, rtol=1e-12)
        assert "3 parameters, 25 errors" in repr(fit)


class TestBadInput:
    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda n, x, t: jn.uncertainty("net", x, t), TypeError, "uncertainty: net must be"),
            (lambda n, x, t: jn.uncertainty(n, x, None), TypeError, "uncertainty: t must be"),
            (lambda n, x, t: jn.uncertainty(n, x.T, t), ValueError, "x"),
            (lambda n, x, t: jn.uncertainty(n, x, t, singular="no"), ValueError,
             "uncertainty: singular is 'no', expected 'error' or"),
            (lambda n, x, t: jn.uncertainty(n, x, t).predict(x, 95), ValueError,
             "confidence is 95.*95 % is 0.95"),
            (lambda n, x, t: jn.uncertainty(n, x, t).predict(x, "high"), TypeError,
             "predict: confidence must be a number"),
            (lambda n, x, t: jn.uncertainty(n, x, t).predict(x, kind="both"), ValueError,
             "predict: kind is 'both', expected"),
            (lambda n, x, t: jn.uncertainty(n, x, t).delta(lambda w: w, [[1.0]]), ValueError,
             r"delta: jacobian has shape \(1, 1\), expected \(3, 3\)"),
            (lambda n, x, t: jn.uncertainty(n, x, t).delta(3), TypeError,
             "delta: function must .* got int; .* lambda"),
            (lambda n, x, t: jn.uncertainty(n, x, t).delta(lambda w: np.nan), ValueError,
             "delta: function returned NaN"),
            (lambda n, x, t: jn.uncertainty(n, x, t).delta(lambda w: "a"), TypeError,
             "delta: function returned a str, expected a number or a vector"),
            (lambda n, x, t: jn.uncertainty(n, x, t).delta(lambda w: [[1.0]]), ValueError,
             r"delta: function returned an array of shape \(1, 1\)"),
            (lambda n, x, t: jn.uncertainty(n, x, t).delta(lambda w: w, [[1, 2], [3]]), TypeError,
             "delta: jacobian is a list, expected an array"),
            (lambda n, x, t: jn.uncertainty(n, x, t).delta(lambda w: w, np.full((3, 3), np.nan)),
             ValueError, "delta: jacobian is NaN"),
            (lambda n, x, t: jn.laplace(n, x.T, t), ValueError, "^laplace: x"),
            (lambda n, x, t: jn.laplace(n, x, t).predict(x.T), ValueError, "^predict: x"),
            (lambda n, x, t: jn.prediction_interval(n, x), TypeError, r"data must be \(x, t\)"),
            (lambda n, x, t: jn.prediction_interval(jn.uncertainty(n, x, t), x, data=(x, t)),
             ValueError, "prediction_interval: an Uncertainty brings .* got data; pass"),
            (lambda n, x, t: jn.prediction_interval(
                jn.uncertainty(n, x, t), x, ew=1.0, samples=[0], robust=True,
                singular="pseudo-inverse"
             ), ValueError, "got ew, samples, robust, singular; pass"),
            (lambda n, x, t: jn.prediction_interval(jn.uncertainty(n, x, t), x.T), ValueError,
             "^prediction_interval: x"),
            (lambda n, x, t: jn.uncertainty(n, x, t).predict(x.T), ValueError, "^predict: x"),
            (lambda n, x, t: jn.uncertainty(n, x.T, t), ValueError, "^uncertainty: x"),
            (lambda n, x, t: jn.uncertainty(n, x, t, robust="no"), TypeError,
             "uncertainty: robust must be True or False, got str"),
        ],
    )  # fmt: skip
    def test_messages(self, call, error, message):
        net, x, t, _ = linear()
        with pytest.raises(error, match=message):
            call(net, x, t)

    def test_regularisation_of_one(self):
        net, x, t, _ = linear()
        net.performParam.regularization = 1.0
        with pytest.raises(ValueError, match="does not see the data"):
            jn.uncertainty(net, x, t)

    def test_without_scipy(self, monkeypatch):
        net, x, t, _ = linear()
        fit = jn.uncertainty(net, x, t)
        monkeypatch.setitem(__import__("sys").modules, "scipy.special", None)
        with pytest.raises(ImportError, match="pip install scipy"):
            fit.predict(x)
        assert fit.variance(x)[1].shape == (1, 25)
