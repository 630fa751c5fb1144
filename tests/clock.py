"""A wall clock for programs, made by libfaketime: a test sets it. Their monotonic clock goes on, as it really does."""

import datetime
import glob
import os

from needs import needs

DAY, HOUR = 86_400, 3600
NOON = int(datetime.datetime(2026, 6, 21, 12, tzinfo=datetime.UTC).timestamp())


class Clock:
    """The wall clock of programs that run with its environment."""

    def __init__(self, directory):
        needs("faketime")
        (library,) = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        self._file = directory / "clock"
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }
        self.set(NOON)

    def set(self, seconds):
        """Let it be so many seconds since 1970-01-01 UTC; it goes on from there."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"@{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S}")
        os.replace(beside, self._file)
