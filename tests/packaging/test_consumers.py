"""Tiny projects that use jacnet in each of the ways in which a C++ project can."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def run(*command, **options):
    """Run a command and return its standard output; its whole output is the error message."""
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def query(flag):
    """Ask the installed Python package for a folder."""
    return run(sys.executable, "-m", "jacnet", flag, cwd="/").strip()


def build_and_run(project, folder, *defines):
    """Build one of the consumer projects in a folder and run it."""
    run("cmake", "-S", HERE / project, "-B", folder, *(f"-D{define}" for define in defines))
    run("cmake", "--build", folder, "--parallel", os.cpu_count())
    assert run(folder / "consumer").startswith("jacnet 0.")


def compile_with_pkgconfig(folder, pkgconfig_dir):
    """Build the consumer with nothing but a compiler and pkg-config, and run it."""
    environment = os.environ | {"PKG_CONFIG_PATH": str(pkgconfig_dir)}
    flags = run("pkg-config", "--cflags", "--libs", "jacnet", env=environment).split()
    source, program = HERE / "consumer/main.cpp", folder / "consumer"
    run("g++", "-std=c++20", *WARNINGS, source, *flags, "-o", program)
    assert run(program).startswith("jacnet 0.")


def test_find_package_from_prefix(prefix, tmp_path):
    build_and_run("find_package", tmp_path, f"CMAKE_PREFIX_PATH={prefix}")


def test_find_package_from_wheel(wheel, tmp_path):
    build_and_run("find_package", tmp_path, f"jacnet_ROOT={query('--cmakedir')}")


@pytest.mark.parametrize("version", ["0.0.9", "0.2", "1.0"])
def test_another_version_is_refused(prefix, tmp_path, version):
    with pytest.raises(AssertionError, match="version"):
        build_and_run("find_package", tmp_path, f"CMAKE_PREFIX_PATH={prefix}", f"version={version}")


def test_subdirectory(eigen, tmp_path):
    build_and_run("subdirectory", tmp_path, f"JACNET_EIGEN_DIR={eigen}", "JACNET_DISPATCH=OFF")


def test_missing_eigen_names_the_remedy(tmp_path):
    with pytest.raises(AssertionError, match="pip install eigency"):
        build_and_run("subdirectory", tmp_path, "JACNET_EIGEN_DIR=/nowhere")


def test_pkgconfig_from_prefix(prefix, tmp_path):
    (file,) = prefix.rglob("jacnet.pc")
    compile_with_pkgconfig(tmp_path, file.parent)


def test_pkgconfig_from_wheel(wheel, tmp_path):
    compile_with_pkgconfig(tmp_path, query("--pkgconfigdir"))
