"""The time of arrival of a message, as the first key of a line."""

import time as clock


def stamp(time: int) -> str:
    """Write a time of arrival as JSON key and value with a comma: RFC 3339 in UTC, to the millisecond.

    time: ns since 1970-01-01 UTC, as in a record; 0 (unknown) gives ""
    """
    if not time:
        return ""
    seconds, fraction = divmod(time, 1_000_000_000)
    return clock.strftime(f'"time":"%Y-%m-%dT%H:%M:%S.{fraction // 1_000_000:03}Z",', clock.gmtime(seconds))
