"""Bad input is refused with a message that names function, argument, what came and what was due."""

import copy
import inspect
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import ClassVar

import jacnet as jn
import numpy as np
import pytest

R, S, Q = 3, 2, 7


@pytest.fixture
def net():
    net = jn.Network([R, 4, S])
    net.setwb(np.linspace(-1, 1, net.n_parameters))
    return net


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(R, Q))


@pytest.fixture
def t():
    return np.random.default_rng(1).normal(size=(S, Q))


WITH_TARGETS = {
    "defaultderiv": lambda n, x, t, **k: jn.defaultderiv("de_dwb", n, x, t, **k),
    "staticderiv": lambda n, x, t, **k: jn.staticderiv("dperf_dwb", n, x, t, **k),
    "num2deriv": lambda n, x, t, **k: jn.num2deriv("de_dwb", n, x, t, **k),
    "num5deriv": lambda n, x, t, **k: jn.num5deriv("dperf_dwb", n, x, t, **k),
    "gradient": jn.gradient,
    "normal_equations": jn.normal_equations,
    "gauss_newton": jn.gauss_newton,
    "hessian": jn.hessian,
    "linearize": jn.linearize,
}
WITHOUT_TARGETS = {
    "jacobian": lambda n, x, t, **k: jn.jacobian(n, x, **k),
    "sim": lambda n, x, t, **k: jn.sim(n, x, **k),
}
EVERY = WITH_TARGETS | WITHOUT_TARGETS
WITH_SAMPLES = [name for name in EVERY if name != "sim"]
WITH_OUT = ["defaultderiv", "num5deriv", "gradient", "gauss_newton", "hessian", "jacobian"]

every = pytest.mark.parametrize("name", EVERY)
with_targets = pytest.mark.parametrize("name", WITH_TARGETS)
with_samples = pytest.mark.parametrize("name", WITH_SAMPLES)
with_out = pytest.mark.parametrize("name", WITH_OUT)


@contextmanager
def refused(error, *words):
    """The block raises `error` with a message that holds every word, and dumps no data.

    Names of one letter and numbers must stand alone; other words may be part of longer ones.
    """
    with pytest.raises(error) as caught:
        yield caught
    message = str(caught.value)
    for word in words:
        pattern = re.escape(word)
        if word.lstrip("-").isdigit():
            pattern = rf"(?<!\d){pattern}(?!\d)"
        elif len(word) == 1:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        assert re.search(pattern, message), f"{word!r} not in: {message}"
    assert len(message) < 600


class TestInputs:
    @every
    @pytest.mark.parametrize(
        ("bad", "what"),
        [
            (np.full((R, Q), None), "object"),
            (np.full((R, Q), "1.5"), "<U3"),
            (np.zeros((R, Q), dtype=complex), "complex"),
        ],
    )
    def test_dtype(self, name, bad, what, net, t):
        with refused(TypeError, name, "x", what):
            EVERY[name](net, bad, t)

    @every
    @pytest.mark.parametrize("bad", [None, "data", {"x": 1}])
    def test_not_an_array(self, name, bad, net, t):
        with refused(TypeError, name, "x"):
            EVERY[name](net, bad, t)

    @every
    @pytest.mark.parametrize("bad", [np.zeros((2, R, Q)), np.zeros(R)])
    def test_rank(self, name, bad, net, t):
        with refused(ValueError, name, "x", str(R)):
            EVERY[name](net, bad, t)

    @every
    def test_rows(self, name, net, t):
        with refused(ValueError, name, "x", "5", "7", "3") as caught:
            EVERY[name](net, np.zeros((R + 2, Q)), t)
        assert ".T" not in str(caught.value)  # it would not help

    @every
    def test_orientation(self, name, net, x, t):
        with refused(ValueError, name, "x", ".T"):
            EVERY[name](net, x.T.copy(), t)

    @every
    @pytest.mark.parametrize("bad", [np.inf, -np.inf])
    def test_infinite(self, name, bad, net, x, t):
        x[2, 4] = bad
        with refused(ValueError, name, "x", "inf", "2", "4"):
            EVERY[name](net, x, t)

    @with_targets
    def test_unknown_inputs_make_targets_unknown(self, name, net, x, t):
        masked = t.copy()
        x[1, 3], masked[:, 3] = np.nan, np.nan
        if name == "linearize":
            assert np.isfinite(jn.linearize(net, x, t).gradient()).all()
            return
        known = np.where(np.isnan(x), 0.0, x)
        for a, b in zip(
            flat(EVERY[name](net, x, t)), flat(EVERY[name](net, known, masked)), strict=True
        ):
            np.testing.assert_array_equal(a, b)

    def test_number_of_inputs(self, t):
        net = jn.Network([[R, 2], 4, S])
        with refused(ValueError, "gradient", "x", "2", "1"):
            jn.gradient(net, [np.zeros((R, Q))], t)

    def test_inputs_of_unequal_length(self, t):
        net = jn.Network([[R, 2], 4, S])
        with refused(ValueError, "gradient", "x", "7", "6"):
            jn.gradient(net, [np.zeros((R, Q)), np.zeros((2, Q - 1))], t)


