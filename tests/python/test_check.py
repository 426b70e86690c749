"""The self-check passes on every kind of network, and finds what is wrong."""

import re

import jacnet as jn
import numpy as np
import pytest
from building import arguments
from hypothesis import given, settings
from jacnet._differences import derivative
from strategies import cases


def problem(performance="mse", n=20, **options):
    rng = np.random.default_rng(0)
    net = jn.Network([3, 4, 2], performance=performance, **options)
    net.setwb(rng.normal(size=net.n_parameters))
    return net, rng.normal(size=(3, n)), rng.normal(size=(2, n))


def questions():
    """Methods of a linearization that answer something."""
    names = {n for n in dir(jn.Linearization) if not n.startswith("_")}
    without_answer = {"check", "parameters", "dtype", "has_targets"}
    return sorted(n for n in names - without_answer if not n.startswith("n_"))


WITHOUT_ROWS = ("with_loss", "error_scales")  # a linearization; part of the errors


def words(text):
    return set(re.findall(r"\w+", text))


class TestPasses:
    @settings(max_examples=40)
    @given(cases(max_parameters=100))
    def test_random_networks(self, case):
        args, options = arguments(case)
        x = case.batch()[0]
        if not any(np.isfinite(np.concatenate(x)).all(axis=0)):
            with pytest.raises(ValueError, match="no sample whose inputs are all known"):
                jn.check(*args, **options, verbose=False)
            return
        result = jn.check(*args, **options, verbose=False)
        assert result.passed, str(result)
        assert {"jacobian", "gradient", "hessian"} <= {row.quantity for row in result.rows}

    @pytest.mark.parametrize("performance", ["mse", "sse", "mae", "crossentropy"])
    def test_every_row(self, performance):
        """Nothing that a linearization answers is left out."""
        if performance == "crossentropy":
            net, x, _ = problem(performance, transfer=["tansig", "softmax"])
            t = np.eye(2)[:, np.arange(20) % 2]
        else:
            net, x, t = problem(performance)
        net.performParam.regularization = 0.1
        result = jn.linearize(net, x, t, ew=np.linspace(0.5, 2, 20)[None]).check(verbose=False)
        assert result.passed, str(result)
        compared = {name for row in result.rows for name in words(f"{row.quantity} {row.against}")}
        refused = {"fisher"} if performance == "mae" else set()
        assert compared >= {*questions(), "ntk"} - refused
        assert not [row for row in result.rows if row.verdict == "skipped"]

    def test_without_targets(self):
        net, x, _ = problem()
        result = jn.check(net, x, verbose=False)
        assert result.passed
        assert "gradient" not in {row.quantity for row in result.rows}

    def test_as_it_was_linearized(self):
        """Not as the network is now."""
        net, x, t = problem()
        lin = jn.linearize(net, x, t)
        before = str(lin.check(verbose=False))
        net.wb[:] += 1
        assert str(lin.check(verbose=False)) == before

    def test_large_networks_are_sampled(self):
        rng = np.random.default_rng(0)
        net = jn.Network([100, 200, 10]).init(0)
        result = jn.check(net, rng.normal(size=(100, 300)), rng.normal(size=(10, 300)),
                          verbose=False)  # fmt: skip
        assert result.passed
        assert ": 4 of 300 samples" in str(result)
        assert "hessian" not in {row.quantity for row in result.rows}  # would be P x P

    def test_kinks(self):
        """Net inputs of zero, everywhere."""
        net = jn.Network([1, 3, 1], transfer=["poslin", "purelin"])
        net.setwb([0, 0, 0, 1, 2, 3, 0, 1, 1, 1])
        x = np.zeros((1, 5))
        result = jn.check(net, x, x + 1, verbose=False)
        assert result.passed
        assert "poslin: differences are unreliable" in str(result)
        assert "near kinks" in str(result)


