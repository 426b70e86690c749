"""Losses: generalised Gauss-Newton and Fisher matrices, empirical Fisher, losses of one's own."""

import jacnet as jn
import numpy as np
import pytest
from autograd import numpy as anp
from building import arguments, pca_transforms
from hypothesis import assume, given, settings
from strategies import cases
from test_pieces import assert_close, data, network, penalty


def model(performance, outputs, last, seed=0):
    net = network((3, 6, 5, outputs), seed, transfer=["tansig", "softplus", last])
    net.performFcn = performance
    return net


def classes(outputs, n, seed=2):
    labels = np.random.default_rng(seed).integers(0, max(outputs, 2), n)
    return np.eye(outputs)[:, labels] if outputs > 1 else labels[None].astype(float)


class TestFisher:
    @settings(max_examples=40)
    @given(cases(max_parameters=200))
    def test_empirical_fisher_is_made_of_the_samples_gradients(self, case):
        args, options = arguments(case)
        d = case.reference(*pca_transforms(args[0]))
        lin = jn.linearize(*args, **options)
        G = lin.gradients()
        r, count = case.spec.regularization, max(d.loss.count, 1)
        tau = (1 - r) * (2 if case.spec.performance in ("mse", "sse") else 1)
        tau /= count if case.spec.performance in ("mse", "mae", "crossentropy") else 1
        expected = G @ G.T / tau
        actual = lin.empirical_fisher()
        np.testing.assert_array_equal(actual, actual.T)
        scale = np.max(np.abs(expected), initial=0.0)
        assert_close(actual, expected, scale, "empirical Fisher")
        diagonal = lin.empirical_fisher(structure="diagonal")
        assert_close(diagonal, np.diag(expected), scale, "its diagonal")

    @pytest.mark.parametrize(
        ("performance", "outputs", "last"),
        [("mse", 3, "purelin"), ("sse", 2, "logsig"), ("crossentropy", 4, "softmax"),
         ("crossentropy", 1, "logsig")],
    )  # fmt: skip
    def test_fisher_is_gauss_newton_without_regularisation(self, performance, outputs, last):
        net = model(performance, outputs, last)
        net.performParam.regularization = 0.3
        x, _ = data(net)
        t = classes(outputs, 30)
        F = jn.fisher(net, x, t)
        GN = jn.gauss_newton(net, x, t)
        added = penalty(net) * np.eye(net.n_parameters)
        np.testing.assert_allclose(F + added, GN, rtol=0, atol=1e-14 * np.abs(GN).max())
        diagonal = jn.fisher(net, x, t, structure="diagonal")
        np.testing.assert_allclose(diagonal, np.diag(F), rtol=0, atol=1e-13 * np.abs(F).max())

    @pytest.mark.parametrize(
        ("performance", "outputs", "last"),
        [("crossentropy", 3, "softmax"), ("crossentropy", 1, "logsig")],
    )
    def test_expectation_of_the_empirical_one(self, performance, outputs, last):
        """Over all labels that the model may draw, weighted with their probabilities."""
        net = model(performance, outputs, last)
        x, _ = data(net, 12)
        y = net(x)
        expected = 0
        for q in range(12):
            for k in range(max(outputs, 2)):
                label = np.eye(outputs)[:, [k]] if outputs > 1 else np.array([[float(k)]])
                p = y[k, q] if outputs > 1 else y[0, q] if k else 1 - y[0, q]
                expected = expected + p * jn.empirical_fisher(net, x[:, [q]], label)
        F = jn.fisher(net, x, classes(outputs, 12))
        np.testing.assert_allclose(F, expected / 12, rtol=0, atol=1e-14 * np.abs(F).max())

    def test_expectation_under_gaussian_targets(self):
        """Of two targets one standard deviation from y in every output: the mean of products."""
        net = model("mse", 2, "purelin")
        x, _ = data(net, 6)
        y, total = net(x), 0
        for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            total = total + jn.empirical_fisher(net, x, y + np.array(signs)[:, None]) / 4
        F = jn.fisher(net, x, y)
        np.testing.assert_allclose(total, F, rtol=0, atol=1e-13 * np.abs(F).max())

    @pytest.mark.parametrize("performance", ["mae", "sae"])
    def test_absolute_errors(self, performance):
        net = model(performance, 2, "purelin")
        x, t = data(net)
        assert not jn.gauss_newton(net, x, t).any()
        with pytest.raises(ValueError, match=rf"fisher: .*{performance}.*empirical_fisher"):
            jn.fisher(net, x, t)
        G = jn.gradients(net, x, t)
        tau = 1 / t.size if performance == "mae" else 1
        np.testing.assert_allclose(jn.empirical_fisher(net, x, t), G @ G.T / tau, atol=1e-13)

    def test_outputs_that_are_no_distribution(self):
        for outputs, last in ((2, "logsig"), (1, "radbas"), (3, "purelin")):
            net = model("crossentropy", outputs, last)
            x, _ = data(net)
            with pytest.raises(ValueError, match=rf"fisher: .* {outputs} rows from {last}"):
                jn.fisher(net, x, classes(outputs, 30), structure="diagonal")

    @pytest.mark.parametrize("ask", ["fisher", "empirical_fisher"])
    def test_unknown_structure(self, ask):
        net = model("mse", 2, "purelin")
        with pytest.raises(ValueError, match=rf"{ask}: structure is 'block', expected 'full' or"):
            getattr(jn, ask)(net, *data(net), structure="block")


