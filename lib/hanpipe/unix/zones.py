"""The time zone of this machine, with its daylight saving."""

import os
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo


def local_zone() -> tzinfo:
    """Return the zone of $TZ, else that of /etc/localtime, else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with open("/etc/localtime", "rb") as file:
            return ZoneInfo.from_file(file)
    except (KeyError, OSError, ValueError):
        return UTC
