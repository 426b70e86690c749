"""Laplace approximation: against laplace-torch, automatic differentiation, linear theory."""

import autograd
import autograd.numpy as anp
import jacnet as jn
import numpy as np
import pytest
from building import arguments
from hypothesis import given, settings
from scipy import stats
from strategies import cases

STRUCTURES = ("full", "diagonal", "last-layer")


def regression(n=12, sizes=(2, 5, 2), seed=0, **options):
    rng = np.random.default_rng(seed)
    net = jn.Network(list(sizes), **options)
    net.setwb(0.7 * rng.normal(size=net.n_parameters))
    return net, rng.normal(size=(sizes[0], n)), rng.normal(size=(sizes[-1], n))


def classification(n=12, sizes=(2, 5, 3), seed=0):
    outputs = sizes[-1]
    net, x, _ = regression(
        n, sizes, seed,
        transfer=["tansig", "softmax" if outputs > 1 else "logsig"], performance="crossentropy",
    )  # fmt: skip
    labels = np.random.default_rng(seed).integers(0, max(outputs, 2), n)
    t = np.eye(outputs)[:, labels] if outputs > 1 else labels[None].astype(float)
    return net, x, t, labels


def logits(net, w, x):
    """Of a network R-h-S, written for autograd: layout b1, IW, b2, LW, each column by column."""
    r, (h, s) = net.input_sizes[0], net.layer_sizes
    cuts = np.cumsum([h, h * r, s])
    hidden = anp.tanh(w[:h, None] + w[h : cuts[1]].reshape(r, h).T @ x)
    return w[cuts[1] : cuts[2], None] + w[cuts[2] :].reshape(h, s).T @ hidden


def by_hand(net, x, t, x_new, structure, prior, noise):
    """(covariance of the outputs, evidence) from autograd's Jacobian and dense algebra."""
    s, q = net.output_sizes[0], x.shape[1]
    J = autograd.jacobian(lambda w: logits(net, w, x).T.ravel())(net.wb).T
    f = logits(net, net.wb, x)
    if net.performance == "crossentropy":
        a = np.exp(f) / np.exp(f).sum(axis=0) if s > 1 else 1 / (1 + np.exp(-f))
        blocks = [np.diag(c) - np.outer(c, c) for c in a.T]
        log_likelihood = np.sum(t * np.log(a)) + (s == 1) * np.sum((1 - t) * np.log(1 - a))
    else:
        blocks = [np.eye(s) / noise] * q
        log_likelihood = stats.norm(f, np.sqrt(noise)).logpdf(t).sum()
    Lambda = np.zeros((s * q, s * q))
    for n, block in enumerate(blocks):
        Lambda[n * s : (n + 1) * s, n * s : (n + 1) * s] = block
    chosen = np.arange(net.n_parameters)
    if structure == "last-layer":
        chosen = chosen[net.layout["b{2}"].slice.start :]
    H = (J @ Lambda @ J.T)[np.ix_(chosen, chosen)]
    if structure == "diagonal":
        H = np.diag(np.diag(H))
    w = net.wb[chosen]
    H = H + prior * np.eye(len(H))
    new = autograd.jacobian(lambda v: logits(net, v, x_new).T.ravel())(net.wb).T[chosen]
    C = new.T @ np.linalg.solve(H, new)
    C = np.stack([C[k : k + s, k : k + s] for k in range(0, len(C), s)], axis=-1)
    determinants = np.linalg.slogdet(H)[1] - len(H) * np.log(prior)
    return C, log_likelihood - 0.5 * (prior * w @ w + determinants)


