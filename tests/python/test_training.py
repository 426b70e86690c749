"""Training by Levenberg-Marquardt: results, record, division, stops, interruption, the path."""

import signal
import subprocess
import sys
import time

import jacnet as jn
import numpy as np
import pytest
import trainlm_reference

STATES = ("epoch", "time", "perf", "vperf", "tperf", "mu", "gradient", "val_fail")


@pytest.fixture(scope="module")
def data():
    return tuple(jn.datasets.simplefit())


@pytest.fixture(scope="module")
def noisy():
    """Few samples with much noise: training soon fits what validation does not confirm."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (2, 80))
    return x, np.sin(3 * x[:1]) * x[1:] + 0.3 * rng.normal(size=(1, 80))


@pytest.fixture(scope="module")
def trained(data):
    return jn.train(jn.feedforwardnet(10), *data, seed=0)


def everything_trains(net):
    net.divideFcn = "dividetrain"
    return net


class TestSimplefit:
    def test_fifty_seeds(self, data):
        x, t = data
        fits = (jn.train(jn.feedforwardnet(10), x, t, seed=seed)[0] for seed in range(50))
        mse = np.array([np.mean((t - net(x)) ** 2) for net in fits])
        assert np.sum(mse < 5e-4) >= 43, np.sort(mse)[-10:]
        assert np.median(mse) < 1e-4

    def test_the_same_seed_gives_the_same_bits(self, data, trained):
        again, tr = jn.train(jn.feedforwardnet(10), *data, seed=0)
        np.testing.assert_array_equal(again.wb, trained[0].wb)
        np.testing.assert_array_equal(tr.perf, trained[1].perf)

    def test_any_number_of_threads_gives_the_same_bits(self, data, trained):
        alone, _ = jn.train(jn.feedforwardnet(10), *data, seed=0, n_threads=1)
        np.testing.assert_array_equal(alone.wb, trained[0].wb)

    def test_another_seed_gives_another_network(self, data, trained):
        other, _ = jn.train(jn.feedforwardnet(10), *data, seed=1)
        assert not np.array_equal(other.wb, trained[0].wb)

    def test_without_a_seed_every_call_differs(self, data):
        first, second = (jn.train(jn.feedforwardnet(3), *data, epochs=1)[0] for _ in "ab")
        assert not np.array_equal(first.wb, second.wb)


class TestArgument:
    def test_an_open_network_stays_open(self, data):
        net = jn.feedforwardnet(4)
        jn.train(net, *data, seed=0, epochs=3)
        assert not net.configured
        assert net.trainParam.epochs == 1000

    def test_a_configured_network_keeps_its_parameters(self, data):
        net = jn.feedforwardnet(4).configure(*data).init(3)
        before = net.wb.copy()
        trained, tr = jn.train(net, *data, seed=0, epochs=5)
        np.testing.assert_array_equal(net.wb, before)
        assert not np.array_equal(trained.wb, before)
        start = jn.perform(net, data[1][:, tr.trainInd], net(data[0][:, tr.trainInd]))
        assert tr.perf[0] == pytest.approx(start, rel=1e-12)  # training went on from there

    def test_data_are_left_alone(self, data):
        x, t = (part.copy() for part in data)
        x.flags.writeable = t.flags.writeable = False
        jn.train(jn.feedforwardnet(3), x, t, seed=0, epochs=3)
        np.testing.assert_array_equal(x, data[0])

    def test_frozen_blocks_do_not_move(self, data):
        net = jn.feedforwardnet(4).configure(*data).init(0)
        net.set_learn("IW{1,1}", False)
        before = net.IW[0, 0].copy()
        trained, _ = jn.train(net, *data, seed=0, epochs=20)
        np.testing.assert_array_equal(trained.IW[0, 0], before)
        assert trained.n_parameters == 9


class TestRecord:
    def test_fields(self, trained):
        net, tr = trained
        assert tr.trainFcn == "trainlm"
        assert tr.performFcn == "mse"
        assert tr.divideFcn == "dividerand"
        assert tr.divideMode == "sample"
        assert tr.derivFcn == "defaultderiv"
        assert tr.trainParam["max_fail"] == net.trainParam.max_fail == 6
        assert tr.performParam == {"regularization": 0.0, "normalization": "none"}
        assert tr.divideParam == {"trainRatio": 0.7, "valRatio": 0.15, "testRatio": 0.15}
        assert tr.goal == 0
        assert isinstance(tr.stop, str)
        assert set(STATES) <= set(tr.states)
        assert tr["perf"] is tr.perf

    def test_one_entry_per_epoch(self, trained):
        _, tr = trained
        for name in STATES:
            assert len(tr[name]) == tr.num_epochs + 1, name
        np.testing.assert_array_equal(tr.epoch, np.arange(tr.num_epochs + 1))

    def test_invariants(self, trained):
        _, tr = trained
        assert np.all(np.diff(tr.perf) <= 0)  # only steps downhill are taken
        assert np.all(np.diff(tr.time) >= 0)
        assert tr.mu[0] == 1e-3
        ratio = np.log10(tr.mu[1:] / tr.mu[:-1])
        np.testing.assert_allclose(ratio, np.round(ratio), atol=1e-9)  # powers of ten
        assert tr.vperf[tr.best_epoch] == tr.best_vperf == tr.vperf.min()
        assert tr.perf[tr.best_epoch] == tr.best_perf
        assert tr.tperf[tr.best_epoch] == tr.best_tperf

    def test_the_returned_network_is_the_best_one(self, data, trained):
        x, t = data
        net, tr = trained
        for part, value in (
            (tr.trainInd, tr.best_perf),
            (tr.valInd, tr.best_vperf),
            (tr.testInd, tr.best_tperf),
        ):
            perf = jn.perform(net, t[:, part], net(x[:, part]))
            assert perf == pytest.approx(value, rel=1e-10)

    def test_gradient(self, data, trained):
        net, tr = trained
        _, Je, _ = jn.normal_equations(net, *data, samples=tr.trainInd)
        norm = 2 * np.linalg.norm(Je) / len(tr.trainInd)
        assert tr.gradient[tr.best_epoch] == pytest.approx(norm, rel=1e-6)

    def test_masks(self, trained):
        _, tr = trained
        for part in ("train", "val", "test"):
            mask = tr[f"{part}Mask"]
            assert mask.shape == (1, 94)
            np.testing.assert_array_equal(np.flatnonzero(mask[0] == 1), tr[f"{part}Ind"])
            assert np.isnan(mask).sum() == 94 - len(tr[f"{part}Ind"])

    def test_unknown_field(self, trained):
        with pytest.raises(AttributeError):
            _ = trained[1].prf
        with pytest.raises(KeyError):
            trained[1]["prf"]


class TestInitialisation:
    """The draws that MATLAB's documentation shows, and the generator behind them."""

    def test_published_draws(self):
        x = np.linspace(0, 1, 11)[None]
        net = jn.feedforwardnet(3).configure(x, np.sin(x)).init(5489)
        np.testing.assert_allclose(net.IW[0, 0], [[4.2], [4.2], [-4.2]], rtol=1e-12)
        np.testing.assert_allclose(net.b[0], [-4.2, 0, -4.2], rtol=1e-12, atol=1e-12)
        published = [[0.82675171, 0.26471849, -0.80491919]]
        np.testing.assert_allclose(net.LW[1, 0], published, atol=5e-9)
        np.testing.assert_allclose(net.b[1], [-0.44300356], atol=5e-9)

    def test_the_stream_is_that_of_random_state(self):
        x = np.linspace(0, 1, 11)[None]
        net = jn.feedforwardnet(4).configure(x, np.sin(x)).init(17)
        draws = 2 * np.random.RandomState(17).random_sample(9) - 1
        np.testing.assert_array_equal(np.sign(net.IW[0, 0].ravel()), np.sign(draws[:4]))
        np.testing.assert_array_equal(net.LW[1, 0].ravel(), draws[4:8])
        np.testing.assert_array_equal(net.b[1], draws[8:])

    def test_two_inputs_are_directions_of_equal_length(self):
        x = np.random.default_rng(0).uniform(-1, 1, (2, 30))
        x[:, :2] = [[-1, 1], [-1, 1]]
        net = jn.feedforwardnet(5).configure(x, x[:1]).init(3)
        magnitude = 0.7 * 5 ** (1 / 2) * 2  # tansig's active range reaches to 2
        np.testing.assert_allclose(np.linalg.norm(net.IW[0, 0], axis=1), magnitude)
        draws = 2 * np.random.RandomState(3).random_sample(10) - 1
        direction = draws.reshape(5, 2, order="F")
        direction *= magnitude / np.linalg.norm(direction, axis=1, keepdims=True)
        np.testing.assert_allclose(net.IW[0, 0], direction)
        spread = magnitude * np.linspace(-1, 1, 5) * np.sign(direction[:, 0])
        np.testing.assert_allclose(net.b[0], spread, atol=1e-12)

    def test_train_draws_once(self, data):
        net, _ = jn.train(jn.feedforwardnet(3), *data, seed=7, epochs=0)
        same = jn.feedforwardnet(3).configure(*data).init(7)
        np.testing.assert_array_equal(net.wb, same.wb)