def flat(result):
    return result if isinstance(result, tuple) else (result,)


class TestAccepted:
    """Near misses that are not errors."""

    @pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32, bool])
    def test_real_dtypes_are_cast(self, dtype, net, t):
        x = np.arange(R * Q).reshape(R, Q) % 2
        np.testing.assert_array_equal(
            jn.gradient(net, x.astype(dtype), t), jn.gradient(net, x.astype(float), t)
        )

    def test_one_dimension_where_there_is_one_row(self):
        net = jn.Network([1, 3, 1])
        x = np.linspace(0, 1, Q)
        np.testing.assert_array_equal(jn.gradient(net, x, x), jn.gradient(net, x[None], x[None]))

    def test_lists(self, net, x, t):
        np.testing.assert_array_equal(
            jn.gradient(net, x.tolist(), t.tolist()), jn.gradient(net, x, t)
        )

    def test_boolean_samples(self, net, x, t):
        mask = np.arange(Q) % 2 == 0
        np.testing.assert_array_equal(
            jn.gradient(net, x, t, samples=mask), jn.gradient(net, x[:, mask], t[:, mask])
        )


class TestTargets:
    @with_targets
    def test_dtype(self, name, net, x):
        with refused(TypeError, name, "t", "complex"):
            EVERY[name](net, x, np.zeros((S, Q), dtype=complex))

    @with_targets
    def test_columns(self, name, net, x):
        with refused(ValueError, name, "t", "8", "7"):
            EVERY[name](net, x, np.zeros((S, Q + 1)))

    @with_targets
    def test_orientation(self, name, net, x, t):
        with refused(ValueError, name, "t", ".T"):
            EVERY[name](net, x, t.T.copy())

    @with_targets
    def test_infinite(self, name, net, x, t):
        t[1, 5] = np.inf
        with refused(ValueError, name, "t", "inf", "1", "5"):
            EVERY[name](net, x, t)

    def test_questions_that_need_them(self, net, x):
        lin = jn.linearize(net, x)
        assert lin.jacobian().shape[1] == S * Q
        for question in ("gradient", "de_dwb", "performance", "hessian", "normal_equations"):
            with refused(ValueError, f"{question}: needs targets", "pass t to linearize"):
                getattr(lin, question)()


class TestErrorWeights:
    @with_targets
    @pytest.mark.parametrize("shape", [(S + 1, Q), (S, Q + 1), (Q, 1), (1, S, Q)])
    def test_shape(self, name, shape, net, x, t):
        with refused(ValueError, name, "ew"):
            EVERY[name](net, x, t, ew=np.ones(shape))

    @with_targets
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
    def test_values(self, name, bad, net, x, t):
        ew = np.ones((S, Q))
        ew[0, 6] = bad
        with refused(ValueError, name, "ew", "0", "6"):
            EVERY[name](net, x, t, ew=ew)

    @with_targets
    def test_dtype(self, name, net, x, t):
        with refused(TypeError, name, "ew"):
            EVERY[name](net, x, t, ew="heavy")


class TestSamples:
    @with_samples
    @pytest.mark.parametrize("bad", [Q, Q + 100, -Q - 1])
    def test_out_of_range(self, name, bad, net, x, t):
        with refused(IndexError, name, "samples", str(bad), str(Q)):
            EVERY[name](net, x, t, samples=np.array([0, bad]))

    @with_samples
    @pytest.mark.parametrize("bad", [np.array([0.0, 1.0]), "first", np.array(["a"])])
    def test_dtype(self, name, bad, net, x, t):
        with refused(TypeError, name, "samples"):
            EVERY[name](net, x, t, samples=bad)

    @with_samples
    def test_mask_of_wrong_length(self, name, net, x, t):
        with refused((ValueError, IndexError), name, "samples", "8", "7"):
            EVERY[name](net, x, t, samples=np.ones(Q + 1, dtype=bool))

    @with_samples
    def test_rank(self, name, net, x, t):
        with refused(ValueError, name, "samples"):
            EVERY[name](net, x, t, samples=np.zeros((2, 2), dtype=int))

    @with_samples
    @pytest.mark.parametrize("one", [3, np.int64(3), np.array(3), 10**50])
    def test_one_number(self, name, one, net, x, t):
        with refused(TypeError, name, "samples", "one number", "pass samples=[i]"):
            EVERY[name](net, x, t, samples=one)

    @pytest.mark.parametrize("bad", [True, 1.5])
    def test_neither_numbers_nor_a_slice(self, bad, net, x):
        with refused(TypeError, "jacobian: samples must be whole numbers, a slice"):
            jn.jacobian(net, x, samples=bad)

    @pytest.mark.parametrize(
        ("bad", "why"),
        [(slice("a", None), "slice indices"), (slice(0, 5, 0), "step cannot be zero")],
    )
    def test_no_slice(self, bad, why, net, x):
        with refused(ValueError, "jacobian: samples is no slice of samples: ", why):
            jn.jacobian(net, x, samples=bad)


