"""Numbers, times and texts of a meter as a person reads them."""

import re
from datetime import tzinfo
from html import escape

from hanpipe.periods.averages import Number
from hanpipe.periods.calendar import local
from hanpipe.unix.typed import Final

_UNWRITABLE: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2: all but Char
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def text(words: object) -> str:
    """Return a text for HTML and SVG, whatever it holds: nothing in it can be markup."""
    return escape(_UNWRITABLE.sub("\ufffd", str(words)))


def quantity(value: Number | float, unit: str) -> str:
    """Return a number with its unit: three digits that count, at least; 1,234 kWh, 12.3 kW, 0.46 kW."""
    return f"{figure(value)} {unit}"


def figure(value: Number | float) -> str:
    """Return a number with three digits that count, at least, and no decimals from 100 on."""
    size = abs(float(value))
    written = f"{value:,.{0 if size >= 99.95 else 1 if size >= 9.995 else 2}f}"
    return "0" + written[2:] if written.startswith("-0") and not written.strip("-0.") else written


def kilo(value: Number, unit: str) -> str:
    """Return W or Wh as kW or kWh."""
    return quantity(float(value) / 1000, f"k{unit}")


def percent(part: Number | float, whole: Number | float) -> str:
    """Return a share; 100 % and 0 % only where it is all and nothing."""
    share = 100 * float(part) / float(whole)
    if 99.9 < share < 100:
        return "> 99.9 %"
    return "< 0.1 %" if 0 < share < 0.1 else f"{share:.1f}".removesuffix(".0") + " %"


def moment(at: int, zone: tzinfo) -> str:
    """Return a time to the minute: 4 March 2026 18:20."""
    return f"{day(at, zone)} {local(at, zone):%H:%M}"


def day(at: int, zone: tzinfo) -> str:
    """Return a day: 4 March 2026."""
    then = local(at, zone)
    return f"{then.day} {then:%B} {then.year}"


def bin_name(at: int, period: str, zone: tzinfo) -> str:
    """Return the name of a bin: a month, a day, or the begin of a shorter one."""
    then = local(at, zone)
    if period == "1mo":
        return f"{then:%B} {then.year}"
    return f"{then:%a} {then.day} {then:%b} {then.year}" + ("" if period == "1d" else f" {then:%H:%M}")


def length(ns: int) -> str:
    """Return a length of time by its two largest units: 3 d 4 h, 2 min 5 s."""
    left = round(ns / 1e9)
    words: list[str] = []
    for size, unit in _UNITS:
        if left >= size and len(words) < 2:
            words.append(f"{left // size:,} {unit}")
            left %= size
        elif words:
            break
    return " ".join(words) or "0 s"


def title(first: int, last: int, zone: tzinfo) -> str:
    """Return what an archive is of: a day, a month, a year, or from when to when."""
    begin, end = local(first, zone), local(max(first, last - 1), zone)
    if begin.date() == end.date():
        return f"{begin:%A} {day(first, zone)}"
    if (begin.year, begin.month) == (end.year, end.month) and (end - begin).days >= 20:
        return f"{begin:%B} {begin.year}"
    if begin.year == end.year and (end - begin).days >= 300:
        return str(begin.year)
    return f"{day(first, zone)} to {day(last, zone)}"
