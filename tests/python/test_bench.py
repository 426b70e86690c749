"""The benchmark: its yardsticks written in NumPy, its arithmetic of criteria, and one quick run."""

import subprocess
import sys
from pathlib import Path

import jacnet as jn
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "bench").is_dir(), reason="no bench beside the tests")


@pytest.fixture(autouse=True)
def _bench_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def _prepared(hidden):
    from bench.cases import Case
    from bench.peers import load

    case = Case((4, 7, 6, 5, 3), 11, hidden)
    net = jn.Network(case.sizes, transfer=[hidden] * 3 + ["purelin"]).setwb(case.data[2])
    return case, net, load("numpy")


@pytest.mark.parametrize("hidden", ["tansig", "logsig"])
@pytest.mark.parametrize("quantity", ["hvp", "ggnvp"])
@pytest.mark.parametrize("how", ["kept", "once"])
def test_products_by_hand(hidden, quantity, how):
    case, net, peer = _prepared(hidden)
    x, t, _ = case.data
    matrix = (jn.hessian if quantity == "hvp" else jn.gauss_newton)(net, x, t)
    found = peer.prepare(case, quantity)[how]()
    np.testing.assert_allclose(found, matrix @ case.direction, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("hidden", ["tansig", "logsig"])
def test_diagonal_by_hand(hidden):
    case, net, peer = _prepared(hidden)
    x, t, _ = case.data
    found = peer.prepare(case, "hessian_diagonal")["recursion"]()
    np.testing.assert_allclose(found, np.diag(jn.hessian(net, x, t)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("how", ["J'J", "J'J, panels"])
def test_gram_by_hand(how):
    case, net, peer = _prepared("tansig")
    calls = peer.prepare(case, "gram")
    (found,) = peer.comparable(case, "gram", calls[how]())
    np.testing.assert_allclose(found, jn.gram(net, case.data[0]), rtol=1e-12, atol=1e-13)


def test_work_of_products():
    from bench.cases import Case

    case = Case((784, 256, 128, 10), 2000)
    assert case.n_parameters == 785 * 256 + 257 * 128 + 129 * 10
    assert case.work("hvp") == (12.0 * 2000 * case.n_parameters, "flops")
    assert case.result_bytes("ggnvp") == 8 * case.n_parameters
    assert case.direction.shape == (case.n_parameters,)


def _row(seconds):
    return {"seconds": seconds, "idiom": "some way"}


def test_criteria():
    from bench.criteria import Row

    row = Row("a row")
    rows = {"ours": _row(1.0), "slow": _row(9.0), "fast": _row(3.0)}
    row.faster("the fastest counts", 3, rows, "ours", "slow", "fast")
    row.faster("more than there is", 4, rows, "ours", "slow", "fast")
    row.faster("one is missing", 2, rows, "ours", "fast", "absent")
    row.faster("nothing measured", 2, rows, "ours", "absent")
    row.at_most("a bound", 5, "us", 5.0)
    assert [c.met for c in row.criteria] == [True, False, True, False, True]
    assert row.criteria[0].measured == 3
    assert "absent" in row.criteria[2].note
    assert row.criteria[3].measured is None


def test_rows_of_both_tables():
    from bench import acceptance, curvature, required

    assert set(required.ROWS) == set(acceptance.ROWS) | set(curvature.ROWS)
    assert len(required.ROWS) == len(acceptance.ROWS) + len(curvature.ROWS)


@pytest.mark.slow
def test_smoke():
    command = [sys.executable, "-m", "bench", "--smoke"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "FAILED" not in run.stdout
    for quantity in ("hvp", "ggnvp", "hessian_diagonal", "gram", "input_jacobian"):
        assert f"  {quantity}  " in run.stdout
