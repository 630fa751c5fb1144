"""Readings -> one reading per interval and meter, for subscribers that are slower than the meter."""

from collections.abc import Iterator
from decimal import Decimal

from hanpipe.periods.intervals import Account, Figures, Intervals, Timeline, rounded
from hanpipe.periods.meters import MOST_METERS
from hanpipe.periods.names import is_averaged
from hanpipe.readings.decimals import exact_json
from hanpipe.sinks.mqtt.meters import Meter
from hanpipe.sinks.readings_in import Line
from hanpipe.unix.typed import Any, Final

_MOST_NAMES: Final = 1000  # of a meter


class _Summary(Account):
    """All fields of one meter: the means of what is averaged, the last value of the rest, registers as they came."""

    def __init__(self) -> None:
        super().__init__((), lambda message: None)

    def add(self, reading: dict[str, Any], at: int) -> None:
        if len(self._names) < _MOST_NAMES:
            self._names |= reading.keys()
        super().add(reading, at)


class Pace:
    """Holds readings until their interval ends; intervals of 10 s end at full ten seconds."""

    def __init__(self, seconds: int) -> None:
        """Take the length of an interval, s."""
        self._seconds = seconds
        self._timeline = Timeline()
        self._meters: dict[str, tuple[Meter, Intervals]] = {}

    def add(self, line: Line, meter: Meter) -> Iterator[tuple[Line, Meter]]:
        """Take a reading; yield a line for each interval that ended before it, and its meter.

        The reading of a line is None if nothing is to be published of the interval.
        """
        if line.reading is None:
            return
        at = self._timeline.of(line.reading)
        if meter.node not in self._meters and len(self._meters) >= MOST_METERS:
            oldest, intervals = self._meters.pop(next(iter(self._meters)))
            yield from _ended(oldest, intervals.finish())
        _, intervals = self._meters.get(meter.node) or (meter, Intervals(_Summary(), self._seconds))
        self._meters[meter.node] = meter, intervals
        yield from _ended(meter, intervals.add(line.reading, at))

    def pass_time(self) -> Iterator[tuple[Line, Meter]]:
        """Yield the lines of intervals that have ended by now."""
        for meter, intervals in self._meters.values():
            yield from _ended(meter, intervals.pass_to(self._timeline.now()))

    def finish(self) -> Iterator[tuple[Line, Meter]]:
        """Yield the lines of the intervals in which the input ended."""
        for meter, intervals in self._meters.values():
            yield from _ended(meter, intervals.finish())

    def seconds(self) -> float | None:
        """Return the seconds until an interval ends, None if none is open."""
        waits = [intervals.left(self._timeline.now()) for _, intervals in self._meters.values()]
        return min((wait for wait in waits if wait is not None), default=None)


def _ended(meter: Meter, intervals: Iterator[Figures]) -> Iterator[tuple[Line, Meter]]:
    for figures in intervals:
        reading: dict[str, Any] = {}
        for name, value in figures.values.items():
            if name in figures.fresh and value is not None:
                if is_averaged(name) and not isinstance(value, str):
                    value = Decimal(rounded(value, 1 if "_pow_" in name else 3))
                reading[name] = value
        yield Line(exact_json(reading).encode() + b"\n", reading or None), meter
