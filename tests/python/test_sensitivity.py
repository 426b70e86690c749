"""Sensitivity tables and their plot."""

import builtins
import sys

import jacnet as jn
import numpy as np
import pytest


@pytest.fixture
def net():
    net = jn.Network([3, 6, 2])
    net.setwb(np.random.default_rng(0).normal(size=net.n_parameters))
    return net


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(3, 50)) * [[1], [10], [0.1]]


class TestValues:
    def test_raw(self, net, x):
        J, table = jn.jacobian(net, x, "inputs"), jn.sensitivity(net, x)
        np.testing.assert_allclose(table.mean, J.mean(0), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(table.rms, np.sqrt((J**2).mean(0)), rtol=1e-12)
        np.testing.assert_array_equal(table.max, np.abs(J).max(0))
        assert table.n_samples == 50

    def test_standardised(self, net, x):
        raw, table = jn.sensitivity(net, x), jn.sensitivity(net, x, scale="standardised")
        factor = x.std(1) / net(x).std(1)[:, None]
        for name in ("mean", "rms", "max"):
            np.testing.assert_allclose(getattr(table, name), getattr(raw, name) * factor)
        # It does not change with the units of the inputs.
        units = np.array([[5.0], [0.2], [3.0]])
        net.IW[0, 0] = np.array(net.IW[0, 0]) / units.T
        other = jn.sensitivity(net, x * units, scale="standardised")
        np.testing.assert_allclose(other.rms, table.rms, rtol=1e-12)

    def test_a_linear_network_is_its_matrix(self, x):
        net = jn.Network([3, 2], transfer="purelin").init(0)
        table = jn.sensitivity(net, x)
        np.testing.assert_allclose(table.mean, net.IW[0, 0])
        np.testing.assert_allclose(table.rms, np.abs(net.IW[0, 0]))

    def test_an_output_that_does_not_vary(self, x):
        net = jn.Network([3, 2], transfer="purelin")
        assert not jn.sensitivity(net, x, scale="standardised").rms.any()

    def test_samples_threads_and_chunks(self, net, x, monkeypatch):
        mask = np.arange(50) % 3 == 0
        expected = jn.sensitivity(net, x[:, mask], scale="standardised")
        for samples in (mask, np.flatnonzero(mask), list(np.flatnonzero(mask) - 50)):
            table = jn.sensitivity(net, x, scale="standardised", samples=samples, n_threads=2)
            np.testing.assert_array_equal(table.rms, expected.rms)
        monkeypatch.setattr("jacnet.sensitivities._CHUNK_DOUBLES", 42)  # seven samples
        pieces, whole = jn.sensitivity(net, x), np.abs(jn.jacobian(net, x, "inputs"))
        np.testing.assert_allclose(pieces.rms, np.sqrt((whole**2).mean(0)), rtol=1e-12)
        np.testing.assert_allclose(pieces.max, whole.max(0), rtol=1e-12)

    def test_several_inputs(self):
        net = jn.Network([[2, 1], 3, 1], connect=(np.array([[1, 1], [0, 0]]), np.eye(2, k=-1)))
        net.init(0)
        x = [np.random.default_rng(0).normal(size=(rows, 9)) for rows in (2, 1)]
        table = jn.sensitivity(net, x, scale="standardised")
        J = jn.jacobian(net, x, "inputs")
        factor = np.concatenate(x).std(1) / net(x).std(1)[:, None]
        np.testing.assert_allclose(table.mean, J.mean(0) * factor)


class TestTable:
    def test_text_and_html(self, net, x):
        table = jn.sensitivity(net, x, input_names=["age", "<b>", "income"])
        lines = str(table).splitlines()
        assert "2 outputs" in lines[0]
        assert "50 samples" in lines[0]
        assert lines[1].split() == ["output", "input", "mean", "rms", "max"]
        assert len(lines) == 2 + 6
        assert len({len(line) for line in lines[1:]}) == 1
        assert lines[2].split()[:2] == ["y[0]", "age"]
        assert float(lines[2].split()[3]) == pytest.approx(table.rms[0, 0], rel=1e-3)
        html = table._repr_html_()
        assert "&lt;b&gt;" in html
        assert html.count("<tr>") == 7
        assert "Sensitivity" in repr(table)

    def test_rows(self, net, x):
        table = jn.sensitivity(net, x, output_names=["up", "down"])
        row = list(table.rows())[4]
        assert row == ("down", "x[1]", *(a[1, 1] for a in (table.mean, table.rms, table.max)))


class TestBadInput:
    def test_messages(self, net, x):
        with pytest.raises(ValueError, match=r"sensitivity: x .*\(50, 3\).*x\.T"):
            jn.sensitivity(net, x.T)
        with pytest.raises(ValueError, match=r"scale.*'raw'"):
            jn.sensitivity(net, x, scale="rawr")
        with pytest.raises(ValueError, match="sensitivity: x or samples is empty"):
            jn.sensitivity(net, x[:, :0])
        with pytest.raises(ValueError, match="sensitivity: input_names has 2 names, expected 3"):
            jn.sensitivity(net, x, input_names=["a", "b"])
        with pytest.raises(TypeError, match="sensitivity: output_names must be a list of 2"):
            jn.sensitivity(net, x, output_names="ab")
        with pytest.raises(IndexError, match="sensitivity: samples"):
            jn.sensitivity(net, x, samples=[50])
        with pytest.raises(TypeError, match="sensitivity"):
            jn.sensitivity(net, "x")
        with pytest.raises(TypeError, match="sensitivity: net"):
            jn.sensitivity("net", x)
        x[0, 0] = np.nan
        with pytest.raises(ValueError, match="sensitivity: x has a NaN in sample 0"):
            jn.sensitivity(net, x)


@pytest.mark.parametrize(
    "names", [np.array(["a", "b", "c"]), ("a", "b", "c"), {"a": 1, "b": 2, "c": 3}]
)
def test_names_of_any_kind_of_list(names):
    table = jn.sensitivity(jn.Network([3, 2]).init(0), np.ones((3, 4)), input_names=names)
    assert table.input_names == ("a", "b", "c")


class TestPlot:
    def test_axes(self, net, x):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        table = jn.sensitivity(net, x, output_names=["up", "down"])
        ax = jn.plot.sensitivity(table, output="down")
        assert [bar.get_width() for bar in ax.patches] == list(table.rms[1])
        assert [t.get_text() for t in ax.get_yticklabels()] == ["x[0]", "x[1]", "x[2]"]
        assert "down" in ax.get_xlabel()
        assert jn.plot.sensitivity(table, output=-1, ax=ax) is ax
        with pytest.raises(ValueError, match=r"plot.sensitivity: output is 'left'.*up, down"):
            jn.plot.sensitivity(table, output="left")
        matplotlib.pyplot.close("all")

    def test_not_a_table(self):
        with pytest.raises(TypeError, match=r"plot\.sensitivity: table must be what .* got list"):
            jn.plot.sensitivity([1, 2])

    def test_without_matplotlib(self, net, x, monkeypatch):
        real = builtins.__import__

        def missing(name, *args, **kwargs):
            if name.startswith("matplotlib"):
                raise ImportError(name)
            return real(name, *args, **kwargs)

        for name in [n for n in sys.modules if n.startswith("matplotlib")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(builtins, "__import__", missing)
        with pytest.raises(ImportError, match=r"sensitivity: needs matplotlib .* pip install"):
            jn.plot.sensitivity(jn.sensitivity(net, x))
