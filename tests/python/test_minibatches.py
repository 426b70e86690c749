"""Mini-batches and chunks: what they add up to, and what they cost."""

import itertools
import tracemalloc
from dataclasses import replace

import jacnet as jn
import numpy as np
import pytest
from building import arguments, inputs, pca_transforms
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases

QUESTIONS = ("performance", "gradient", "hessian", "gauss_newton", "normal_equations")
TOLERANCE = 1e-12


def problem(performance="mse", n=7, seed=0, regularization=0.0):
    rng = np.random.default_rng(seed)
    net = jn.Network([2, 3, 2], performance=performance)
    net.setwb(rng.normal(size=net.n_parameters))
    net.performParam.regularization = regularization
    x, t = rng.normal(size=(2, n)), rng.normal(size=(2, n))
    t[0, 1] = t[1, 4] = t[0, 4] = np.nan
    return net, x, t, rng.uniform(0.5, 2, (2, n))


def answer(lin, name):
    return getattr(lin, name)()


class TestMinibatches:
    @pytest.mark.parametrize("size", [1, 3, 10, 11])
    @pytest.mark.parametrize("shuffle", [True, False])
    def test_every_sample_once(self, size, shuffle):
        batches = list(jn.minibatches(10, size, shuffle=shuffle))
        assert sorted(np.concatenate(batches)) == list(range(10))
        assert all(len(batch) == size for batch in batches[:-1])
        assert 0 < len(batches[-1]) <= size

    def test_in_order(self):
        batches = [list(batch) for batch in jn.minibatches(5, 2, shuffle=False)]
        assert batches == [[0, 1], [2, 3], [4]]

    def test_last_may_be_dropped(self):
        assert [len(b) for b in jn.minibatches(10, 4, drop_last=True)] == [4, 4]
        assert [len(b) for b in jn.minibatches(8, 4, drop_last=True)] == [4, 4]

    def test_seed(self):
        def epoch(seed):
            return np.concatenate(list(jn.minibatches(100, 9, seed=seed)))

        np.testing.assert_array_equal(epoch(3), epoch(3))
        np.testing.assert_array_equal(epoch(3), np.random.RandomState(3).permutation(100))
        assert not np.array_equal(epoch(3), epoch(4))
        generator = np.random.default_rng(0)
        assert not np.array_equal(epoch(generator), epoch(generator))

    @pytest.mark.parametrize("n", [np.zeros((3, 8)), [np.zeros((3, 8)), np.zeros((1, 8))],
                                   np.zeros(8), np.int64(8)])  # fmt: skip
    def test_inputs_are_counted(self, n):
        assert sum(len(batch) for batch in jn.minibatches(n, 3)) == 8

    @pytest.mark.parametrize(
        ("arguments", "options", "error", "message"),
        [
            ((-1, 2), {}, ValueError, "minibatches: n must not be negative, got -1"),
            (("abc", 2), {}, TypeError, "minibatches: n must be the number of samples or inputs"),
            ((5, 0), {}, ValueError, "minibatches: size must be at least 1, got 0"),
            ((5, True), {}, ValueError, "minibatches: size must be at least 1"),
            ((5, 1.5), {}, TypeError, "minibatches: size must be a whole number, got float"),
            ((5, 2), {"seed": "x"}, TypeError, "minibatches: seed is of type str"),
            ((5, 2), {"seed": -1}, ValueError, "minibatches: seed is -1"),
        ],
    )
    def test_bad_input_is_refused_at_once(self, arguments, options, error, message):
        with pytest.raises(error, match=message):
            jn.minibatches(*arguments, **options)


