"""Settings for every test: Hypothesis profiles and where the helper modules are."""

import os
import signal
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # `reference`, `strategies` and `building`

SLOW_DRAWS = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("dev", deadline=None, suppress_health_check=SLOW_DRAWS)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "dev")


def pytest_configure(config):
    # Jobs that a shell puts into the background ignore Ctrl-C, which some tests wait for.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Hypothesis imports libcst to print a failing example, and its warning would hide the example
    config.addinivalue_line("filterwarnings", "ignore:mypy_extensions:DeprecationWarning")
