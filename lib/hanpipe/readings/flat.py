"""Values and times of a flat reading, a line of han-fields read as JSON."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hanpipe.unix.typed import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONGEST_TEXT: Final = 64  # characters
_SOME_YEARS: Final = 1 << 63  # ns before and after 1970 that others can read: from 1677 to 2262


def short(value: Any) -> str:
    """Return a text of a reading, cut to a length that can be kept of any number of meters; "" if it is not a text."""
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def source_of(reading: dict[str, Any]) -> str:
    """Return where the octets of a reading came from, "" where only one meter sends."""
    source = reading.get("source")
    return source if isinstance(source, str) else ""


def number(value: Any) -> int | Decimal | None:
    """Return the value if it is a number, None otherwise, also for true and "5"."""
    return value if type(value) is int or type(value) is Decimal else None


def time_ns(text: Any, *, bare_is_utc: bool = False) -> int | None:
    """Read a time in ISO 8601 as ns since 1970-01-01 UTC; None if it is something else, or before 1677 or after 2262.

    bare_is_utc: whether a time without an offset is taken for UTC; otherwise it does not count
    """
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        if not bare_is_utc:
            return None
        at = at.replace(tzinfo=UTC)
    ns = (at - _EPOCH) // _MICROSECOND * 1000
    return ns if abs(ns) < _SOME_YEARS else None


def nanoseconds(reading: dict[str, Any]) -> int | None:
    """Return when a reading was, ns since 1970-01-01 UTC; None: nobody knows.

    It is when its frame came, else by the meter's clock if that tells its offset.
    """
    for key in ("time", "date_time"):
        if (at := time_ns(reading.get(key))) is not None:
            return at
    return None