class TestBatchWeight:
    @pytest.mark.parametrize("performance", ["mse", "sse", "mae", "sae"])
    @pytest.mark.parametrize("name", ["performance", "gradient", "hessian"])
    def test_an_epoch_adds_up_to_the_whole(self, performance, name):
        net, x, t, ew = problem(performance)
        whole = answer(jn.linearize(net, x, t, ew=ew), name)
        total = 0.0
        for idx in jn.minibatches(x, 3, seed=1):
            part = answer(jn.linearize(net, x, t, ew=ew, samples=idx), name)
            total = total + jn.batch_weight(net, x, t, idx, ew=ew) * part
        assert np.abs(total - whole).max() <= 1e-14 * (1 + np.abs(whole).max())

    @pytest.mark.parametrize("performance", ["mse", "sse", "mae"])
    def test_one_batch_is_an_unbiased_estimate(self, performance):
        """The mean over all batches that could be drawn."""
        net, x, t, ew = problem(performance, n=6)
        batches = [list(idx) for idx in itertools.combinations(range(6), 2)]
        estimates = [
            jn.batch_weight(net, x, t, idx, ew=ew, purpose="estimate")
            * jn.gradient(net, x, t, ew=ew, samples=idx)
            for idx in batches
        ]
        whole = jn.gradient(net, x, t, ew=ew)
        np.testing.assert_allclose(np.mean(estimates, axis=0), whole, rtol=0, atol=1e-14)
        if performance != "sse":  # without the weights the unknown targets would bias it
            plain = np.mean([jn.gradient(net, x, t, ew=ew, samples=b) for b in batches], axis=0)
            assert np.abs(plain - whole).max() > 1e-4

    def test_known_values(self):
        net, x, t, _ = problem()
        assert jn.batch_weight(net, x, t, [0, 1]) == 3 / 11
        assert jn.batch_weight(net, x, t, [0, 1], purpose="estimate") == 3 / 11 * 7 / 2
        net.performFcn = "sse"
        assert jn.batch_weight(net, x, t, [0, 1]) == 1
        assert jn.batch_weight(net, x, t, [0, 1], purpose="estimate") == 7 / 2

    def test_bad_input(self):
        net, x, t, _ = problem()
        with pytest.raises(ValueError, match=r"batch_weight: purpose is 'sum', expected 'whole'"):
            jn.batch_weight(net, x, t, [0], purpose="sum")
        with pytest.raises(ValueError, match="batch_weight: samples is empty"):
            jn.batch_weight(net, x, t, [], purpose="estimate")