def divided(data, function, configured=True, seed=0, **parameters):
    net = jn.feedforwardnet(3)
    if configured:
        net.configure(*data)
    net.divideFcn = function
    net.divideParam = parameters
    _, tr = jn.train(net, *data, seed=seed, epochs=0)
    return tr.trainInd, tr.valInd, tr.testInd


class TestDivision:
    @pytest.mark.parametrize("seed", [0, 5, 5489])
    @pytest.mark.parametrize(("configured", "drawn_before"), [(True, 0), (False, 3 + 3 + 1)])
    def test_dividerand(self, data, seed, configured, drawn_before):
        uniform = np.random.RandomState(seed).random_sample(drawn_before + 94)[drawn_before:]
        order = np.argsort(uniform, kind="stable")
        expected = order[:66], order[66:80], order[80:]
        for part, members in zip(
            divided(data, "dividerand", configured, seed), expected, strict=True
        ):
            np.testing.assert_array_equal(part, np.sort(members))

    def test_ratios_are_relative(self, data):
        parts = divided(data, "dividerand", trainRatio=2, valRatio=1, testRatio=1)
        assert [len(part) for part in parts] == [94 - 24 - 24, 24, 24]  # 23.5, rounded

    def test_divideblock(self, data):
        train, validation, test = divided(data, "divideblock")
        np.testing.assert_array_equal(train, np.arange(66))
        np.testing.assert_array_equal(validation, np.arange(66, 80))
        np.testing.assert_array_equal(test, np.arange(80, 94))

    def test_divideblock_rounds_down(self, data):
        parts = divided(data, "divideblock", trainRatio=2, valRatio=1, testRatio=1)
        assert [len(part) for part in parts] == [94 - 23 - 23, 23, 23]

    def test_divideint(self, data):
        parts = divided(data, "divideint", trainRatio=2, valRatio=1, testRatio=1)
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(94))
        assert parts[0][0] == 0
        for part, share in zip(parts, (1 / 2, 1 / 4, 1 / 4), strict=True):
            so_far = np.searchsorted(part, np.arange(95))
            assert np.all(np.abs(so_far - share * np.arange(95)) <= 1)

    def test_divideind(self, data):
        parts = divided(data, "divideind", trainInd=range(60), valInd=[70, 80], testInd=[90])
        assert [part.tolist() for part in parts] == [list(range(60)), [70, 80], [90]]

    def test_divideind_out_of_range(self, data):
        with pytest.raises(ValueError, match="94"):
            divided(data, "divideind", trainInd=[0, 94])

    def test_dividetrain(self, data):
        train, validation, test = divided(data, "dividetrain")
        np.testing.assert_array_equal(train, np.arange(94))
        assert len(validation) == len(test) == 0

    def test_without_validation_the_best_is_the_lowest_training_performance(self, data):
        net, tr = jn.train(everything_trains(jn.feedforwardnet(3)), *data, seed=0, epochs=20)
        assert np.isnan(tr.vperf).all()
        assert np.isnan(tr.best_vperf)
        assert tr.best_epoch == np.argmin(tr.perf)
        assert jn.perform(net, data[1], net(data[0])) == pytest.approx(tr.perf.min(), rel=1e-12)

    def test_max_fail_zero_lets_validation_samples_train(self, data):
        _, tr = jn.train(jn.feedforwardnet(3), *data, seed=0, epochs=3, max_fail=0)
        assert len(tr.trainInd) == 80
        assert len(tr.testInd) == 14


