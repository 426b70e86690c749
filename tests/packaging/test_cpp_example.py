"""The C++ example, built against the installed wheel, prints Python's numbers to the last bit."""

import os
import subprocess
from pathlib import Path

import jacnet as jn
import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/cpp"
FLAGS = "-Wall -Wextra -Wpedantic -Werror"


def run(*command):
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def program(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    root = jn.get_cmake_dir()
    run("cmake", "-S", EXAMPLE, "-B", folder, f"-Djacnet_ROOT={root}", f"-DCMAKE_CXX_FLAGS={FLAGS}")
    run("cmake", "--build", folder, "--parallel", os.cpu_count())
    return folder / "derivatives"


def matrices(text):
    """Read what the example prints: a name and a size, then the rows."""
    lines = iter(text.splitlines())
    found = {}
    for header in lines:
        name, rows, cols = header.split()
        found[name] = np.array([next(lines).split() for _ in range(int(rows))], dtype=float)
        assert found[name].shape == (int(rows), int(cols))
    return found


def expect_same_bits(printed, net, x, t):
    found = matrices(printed)
    np.testing.assert_array_equal(found["J"], jn.defaultderiv("de_dwb", net, x, t))
    np.testing.assert_array_equal(found["H"], jn.hessian(net, x, t))


def test_built_in_data(program):
    x = (np.arange(41.0)[np.newaxis] - 20) / 20
    t = 1 / (1 + 25 * x * x)
    net = jn.feedforwardnet(10).configure(x, t).init(seed=0)
    expect_same_bits(run(program), net, x, t)


@pytest.mark.parametrize("sizes", [[1, 10, 1], [3, 20, 7, 2]])
def test_network_and_data_from_python(program, tmp_path, sizes):
    random = np.random.default_rng(3)
    x, t = random.normal(size=(sizes[0], 150)), random.normal(size=(sizes[-1], 150))
    t[-1, 7] = np.nan
    net = jn.feedforwardnet(sizes[1:-1]).configure(x, t).init(seed=1)
    net.save(tmp_path / "net.jacnet")
    (tmp_path / "data.bin").write_bytes(x.tobytes(order="F") + t.tobytes(order="F"))
    expect_same_bits(run(program, tmp_path / "net.jacnet", tmp_path / "data.bin"), net, x, t)


def test_missing_file_is_one_line(program, tmp_path):
    result = subprocess.run(
        [program, tmp_path / "none", "data.bin"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