class TestConfidentSamples:
    """Closed forms of a layer on one input: net inputs [gap, 0, ...] and what they leave."""

    @pytest.mark.parametrize("shift", [10.0, 20.0, 36.0, 40.0, 300.0])
    @pytest.mark.parametrize("outputs", [2, 4])
    def test_products_keep_their_digits(self, shift, outputs):
        """Relative to the product itself, which vanishes with 1 - a."""
        net = model("crossentropy", outputs, "softmax")
        rng = np.random.default_rng(1)
        net.b[2] = [shift, *np.zeros(outputs - 1)]
        x, t = rng.normal(size=(3, 9)), np.eye(outputs)[:, np.zeros(9, int)]
        lin = jn.linearize(net, x, t)
        v = rng.normal(size=net.n_parameters)
        for matrix, product in (
            (lin.gauss_newton(), lin.ggnvp(v)),
            (lin.hessian(), lin.hvp(v)),
        ):
            dense = matrix @ v
            assert np.abs(product - dense).max() <= 1e-11 * np.abs(dense).max()

    @pytest.mark.parametrize("gap", [50.0, 500.0, 700.0])
    def test_softmax_bias_curvature(self, gap):
        net = jn.Network([1, 3], transfer="softmax", performance="crossentropy")
        net.b[0][:] = [gap, 0.0, -1.0]
        x, t = np.zeros((1, 1)), np.array([[1.0], [0.0], [0.0]])
        a = np.exp(np.array([0.0, -gap, -gap - 1.0]))  # of 1 + that, to the last digit
        curvature = np.array(
            [[a[1] + a[2], -a[1], -a[2]], [-a[1], a[1], -a[1] * a[2]], [-a[2], -a[1] * a[2], a[2]]]
        )
        H = jn.gauss_newton(net, x, t)[:3, :3]
        np.testing.assert_allclose(3 * H, curvature, rtol=1e-12)
        np.testing.assert_allclose(3 * jn.hessian(net, x, t)[:3, :3], curvature, rtol=1e-12)
        np.testing.assert_allclose(
            3 * jn.gauss_newton_diagonal(net, x, t)[:3], np.diag(curvature), rtol=1e-12
        )
        slope = np.array([-a[1] - a[2], a[1], a[2]])
        np.testing.assert_allclose(3 * jn.gradient(net, x, t)[:3], slope, rtol=1e-12)

    @pytest.mark.parametrize("gap", [50.0, 500.0, 700.0])
    @pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
    def test_logsig(self, gap, target):
        net = jn.Network([1, 1], transfer="logsig", performance="crossentropy")
        net.b[0][:] = gap
        x, t = np.zeros((1, 1)), np.array([[target]])
        assert jn.hessian(net, x, t)[0, 0] == pytest.approx(np.exp(-gap), rel=1e-12)
        assert jn.gauss_newton_diagonal(net, x, t)[0] == pytest.approx(np.exp(-gap), rel=1e-12)
        slope = -np.exp(-gap) if target == 1 else 1 - target
        assert jn.gradient(net, x, t)[0] == pytest.approx(slope, rel=1e-12)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestAgainstTorch:
    """Softmax and logsig crossentropy, soft targets, error weights: torch in float64."""

    @staticmethod
    def problem(outputs, gap):
        last = "softmax" if outputs > 1 else "logsig"
        net = network((3, 6, outputs), transfer=["tansig", last], performance="crossentropy")
        net.LW[1, 0][:] *= gap  # net inputs so far apart
        x, _ = data(net, 25)
        t = np.random.default_rng(5).random((outputs, 25))
        return net, x, t / t.sum(axis=0) if outputs > 1 else t

    @pytest.mark.parametrize("gap", [1.0, 50.0, 500.0])
    @pytest.mark.parametrize("outputs", [1, 4])
    def test_generalised_gauss_newton(self, outputs, gap):
        torch = pytest.importorskip("torch")
        net, x, t = self.problem(outputs, gap)
        ew = np.random.default_rng(6).uniform(0.5, 2, (1, 25))
        as_torch = {name: torch.from_numpy(value.copy()) for name, value in blocks(net).items()}
        xt, tt, weights = (torch.from_numpy(v) for v in (x, t, ew * np.ones(t.shape)))

        def net_input(w):
            hidden = torch.tanh(w["IW{1,1}"] @ xt + w["b{1}"][:, None])
            return w["LW{2,1}"] @ hidden + w["b{2}"][:, None]

        def loss(s):
            if outputs > 1:
                return -(weights * tt * torch.log_softmax(s, 0)).sum() / tt.numel()
            log = torch.nn.functional.logsigmoid
            return -(weights * (tt * log(s) + (1 - tt) * log(-s))).sum() / tt.numel()

        s = net_input(as_torch)
        J = torch.func.jacrev(net_input)(as_torch)  # name -> (S, Q, *shape)
        order = list(as_torch)
        flat = [J[n].transpose(-1, -2) if J[n].ndim == 4 else J[n] for n in order]
        J = torch.cat([j.reshape(s.numel(), -1) for j in flat], dim=1).numpy()
        curvature = torch.func.hessian(loss)(s).reshape(s.numel(), s.numel()).numpy()
        slope = torch.func.grad(loss)(s).reshape(-1).numpy()
        GN = J.T @ curvature @ J
        # torch's curvature of a sure sample is a difference of numbers near its weight
        atol = 1e-12 * np.abs(GN).max() + 1e-15 * (J**2).sum(axis=0).max() * ew.max() / t.size
        np.testing.assert_allclose(jn.gauss_newton(net, x, t, ew=ew), GN, rtol=0, atol=atol)
        diagonal = jn.gauss_newton_diagonal(net, x, t, ew=ew)
        np.testing.assert_allclose(diagonal, np.diag(GN), rtol=0, atol=atol)
        scale = np.max(np.abs(J.T) @ np.abs(slope))
        np.testing.assert_allclose(
            jn.gradient(net, x, t, ew=ew), J.T @ slope, rtol=0, atol=1e-12 * scale
        )

    @pytest.mark.parametrize("gap", [1.0, 50.0, 500.0])
    def test_softmax_without_cancellation(self, gap):
        """sum_{i<j} a_i a_j (J_i - J_j)(J_i - J_j)', whose terms are all positive."""
        net, x, t = self.problem(4, gap)
        J = jn.jacobian(twin(net), x).reshape(net.n_parameters, -1, 4)
        s = twin(net)(x)
        a = np.exp(s - s.max(axis=0))
        a /= a.sum(axis=0)
        expected = 0
        for i in range(4):
            for j in range(i):
                gaps = J[:, :, i] - J[:, :, j]
                expected = expected + (gaps * (a[i] * a[j] * t.sum(axis=0))) @ gaps.T / t.size
        for kind, actual in (
            ("matrix", np.diag(jn.gauss_newton(net, x, t))),
            ("curvature", np.concatenate([np.diag(b) for b in gauss_newton_layers(net, x, t)])),
            ("sensitivities", jn.gauss_newton_diagonal(net, x, t)),
        ):
            np.testing.assert_allclose(actual, np.diag(expected), rtol=1e-10, err_msg=kind)
        GN = jn.gauss_newton(net, x, t)
        np.testing.assert_allclose(GN, expected, rtol=0, atol=1e-12 * np.abs(expected).max())

    @pytest.mark.slow
    def test_curvlinops(self):
        """Its GGN and empirical Fisher of a classification, mean over samples."""
        torch = pytest.importorskip("torch")
        curvlinops = pytest.importorskip("curvlinops")
        net, x, _ = self.problem(4, 1.0)
        labels = np.random.default_rng(3).integers(0, 4, 25)
        t = np.eye(4)[:, labels]
        module = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.Tanh(), torch.nn.Linear(6, 4))
        module = module.double()
        values = blocks(net)
        with torch.no_grad():
            for parameter, name in zip(
                module.parameters(), ("IW{1,1}", "b{1}", "LW{2,1}", "b{2}"), strict=True
            ):
                parameter.copy_(torch.from_numpy(values[name]))
        batch = [(torch.from_numpy(x.T.copy()), torch.from_numpy(labels))]
        made = (module, torch.nn.CrossEntropyLoss(), list(module.parameters()), batch)
        eye = torch.eye(net.n_parameters, dtype=torch.float64)
        for operator, ask in (
            (curvlinops.GGNLinearOperator, jn.fisher),
            (curvlinops.EFLinearOperator, jn.empirical_fisher),
        ):
            expected = (operator(*made) @ eye).numpy()
            actual = 4 * ask(net, x, t, order="torch")  # its mean is over samples alone
            np.testing.assert_allclose(
                actual, expected, rtol=0, atol=1e-12 * np.abs(expected).max()
            )


