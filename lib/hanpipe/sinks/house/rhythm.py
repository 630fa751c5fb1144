"""When lists come: how many in a minute, how far apart, when the meter is silent, and the power of ten minutes.

All times are ns since 1970-01-01 UTC and never run backwards.
"""

from collections import deque

from hanpipe.periods.averages import HOLD, Number
from hanpipe.sinks.house.figures import Point
from hanpipe.unix.typed import Final

_SECOND: Final = 1_000_000_000  # ns
_MINUTE: Final = 60 * _SECOND
TRAIL: Final = 10 * _MINUTE
# An hourly list beside the others makes two short intervals of one, and two such lists make three. If these are the
# first of all, they are less than half only of _ENOUGH intervals; before, the longest one is the rhythm.
_FEW: Final = 4  # intervals from which the rhythm is known
_ENOUGH: Final = 6
_SHORTEST: Final = 15 * _SECOND  # no shorter pause is a silence
# At 2400 baud a long list arrives up to 1.4 s later than a short one, so the interval of 2.5 s is 3.9 s at most.
_LATE: Final = 1.6


class Rhythm:
    """How a meter's lists follow each other.

    silences, silent_for: pauses that were much longer than usual, and the ns of all of them
    missed:               single lists that are missing
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.silences = 0
        self.silent_for = 0
        self.missed = 0
        self._at = 0
        self._intervals: deque[int] = deque(maxlen=15)
        self._lists: deque[list[int]] = deque(maxlen=61)  # second and lists in it

    @property
    def usual(self) -> int | None:
        """Return the median of the last intervals, ns; the longest as long as they are few, None if it is not known."""
        count = len(self._intervals)
        if count < _FEW:
            return None
        return max(self._intervals) if count < _ENOUGH else sorted(self._intervals)[count // 2]

    def add(self, at: int) -> None:
        """Take a list."""
        if self._at:
            self._add_interval(at - self._at)
        self._at = at
        second = at // _SECOND
        if self._lists and self._lists[-1][0] == second:
            self._lists[-1][1] += 1
        else:
            self._lists.append([second, 1])

    def _add_interval(self, interval: int) -> None:
        usual = self.usual
        if usual is not None and interval > _patience(usual):
            self.silences += 1
            self.silent_for += interval
        elif usual and interval > _LATE * usual:
            self.missed += round(interval / usual) - 1
        self._intervals.append(interval)

    def is_silent(self, now: int) -> bool:
        """Return whether the meter has sent nothing for much longer than usual."""
        return now - self._at > _patience(self.usual)

    def in_last_minute(self, now: int) -> int:
        """Return how many lists came in the last minute."""
        return sum(count for second, count in self._lists if second > (now - _MINUTE) // _SECOND)


def _patience(usual: int | None) -> int:
    """Return after how many ns a meter is silent."""
    return HOLD if usual is None else max(_SHORTEST, 3 * usual)


class Trail:
    """The power of the last ten minutes: the last value of each second."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._points: deque[Point] = deque(maxlen=TRAIL // _SECOND + 1)

    def add(self, power: Number, at: int) -> None:
        """Take the power, W, from a moment on."""
        if self._points and self._points[-1].at // _SECOND == at // _SECOND:
            self._points.pop()
        self._points.append(Point(at, power))

    def points(self, now: int) -> tuple[Point, ...]:
        """Return the points of the ten minutes up to now."""
        return tuple(point for point in self._points if point.at >= now - TRAIL)
