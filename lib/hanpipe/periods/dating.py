"""When a reading was: by the time of its frame, else by the meter's clock, else between those that have a time."""

from datetime import UTC, datetime, tzinfo

from hanpipe.readings.flat import time_ns
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Any, Final

Reading = dict[str, Any]

MOST_HELD: Final = 10_000  # readings without a time that wait for one that has a time


class Dating:
    """Feed it readings in order; it gives each with its time, ns since 1970-01-01 UTC.

    An archive of bare octets holds no times, and many meters send their clock once an hour. Readings without a time are
    spread evenly between the two around them that have one.

    early: readings that were left out, because no time came before them
    excess: readings that were left out, because too many before them waited for a time already
    """

    def __init__(self, zone: tzinfo = UTC) -> None:
        """Take the zone of a meter's clock that does not send its offset."""
        self.early = self.excess = 0
        self._zone = zone
        self._by_frames = False  # whether frames have times: then the clock is not needed
        self._last: int | None = None
        self._held: list[Reading] = []

    def add(self, reading: Reading) -> list[tuple[int, Reading]]:
        """Take a reading; return those whose times are known by now, with their times."""
        at = self._time(reading)
        if at is None:
            self._hold(reading)
            return []
        dated = self._spread(at) if self._held else []
        self._last = at
        dated.append((at, reading))
        return dated

    def finish(self) -> list[tuple[int, Reading]]:
        """The input has ended: return the readings that still waited, at the last known time."""
        return self._spread(self._last) if self._last is not None else []

    @property
    def undated(self) -> int:
        """The readings that were left out."""
        return self.early + self.excess

    def warnings(self) -> list[str]:
        """Return what is to be said about the readings that were left out."""
        reasons = (self.early, "no reading before them has one"), (self.excess, f"{MOST_HELD:,} before them have none")
        return [f"left out {counted(count, 'reading')} without a time: {why}" for count, why in reasons if count]

    def _time(self, reading: Reading) -> int | None:
        at = time_ns(reading.get("time"))
        if at is not None:
            self._by_frames = True
            return at
        return None if self._by_frames else self._clock(reading.get("date_time"))

    def _clock(self, text: Any) -> int | None:
        """Read the meter's clock. Nothing else is known here: a wrong offset is not noticed, and moves all periods."""
        return clock_ns(text, self._zone, self._last)

    def _hold(self, reading: Reading) -> None:
        if self._last is None:
            self.early += 1
        elif len(self._held) >= MOST_HELD:
            self.excess += 1
        else:
            self._held.append(reading)

    def _spread(self, at: int) -> list[tuple[int, Reading]]:
        """Return the readings that waited, evenly between the last known time and `at`."""
        begin = at if self._last is None else self._last
        step = max(0, at - begin) // (len(self._held) + 1)
        dated = [(begin + number * step, held) for number, held in enumerate(self._held, 1)]
        self._held.clear()
        return dated


def clock_ns(text: Any, zone: tzinfo | None, last: int | None) -> int | None:
    """Read a meter's clock as ns since 1970-01-01 UTC; None if it is another text.

    In autumn a clock without an offset shows an hour twice: it is the one nearer to the last known time.

    zone: of a clock without an offset; None for this machine's
    last: the last known time, None without one: then it is the first of the two
    """
    if (at := time_ns(text)) is not None or not isinstance(text, str):
        return at
    try:
        local = datetime.fromisoformat(text)
        both = [local.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
        first, second = (time_ns((one if zone else one.astimezone()).isoformat()) for one in both)
    except (ValueError, OverflowError, OSError):  # the last two of the machine's zone, of a year far away
        return None
    if last is None or first is None or second is None:
        return first
    is_repeated = second > first  # less where the zone skips the hour in spring
    return second if is_repeated and abs(second - last) < abs(first - last) else first
