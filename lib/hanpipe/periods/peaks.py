"""Periods -> the peaks that set a capacity tariff, by a rule of rules.toml.

Days, months and hours are those of the local time in which the periods are written (han-every --zone).
"""

import functools
import tomllib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from hanpipe.periods.averages import Number
from hanpipe.periods.lines import rounded_number
from hanpipe.periods.meters import MOST_METERS, Meters
from hanpipe.readings.flat import number
from hanpipe.unix.files import read_data
from hanpipe.unix.typed import Any, Final, NamedTuple

Line = dict[str, Any]

_SECONDS: Final = {"15m": 900, "1h": 3600}
_ALWAYS: Final = (0, 24)
_IDENTITY: Final = ("source", "meter_ID", "meter_model")
_MOST_MONTHS: Final = 24  # that are kept: some of them may be those of a wrong clock


class Rule(NamedTuple):
    """Which peaks count: a table of rules.toml, where each key is explained.

    seconds: length of a period; least: W; hours, reduced_hours: first hour and the hour after the last
    """

    name: str
    title: str
    seconds: int
    peaks: int
    different_days: bool
    months: int
    least: int = 0
    in_months: tuple[int, ...] = tuple(range(1, 13))
    weekdays: tuple[int, ...] = tuple(range(1, 8))
    hours: tuple[int, int] = _ALWAYS
    reduced_hours: tuple[int, int] = (0, 0)
    factor: Decimal = Decimal(1)

    @property
    def period(self) -> str:
        """The length of a period as Calendar takes it: 15m or 1h."""
        return next(period for period, seconds in _SECONDS.items() if seconds == self.seconds)

    def counts(self, begin: datetime) -> bool:
        """Return whether a period that begins then, in local time, can be a peak."""
        within = begin.month in self.in_months and begin.isoweekday() in self.weekdays
        return within and _is_within(begin.hour, self.hours)

    def counted(self, power: Decimal, begin: datetime) -> Decimal:
        """Return the power as it counts, W."""
        return power * self.factor if _is_within(begin.hour, self.reduced_hours) else power


class Peak(NamedTuple):
    """A period that counts. power: W as it counts; begin: local time; estimated: as han-every says."""

    power: Decimal
    begin: datetime
    estimated: bool


class WrongPeriod(Exception):
    """A period of another length than the rule counts."""


@functools.cache
def rules() -> dict[str, Rule]:
    """Return the rules of rules.toml by name."""
    tables = tomllib.loads(read_data("periods/rules.toml"), parse_float=Decimal)
    return {name: _rule(name, table) for name, table in tables.items()}


def _rule(name: str, table: dict[str, Any]) -> Rule:
    counts, reduced = table.get("counts", {}), table.get("reduced", {})
    rule = Rule(
        name, table["title"], _SECONDS[table["period"]], table["peaks"], table["days"] == "different", table["months"]
    )
    return rule._replace(
        least=table.get("least", 0),
        in_months=tuple(counts.get("months", rule.in_months)),
        weekdays=tuple(counts.get("weekdays", rule.weekdays)),
        hours=tuple(counts.get("hours", rule.hours)),
        reduced_hours=tuple(reduced.get("hours", rule.reduced_hours)),
        factor=Decimal(reduced.get("factor", rule.factor)),
    )


class Month:
    """The highest peaks of one month of one meter, the highest first."""

    def __init__(self, rule: Rule, begin: datetime) -> None:
        """Begin with the first period of the month that is known, in local time."""
        self.begin = begin
        self.identity: Line = {}
        self.peaks: list[Peak] = []
        self.end = begin
        self._rule = rule

    @property
    def number(self) -> int:
        """The months since the year 0, so that those of two years have a difference."""
        return self.begin.year * 12 + self.begin.month

    def add(self, peak: Peak) -> bool:
        """Take a peak; return whether it is one of the highest now."""
        before = self.peaks
        peaks = [*before, peak]
        if self._rule.different_days:
            highest: dict[int, Peak] = {}
            for one in peaks:
                day = one.begin.day
                if day not in highest or one.power > highest[day].power:
                    highest[day] = one
            peaks = list(highest.values())
        self.peaks = sorted(peaks, key=lambda one: (-one.power, one.begin))[: self._rule.peaks]
        return self.peaks != before

    def figure(self) -> Decimal | None:
        """Return the figure of the month in W: the mean of its peaks; None if no period counted."""
        if not self.peaks:
            return None
        return max(Decimal(self._rule.least), sum((peak.power for peak in self.peaks), Decimal(0)) / len(self.peaks))