def assert_same(actual, expected, d, name):
    """Equal to 1e-12 of the natural scale: the reference says how large the terms are."""
    pairs = (
        zip(actual, expected, strict=True) if name == "normal_equations" else [(actual, expected)]
    )
    errors = np.abs(d.errors)
    size = np.abs(d.de_dwb)
    natural = {
        "performance": [abs(d.performance) + 1],
        "gradient": [d.gradient_scale],
        "hessian": [d.hessian_scale],
        "gauss_newton": [d.gauss_newton_scale],
        "normal_equations": [np.max(size @ size.T, initial=0), np.max(size @ errors, initial=0),
                             errors @ errors],
    }[name]  # fmt: skip
    for (a, b), scale in zip(pairs, natural, strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.max(np.abs(a - b), initial=0.0) <= TOLERANCE * max(scale, 1e-300)


class TestAccumulate:
    @settings(max_examples=40)
    @given(cases(max_parameters=150), st.sampled_from((1, 3, 8, 100)))
    def test_chunks_are_the_whole(self, case, size):
        """Random networks, performances, error weights, NaN, regularisation."""
        net, x, t = arguments(case)[0]
        expected = jn.linearize(net, x, t, ew=case.ew)
        results = jn.accumulate(QUESTIONS, net, jn.chunks(x, t, size, ew=case.ew))
        with np.errstate(divide="ignore", invalid="ignore"):  # poles at unknown inputs
            reference = replace(case, samples=None).reference(*pca_transforms(net))
            for name, result in zip(QUESTIONS, results, strict=True):
                assert_same(result, answer(expected, name), reference, name)

    def test_one_chunk_gives_the_same_bits(self):
        net, x, t, ew = problem("sse")
        for name in QUESTIONS[1:4]:
            result = jn.accumulate(name, net, [(x, t, ew)])
            np.testing.assert_array_equal(result, answer(jn.linearize(net, x, t, ew=ew), name))

    @pytest.mark.parametrize("performance", ["mse", "sse", "mae", "sae"])
    def test_regularisation_once(self, performance):
        net, x, t, ew = problem(performance, regularization=0.4)
        lin = jn.linearize(net, x, t, ew=ew)
        for name in QUESTIONS[:4]:
            result = jn.accumulate(name, net, jn.chunks(x, t, 2, ew=ew))
            np.testing.assert_allclose(result, answer(lin, name), rtol=1e-13, atol=1e-14)

    def test_running_results(self):
        net, x, t, _ = problem()
        sums = jn.Accumulator(net, ["gradient", "normal_equations"])
        for stop in (3, 5, 7):
            sums.add(x[:, sums.n_samples : stop], t[:, sums.n_samples : stop])
            expected = jn.gradient(net, x[:, :stop], t[:, :stop])
            np.testing.assert_allclose(sums.gradient(), expected, rtol=1e-13, atol=1e-15)
        assert (sums.n_samples, sums.n_targets, sums.n_chunks) == (7, 11, 3)
        sums.normal_equations()[0][:] = 0  # a copy
        assert sums.normal_equations()[0].any()

    def test_the_network_may_change_meanwhile(self):
        net, x, t, _ = problem()
        expected = jn.gradient(net, x, t)
        sums = jn.Accumulator(net, "gradient")
        net.wb[:] += 1
        sums.add(x, t)
        np.testing.assert_allclose(sums.gradient(), expected, rtol=1e-14)

    def test_memory_mapped_data(self, tmp_path):
        net, x, t, _ = problem(n=500)
        stored = np.memmap(tmp_path / "x", float, "w+", shape=(500, 2))
        stored[:] = x.T
        stored.flush()
        data = np.memmap(tmp_path / "x", float, "r", shape=(500, 2))
        chunks = list(jn.chunks(data.T, t, 64))
        assert all(np.shares_memory(chunk[0], data) for chunk in chunks)
        H = jn.accumulate("hessian", net, chunks)
        np.testing.assert_allclose(H, jn.hessian(net, x, t), rtol=0, atol=1e-14)

    def test_memory_does_not_grow_with_the_data(self):
        net, *_ = problem()
        rng = np.random.default_rng(0)

        def made_on_the_way(n_chunks):
            for _ in range(n_chunks):
                yield rng.normal(size=(2, 100)), rng.normal(size=(2, 100))

        def peak(n_chunks):
            jn.accumulate(QUESTIONS, net, made_on_the_way(3))
            tracemalloc.start()
            try:
                jn.accumulate(QUESTIONS, net, made_on_the_way(n_chunks))
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        few, many = peak(5), peak(500)
        assert many < few + 100_000  # the data are 1.6 MB

    def test_error_weights_in_lists_and_one_dimension(self):
        x, t = jn.datasets.simplefit()
        net = jn.feedforwardnet(3).configure(x, t).init(0)
        ew = np.linspace(0.5, 2, t.shape[1])
        expected = jn.gradient(net, x, t, ew=ew[None, :])
        for weights in (ew, [ew.tolist()], ew.tolist()):
            g = jn.accumulate("gradient", net, jn.chunks(x, t, 30, ew=weights))
            np.testing.assert_allclose(g, expected, rtol=1e-12, atol=1e-15)

    @pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError])
    def test_a_chunk_is_taken_in_whole_or_not_at_all(self, monkeypatch, failure):
        net, x, t, _ = problem()
        sums = jn.Accumulator(net, QUESTIONS)
        sums.add(x, t)
        before = [getattr(sums, name)() for name in QUESTIONS]

        def fails(*_, **__):
            raise failure

        part = "jacnet.accumulator.Accumulator._answer"
        answer = jn.Accumulator._answer
        monkeypatch.setattr(
            part, lambda self, name, *rest: (fails if name == QUESTIONS[-1] else answer)(
                *((self, name, *rest))
            )
        )  # fmt: skip
        with pytest.raises(failure):
            sums.add(x, t)
        monkeypatch.undo()
        assert (sums.n_chunks, sums.n_samples) == (1, x.shape[1])
        for name, value in zip(QUESTIONS, before, strict=True):
            for now, then in zip(
                np.atleast_1d(np.asarray(getattr(sums, name)(), object)),
                np.atleast_1d(np.asarray(value, object)),
                strict=True,
            ):
                np.testing.assert_array_equal(now, then)
        sums.add(x, t)
        assert sums.n_chunks == 2

    def test_an_interrupted_addition_spoils_the_sums(self, monkeypatch):
        net, x, t, _ = problem()
        sums = jn.Accumulator(net, QUESTIONS)
        sums.add(x, t)

        def fails(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("jacnet.accumulator._added", fails)
        with pytest.raises(KeyboardInterrupt):
            sums.add(x, t)
        monkeypatch.undo()
        with pytest.raises(RuntimeError, match=r"Accumulator.add: the sums are spoilt.*another"):
            sums.add(x, t)
        with pytest.raises(RuntimeError, match=r"gradient: the sums are spoilt"):
            sums.gradient()

    def test_too_little_memory_names_the_function_and_a_remedy(self, monkeypatch):
        net, x, t, _ = problem()

        def fails(*_):
            raise MemoryError("hessian: the result needs 9 GiB; pass out=")

        sums = jn.Accumulator(net, "hessian")
        sums.add(x, t)
        monkeypatch.setattr("jacnet.accumulator._like", fails)
        with pytest.raises(MemoryError, match=r"Accumulator.add: hessian: .* 9 GiB; use fewer"):
            sums.add(x, t)
        with pytest.raises(MemoryError, match=r"^accumulate: hessian: .* 9 GiB; use fewer .*diag"):
            jn.accumulate("hessian", net, [(x, t), (x, t)])

    def test_several_inputs(self):
        net = jn.Network([[2, 1], 3, 1]).init(0)
        rng = np.random.default_rng(0)
        x, t = [rng.normal(size=(2, 9)), rng.normal(size=(1, 9))], rng.normal(size=(1, 9))
        g = jn.accumulate("gradient", net, jn.chunks(x, t, 4))
        np.testing.assert_allclose(g, jn.gradient(net, x, t), rtol=1e-13, atol=1e-15)

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda n, x, t: jn.accumulate("jacobian", n, [(x, t)]), ValueError,
             "accumulate: what is"),
            (lambda n, x, t: jn.accumulate([], n, [(x, t)]), ValueError, "what is empty"),
            (lambda n, x, t: jn.accumulate("hessian", "net", []), TypeError, "jacnet.Network"),
            (lambda n, x, t: jn.accumulate("hessian", n, []), ValueError,
             "accumulate: chunks is empty"),
            (lambda n, x, t: jn.accumulate("hessian", n, 5), TypeError, "jn.chunks"),
            (lambda n, x, t: jn.accumulate("hessian", n, [(x, t), x]), TypeError, "chunk 1 must"),
            (lambda n, x, t: jn.accumulate("hessian", n, [(x, t), (x.T, t)]), ValueError,
             "accumulate: chunk 1: x"),
            (lambda n, x, t: jn.chunks(x, t[:, 1:], 2), ValueError, "t has 6 samples"),
            (lambda n, x, t: jn.chunks(x, t, 0), ValueError, "size must be at least 1"),
            (lambda n, x, t: jn.chunks(x, t, 2, ew=np.ones((1, 3))), ValueError, "ew has 3"),
            (lambda n, x, t: jn.chunks([x, x[:, 1:]], t, 2), ValueError, "arrays of x differ"),
            (lambda n, x, t: jn.Accumulator(n, "gradient").hessian(), ValueError, "not asked for"),
            (lambda n, x, t: jn.accumulate("hesian", n, [(x, t)]), ValueError,
             "accumulate: what is 'hesian', expected .*; did you mean 'hessian'"),
            (lambda n, x, t: jn.accumulate(3, n, []), TypeError, "accumulate: what must .* got 3"),
            (lambda n, x, t: jn.Accumulator(n, [3]), TypeError, "Accumulator: what must"),
            (lambda n, x, t: jn.accumulate("hessian", n, [(x, None)]), TypeError,
             "accumulate: chunk 0: t must be an array of targets, got None"),
            (lambda n, x, t: jn.accumulate("hessian", n, [3]), TypeError,
             "accumulate: chunk 0 must be .* got int"),
            (lambda n, x, t: jn.accumulate("hessian", n, [(x,)]), TypeError, "got tuple of 1"),
            (lambda n, x, t: jn.accumulate("hessian", n, (x, t)), TypeError,
             r"wrap it: \[\(x, t\)\]"),
            (lambda n, x, t: jn.chunks([[1, 2], [3]], t, 2), TypeError,
             "chunks: x must be .* differ in length"),
            (lambda n, x, t: jn.chunks(x, t, 2, ew=[[1, 2], [3]]), TypeError,
             "chunks: ew must be .* differ in length"),
            (lambda n, x, t: jn.chunks(x, t, 2, ew=list(np.ones((2, 1, 7)))), TypeError,
             "chunks: ew .* list of 2 arrays; stack their rows"),
            (lambda n, x, t: jn.chunks(x, t, 2, ew=np.ones(7)), ValueError,
             r"chunks: ew has shape \(7,\).*ew\[None, :\]"),
            (lambda n, x, t: jn.chunks(x, t, 2, ew=np.ones(2)), ValueError, r"pass ew\[:, None\]"),
            (lambda n, x, t: jn.chunks(x, t, 2, ew=np.ones(3)), ValueError, r"\(2, 7\)$"),
            (lambda n, x, t: jn.accumulate("hessian", n, [(x, t)], n_threads="a"), TypeError,
             "accumulate: chunk 0: n_threads"),
            (lambda n, x, t: jn.chunks(x, t, 2, ew=np.ones((1, 1, 7))), ValueError,
             "chunks: ew has shape"),
            (lambda n, x, t: jn.batch_weight(n, x.T, t, [0]), ValueError, "batch_weight: x"),
            (lambda n, x, t: jn.minibatches(7, 2, shuffle="no"), TypeError,
             "minibatches: shuffle must be True or False, got str"),
            (lambda n, x, t: jn.minibatches(7, 2, drop_last="no"), TypeError,
             "minibatches: drop_last must be True or False, got str"),
        ],
    )  # fmt: skip
    def test_bad_input(self, call, error, message):
        net, x, t, _ = problem()
        with pytest.raises(error, match=message):
            call(net, x, t)