class TestOut:
    @with_out
    def test_shape(self, name, net, x, t):
        good = EVERY[name](net, x, t)
        with refused(ValueError, name, "out", *(str(n) for n in good.shape)):
            EVERY[name](net, x, t, out=np.empty([n + 1 for n in good.shape]))

    @with_out
    @pytest.mark.parametrize("dtype", [np.float32, np.int64, complex])
    def test_dtype(self, name, dtype, net, x, t):
        good = EVERY[name](net, x, t)
        with refused(TypeError, name, "out", np.dtype(dtype).name, "float64"):
            EVERY[name](net, x, t, out=np.empty(good.shape, dtype=dtype))

    @with_out
    def test_not_an_array(self, name, net, x, t):
        with refused(TypeError, name, "out", "list"):
            EVERY[name](net, x, t, out=[0.0])

    @with_out
    def test_read_only(self, name, net, x, t):
        out = EVERY[name](net, x, t)
        out.flags.writeable = False
        with refused(ValueError, name, "out", "read-only", "pass an array that can be written"):
            EVERY[name](net, x, t, out=out)

    @with_out
    def test_masked(self, name, net, x, t):
        out = np.ma.array(EVERY[name](net, x, t))
        with refused(TypeError, name, "out", "masked array", "pass its .data"):
            EVERY[name](net, x, t, out=out)

    @with_out
    @pytest.mark.parametrize("which", ["x", "t"])
    def test_overlap_with_data(self, name, which, net, x, t):
        if which == "t" and name == "jacobian":
            pytest.skip("takes no targets")
        shape = EVERY[name](net, x, t).shape
        memory = np.random.default_rng(0).normal(size=max(int(np.prod(shape)), x.size))
        out = memory[: int(np.prod(shape))].reshape(shape)
        rows = {"x": R, "t": S}[which]
        inside = memory[: rows * Q].reshape(rows, Q)
        x, t = (inside, t) if which == "x" else (x, inside)
        with refused(ValueError, name, "out", which, "overlap"):
            EVERY[name](net, x, t, out=out)

    def test_overlap_with_weights_or_one_of_several_arrays(self):
        net = jn.Network([2, 2, 1])
        x, t, memory = np.ones((2, 5)), np.ones((1, 5)), np.ones(100)
        ew, out = memory[:5].reshape(1, 5), memory[: net.n_parameters]
        with refused(ValueError, "gradient", "out", "ew", "overlap"):
            jn.gradient(net, x, t, ew=ew, out=out)
        with refused(ValueError, "gradient", "out", "x", "overlap"):
            jn.gradient(net, [memory[:10].reshape(2, 5)], t, out=out)

    def test_overlap_with_parameters(self, net, x, t):
        with refused(ValueError, "gradient", "out", "wb", "overlap"):
            jn.gradient(net, x, t, out=net.wb)

    @with_out
    def test_overlap_with_itself(self, name, net, x, t):
        shape = EVERY[name](net, x, t).shape
        out = np.lib.stride_tricks.as_strided(np.zeros(4), shape, [0] * len(shape))
        with refused(ValueError, name, "out"):
            EVERY[name](net, x, t, out=out)

    def test_simulation(self, net, x):
        with refused(ValueError, "out", "(2, 7)", "(7, 2)"):
            net(x, out=np.empty((Q, S)))


class TestThreads:
    @every
    @pytest.mark.parametrize("bad", [0, -1])
    def test_value(self, name, bad, net, x, t):
        if name in ("linearize", "sim"):
            pytest.skip("takes no n_threads")
        with refused(ValueError, name, "n_threads", str(bad), "1"):
            EVERY[name](net, x, t, n_threads=bad)

    @pytest.mark.parametrize("bad", [1.5, "two"])
    def test_type(self, bad, net, x, t):
        with refused(TypeError, "hessian", "n_threads"):
            jn.hessian(net, x, t, n_threads=bad)

    def test_call(self, net, x):
        with refused(ValueError, "n_threads", "0"):
            net(x, n_threads=0)


