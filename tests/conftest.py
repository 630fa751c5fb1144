"""What all tests share: where the library, the programs and the captures are, and how hard hypothesis tries."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CAPTURES = os.path.join(os.path.dirname(ROOT), "shared", "captures")

sys.path.insert(0, os.path.join(ROOT, "lib"))

# No deadline: a slow machine is no fault. The gate asks the same each time; HYPOTHESIS_PROFILE=long looks further.
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "default", max_examples=20, derandomize=True, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile("long", max_examples=10_000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
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
        pytest.skip("no captures at ../shared/captures")
    with open(os.path.join(CAPTURES, request.param + ".raw"), "rb") as file:
        return file.read()
