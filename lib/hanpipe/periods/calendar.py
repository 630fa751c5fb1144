"""Periods on the calendar: where each begins and ends, in UTC or in local time with daylight saving."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from hanpipe.unix.typed import Final

_PERIOD: Final = re.compile(r"([1-9][0-9]{0,3})(s|m|h|d|mo)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_HOUR: Final = 3600
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS: Final = 1_000_000_000


def local(at: int, zone: tzinfo) -> datetime:
    """Return a time, ns since 1970-01-01 UTC, as local time."""
    return (_EPOCH + timedelta(microseconds=at // 1000)).astimezone(zone)


class Calendar:
    """Cuts time into periods. All times are ns since 1970-01-01 UTC."""

    def __init__(self, period: str, zone: tzinfo = UTC) -> None:
        """Take a period, for example 10s, 1m, 15m, 1h, 1d or 1mo, and the time zone whose hours and days count.

        raise: ValueError: another text, or a period that does not divide an hour evenly
        """
        found = _PERIOD.fullmatch(period)
        number, unit = (int(found[1]), found[2]) if found else (0, "")
        self._seconds = number * _SECONDS.get(unit, 0)
        self._month = unit == "mo"
        if not found or (self._seconds and _HOUR % self._seconds) or (not self._seconds and number != 1):
            raise ValueError(
                f"expected a period that divides an hour, or 1d or 1mo (for example 10s, 1m, 15m, 1h), got {period!r}"
            )
        self._zone = zone

    def begin(self, at: int) -> int:
        """Return the begin of the period that holds `at`."""
        if self._seconds:
            seconds, offset = at // _NS, self._offset(at)
            return ((seconds + offset) // self._seconds * self._seconds - offset) * _NS
        day = self._local(at).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return self._utc(day.replace(day=1) if self._month else day)

    def end(self, begin: int) -> int:
        """Return the end of the period that begins at `begin`, which is the begin of the next one."""
        if self._seconds:
            return begin + self._seconds * _NS
        # 00:00 again: a day whose midnight daylight saving skips begins at 01:00, but the next one does not.
        day = self._local(begin).replace(hour=0, minute=0, second=0, fold=0)
        if self._month:
            return self._utc(day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1))
        return self._utc((day.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=self._zone))

    def text(self, at: int) -> str:
        """Return a time as RFC 3339 in the zone: Z for UTC, else with the offset; whole seconds, or milliseconds."""
        then = self._local(at)
        text = then.isoformat(timespec="milliseconds" if then.microsecond else "seconds")
        return text.removesuffix("+00:00") + "Z" if self._zone is UTC else text

    def _local(self, at: int) -> datetime:
        return local(at, self._zone)

    def _utc(self, then: datetime) -> int:
        return (then.astimezone(UTC) - _EPOCH) // timedelta(seconds=1) * _NS

    def _offset(self, at: int) -> int:
        """Return local time minus UTC, in seconds."""
        if self._zone is UTC:
            return 0
        offset = self._local(at).utcoffset()
        return int(offset.total_seconds()) if offset else 0
