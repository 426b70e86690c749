"""Where the things under test are: an install prefix, a wheel and an sdist, made by .ci/run."""

from pathlib import Path

import pytest

OPTIONS = {
    "prefix": "install prefix of `cmake --install`",
    "wheel": "wheel file; it must also be installed in the Python that runs the tests",
    "sdist": "sdist file",
    "eigen": "folder that holds Eigen/Core",
}


def pytest_addoption(parser):
    """Add one option per thing under test."""
    for name, meaning in OPTIONS.items():
        parser.addoption(f"--{name}", type=Path, help=meaning)


def location(name):
    """Make the fixture that hands out one option's value, or skips the test."""

    @pytest.fixture(name=name, scope="session")
    def fixture(request):
        value = request.config.getoption(name)
        if value is None:
            pytest.skip(f"needs --{name}: {OPTIONS[name]}")
        return value.resolve(strict=True)

    return fixture


prefix, wheel, sdist, eigen = map(location, OPTIONS)
