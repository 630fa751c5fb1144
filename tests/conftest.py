"""Settings of all tests: where the library and the captures are, how hard hypothesis tries, and which skips may be."""

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CAPTURES = os.path.join(os.path.dirname(ROOT), "shared", "captures")
NO_CAPTURES = "no captures at ../shared/captures"

sys.path.insert(0, os.path.join(ROOT, "lib"))

# A shell that runs the tests in the background has them ignore SIGINT, and so would the programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline, because a busy machine is slow. By default the same examples are tried each time;
# HYPOTHESIS_PROFILE=nightly draws new ones, long and streams draw very many.
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "default", max_examples=20, derandomize=True, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile(
    "nightly", max_examples=500, deadline=None, suppress_health_check=_SLOW_IS_FINE, print_blob=True
)
settings.register_profile(
    "streams", max_examples=200_000, deadline=None, suppress_health_check=_SLOW_IS_FINE, print_blob=True
)
settings.register_profile("long", max_examples=5_000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def captures() -> list[str]:
    """Return the real captures as MAKER/NAME; none where they are not at hand."""
    if not os.path.isdir(CAPTURES):
        return []
    return sorted(
        f"{maker}/{file[:-4]}"
        for maker in os.listdir(CAPTURES)
        if os.path.isdir(os.path.join(CAPTURES, maker))
        for file in os.listdir(os.path.join(CAPTURES, maker))
        if file.endswith(".raw")
    )


@pytest.fixture(scope="session", params=captures() or [None])
def capture(request: pytest.FixtureRequest) -> bytes:
    """The octets of each real capture in turn."""
    if request.param is None:
        pytest.skip(NO_CAPTURES)
    with open(os.path.join(CAPTURES, request.param + ".raw"), "rb") as file:
        return file.read()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where HANPIPE_SKIP_NOTHING is set and a test was skipped for another reason than missing captures."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and os.environ.get("HANPIPE_SKIP_NOTHING"):
        reasons = {str(report.longrepr) for report in reporter.stats.get("skipped", [])}
        if wrong := sorted(reason for reason in reasons if "../shared" not in reason):
            reporter.write_line("\nskipped, which HANPIPE_SKIP_NOTHING forbids:\n" + "\n".join(wrong), red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