class TestNames:
    """A name that is nearly right is answered with the right one."""

    @pytest.mark.parametrize(
        ("given", "meant"), [("tansg", "tansig"), ("purlin", "purelin"), ("softmx", "softmax")]
    )
    def test_transfer(self, given, meant):
        with refused(ValueError, "transfer", given, meant):
            jn.Network([2, 3, 1], transfer=given)

    def test_performance(self, net):
        with refused(ValueError, "crosentropy", "crossentropy"):
            jn.Network([2, 3, 1], performance="crosentropy")
        with refused(ValueError, "msr", "mse"):
            net.performFcn = "msr"

    def test_processing(self):
        with refused(ValueError, "mapminmx", "mapminmax"):
            jn.Network([2, 3, 1], input_processing=["mapminmx"])

    def test_normalization(self, net):
        with refused(ValueError, "normalization", "standrd", "standard"):
            net.performParam.normalization = "standrd"

    @pytest.mark.parametrize("function", ["defaultderiv", "staticderiv", "num2deriv", "num5deriv"])
    @pytest.mark.parametrize(
        ("given", "meant"), [("dperf_dw", "dperf_dwb"), ("de_dw", "de_dwb"), ("DE_DWB", "de_dwb")]
    )
    def test_what(self, function, given, meant, net, x, t):
        with refused(ValueError, function, given, meant):
            getattr(jn, function)(given, net, x, t)

    def test_kind(self, net, x, t):
        with refused(ValueError, "hessian: kind", "did you mean 'gauss-newton'?"):
            jn.hessian(net, x, t, kind="gauss_newton")

    def test_structure(self, net, x, t):
        with refused(ValueError, "hessian: structure", "did you mean 'diagonal'?"):
            jn.hessian(net, x, t, structure="diagnal")
        with refused(ValueError, "fisher: structure", "expected 'full' or 'diagonal'"):
            jn.fisher(net, x, t, structure="block")

    def test_wrt(self, net, x):
        with refused(ValueError, "jacobian: wrt", "did you mean 'inputs'?"):
            jn.jacobian(net, x, wrt="input")

    def test_sign(self, net, x, t):
        with refused(ValueError, "defaultderiv: sign", "did you mean 'matlab'?"):
            jn.defaultderiv("dperf_dwb", net, x, t, sign="matlb")

    def test_order(self, net, x, t):
        with refused(ValueError, "gradient: order", "did you mean 'torch'?"):
            jn.gradient(net, x, t, order="pytorch")

    def test_flags(self, net, x, t):
        with refused(TypeError, "hessian: packed must be True or False, got int"):
            jn.hessian(net, x, t, packed=1)
        with refused(TypeError, "gram: traced must be True or False, got str"):
            jn.gram(net, x, traced="no")
        assert jn.gram(net, x, traced=np.True_).shape == (Q, Q)


class TestNetwork:
    @every
    def test_unconfigured(self, name, x, t):
        with refused(ValueError, name, "configure"):
            EVERY[name](jn.feedforwardnet(4), x, t)

    @every
    @pytest.mark.parametrize("bad", [None, "net", 3])
    def test_not_a_network(self, name, bad, x, t):
        with refused(TypeError, name, "net"):
            EVERY[name](bad, x, t)

    @pytest.mark.parametrize("bad", [-0.1, 1.5, np.nan])
    def test_regularization(self, bad, net):
        with refused(ValueError, "regularization", "0", "1"):
            net.performParam.regularization = bad

    def test_delays_have_not_arrived(self, net, x, t):
        with refused(ValueError, "defaultderiv", "xi"):
            jn.defaultderiv("de_dwb", net, x, t, np.zeros((R, 1)))


class TestPerform:
    def test_mismatch(self, net, t):
        with refused(ValueError, "perform", "y", "8", "7"):
            jn.perform(net, t, np.zeros((S, Q + 1)))

    def test_orientation(self, net, t):
        with refused(ValueError, "perform", ".T"):
            jn.perform(net, t.T.copy(), t.T.copy())

    def test_dtype(self, net, t):
        with refused(TypeError, "perform", "y", "complex"):
            jn.perform(net, t, t.astype(complex))

    def test_error_weights(self, net, t):
        with refused(ValueError, "perform", "ew"):
            jn.perform(net, t, t, np.ones((S + 1, Q)))


@pytest.mark.parametrize("index", [2**64 - 1, 2**63, Q])
def test_unsigned_samples_do_not_wrap(net, x, index):
    with refused(IndexError, "jacobian", "samples", str(index), f"{Q} samples"):
        jn.jacobian(net, x, samples=np.array([0, index], "u8"))


def test_results_beyond_memory_are_refused_before_data_are_read(net):
    x = np.broadcast_to(np.ones((R, 1)), (R, 2**50))
    t = np.broadcast_to(np.ones((S, 1)), (S, 2**50))
    with refused(MemoryError, "jacobian", "shape", "GiB", "fewer samples"):
        jn.jacobian(net, x)
    with refused(MemoryError, "defaultderiv", "GiB"):
        jn.defaultderiv("de_dwb", net, x, t)
    wide = jn.Network([1000, 1000, 1])
    with refused(MemoryError, "hessian", "GiB", "out="):
        jn.hessian(wide, np.ones((1000, 1)), np.ones((1, 1)))


@pytest.mark.parametrize("size", [10**6, 10**10])
def test_networks_beyond_memory_are_refused(size):
    with refused(MemoryError, "Network", "the parameters", "GiB"):
        jn.Network([size, size, 1])
    with refused(MemoryError, "Network", "LW{2,1}", "GiB", "smaller"):
        jn.Network([1, 10**6, 10**6])
    with refused(MemoryError, "Network", "b{1}"):
        jn.Network([2**61, 2**61])