def twin(net):
    """The net inputs of the last layer as outputs."""
    other = jn.Network([3, 6, 4], transfer=["tansig", "purelin"])
    other.setwb(net.wb)
    return other


def gauss_newton_layers(net, x, t):
    return jn.hessian(net, x, t, kind="gauss-newton", structure="block")


def blocks(net):
    return {name: np.array(view, order="C") for name, view in net.layout.blocks_of(net.wb).items()}


class CoupledLoss:
    """log(1 + exp(c'y)) + y'A y / 2 + sum(y^4) / 12: rows of all outputs mixed."""

    def __init__(self, net, seed):
        rng = np.random.default_rng(seed)
        self.net, rows = net, net.output_rows
        self.c, A = rng.normal(size=rows) / 3, rng.normal(size=(rows, rows)) / 3
        self.A = A + A.T
        self.at_net_input = [False]

    def split(self, w, u, *, detached=False):
        return self.net.outputs(w, u, detached=detached)

    def __call__(self, y, *, detached=False):
        linear = anp.sum(self.c[:, None] * y, axis=-2)
        square = anp.sum(y * anp.matmul(self.A, y), axis=-2)
        terms = anp.logaddexp(0.0, linear) + square / 2 + anp.sum(y**4, axis=-2) / 12
        return anp.sum(terms, axis=-1)

    def slopes(self, y):
        p = 1 / (1 + np.exp(-self.c @ y))
        first = np.outer(self.c, p) + self.A @ y + y**3 / 3
        second = np.einsum("q,i,j->qij", p * (1 - p), self.c, self.c) + self.A
        second = second + np.einsum("iq,ij->qij", y**2, np.eye(len(y)))
        return first, second


