"""The first keys of a line: when its octets arrived, and from where."""

import time as clock

from hanpipe.apdu.template import quoted


def stamp(time: int) -> str:
    """Write a time of arrival as JSON key and value with a comma: RFC 3339 in UTC, to the millisecond.

    time: ns since 1970-01-01 UTC, as in a record; 0 (unknown) gives ""
    """
    if not time:
        return ""
    seconds, fraction = divmod(time, 1_000_000_000)
    return clock.strftime(f'"time":"%Y-%m-%dT%H:%M:%S.{fraction // 1_000_000:03}Z",', clock.gmtime(seconds))


def front(time: int, source: str) -> str:
    """Write the time of arrival, as stamp() does, and the source of the octets, "" where only one sends."""
    return stamp(time) + f'"source":{quoted(source)},' if source else stamp(time)