class TestStops:
    def test_goal(self, data):
        _, tr = jn.train(jn.feedforwardnet(10), *data, seed=0, goal=0.1)
        assert tr.perf[-1] <= 0.1 < tr.perf[-2]
        assert "goal" in tr.stop.lower()

    @pytest.mark.parametrize("epochs", [0, 1, 5])
    def test_epochs(self, data, epochs):
        _, tr = jn.train(jn.feedforwardnet(5), *data, seed=0, epochs=epochs)
        assert tr.num_epochs == epochs
        assert "epoch" in tr.stop.lower()

    def test_time(self, data):
        _, tr = jn.train(jn.feedforwardnet(5), *data, seed=0, time=1e-12)
        assert tr.num_epochs == 0
        assert "time" in tr.stop.lower()

    def test_gradient(self, data):
        _, tr = jn.train(jn.feedforwardnet(5), *data, seed=0, min_grad=0.5)
        assert tr.gradient[-1] <= 0.5
        assert np.all(tr.gradient[:-1] > 0.5)
        assert "gradient" in tr.stop.lower()

    def test_mu(self, data):
        _, tr = jn.train(jn.feedforwardnet(5), *data, seed=0, mu_max=1e-3)
        assert tr.num_epochs == 0
        assert "mu" in tr.stop.lower().split()

    def test_validation(self, noisy):
        _, tr = jn.train(jn.feedforwardnet(20), *noisy, seed=0)
        assert "validation" in tr.stop.lower()
        assert tr.val_fail[-1] == 6
        assert tr.best_vperf == tr.vperf.min()
        assert tr.best_epoch < tr.num_epochs
        assert tr.val_fail[tr.best_epoch] == 0

    def test_max_fail(self, noisy):
        _, tr = jn.train(jn.feedforwardnet(20), *noisy, seed=0, max_fail=2)
        assert tr.val_fail[-1] == 2

    def test_callback(self, data):
        seen = []

        def stop_at_four(state):
            seen.append(dict(state))
            return state["epoch"] == 4

        _, tr = jn.train(jn.feedforwardnet(5), *data, seed=0, callback=stop_at_four)
        assert tr.num_epochs == 4
        assert "user" in tr.stop.lower()
        assert [state["epoch"] for state in seen] == [0, 1, 2, 3, 4]
        for name in STATES:
            np.testing.assert_array_equal([state[name] for state in seen], tr[name])

    def test_an_error_in_the_callback_comes_out(self, data):
        def broken(state):
            raise ZeroDivisionError("mine")

        with pytest.raises(ZeroDivisionError, match="mine"):
            jn.train(jn.feedforwardnet(5), *data, seed=0, callback=broken)