class TestLossesOfOnesOwn:
    @settings(max_examples=80)
    @given(cases(max_width=7, max_parameters=150))
    def test_against_differentiation(self, case):
        assume(not case.has_unknown_inputs)
        (net, x, _), options = arguments(case)
        d = case.reference(*pca_transforms(net))
        d.loss = CoupledLoss(d.net, len(case.w))
        lin = jn.linearize(net, x, samples=options["samples"])
        first, second = d.loss.slopes(lin.outputs())
        own = lin.with_loss(first, second)
        dy = np.abs(d._dy)
        natural = np.einsum("mqp,mq->p", dy, np.abs(first) + 1).max(initial=0.0)
        # where slopes vanish, the reference finds them as differences of numbers near 1
        widest = max([1.0, *(np.abs(u).max(initial=0.0) for u in d.u)])
        natural += 0.01 * np.abs(first).max(initial=0.0) * widest
        gradient = np.einsum("mqp,mq->p", d._dy, first)
        if d.coupled:
            natural = max(natural, np.abs(d._jacobian(d.net.outputs, detached=True)).sum())
        assert_close(own.gradient(), gradient, 10 * natural, "gradient")
        H, GN = d._hessian_data(), np.einsum("mqp,qmn,nqr->pr", d._dy, second, d._dy)
        terms = np.einsum("mqp,qmn,nqp->p", dy, np.abs(second), dy).max(initial=0.0)
        scale = 10 * (terms + np.abs(H - GN).max(initial=0.0) + natural * widest)
        if d.coupled:
            scale += 10 * np.abs(d._hessian_data(detached=True)).max(initial=0.0)
        assert_close(own.hessian(), H, scale, "hessian")
        assert_close(own.gauss_newton(), GN, scale, "Gauss-Newton")
        assert_close(own.hessian_diagonal(), np.diag(H), scale, "diagonal")
        assert_close(own.gauss_newton_diagonal(), np.diag(GN), scale, "diagonal of Gauss-Newton")
        assert_close(own.hessians().sum(axis=0), H, scale, "by sample")
        G = own.gradients()
        assert_close(own.empirical_fisher(), G @ G.T, np.abs(G @ G.T).max(initial=0.0), "Fisher")

    def test_the_performance_as_a_loss(self):
        net = network()
        x, t = data(net)
        lin = jn.linearize(net, x, t)
        y = lin.outputs()
        own = lin.with_loss(2 * (y - t) / t.size, np.full(t.shape, 2 / t.size))
        np.testing.assert_allclose(own.gradient(), lin.gradient(), rtol=0, atol=1e-14)
        np.testing.assert_allclose(own.hessian(), lin.hessian(), rtol=0, atol=1e-14)
        np.testing.assert_array_equal(own.outputs(), y)
        np.testing.assert_array_equal(own.jacobian(), lin.jacobian())

    def test_keeps_parameters_and_arrays(self):
        net = network(learn={"b{2}": False})
        net.b[1][:] = 0.3
        x, _ = data(net)
        own = jn.linearize(net, x, samples=[3, 1, 1]).with_loss(np.ones((2, 3)), np.ones((2, 3)))
        before = own.hessian()
        net.wb[:] = 0.0
        net.b[1][:] = 0.0
        np.testing.assert_array_equal(own.hessian(), before)
        assert np.abs(before).max() > 0

    def test_only_the_symmetric_part_counts(self):
        net = network()
        lin = jn.linearize(net, data(net)[0])
        A = np.random.default_rng(0).normal(size=(30, 2, 2))
        skew = A - A.swapaxes(1, 2)
        own = lin.with_loss(np.zeros((2, 30)), skew)
        assert not own.hessian().any()

    @pytest.mark.parametrize(
        ("dloss", "d2loss", "error", "words"),
        [
            (np.ones((30, 2)), None, ValueError, ("dloss", "(30, 2)", "(2, 30)", ".T")),
            (np.ones(30), None, ValueError, ("dloss", "(30,)", "(2, 30)")),
            (np.full((2, 30), np.nan), None, ValueError, ("dloss", "NaN")),
            (np.full((2, 30), np.inf), None, ValueError, ("dloss", "inf")),
            ("x", None, TypeError, ("dloss", "str")),
            (np.ones((2, 30)), np.ones((2, 2, 30)), ValueError, ("d2loss", "(30, 2, 2)")),
            (np.ones((2, 30)), np.full((2, 30), np.nan), ValueError, ("d2loss", "nan")),
            (np.ones((2, 30)), "x", TypeError, ("d2loss", "str")),
        ],
    )
    def test_messages(self, dloss, d2loss, error, words):
        net = network()
        lin = jn.linearize(net, data(net)[0])
        with pytest.raises(error) as caught:
            lin.with_loss(dloss, d2loss)
        for word in ("with_loss", *words):
            assert word in str(caught.value)

    def test_what_such_a_loss_cannot_answer(self):
        net = network()
        x, t = data(net)
        own = jn.linearize(net, x, t).with_loss(np.ones((2, 30)))
        own.gradient()
        for name in ("performance", "de_dwb", "normal_equations"):
            with pytest.raises(ValueError, match=rf"{name}: cannot be asked .* with_loss"):
                getattr(own, name)()
        for name in ("hessian", "hessian_diagonal", "hessian_trace", "gauss_newton", "hessians"):
            with pytest.raises(ValueError, match=r"second derivatives of the loss; pass d2loss"):
                getattr(own, name)()
        with pytest.raises(ValueError, match=r"fisher: the model behind"):
            own.fisher()
        slope = np.zeros((80, 30))
        own = jn.linearize(net, x).with_loss(slope[:2])
        with pytest.raises(ValueError, match=r"gradients: out overlaps the loss"):
            own.gradients(out=slope)

    def test_products(self):
        """Also of a loss that couples its outputs."""
        net, rng = network((3, 5, 4)), np.random.default_rng(3)
        x, v = rng.normal(size=(3, 11)), rng.normal(size=(net.n_parameters, 2))
        d2 = rng.normal(size=(11, 4, 4))
        own = jn.linearize(net, x).with_loss(rng.normal(size=(4, 11)), d2 + d2.transpose(0, 2, 1))
        H, G = own.hessian(), own.gauss_newton()
        assert_close(own.hvp(v), H @ v, np.abs(H).max() * np.abs(v).sum(), "hvp")
        assert_close(own.ggnvp(v), G @ v, np.abs(G).max() * np.abs(v).sum(), "ggnvp")

    def test_unknown_inputs_do_not_count(self):
        net, rng = network((3, 5, 2)), np.random.default_rng(4)
        x, t = rng.normal(size=(3, 9)), rng.normal(size=(2, 9))
        slopes, bends = rng.normal(size=(2, 9)), rng.normal(size=(9, 2, 2)) ** 2
        x[1, 4] = np.nan
        kept = np.delete(np.arange(9), 4)
        own = jn.linearize(net, x, t).with_loss(slopes, bends)
        rest = jn.linearize(net, x[:, kept]).with_loss(slopes[:, kept], bends[kept])
        for question in ("gradient", "hessian", "gauss_newton", "hessian_diagonal"):
            expected = getattr(rest, question)()
            assert_close(getattr(own, question)(), expected, np.abs(expected).max(), question)


@pytest.mark.parametrize("gap", [0.5, 15.0, 18.0, 40.0, 300.0])
def test_value_of_a_confident_softmax(gap):
    """-log(1 / (1 + exp(-2 gap))) / 2 keeps its digits, down to the smallest."""
    net = jn.Network([1, 2], ["softmax"], performance="crossentropy")
    net.wb[:] = [gap, -gap, 0.0, 0.0]
    value = jn.linearize(net, [[0.0]], [[1.0], [0.0]]).performance()
    assert value == pytest.approx(np.log1p(np.exp(-2.0 * gap)) / 2.0, rel=1e-15, abs=0.0)
    wrong = jn.linearize(net, [[0.0]], [[0.0], [1.0]]).performance()
    assert wrong == pytest.approx(gap + value, rel=1e-15)
