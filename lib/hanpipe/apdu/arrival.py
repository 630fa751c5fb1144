"""When a message arrived: ns since 1970-01-01 UTC, as in a record, and the first key of a line."""

import time as clock


def stamp(time: int) -> str:
    """Write ns since 1970-01-01 UTC as the first key of a line, RFC 3339 to the millisecond; nothing if unknown."""
    if not time:
        return ""
    seconds, fraction = divmod(time, 1_000_000_000)
    return clock.strftime(f'"time":"%Y-%m-%dT%H:%M:%S.{fraction // 1_000_000:03}Z",', clock.gmtime(seconds))