class TestInterruption:
    def test_in_the_callback(self, data):
        def interrupted(state):
            if state["epoch"] == 3:
                raise KeyboardInterrupt

        net, tr = jn.train(jn.feedforwardnet(5), *data, seed=0, callback=interrupted)
        assert tr.num_epochs == 3
        assert "user" in tr.stop.lower()
        part = tr.valInd
        perf = jn.perform(net, data[1][:, part], net(data[0][:, part]))
        assert perf == pytest.approx(tr.vperf.min(), rel=1e-10)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
    def test_by_ctrl_c(self):
        """A real SIGINT while the compiled loop runs: the best network so far comes back."""
        script = """if True:
            import signal, numpy as np, jacnet as jn
            signal.signal(signal.SIGINT, signal.default_int_handler)
            rng = np.random.default_rng(0)
            x = rng.normal(size=(5, 5000))
            net = jn.feedforwardnet(20)
            net.divideFcn = "dividetrain"
            def told(state):
                if state["epoch"] == 1:
                    print("training", flush=True)
            net, tr = jn.train(net, x, rng.normal(size=(1, 5000)), seed=0, callback=told,
                               epochs=10**6, time=30, min_grad=0, mu_max=1e300)
            print(tr.stop, tr.num_epochs, tr.best_epoch, len(tr.perf), sep="|")
        """
        with subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout.readline() == "training\n"
            asked = time.monotonic()
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=40)
        assert child.returncode == 0, err
        stop, epochs, best, length = out.strip().split("|")
        assert "user" in stop.lower()
        assert int(epochs) == int(best) == int(length) - 1 >= 1
        assert time.monotonic() - asked < 5


