"""Where the lines of an axis are: round numbers, round local hours, days, months and years."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from hanpipe.periods.calendar import local
from hanpipe.unix.typed import Final, NamedTuple

_DAY: Final = 86_400  # s
STEPS: Final = (1.0, 2.0, 5.0, 10.0)  # distances of lines, times a power of ten
FINE: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # where there are colours instead of lines
_HOURS: Final = (1, 2, 3, 6, 12)
_MONTH_DAYS: Final = (1, 5, 10, 15, 20, 25)
_MOST: Final = 9  # labels of an axis of time
_MOST_YEARS: Final = 600


class Tick(NamedTuple):
    """A line of an axis. label: "" for a line alone; minor: whether a narrow picture leaves the label out."""

    value: float
    label: str
    minor: bool = False


def step(span: float, lines: int, steps: Sequence[float] = STEPS) -> float:
    """Return the distance of lines on an axis of numbers: one of the steps, times a power of ten, so that few fit."""
    rough = max(span, 1e-9) / lines
    power = 10.0 ** math.floor(math.log10(rough))
    return next(number * power for number in steps if number * power >= rough * 0.999)


def of_numbers(low: float, high: float, lines: int = 4) -> list[Tick]:
    """Return the lines of an axis of numbers. The first is at low or below it, the last at high or above it."""
    distance = step(high - low, lines)
    first, last = math.floor(low / distance + 1e-9), math.ceil(high / distance - 1e-9)
    places = max(0, -math.floor(math.log10(distance) + 1e-9))
    return [
        Tick(number * distance, f"{number * distance:,.{places}f}") for number in range(first, max(last, first + 1) + 1)
    ]


def of_time(begin: int, end: int, zone: tzinfo) -> list[Tick]:
    """Return the lines of an axis of time, ns since 1970-01-01 UTC, in local time."""
    seconds = (end - begin) / 1e9
    if seconds <= 2.1 * _DAY:
        return _hours(begin, end, zone)
    if seconds <= 70 * _DAY:
        return _days(begin, end, zone, by_weekday=seconds <= _MOST * _DAY)
    return _months(begin, end, zone)


def _hours(begin: int, end: int, zone: tzinfo) -> list[Tick]:
    hours = next((hours for hours in _HOURS if (end - begin) / 3.6e12 / hours <= _MOST), _HOURS[-1])
    ticks, at = [], begin // 900_000_000_000 * 900_000_000_000
    while at <= end:
        then = local(at, zone)
        if then.minute == 0 and then.hour % hours == 0 and at >= begin:
            ticks.append(Tick(at, f"{then:%H:%M}", minor=then.hour % (2 * hours) != 0))
        at += 900_000_000_000
    return ticks


def _days(begin: int, end: int, zone: tzinfo, *, by_weekday: bool) -> list[Tick]:
    first, ticks = local(begin, zone).date(), []
    for number in range((end - begin) // 86_400_000_000_000 + 3):
        date = first + timedelta(days=number)
        at = _at(datetime(date.year, date.month, date.day, tzinfo=zone))
        if not begin <= at <= end or not (by_weekday or date.day in _MONTH_DAYS):
            continue
        label = f"{date:%a} {date.day}" if by_weekday else f"{date.day} {date:%b}"
        ticks.append(Tick(at, label, minor=number % 2 == 1 if by_weekday else date.day not in (1, 10, 20)))
    return ticks


def _months(begin: int, end: int, zone: tzinfo) -> list[Tick]:
    """Return a line for each month, or for each January, or for fewer years."""
    first, last = local(begin, zone), local(end, zone)
    months = (last.year - first.year) * 12 + last.month - first.month
    every = 1 if months <= 14 else 3 if months <= 36 else 12 * max(1, math.ceil(months / 12 / _MOST))
    ticks = []
    for number in range(min(months, 12 * _MOST_YEARS) + 1):
        year, month = divmod(first.year * 12 + first.month - 1 + number, 12)
        at = _at(datetime(year, month + 1, 1, tzinfo=zone))
        if begin <= at <= end and (year * 12 + month) % every == 0:
            label = str(year) if month == 0 else f"{datetime(year, month + 1, 1, tzinfo=zone):%b}"
            ticks.append(Tick(at, label, minor=every < 12 and month % (2 * every) != 0))
    return ticks


def _at(then: datetime) -> int:
    return int(then.timestamp()) * 1_000_000_000
