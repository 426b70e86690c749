"""The command line: the example, a user's file, and errors in one line with exit code 2."""

import subprocess
import sys

import jacnet as jn
import numpy as np
import pytest
from jacnet.__main__ import main


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (40, 2))
    y = np.column_stack([x[:, 0] ** 2, np.sin(x[:, 1])])
    rows = [f"{a:.17g},{b:.17g},{c:.17g},{d:.17g}" for (a, b), (c, d) in zip(x, y, strict=True)]
    rows[3] = rows[3].rsplit(",", 1)[0] + ","  # a missing target
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["speed,load,heat,noise", *rows]) + "\n")
    return path


def refused(capsys, *arguments):
    """The one line of complaint of a run that must fail with code 2."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as exit_:  # argparse's own errors
        code = exit_.code
    assert code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_example(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "31 x 94" in out
    assert "31 x 31, eigenvalues from" in out
    assert "IW{1,1}" in out
    assert "?" not in out


def test_file(table, tmp_path, capsys):
    result, network = tmp_path / "result.npz", tmp_path / "net.jac"
    arguments = [table, "--targets", "heat,noise", "--hidden", "4,3", "--out", result]
    assert main([str(a) for a in (*arguments, "--network", network, "--epochs", "20")]) == 0
    assert "35 x 80" in capsys.readouterr().out
    with np.load(result) as saved:
        P = 3 * 4 + 5 * 3 + 4 * 2
        assert saved["wb"].shape == saved["gradient"].shape == saved["names"].shape == (P,)
        assert saved["J"].shape == (P, 2 * 40)
        assert saved["H"].shape == (P, P)
        assert saved["y"].shape == (2, 40)
        assert saved["inputs"].tolist() == ["speed", "load"]
        assert saved["targets"].tolist() == ["heat", "noise"]
        np.testing.assert_array_equal(saved["J"][:, 2 * 3 + 1], 0)  # the missing target
        net = jn.load(network)
        np.testing.assert_array_equal(net.wb, saved["wb"])
        x = np.loadtxt(table, delimiter=",", skiprows=1, usecols=(0, 1)).T
        np.testing.assert_array_equal(net(x), saved["y"])


def test_columns_by_number_and_without_a_header(tmp_path):
    path = tmp_path / "plain.txt"
    np.savetxt(path, np.random.default_rng(0).normal(size=(30, 3)))
    out = tmp_path / "out"
    assert main([str(path), "--targets", "1", "--inputs", "3", "--out", str(out), "--quiet"]) == 0
    with np.load(out) as saved:
        assert saved["J"].shape == (31, 30)
        assert saved["inputs"].tolist() == ["3"]


def test_quiet(table, capsys):
    columns = ["--targets", "heat", "--inputs", "speed"]
    assert main([str(table), *columns, "--epochs", "2", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_same_seed_gives_the_same_result(table, tmp_path):
    weights = []
    for name in "ab":
        out = str(tmp_path / name)
        main([str(table), "--targets", "heat,noise", "--epochs", "5", "--out", out, "--quiet"])
        with np.load(out) as saved:
            weights.append(saved["wb"])
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("a,b\n", "no data"),
        ("a,b\n1,2\n3\n", "line 3 has 1 columns"),
        ("a,b\n1,2\n3,x4\n", "line 3, column 'b': 'x4' is not a number"),
        ("a,b\n1,2\ninf,4\n", "line 3, column 'a': 'inf' is not finite"),
        ("a,b\n1,2\n,4\n", "line 3, column 'a': missing"),
        ("\0\1\2", "not a text file"),
    ],
)
def test_bad_files(content, message, tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    assert message in refused(capsys, path, "--targets", "2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--targets"),
        (("--targets", "heet"), "'heet'; did you mean 'heat'"),
        (("--targets", "5"), "no column '5'"),
        (("--targets", "speed,load,heat,noise"), "no input is left"),
        (("--targets", "heat", "--inputs", "heat"), "input and target at once"),
        (("--targets", "heat", "--hidden", "4,0"), "at least 1"),
        (("--targets", "heat", "--hidden", "four"), "whole number"),
        (("--targets", "heat", "--val", "1.5"), "share"),
        (("--targets", "heat,noise", "--val", "0.6", "--test", "0.6"), "nothing to train on"),
        (("--targets", "heat", "--delimiter", ";;"), "one character"),
        (("--targets", "heat,noise", "--out", "/no/such/folder/x.npz"), "no folder"),
    ],
)
def test_bad_options(options, message, table, capsys):
    assert message in refused(capsys, table, *options)


def test_no_file(tmp_path, capsys):
    line = refused(capsys, tmp_path / "none.csv", "--targets", "1")
    assert line.startswith("jacnet: ")
    assert "No such file" in line


def test_options_that_need_a_file(capsys):
    assert "need a data file" in refused(capsys, "--targets", "x")


def test_as_a_command(tmp_path):
    run = [sys.executable, "-m", "jacnet"]
    version = subprocess.run([*run, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == jn.__version__
    run += ["none.csv", "--targets", "1"]
    failed = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert len(failed.stderr.strip().splitlines()) == 1