class TestPath:
    """Every epoch is the one that a plain transcription of the specification makes."""

    @pytest.mark.parametrize("seed", range(4))
    def test_first_epochs(self, data, seed):
        net = jn.feedforwardnet(6).configure(*data).init(seed)
        trained, tr = jn.train(net, *data, seed=seed, epochs=15)
        reference = trainlm_reference.trainlm(
            trainlm_reference.Curve(data[0][0], data[1][0]),
            net.wb.copy(),
            tr.trainInd,
            tr.valInd,
            tr.testInd,
            epochs=15,
        )
        for name in ("perf", "vperf", "tperf", "mu", "gradient", "val_fail"):
            np.testing.assert_allclose(tr[name], reference.column(name), rtol=1e-6, err_msg=name)
        assert tr.best_epoch == reference.best_epoch
        np.testing.assert_allclose(trained.wb, reference.best_w, rtol=1e-5, atol=1e-6)

    def test_without_validation(self, data):
        net = everything_trains(jn.feedforwardnet(4).configure(*data).init(1))
        _, tr = jn.train(net, *data, epochs=12, mu=0.1, mu_dec=0.2, mu_inc=5)
        none = np.zeros(0, int)
        reference = trainlm_reference.trainlm(
            trainlm_reference.Curve(data[0][0], data[1][0]),
            net.wb.copy(),
            np.arange(94),
            none,
            none,
            epochs=12,
            mu=0.1,
            mu_dec=0.2,
            mu_inc=5,
        )
        np.testing.assert_allclose(tr.perf, reference.column("perf"), rtol=1e-6)
        np.testing.assert_allclose(tr.mu, reference.column("mu"), rtol=1e-9)


class TestPerformance:
    """What the record calls perf is what `perform` says of the same network and samples."""

    def check(self, net, x, t, ew=None):
        net, tr = jn.train(everything_trains(net), x, t, ew=ew, seed=0, epochs=8)
        assert tr.best_perf == pytest.approx(jn.perform(net, t, net(x), ew), rel=1e-10)
        assert tr.perf[-1] < tr.perf[0]
        return net, tr

    def test_missing_targets(self, data):
        x, t = data
        t = t.copy()
        t[0, ::3] = np.nan
        net, _ = self.check(jn.feedforwardnet(5), x, t)
        known = np.isfinite(t[0])
        same, _ = jn.train(
            everything_trains(jn.feedforwardnet(5).configure(x, t).init(0)),
            x[:, known],
            t[:, known],
            epochs=8,
        )
        np.testing.assert_allclose(net.wb, same.wb, rtol=1e-6)

    def test_error_weights(self, data):
        x, t = data
        self.check(jn.feedforwardnet(5), x, t, ew=np.linspace(0.1, 2, 94)[None])

    def test_regularization(self, data):
        net = jn.feedforwardnet(5)
        net.performParam.regularization = 0.3
        _, tr = self.check(net, *data)
        assert tr.performParam["regularization"] == 0.3

    def test_normalization(self, data):
        net = jn.feedforwardnet(5)
        net.performParam.normalization = "standard"
        self.check(net, *data)

    def test_sse(self, data):
        net = jn.feedforwardnet(5)
        net.performFcn = "sse"
        self.check(net, *data)

    def test_several_outputs_and_inputs(self):
        rng = np.random.default_rng(2)
        x = [rng.normal(size=(2, 60)), rng.normal(size=(1, 60))]
        t = np.vstack([np.tanh(x[0]), x[1] ** 2])
        self.check(jn.Network([[2, 1], 8, 3]).init(0), x, t)

    def test_cascade(self, data):
        self.check(jn.cascadeforwardnet([4, 3]), *data)

    def test_other_performances_become_mse_with_a_warning(self, data):
        net = jn.feedforwardnet(5)
        net.performFcn = "mae"
        with pytest.warns(UserWarning, match="mse") as warned:
            trained, _ = jn.train(net, *data, seed=0, epochs=3)
        assert warned[0].filename == __file__  # the caller's line
        plain, _ = jn.train(jn.feedforwardnet(5), *data, seed=0, epochs=3)
        np.testing.assert_array_equal(trained.wb, plain.wb)