@pytest.mark.parametrize("shape", ["hessian", "de_dwb", "scan"])
def test_interrupts_end_long_calls(shape):
    """Ctrl-C during one call: it would take minutes, and ends at once."""
    net = jn.Network([20, 100, 100, 5])
    n = 2**55 if shape == "scan" else 10**6
    x = np.broadcast_to(np.ones((20, 1)), (20, n))
    t = np.broadcast_to(np.ones((5, 1)), (5, n))
    calls = {
        "hessian": lambda: jn.hessian(net, x, t),
        "de_dwb": lambda: jn.num5deriv("dperf_dwb", net, x, t),
        "scan": lambda: jn.gradient(net, x, t),
    }
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        calls[shape]()


class Unready(jn.Network):
    """Asks itself something before it is made."""

    def __init__(self, question):
        self.answer(question)

    def answer(self, question):
        question(self)


@pytest.mark.parametrize(
    "question",
    [
        lambda net: net([[1.0]]),
        lambda net: jn.hessian(net, [[1.0]], [[1.0]]),
        lambda net: jn.train(net, [[1.0, 2.0]], [[1.0, 2.0]]),
        lambda net: net.configure([], []),
        lambda net: net.init(0),
        lambda net: net.set_learn("b{1}", False),
    ],
)
def test_networks_that_are_not_made_yet(question):
    with pytest.raises(ValueError, match=r"not configured|no such block|no layer|0 inputs"):
        Unready(question)


def test_networks_without_init_are_empty():
    net = jn.Network.__new__(jn.Network)
    assert (net.n_parameters, net.configured, len(net.layout)) == (0, False, 0)
    assert "not configured" in repr(net)
    assert net.copy().wb.shape == (0,)
    net.__init__([1, 2, 1])
    assert net.n_parameters == 7


def test_linearizations_come_from_linearize_only():
    for make in (jn.Linearization, lambda: jn.Linearization.__new__(jn.Linearization)):
        with refused(TypeError, "linearize(net, x, t)"):
            make()


def test_data_that_say_nothing(x):
    net = jn.feedforwardnet(3)
    with refused(ValueError, "configure", "t", "NaN"):
        net.configure(x, np.full((1, Q), np.nan))
    with refused(ValueError, "configure", "removeconstantrows", "target", "constant", "vary"):
        net.configure(x, np.ones((1, Q)))


def test_load_does_not_read_what_is_no_network(tmp_path):
    path = tmp_path / "endless"
    path.write_bytes(b"\0" * 100)
    with refused(ValueError, "load", "not a jacnet network file"):
        jn.load(path)
    if os.path.exists("/dev/zero"):
        with refused(ValueError, "load", "not a jacnet network file"):
            jn.load("/dev/zero")


def test_long_chains_are_made_without_dense_matrices():
    net = jn.Network([1] * 5001)
    assert net.n_parameters == 10000
    assert "chain" not in repr(net)


@pytest.mark.parametrize("side", ["input_processing", "output_processing"])
@pytest.mark.parametrize("step", ["mapminmax", "mapstd", "removeconstantrows", "processpca"])
def test_process_functions_that_were_never_fitted(side, step, x):
    net = jn.Network([R, 4, R], **{side: [step]})
    assert not net.configured
    for name, call in EVERY.items():
        with refused(ValueError, name, "not configured", "process function"):
            call(net, x, x)
    trained, _ = jn.train(net, x, x, seed=0, epochs=1)  # configures
    assert trained.configured
    assert np.isfinite(trained(x)).all()