class TestByHand:
    @pytest.mark.parametrize("structure", STRUCTURES)
    @pytest.mark.parametrize("n", [4, 12])
    @pytest.mark.parametrize("task", ["regression", "classes", "two classes"])
    def test_variance_and_evidence(self, structure, n, task):
        if task == "regression":
            net, x, t = regression(n)
            options = {"noise": 0.49}
        else:
            net, x, t, _ = classification(n, (2, 5, 3 if task == "classes" else 1))
            options = {}
        x_new = np.random.default_rng(9).normal(size=(2, 5))
        expected, evidence = by_hand(net, x, t, x_new, structure, 1.3, 0.49)
        for form in ("primal", "dual") if structure != "diagonal" else ("primal",):
            la = jn.laplace(
                net, x, t, structure=structure, prior_precision=1.3, form=form, **options
            )
            assert la.form == form
            np.testing.assert_allclose(la.variance(x_new), expected, rtol=1e-11, atol=1e-13)
            assert la.log_marginal_likelihood() == pytest.approx(evidence, rel=1e-12)

    def test_the_smaller_form_is_chosen(self):
        net, x, t = regression(20)
        assert jn.laplace(net, x, t, prior_precision=1, noise=1).form == "primal"  # 40 > 27
        assert jn.laplace(net, x, t, samples=[0, 1], prior_precision=1, noise=1).form == "dual"

    def test_probabilities(self):
        net, x, t, _ = classification()
        p = jn.laplace(net, x, t, prior_precision=2.0).predict(x)
        kappa = 1 / np.sqrt(1 + np.pi / 8 * np.einsum("ssq->sq", p.variance))
        z = np.exp(kappa * logits(net, net.wb, x))
        np.testing.assert_allclose(p.y, z / z.sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(p.logits, logits(net, net.wb, x), rtol=1e-12)
        assert (p.y.max(axis=0) < net(x).max(axis=0)).all()  # less sure than the network

    def test_confident_samples(self):
        """Logits hundreds apart: no overflow, no curvature."""
        net, x, t, _ = classification()
        net.LW[1, 0] *= 1000
        p = jn.laplace(net, x, t, prior_precision=1.0).predict(x)
        assert np.isfinite(p.y).all()
        assert np.isfinite(p.variance).all()


class TestLaplaceTorch:
    @pytest.fixture
    def torch(self):
        torch = pytest.importorskip("torch")
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        yield torch
        torch.set_default_dtype(before)

    @pytest.mark.parametrize("structure", STRUCTURES)
    @pytest.mark.parametrize("task", ["regression", "classification"])
    @pytest.mark.filterwarnings("ignore")
    def test_same_numbers(self, torch, structure, task):
        laplace_torch = pytest.importorskip("laplace")
        if task == "regression":
            net, x, t = regression()
            targets, theirs, ours = torch.tensor(t.T.copy()), {"sigma_noise": 0.7}, {"noise": 0.49}
        else:
            net, x, t, labels = classification()
            targets, theirs, ours = torch.tensor(labels), {}, {}
        first, last = (torch.nn.Linear(a, b).double() for a, b in ((2, 5), (5, len(t))))
        for layer, weight, bias in (
            (first, net.IW[0, 0], net.b[0]),
            (last, net.LW[1, 0], net.b[1]),
        ):
            layer.weight.data = torch.tensor(np.ascontiguousarray(weight))
            layer.bias.data = torch.tensor(bias.copy())
        model = torch.nn.Sequential(first, torch.nn.Tanh(), last)
        data = torch.utils.data.TensorDataset(torch.tensor(x.T.copy()), targets)
        reference = laplace_torch.Laplace(
            model, task, prior_precision=1.3, **theirs,
            subset_of_weights="last_layer" if structure == "last-layer" else "all",
            hessian_structure="diag" if structure == "diagonal" else "full",
        )  # fmt: skip
        reference.fit(torch.utils.data.DataLoader(data, batch_size=5))
        la = jn.laplace(net, x, t, structure=structure, prior_precision=1.3, **ours)
        x_new = np.random.default_rng(9).normal(size=(2, 5))
        new = torch.tensor(x_new.T.copy())
        variance = reference._glm_predictive_distribution(new)[1].detach().numpy()
        p = la.predict(x_new)
        np.testing.assert_allclose(p.variance, variance.transpose(1, 2, 0), rtol=1e-10, atol=1e-12)
        evidence = float(reference.log_marginal_likelihood().detach())
        assert la.log_marginal_likelihood() == pytest.approx(evidence, rel=1e-12)
        if task == "classification":
            probit = reference(new, link_approx="probit").detach().numpy()
            np.testing.assert_allclose(p.y, probit.T, rtol=1e-10)


class TestForms:
    @settings(max_examples=50)
    @given(cases(max_parameters=60))
    def test_dual_is_primal(self, case):
        """Also with error weights, NaN, process functions, normalisation, several inputs."""
        (net, x, t), options = arguments(case)
        try:
            known = {} if net.performance == "crossentropy" else {"noise": 0.8}
            options |= {"prior_precision": 0.7, **known}
            dual = jn.laplace(net, x, t, form="dual", **options)
        except ValueError as error:
            unfit = ("performFcn", "likelihood for", "output processing", "form 'dual' cannot",
                     "no parameter")  # fmt: skip
            assert any(part in str(error) for part in unfit)  # noqa: PT017
            return
        primal = jn.laplace(net, x, t, form="primal", **options)
        new = [np.nan_to_num(xi[:, :4]) for xi in case.x]
        new = new if len(new) > 1 else new[0]
        a, b = dual.variance(new), primal.variance(new)
        unconditional = jn.laplace(
            net,
            x,
            t,
            form="primal",
            samples=[],
            **{**{k: v for k, v in options.items() if k != "samples"}},
        ).variance(new)  # what cancels in the dual form
        assert np.abs(a - b).max() <= 1e-8 * max(1e-300, np.abs(unconditional).max())
        size = max(1.0, abs(primal.log_marginal_likelihood()))
        difference = dual.log_marginal_likelihood() - primal.log_marginal_likelihood()
        assert abs(difference) <= 1e-8 * size

    def test_parameters_are_never_squared(self):
        """A network of a hundred thousand weights and five samples."""
        net, x, t = regression(5, (300, 400, 2))
        la = jn.laplace(net, x, t)
        assert la.form == "dual"
        p = la.predict(np.random.default_rng(3).normal(size=(300, 7)))
        assert p.variance.shape == (2, 2, 7)
        assert (np.einsum("ssq->sq", p.variance) > 0).all()
        with pytest.raises(ValueError, match='form="primal"'):
            la.covariance()

    def test_covariance_and_one_precision_for_each(self):
        net, x, t = regression()
        precisions = np.linspace(0.5, 3, net.n_parameters)
        la = jn.laplace(net, x, t, prior_precision=precisions, noise=0.5)
        H = jn.normal_equations(net, x, t)[0] / 0.5 + np.diag(precisions)
        np.testing.assert_allclose(la.covariance(), np.linalg.inv(H), rtol=1e-9, atol=1e-13)
        w = net.wb
        evidence = stats.norm(net(x), np.sqrt(0.5)).logpdf(t).sum() - 0.5 * (
            w @ (precisions * w) + np.linalg.slogdet(H)[1] - np.log(precisions).sum()
        )
        assert la.log_marginal_likelihood() == pytest.approx(evidence, rel=1e-12)
        np.testing.assert_array_equal(la.prior_precision, precisions)

    def test_last_layer_is_freezing_the_rest(self):
        net, x, t = regression()
        la = jn.laplace(net, x, t, structure="last-layer", prior_precision=1, noise=1)
        net.set_learn("IW{1,1}", False)
        net.set_learn("b{1}", False)
        frozen = jn.laplace(net, x, t, prior_precision=1, noise=1)
        np.testing.assert_array_equal(la.variance(x), frozen.variance(x))
        assert la.names == ["b{2}(1)", "b{2}(2)"] + [
            f"LW{{2,1}}({i},{j})" for j in range(1, 6) for i in (1, 2)
        ]

    def test_blocks_do_not_matter(self, monkeypatch):
        net, x, t = regression()
        expected = jn.laplace(net, x, t, prior_precision=1, noise=1)
        diagonal = jn.laplace(net, x, t, prior_precision=1, noise=1, structure="diagonal")
        values = expected.variance(x), diagonal.variance(x)
        monkeypatch.setattr("jacnet._blocks.DOUBLES_PER_BLOCK", 10)
        again = jn.laplace(net, x, t, prior_precision=1, noise=1, structure="diagonal")
        np.testing.assert_allclose(expected.variance(x), values[0], rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(again.variance(x), values[1], rtol=1e-13, atol=1e-15)


class TestEvidence:
    def test_bayesian_linear_regression(self):
        """The network is linear: the approximation is exact, and so is the evidence."""
        rng = np.random.default_rng(0)
        net = jn.Network([2, 1], transfer="purelin", bias=False)
        x = rng.normal(size=(2, 15))
        t = np.array([[1.0, -0.5]]) @ x + 0.3 * rng.normal(size=(1, 15))
        prior, noise = 0.8, 0.09
        H = x @ x.T / noise + prior * np.eye(2)
        net.setwb(np.linalg.solve(H, x @ t[0] / noise))  # at its maximum
        la = jn.laplace(net, x, t, prior_precision=prior, noise=noise)
        exact = stats.multivariate_normal(np.zeros(15), x.T @ x / prior + noise * np.eye(15))
        assert la.log_marginal_likelihood() == pytest.approx(exact.logpdf(t[0]), rel=1e-12)

    @pytest.mark.parametrize("structure", STRUCTURES)
    def test_maximum(self, structure):
        net, x, t = regression(40)
        la = jn.laplace(net, x, t, structure=structure)
        best = la.log_marginal_likelihood()
        for delta in (0.98, 1.0, 1.02):
            for noise in (0.98, 1.0, 1.02):
                if (delta, noise) != (1, 1):
                    worse = la.log_marginal_likelihood(delta * la.prior_precision, noise * la.noise)
                    assert worse < best
        gamma, w = la.effective_parameters, net.wb[-len(la.names) :]
        assert la.prior_precision * (w @ w) == pytest.approx(gamma, rel=1e-9)  # MacKay's conditions
        assert np.sum((t - net(x)) ** 2) / la.noise == pytest.approx(t.size - gamma, rel=1e-9)

    def test_one_of_the_two_given(self):
        net, x, t = regression(40)
        la = jn.laplace(net, x, t, noise=0.5)
        assert la.noise == 0.5
        values = [la.log_marginal_likelihood(f * la.prior_precision) for f in (0.99, 1, 1.01)]
        assert max(values) == values[1]
        la = jn.laplace(net, x, t, prior_precision=0.5)
        assert la.prior_precision == 0.5
        values = [la.log_marginal_likelihood(noise=f * la.noise) for f in (0.99, 1, 1.01)]
        assert max(values) == values[1]

    def test_classes(self):
        net, x, t, _ = classification(30)
        la = jn.laplace(net, x, t)
        values = [la.log_marginal_likelihood(f * la.prior_precision) for f in (0.99, 1, 1.01)]
        assert max(values) == values[1]
        assert la.noise == 1

    def test_with_prior(self):
        net, x, t = regression()
        other = jn.laplace(net, x, t).with_prior(2.0, 0.3)
        again = jn.laplace(net, x, t, prior_precision=2.0, noise=0.3)
        np.testing.assert_array_equal(other.variance(x), again.variance(x))
        assert other.log_marginal_likelihood() == again.log_marginal_likelihood()


class TestScales:
    def test_noise_of_normalised_outputs(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(2, 30))
        t = np.array([[1.0], [50.0]]) * rng.normal(size=(2, 30))
        net = jn.feedforwardnet(3).configure(x, t).init(0)
        net.performParam.normalization = "standard"
        p = jn.laplace(net, x, t).predict(x)
        assert p.noise[1] / p.noise[0] == pytest.approx((np.ptp(t[1]) / np.ptp(t[0])) ** 2)
        lower, upper = p.interval(0.9)
        width = stats.norm.ppf(0.95) * p.standard_deviation
        np.testing.assert_allclose(upper - p.y, width)
        np.testing.assert_allclose(p.y - lower, width)

    def test_weights_are_repetitions(self):
        """An error weight of 2 is the sample twice, but for the constant of the density."""
        net, x, t = regression()
        ew = np.ones((1, 12))
        ew[0, 4] = 2
        la = jn.laplace(net, x, t, ew=ew, prior_precision=1, noise=0.5)
        twice = jn.laplace(net, x, t, samples=[*range(12), 4], prior_precision=1, noise=0.5)
        np.testing.assert_allclose(la.variance(x), twice.variance(x), rtol=1e-11, atol=1e-14)

    def test_patternnet(self):
        """Its output processing is the identity on classes."""
        rng = np.random.default_rng(1)
        x = rng.normal(size=(2, 40))
        t = np.eye(2)[:, (x[0] > 0).astype(int)]
        net = jn.patternnet(4).configure(x, t).init(0)
        p = jn.laplace(net, x, t).predict(x)
        np.testing.assert_allclose(p.y.sum(axis=0), 1, rtol=1e-12)


class TestMemory:
    def test_what_cannot_be_had_is_refused(self):
        net = jn.Network([500, 400, 2]).init(0)
        x, t = np.zeros((500, 10)), np.zeros((2, 10))
        options = {"prior_precision": 1.0, "noise": 1.0}
        with pytest.raises(MemoryError, match=r"laplace: the full posterior.*GiB.*'last-layer'"):
            jn.laplace(net, x, t, form="primal", **options)
        assert jn.laplace(net, x, t, structure="diagonal", **options).variance(x).shape[2] == 10

    def test_uncertainty(self):
        net = jn.Network([500, 400, 2]).init(0)
        x, t = np.zeros((500, 10)), np.zeros((2, 10))
        with pytest.raises(ValueError, match="20 errors for 201202"):
            jn.uncertainty(net, x, t)
        with pytest.raises(MemoryError, match=r"uncertainty: triangles.*jn\.laplace"):
            jn.uncertainty(net, x, t, singular="pseudo-inverse")


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            (
                {"structure": "kron"},
                ValueError,
                "laplace: structure is 'kron', expected 'full'",
            ),
            ({"form": "both"}, ValueError, "laplace: form is 'both', expected"),
            ({"prior_precision": -1}, ValueError, "prior_precision is -1.0, expected a finite"),
            ({"prior_precision": "x"}, TypeError, "prior_precision must be a number"),
            ({"prior_precision": [1.0, 2.0]}, ValueError, r"shape \(2,\), expected .* \(27,\)"),
            ({"prior_precision": -np.ones(27)}, ValueError, "must be finite and above 0"),
            ({"noise": 0.0}, ValueError, "laplace: noise is 0.0"),
            ({"form": "dual", "structure": "diagonal"}, ValueError, "form 'dual' is for"),
        ],
    )
    def test_options(self, options, error, message):
        with pytest.raises(error, match=message):
            jn.laplace(*regression(), **options)

    def test_networks(self):
        net, x, t = regression(performance="mae")
        with pytest.raises(ValueError, match="performFcn is 'mae'"):
            jn.laplace(net, x, t)
        with pytest.raises(TypeError, match=r"laplace: net must be a jacnet\.Network"):
            jn.laplace("net", x, t)
        with pytest.raises(TypeError, match="laplace: t must be"):
            jn.laplace(net, x, None)
        net, x, t = regression(performance="crossentropy")
        with pytest.raises(ValueError, match=r"one softmax output layer.*purelin of 2"):
            jn.laplace(net, x, t)

    def test_nothing_follows(self):
        net, x, t = regression()
        with pytest.raises(ValueError, match="all errors are 0; give noise"):
            jn.laplace(net, x, net(x))
        net.wb[:] = 0
        with pytest.raises(ValueError, match="all parameters are 0; give prior_precision"):
            jn.laplace(net, x, t)
        net, x, t, _ = classification()
        with pytest.raises(ValueError, match="noise is for regression"):
            jn.laplace(net, x, t, noise=1.0)
        with pytest.raises(ValueError, match="targets are classes"):
            jn.laplace(net, x, t).predict(x).interval()
        for name in net.layout:
            net.set_learn(name, False)
        with pytest.raises(ValueError, match="no parameter is uncertain"):
            jn.laplace(net, x, t)

    def test_no_known_target(self):
        net, x, t = regression()
        unknown = np.full_like(t, np.nan)
        with pytest.raises(ValueError, match="laplace: the data say nothing"):
            jn.laplace(net, x, unknown)
        la = jn.laplace(net, x, unknown, prior_precision=2.0, noise=1.0)  # the prior remains
        J = jn.jacobian(net, x)
        np.testing.assert_allclose(la.variance(x)[0, 0], np.sum(J[:, ::2] ** 2, axis=0) / 2)