class Peaks:
    """The months of one meter. Feed it the lines of han-every in order."""

    def __init__(self, rule: Rule, limit: int | None = None, *, changes: bool = False, estimated: bool = True) -> None:
        """Take the rule.

        limit:     W; say when the open period heads above it, and when it does no longer
        changes:   also give a line when the peaks of the open month change
        estimated: whether periods count whose energy is estimated
        """
        self._rule = rule
        self._limit = limit
        self._changes = changes
        self._estimated = estimated
        self._month: Month | None = None
        self._ended: dict[int, Month] = {}  # the months that have ended, by their number
        self._above = False

    def add(self, line: Line) -> list[Line]:
        """Take a period; return the lines that it completes.

        raise: WrongPeriod: it is longer or shorter than the rule counts; ValueError: not a period
        """
        begin, end = (datetime.fromisoformat(line[key]) for key in ("begin", "end"))
        seconds = (end - begin).total_seconds()
        if seconds != self._rule.seconds:
            raise WrongPeriod(f"rule {self._rule.name} counts {_named(self._rule.seconds)}, got one of {seconds:.0f} s")
        if line.get("running") is True:
            return self._warn(line, begin)
        lines = []
        if self._month is not None and (begin.year, begin.month) != (self._month.begin.year, self._month.begin.month):
            lines += self.finish(ended=True)
        if self._month is None:
            month = Month(self._rule, begin)
            self._month = self._ended.pop(month.number, month)  # a clock was set back: an ended month goes on
        self._month.end = end
        self._month.identity |= {name: line[name] for name in _IDENTITY if name in line}
        power, estimated = _power(line, seconds), line.get("estimated") is not False
        if power is None or not self._rule.counts(begin) or (estimated and not self._estimated):
            return lines
        changed = self._month.add(Peak(self._rule.counted(power, begin), begin, estimated))
        return [*lines, self._line(self._month, ended=False)] if changed and self._changes else lines

    def finish(self, *, ended: bool = False) -> list[Line]:
        """Return the line of the month that is open. ended: whether a period of another month has come."""
        if self._month is None:
            return []
        line = self._line(self._month, ended=ended)
        self._ended[self._month.number] = self._month
        if len(self._ended) > _MOST_MONTHS:
            del self._ended[next(iter(self._ended))]
        self._month = None
        return [line]

    def _line(self, month: Month, *, ended: bool) -> Line:
        line: Line = {"time": month.end.isoformat(), "begin": month.begin.isoformat(), "end": month.end.isoformat()}
        line |= month.identity | {"rule": self._rule.name, "month": f"{month.begin:%Y-%m}", "ended": ended}
        figure = month.figure()
        if figure is None:
            return line
        figures = self._last_figures(month.number, figure)
        line["peak"] = _watts(sum(figures, Decimal(0)) / len(figures))
        if self._rule.months > 1:
            line |= {"peak_month": _watts(figure), "months": len(figures)}
        for place, peak in enumerate(month.peaks, 1):
            line |= {f"peak_{place}": _watts(peak.power), f"peak_{place}_begin": peak.begin.isoformat()}
            line[f"peak_{place}_estimated"] = peak.estimated
        return line

    def _last_figures(self, month: int, figure: Decimal) -> list[Decimal]:
        """Return the figures of the months that the rule counts up to a month; one that was not read has none."""
        ended = [one for number, one in self._ended.items() if 0 < month - number < self._rule.months]
        return [figure, *(known for one in ended if (known := one.figure()) is not None)]

    def _warn(self, line: Line, begin: datetime) -> list[Line]:
        """Say when the open period begins to head above the limit, and when it no longer does.

        A period that cannot be a peak is never above it.
        """
        projected = number(line.get("projected"))
        if self._limit is None or projected is None:
            return []
        heading = self._rule.counted(Decimal(projected) * 3600 / self._rule.seconds, begin)
        above = self._rule.counts(begin) and heading > self._limit
        if above == self._above:
            return []
        self._above = above
        said = {name: line[name] for name in ("time", "begin", "end", *_IDENTITY) if name in line}
        return [said | {"limit": self._limit, "heading": _watts(heading), "above_limit": above}]


class PeaksOfMeters:
    """The peaks of any number of meters, each by itself; of too many, the one that is silent for longest gives way."""

    def __init__(self, new: Callable[[], Peaks]) -> None:
        """Take what makes the peaks of a meter that was not heard before."""
        self._meters = Meters(new)

    def add(self, line: Line) -> list[Line]:
        """Do what Peaks.add does for the meter of a line; return also the months of a meter that gives way."""
        lines = self._meters.of(line).add(line)
        if len(self._meters.known) > MOST_METERS:
            key, silent = next(iter(self._meters.known.items()))
            self._meters.forget(key)
            lines += silent.finish()
        return lines

    def finish(self) -> list[Line]:
        """Return the months of all meters: the input has ended."""
        return [line for meter in self._meters.known.values() for line in meter.finish()]


def _power(line: Line, seconds: float) -> Decimal | None:
    """Return the mean power of a period by its energy, W; None if its energy is not known."""
    energy = number(line.get("act_energy_pos_delta"))
    return None if energy is None else Decimal(energy) * 3600 / int(seconds)


def _is_within(hour: int, hours: tuple[int, int]) -> bool:
    """Tell whether an hour lies in a span, which may go over midnight."""
    first, after = hours
    return first <= hour < after if first <= after else hour >= first or hour < after


def _watts(power: Decimal) -> Number:
    return rounded_number(power, 1)


def _named(seconds: int) -> str:
    return "hours (han-every 1h)" if seconds == 3600 else "quarter hours (han-every 15m)"