class TestFindsMistakes:
    @pytest.mark.parametrize("method", [q for q in questions() if q not in WITHOUT_ROWS])
    def test_a_millionth_too_much(self, monkeypatch, method):
        right = getattr(jn.Linearization, method)

        def wrong(lin, *args, **options):
            answer = right(lin, *args, **options)
            if isinstance(answer, list):
                return [part * (1 + 1e-5) for part in answer]
            if isinstance(answer, tuple):
                return (answer[0] * (1 + 1e-5), *answer[1:])
            return answer * (1 + 1e-5)

        monkeypatch.setattr(jn.Linearization, method, wrong)
        result = jn.check(*problem(), verbose=False)
        assert not result.passed
        assert not result
        failed = [row.quantity for row in result.rows if row.verdict == "FAILED"]
        assert method in words(" ".join(failed))
        assert "FAILED" in str(result)
        assert method in repr(result)

    def test_an_error_is_a_failure(self, monkeypatch):
        def broken(lin, v):
            raise RuntimeError("no such luck")

        monkeypatch.setattr(jn.Linearization, "hvp", broken)
        result = jn.check(*problem(), verbose=False)
        assert not result.passed
        assert "RuntimeError: no such luck" in str(result)


class TestTable:
    def test_printed(self, capsys):
        net, x, t = problem()
        result = jn.check(net, x, t)
        assert capsys.readouterr().out == f"{result}\n"
        assert str(result).startswith("<jacnet.Network 3-4-2, tansig/purelin")
        row = result.rows[1]
        assert (row.quantity, row.against) == ("jacobian", "differences of outputs")
        assert row.error <= row.tolerance
        assert repr(result).endswith("comparisons, passed>")
        assert jn.linearize(net, x, t).check(verbose=False).rows == result.rows

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda n, x, t: jn.check("net", x, t), TypeError, "check: net must be"),
            (lambda n, x, t: jn.check(n, x.T, t), ValueError, "^check: x"),
            (lambda n, x, t: jn.check(n, x, t, seed="a"), TypeError,
             "check: seed must be a whole number from 0 to 4294967295 or None, got str"),
            (lambda n, x, t: jn.check(n, x, t, seed=-1), ValueError, "check: seed is -1"),
            (lambda n, x, t: jn.check(n, x, t, verbose="no"), TypeError,
             "check: verbose must be True or False, got str"),
            (lambda n, x, t: jn.check(n, x, t, n_threads=0), ValueError,
             "check: n_threads is 0, expected at least 1"),
            (lambda n, x, t: jn.check(jn.linearize(n, x, t), x, t), TypeError, "leave out x, t"),
            (lambda n, x, t: jn.check(n, np.full_like(x, np.nan), t), ValueError,
             "no sample whose inputs are all known"),
            (lambda n, x, t: jn.check(n, x, t, samples=[]), ValueError, "no sample"),
        ],
    )  # fmt: skip
    def test_bad_input(self, call, error, message):
        with pytest.raises(error, match=message):
            call(*problem())

    def test_another_layout(self):
        net, x, t = problem()
        lin = jn.linearize(net, x, t)
        net.set_learn("b{1}", False)
        with pytest.raises(ValueError, match="laid out anew"):
            lin.check()


class TestDifferences:
    def test_smooth(self):
        value, doubt, size = derivative(lambda h: np.array([np.exp(h), np.sin(3 * h)]))
        np.testing.assert_allclose(value, [1, 3], rtol=1e-11)
        assert (doubt < 1e-10).all()
        assert size == pytest.approx(1, abs=0.02)

    def test_a_kink_is_doubted(self):
        _, doubt, _ = derivative(lambda h: np.array([max(h - 1e-4, 0.0), h]))
        assert doubt[0] > 1e-3
        assert doubt[1] < 1e-12

    def test_at_a_kink(self):
        """Where symmetric differences agree on the mean of both slopes."""
        value, doubt, _ = derivative(lambda h: np.array([max(h, 0.0)]))
        assert value[0] == pytest.approx(0.5)
        assert doubt[0] > 0.5