def output_of(script):
    """What a process of its own prints; it must end well."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestChangesDuringUse:
    """Whatever becomes of the network, nothing reads memory that has gone."""

    def test_linearizations_keep_their_sizes(self):
        rng = np.random.default_rng(0)
        wide = rng.random((40, 500)), rng.random((30, 500))
        narrow = rng.random((1, 94)), rng.random((1, 94))
        for first, second in ((wide, narrow), (narrow, wide)):
            net = jn.feedforwardnet(4).configure(*first)
            lin = jn.linearize(net, *first)
            before = [lin.jacobian("inputs"), lin.de_dwb(), lin.gradient(), lin.outputs()]
            net.configure(*second)
            after = [lin.jacobian("inputs"), lin.de_dwb(), lin.gradient(), lin.outputs()]
            for a, b in zip(before, after, strict=True):
                np.testing.assert_array_equal(a, b)

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
    def test_a_signal_handler_may_change_the_network(self):
        script = """if True:
            import signal, numpy as np, jacnet as jn
            rng = np.random.default_rng(0)
            net = jn.feedforwardnet([30, 20])
            x, t = rng.random((3, 2000)), rng.random((5, 2000))
            net.configure(x, t)
            other = rng.random((30, 9)), rng.random((20, 9))
            signal.signal(signal.SIGALRM, lambda *_: net.configure(*other))
            expected = jn.num2deriv("dperf_dwb", net, x, t)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try:
                np.testing.assert_array_equal(jn.num2deriv("dperf_dwb", net, x, t), expected)
            except ValueError as error:  # on a slow machine the handler comes before the call
                assert "expected 30 rows" in str(error)
            assert net.input_sizes == [30]
        """
        assert output_of(script) == ""

    def test_another_thread_may_change_the_network(self):
        rng = np.random.default_rng(0)
        a = jn.Network([5, 60, 50, 3]).init(0)
        b = jn.Network([5, 7, 3]).init(0)
        net = a.copy()
        x, t = rng.random((5, 3000)), rng.random((3, 3000))
        stop = threading.Event()

        def change():
            while not stop.is_set():
                net.assign(b)
                net.assign(a)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for _ in range(30):
                y = net(x)
                assert y.shape == (3, 3000)
                jn.perform(net, t, y)
                for call in (jn.gradient, jn.normal_equations):
                    call(net, x, t)
        finally:
            stop.set()
            thread.join()

    def test_daemon_threads_at_exit(self):
        """A computation that still runs when the interpreter ends must not abort it."""
        script = """if True:
            import threading, time, numpy as np, jacnet as jn
            rng = np.random.default_rng(0)
            net = jn.feedforwardnet([40, 40])
            x, t = rng.random((10, 20000)), rng.random((2, 20000))
            net.configure(x, t)
            for work in (lambda: jn.hessian(net, x, t),
                         lambda: jn.train(net, x, t, max_fail=10**6, epochs=10**6)):
                threading.Thread(target=work, daemon=True).start()
            time.sleep(0.3)
        """
        assert output_of(script) == ""


def test_no_class_is_a_network_and_a_linearization():
    with pytest.raises(TypeError):
        type("Both", (jn.Network, jn.Linearization), {})


def test_masks_are_not_lost(net, x, t):
    masked = np.ma.array(x, mask=np.zeros_like(x, bool))
    for name, call in EVERY.items():
        with refused(TypeError, name, "x", "mask", ".filled(np.nan)"):
            call(net, masked, t)
    for name, call in {"hvp": jn.hvp, "ggnvp": jn.ggnvp}.items():
        with refused(TypeError, name, "v", "mask", ".filled(0)"):
            call(net, x, t, np.ma.array(net.wb, mask=net.wb > 0))


@pytest.mark.parametrize(
    "step",
    [
        ("mapminmax", {"ymin": 1, "ymax": 1}),
        ("mapminmax", {"ymin": np.nan}),
        ("mapminmax", {"ymax": np.inf}),
        ("mapstd", {"ystd": 0}),
        ("processpca", {"maxfrac": 1}),
        ("removeconstantrows", {"max_range": -1}),
    ],
)
def test_process_parameters(step):
    with refused(ValueError, "Network", step[0], "needs"):
        jn.Network([1, 2, 1], input_processing=[step])


class TestWords:
    def test_targets_of_a_jacobian(self, net, x, t):
        with refused(TypeError, "jacobian", "wrt", "ndarray", "targets", "defaultderiv"):
            jn.jacobian(net, x, t)

    def test_a_forgotten_quantity(self, net, x, t):
        with refused(TypeError, "defaultderiv", "what", "'de_dwb'", "Network"):
            jn.defaultderiv(net, x, t, x)

    @pytest.mark.parametrize("bad", [np.ones(3), [1], 1.5, "2"])
    def test_whole_numbers(self, bad, net, x, t):
        with refused(TypeError, "gradient", "n_threads", "whole number"):
            jn.gradient(net, x, t, n_threads=bad)
        with refused(TypeError, "init", "seed", "whole number"):
            net.init(bad)

    def test_ragged_samples(self, net, x):
        with refused(TypeError, "jacobian", "samples"):
            jn.jacobian(net, x, samples=[[1, 2], [3]])

    def test_exceptions_of_the_caller_are_his(self, net):
        class Interrupted:
            def __array__(self, *args, **kwargs):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            net(Interrupted())

    def test_wb_is_a_view(self, net):
        with pytest.raises(AttributeError, match="setwb"):
            net.wb = [1, 2]

    def test_annotations_are_read_only(self, net):
        with pytest.raises(TypeError):
            net.annotations["a"] = "b"

    def test_flags_are_no_words(self, net):
        with refused(TypeError, "set_learn: flag", "True or False", "got str"):
            net.set_learn("b{1}", "no")
        with refused(ValueError, "set_learn", "b{7}", "IW{1,1}"):
            net.set_learn("b{7}", False)


class Tagged(jn.Network):
    """A subclass with a thought of its own."""


def test_copies_keep_what_a_subclass_added(tmp_path):
    net = Tagged([1, 2, 1])
    net.tag = ["a"]
    assert net.copy().tag is net.tag
    assert copy.copy(net).tag is net.tag
    assert copy.deepcopy(net).tag == ["a"]
    assert copy.deepcopy(net).tag is not net.tag
    again = pickle.loads(pickle.dumps(net))
    assert (type(again), again.tag) == (Tagged, ["a"])


def test_training_beyond_memory():
    with refused(MemoryError, "train", "parameters", "GiB", "set_learn"):
        x = np.linspace(0, 1, 10**5)[None]
        jn.train(jn.feedforwardnet(10**5), x, x)


def test_training_is_interrupted_within_an_epoch():
    """An epoch of many seconds is left at once; the network before it comes back."""
    rng = np.random.default_rng(0)
    x, t = rng.random((30, 20_000)), rng.random((5, 20_000))
    net = jn.feedforwardnet([60, 40])
    net.divideFcn = "dividetrain"

    def interrupt(state):
        if state["epoch"] == 0:
            threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()

    start = time.monotonic()
    trained, tr = jn.train(net, x, t, seed=0, callback=interrupt, epochs=1000, mu_max=1e300)
    assert "user" in tr.stop.lower()
    assert len(tr.perf) == tr.num_epochs + 1
    assert jn.perform(trained, t, trained(x)) == pytest.approx(tr.best_perf, rel=1e-9)
    assert time.monotonic() - start < 60


class TestOneQuestionAtATime:
    def test_threads_that_share_a_linearization(self):
        rng = np.random.default_rng(0)
        net = jn.Network([4, 30, 30, 2]).init(0)
        x, t = rng.normal(size=(4, 3000)), rng.normal(size=(2, 3000))
        expected = jn.gradient(net, x, t)
        failures = []

        def ask(lin, barrier):
            barrier.wait()
            try:
                np.testing.assert_array_equal(lin.gradient(n_threads=1), expected)
            except RuntimeError as error:
                failures.append(str(error))

        for _ in range(20):
            lin, barrier = jn.linearize(net, x, t), threading.Barrier(2)
            threads = [threading.Thread(target=ask, args=(lin, barrier)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            np.testing.assert_array_equal(lin.gradient(), expected)
        assert all("another question" in failure for failure in failures)

    @pytest.mark.skipif(sys.platform != "linux", reason="limits address space")
    def test_after_memory_ran_out(self):
        script = """if True:
            import resource, numpy as np, jacnet as jn
            net = jn.Network([10, 60, 60, 5]).init(0)
            x, t = np.zeros((10, 4000)), np.zeros((5, 4000))
            expected = jn.gradient(net, x, t)
            lin = jn.linearize(net, x, t)
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (used + 3_000_000, most))
            try:
                lin.gradient(n_threads=1)
            except MemoryError:
                print("refused")
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            assert np.array_equal(lin.gradient(n_threads=1), expected)
        """
        assert output_of(script) == "refused\n"


@pytest.mark.parametrize(
    "samples", [range(1, 5, 2), slice(2, 5), slice(None, None, -2), slice(-2, 100), slice(5, 1)]
)
def test_samples_as_a_range_or_a_slice(net, x, t, samples):
    chosen = samples if isinstance(samples, slice) else list(samples)
    np.testing.assert_array_equal(
        jn.jacobian(net, x, samples=samples), jn.jacobian(net, x[:, chosen])
    )
    np.testing.assert_array_equal(
        jn.linearize(net, x, t, samples=samples).gradient(),
        jn.gradient(net, x[:, chosen], t[:, chosen]),
    )


def test_booleans_are_no_vectors(net, x, t):
    lin = jn.linearize(net, x, t)
    p = net.n_parameters
    calls = {
        ("jvp", "v"): (np.ones(p, bool),),
        ("hvp", "v"): ([True] * p,),
        ("ggnvp", "v"): (np.ones((p, 2), bool),),
        ("vjp", "u"): (np.ones((S, Q), bool),),
        ("input_jvp", "v"): (np.ones((R, Q), bool),),
        ("input_vjp", "u"): ([np.ones((S, Q), bool)],),
        ("input_hvp", "v"): (np.ones((S, Q)), np.ones((R, Q), bool)),
    }
    for (name, argument), args in calls.items():
        with refused(
            TypeError, f"{name}: {argument}", "booleans", "real numbers", ".astype(float)"
        ):
            getattr(lin, name)(*args)


class TestMemory:
    """What cannot be had is refused with its size, and with what would help."""

    MATRICES: ClassVar = {
        "hessian": (jn.hessian, ("hvp", "HessianOperator", "'block'", "'diagonal'")),
        "packed": (lambda *a, **k: jn.hessian(*a, packed=True, **k), ("hvp", "hessian_diagonal")),
        "block": (lambda *a, **k: jn.hessian(*a, structure="block", **k), ("hessian_block", "hvp")),
        "gauss_newton": (jn.gauss_newton, ("ggnvp", "'block'", "gauss_newton_diagonal")),
        "normal_equations": (jn.normal_equations, ("jvp", "gauss_newton_diagonal")),
        "fisher": (jn.fisher, ("structure='diagonal'",)),
        "empirical_fisher": (jn.empirical_fisher, ("structure='diagonal'",)),
    }  # fmt: skip

    @staticmethod
    def message(ask, *args, **options):
        with pytest.raises(MemoryError) as caught:
            ask(*args, **options)
        return str(caught.value)

    @staticmethod
    def gib(message):
        return float(re.search(r"needs ([0-9.e+]+) GiB", message)[1])

    @pytest.mark.parametrize("name", MATRICES)
    def test_matrices(self, name):
        wide = jn.Network([1000, 1000, 1])  # P x P numbers are 7 TiB
        ask, remedies = self.MATRICES[name]
        message = self.message(ask, wide, np.ones((1000, 2)), np.ones((1, 2)))
        p, first, second = wide.n_parameters, 1001000, 1001
        elements = {"packed": p * (p + 1) / 2, "block": first**2 + second**2}.get(name, p * p)
        assert self.gib(message) == pytest.approx(8 * elements / 2**30, rel=1e-4)
        assert "fewer samples" not in message
        for word in (*remedies, "out= a numpy.memmap"):
            assert word in message

    def test_float32(self):
        wide = jn.Network([1000, 1000, 1])
        x, t = np.ones((1000, 2)), np.ones((1, 2))
        p = wide.n_parameters
        message = self.message(jn.hessian, wide, x, t, dtype=np.float32)
        assert self.gib(message) == pytest.approx(4 * p * p / 2**30, rel=1e-4)
        message = self.message(jn.hessian, wide, x, t, dtype=np.float32, packed=True)
        assert self.gib(message) == pytest.approx(6 * p * (p + 1) / 2**30, rel=1e-4)
        assert "in float64 before it is rounded" in message

    def test_blocks_that_fit_one_by_one(self):
        block = 0.3 * jn._core.available_memory() / 8  # elements
        width = int(block**0.25)
        net = jn.Network([width] * 6)
        message = self.message(
            jn.hessian, net, np.ones((width, 1)), np.ones((width, 1)), structure="block"
        )
        size = width * (width + 1)
        assert f"a block for each of 5 layers: ({size}, {size})" in message
        assert self.gib(message) == pytest.approx(5 * 8 * size**2 / 2**30, rel=1e-4)

    @pytest.mark.parametrize("name", ["hvp", "ggnvp", "jvp"])
    def test_vectors(self, name, net, x, t):
        v = np.broadcast_to(np.zeros(1), (net.n_parameters, 2**45))
        message = self.message(getattr(jn.linearize(net, x, t), name), v)
        assert message.startswith(f"{name}: the result of shape (")
        assert f"{2**45})" in message
        assert "fewer vectors" in message

    def test_samples(self, net):
        x = np.broadcast_to(np.ones((R, 1)), (R, 2**46))
        t = np.broadcast_to(np.ones((S, 1)), (S, 2**46))
        for name in ("gradients", "hessians", "defaultderiv", "jacobian", "input_hessian", "gram"):
            ask = getattr(jn, name)
            args = {"defaultderiv": ("de_dwb", net, x, t), "gradients": (net, x, t),
                    "hessians": (net, x, t)}.get(name, (net, x))  # fmt: skip
            message = self.message(ask, *args)
            assert message.startswith(f"{name}: the result of shape (")
            assert "fewer samples" in message

    def test_indices(self, net):
        x = np.broadcast_to(np.ones((R, 1)), (R, 2**50))
        message = self.message(jn.jacobian, net, x, samples=slice(2**49))
        assert message.startswith(f"jacobian: samples has {2**49} indices, more than memory holds")


class TestArguments:
    """Functions name what is missing, unknown or too much, and show how they are called."""

    @pytest.mark.parametrize(
        ("args", "options", "message"),
        [
            ((1, 2), {}, r"gradient: t is missing; call it as gradient\(net, x, t, \*, order=None"),
            ((1, 2, 3, 4), {}, r"gradient: takes 3 arguments by position, got 4; call it as"),
            ((1, 2, 3), {"weights": 1}, r"gradient: unknown argument 'weights'; call it as"),
            ((1, 2, 3), {"x": 1}, r"gradient: x is given twice"),
        ],
    )
    def test_messages(self, args, options, message):
        with pytest.raises(TypeError, match=message):
            jn.gradient(*args, **options)

    def test_names_need_not_be_interned(self):
        net = jn.Network([1, 2, 1]).init(0)
        name = "".join(["n_thr", "eads"])
        data = np.ones((1, 3))
        np.testing.assert_array_equal(
            jn.gradient(net, data, data, **{name: 1}), jn.gradient(net, data, data)
        )

    def test_signatures_can_be_read(self):
        parameters = inspect.signature(jn.defaultderiv).parameters
        assert list(parameters)[:4] == ["what", "net", "x", "t"]
        assert parameters["sign"].default == "true"
        assert parameters["out"].kind is inspect.Parameter.KEYWORD_ONLY