class TestOptions:
    def test_parameters_hold_for_one_call_only(self, data):
        net = jn.feedforwardnet(3)
        trained, tr = jn.train(net, *data, seed=0, epochs=2, mu=0.5)
        assert net.trainParam.mu == 1e-3
        assert tr.trainParam["mu"] == trained.trainParam.mu == tr.mu[0] == 0.5

    def test_misspelt(self, data):
        with pytest.raises(AttributeError, match="epochs"):
            jn.train(jn.feedforwardnet(3), *data, epoch=3)

    @pytest.mark.parametrize(
        "bad", [{"epochs": -1}, {"mu": 0}, {"mu_dec": 2}, {"mu_inc": 1}, {"goal": np.nan}]
    )
    def test_senseless(self, data, bad):
        with pytest.raises(ValueError, match=next(iter(bad))):
            jn.train(jn.feedforwardnet(3), *data, **bad)

    def test_no_network(self, data):
        with pytest.raises(TypeError, match=r"net.*Network"):
            jn.train("net", *data)

    def test_delays_have_not_arrived(self, data):
        with pytest.raises(ValueError, match="xi"):
            jn.train(jn.feedforwardnet(3), *data, np.zeros((1, 2)))

    def test_samples_that_do_not_match(self, data):
        with pytest.raises(ValueError, match="93"):
            jn.train(jn.feedforwardnet(3), data[0], data[1][:, 1:])

    def test_infinite_targets(self, data):
        t = data[1].copy()
        t[0, 7] = np.inf
        with pytest.raises(ValueError, match=r"t\[0, 7\].*inf"):
            jn.train(jn.feedforwardnet(3), data[0], t)

    def test_a_training_function_that_is_not_there_yet(self, data):
        net = jn.feedforwardnet(3, "trainscg")
        with pytest.raises(NotImplementedError, match="trainlm"):
            jn.train(net, *data)
        _, tr = jn.trainlm(net, *data, seed=0, epochs=2)
        assert tr.trainFcn == "trainlm"
        assert net.trainFcn == "trainscg"

    def test_seed_out_of_range(self, data):
        with pytest.raises((ValueError, TypeError), match="seed"):
            jn.train(jn.feedforwardnet(3), *data, seed=-1)

    def test_verbose(self, data, capsys):
        jn.train(jn.feedforwardnet(3), *data, seed=0, epochs=4, show=2, verbose=True)
        header, *rows, last = capsys.readouterr().out.splitlines()
        assert header.split()[:3] == ["epoch", "time", "perf"]
        assert [row.split()[0] for row in rows] == ["0", "2", "4"]
        assert "Best network" in last


class TestFewErrors:
    """With fewer errors than parameters the step is solved in the errors; it is the same step."""

    @pytest.mark.parametrize("regularization", [0.0, 0.3])
    @pytest.mark.parametrize("function", ["mse", "sse"])
    @pytest.mark.parametrize("n", [1, 6, 24])
    def test_first_step(self, function, regularization, n):
        rng = np.random.default_rng(n)
        net = jn.cascadeforwardnet([9, 4])
        x, t = rng.normal(size=(4, n + 1)), rng.normal(size=(3, n + 1))
        net.configure(x, t).init(3)
        x, t, ew = x[:, :n], t[:, :n], rng.random((3, n)) + 0.5
        if n > 1:
            t[0, 1] = np.nan
        net.set_learn("b{2}", False)
        net.performFcn = function
        net.performParam = {"regularization": regularization, "normalization": "standard"}
        net.divideFcn = "dividetrain"
        p = net.n_parameters
        assert t.size < p
        counts = (np.isfinite(t).sum(), p) if function == "mse" else (1, 1)
        c, rho, mu = (1 - regularization) / counts[0], regularization / counts[1], 10.0
        jj, je, _ = jn.normal_equations(net, x, t, ew=ew)
        gradient = c * je + rho * net.wb
        step = np.linalg.solve(c * jj + (rho + mu) * np.eye(p), gradient)
        trained, tr = jn.train(net, x, t, ew=ew, epochs=1, mu=mu)
        assert tr.gradient[0] == pytest.approx(2 * np.linalg.norm(gradient), rel=1e-11)
        assert tr.mu[1] == pytest.approx(mu / 10)
        np.testing.assert_allclose(net.wb - trained.wb, step, atol=1e-11 * np.abs(step).max())

    def test_more_parameters_than_any_matrix_holds(self):
        """One million weights from two dozen samples."""
        rng = np.random.default_rng(0)
        x, t = rng.normal(size=(20, 24)), rng.normal(size=(1, 24))
        net = jn.Network([20, 50_000, 1]).init(0)
        net.divideFcn = "dividetrain"
        _, tr = jn.train(net, x, t, epochs=4)
        assert tr.perf[-1] < 1e-3 * tr.perf[0]
