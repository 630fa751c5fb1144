"""Bins of time and of power, bounded in number: they become coarser instead of more."""

import math
from collections.abc import Iterator
from datetime import tzinfo

from hanpipe.periods.averages import Number
from hanpipe.periods.calendar import Calendar
from hanpipe.unix.typed import Final, NamedTuple

MOST_BUCKETS: Final = 2000  # of a histogram
_NARROWEST: Final = 10  # W of a bucket, at first


class Figure:
    """A quantity in one bin.

    area:      sum of value x weight; weight: sum of the weights, such as ns for which the value was known
    low, high: the extremes; None before the first part
    """

    __slots__ = ("area", "high", "low", "weight")

    def __init__(self) -> None:
        self.area: Number = 0
        self.weight: Number = 0
        self.low: Number | None = None
        self.high: Number | None = None

    def add(self, area: Number, weight: Number, low: Number, high: Number) -> None:
        """Add a part of the bin."""
        self.area += area
        self.weight += weight
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    def mean(self) -> float:
        """Return the mean value. raise: ZeroDivisionError: nothing with a weight was added."""
        return float(self.area / self.weight)


Bin = dict[str, Figure]


class Span(NamedTuple):
    """A bin with its time, ns since 1970-01-01 UTC."""

    begin: int
    end: int
    bin: Bin


class Bins:
    """Bins of time. Where they are too many, each length gives way to the next one: hours to days, days to months."""

    def __init__(self, periods: tuple[str, ...], zone: tzinfo, most: int) -> None:
        """Take the lengths of bins as in Calendar, each a part of the next, and how many there may be.

        Bins of the last length are not limited: there are twelve months in a year.
        """
        self._periods = list(periods)
        self._zone = zone
        self._most = most
        self._bins: dict[int, Bin] = {}  # by begin
        self._last = Span(0, 0, {})  # the bin of the last part
        self._coarsen()

    def _coarsen(self) -> None:
        self.period = self._periods.pop(0)
        self._calendar = Calendar(self.period, self._zone)
        finer, self._bins = self._bins, {}
        for begin, old in finer.items():
            new = self._bins.setdefault(self._calendar.begin(begin), {})
            for name, figure in old.items():
                _add(new, name, figure)

    def add(self, at: int, name: str, area: Number, weight: Number, low: Number, high: Number) -> None:
        """Add a part to a quantity of the bin that holds a time."""
        begin, end, last = self._last
        if not begin <= at < end:
            last = self._of(at)
        if name not in last:
            last[name] = Figure()
        last[name].add(area, weight, low, high)

    def _of(self, at: int) -> Bin:
        """Return the bin that holds a time, and remember it: the next part is mostly of the same."""
        self._bins.setdefault(self._calendar.begin(at), {})
        while len(self._bins) > self._most and self._periods:
            self._coarsen()
        begin = self._calendar.begin(at)
        self._last = Span(begin, self._calendar.end(begin), self._bins[begin])
        return self._last.bin

    def spans(self) -> list[Span]:
        """Return the bins in the order of their times. They do not overlap; nothing is known between them."""
        return [Span(begin, self._calendar.end(begin), self._bins[begin]) for begin in sorted(self._bins)]


def _add(bin_: Bin, name: str, figure: Figure) -> None:
    if figure.low is not None and figure.high is not None:
        bin_.setdefault(name, Figure()).add(figure.area, figure.weight, figure.low, figure.high)


class Histogram:
    """For how long a power was how high. Buckets become wider where they would be too many."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._width = _NARROWEST
        self._buckets: dict[int, Number] = {}

    def add(self, power: Number, weight: Number) -> None:
        """Add a power, W, and for how long it was so."""
        bucket = math.floor(power) // self._width  # // of a Decimal raises over 28 digits, and rounds towards 0
        self._buckets[bucket] = self._buckets.get(bucket, 0) + weight
        while len(self._buckets) > MOST_BUCKETS:
            self._width *= 2
            finer, self._buckets = self._buckets, {}
            for old, known in finer.items():
                self._buckets[old // 2] = self._buckets.get(old // 2, 0) + known

    def descending(self) -> Iterator[tuple[float, float]]:
        """Yield each power, W, with the share of the time for which it was as high or higher, the highest first."""
        total, so_far = sum(self._buckets.values()), 0.0
        for bucket in sorted(self._buckets, reverse=True):
            so_far += float(self._buckets[bucket] / total)
            yield (bucket + 0.5) * self._width, min(so_far, 1.0)

    def at(self, share: float) -> float | None:
        """Return the power that was reached for this share of the time; None if nothing is known."""
        return next((power for power, reached in self.descending() if reached >= share - 1e-9), None)
