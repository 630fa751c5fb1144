"""A quantity over time: each value holds until the next one, so its area, mean and extremes are exact.

All times are ns. A value holds for at most HOLD: nothing is known of a meter that is silent for longer.
"""

from collections.abc import Sequence
from decimal import Decimal
from operator import mul

from hanpipe.periods.averages import HOLD, Number


class Track:
    """One quantity of one meter.

    value, at: the value that holds, and since when its area is counted
    area:      value x ns of all that was known so far; known: ns for which a value was known
    high, low: the extremes since the last begin_period()
    """

    __slots__ = ("_base", "area", "at", "high", "known", "low", "until", "value")

    def __init__(self, value: Number, at: int) -> None:
        """Begin with a value that holds from `at` on."""
        self.area: Number = 0
        self.known = 0
        self.value = value
        self.at = at
        self.until = at + HOLD
        self.high: Number | None = None
        self.low: Number | None = None
        self._base: tuple[Number, int] = (0, 0)

    def add(self, value: Number, at: int) -> None:
        """Take a value that holds from `at` on; `at` never runs backwards."""
        self.advance(at)
        self.value = value
        self.until = at + HOLD

    def add_run(self, values: Sequence[Number], at: int, known: Sequence[int], end: int) -> None:
        """Do what add() does for each of several values, in less time.

        at, end: the times of the first and the last value
        known:   ns for which each but the last holds: until the next one, at most HOLD, and above 0
        """
        self.add(values[0], at)
        if not known:
            return
        held = values[:-1]
        self.area = sum(map(mul, held, known), self.area)
        self.known += sum(known)
        high, low = max(held), min(held)
        self.high = high if self.high is None else max(self.high, high)
        self.low = low if self.low is None else min(self.low, low)
        self.value = values[-1]
        self.at = end
        self.until = end + HOLD

    def advance(self, to: int) -> None:
        """Count the value that holds up to `to`."""
        span = min(self.until, to) - self.at
        if span > 0:
            value = self.value
            self.area += value * span
            self.known += span
            if self.high is None or value > self.high:
                self.high = value
            if self.low is None or value < self.low:
                self.low = value
        if to > self.at:
            self.at = to

    def begin_period(self) -> None:
        """Let mean, share, high and low count from here."""
        self._base = self.area, self.known
        self.high = self.low = None

    def known_in_period(self) -> int:
        """Return for how many ns of the period a value was known."""
        return self.known - self._base[1]

    def mean(self) -> Decimal | None:
        """Return the mean of the period, weighted by the time for which each value held; None if none was known."""
        known = self.known - self._base[1]
        return Decimal(self.area - self._base[0]) / known if known else None