class TestErrors:
    @settings(max_examples=40)
    @given(cases(max_parameters=100))
    def test_errors_and_scales(self, case):
        (net, x, t), options = arguments(case)
        with np.errstate(divide="ignore", invalid="ignore"):  # poles at unknown inputs
            d = case.reference(*pca_transforms(net))
        lin = jn.linearize(net, x, t, **options)
        size = (len(t), lin.n_samples)
        scale = 1 + np.abs(np.nan_to_num(t)).max()
        np.testing.assert_allclose(
            lin.errors(), d.errors.reshape(size, order="F"), rtol=0, atol=1e-11 * scale
        )
        np.testing.assert_allclose(
            lin.error_scales(), d.error_scaling.reshape(size, order="F"), rtol=1e-14
        )
        assert lin.n_targets == d.loss.count
        assert lin.n_parameters == len(case.w)
        np.testing.assert_array_equal(lin.parameters(), case.w)
        assert lin.n_inputs == sum(np.shape(xi)[0] for xi in case.x)
        out = np.empty(size[::-1]).T
        assert lin.errors(out=out) is out
        sse = lin.normal_equations()[2]
        assert np.sum(out**2) == pytest.approx(sse, rel=1e-12, abs=1e-300)

    def test_targets_are_needed(self):
        net, x, *_ = problem()
        lin = jn.linearize(net, inputs([x]))
        for ask in (lin.errors, lin.error_scales):
            with pytest.raises(ValueError, match="needs targets"):
                ask()
        with pytest.raises(ValueError, match=r"errors: out has shape"):
            jn.linearize(net, x, np.zeros((2, 7))).errors(out=np.empty((7, 2)))
