"""Reading -> line protocol of InfluxDB.

    han,meter_id=7359992890123456,source=house/7 act_pow_pos=826,volt_L1=236.2 1700000000123000000

A field keeps the type of its first point, and 236 of a volt_L1 may be followed by 236.2: every number is a float,
without the suffix i. Texts are left out, because they name the meter and do not measure; but the source is a tag. A
number under a name that InfluxDB keeps for itself is left out too. Time is in ns.

Periods and peaks have measurements of their own (han_1h, han_1h_running, han_peaks_no, han_limit), apart from readings.
"""

import re
from decimal import Decimal

from hanpipe.periods.kinds import kind_of
from hanpipe.readings.flat import nanoseconds, number, source_of
from hanpipe.unix.typed import Any, Final

# Left out, because nothing escapes them: control characters, surrogates, and a backslash before another one, before a
# character that is escaped or at the end. Readers of the protocol disagree on what such a backslash escapes.
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NO_BACKSLASH: Final = re.compile(r"\\(?=[\\ ,=]|$)")
_OF_MEASUREMENT: Final = re.compile(r"([ ,])")
_OF_KEY: Final = re.compile(r"([ ,=])")
_NO_FIELD: Final = frozenset(("time", "source", "_field", "_measurement"))  # names of InfluxDB, and of the tag


def point(measurement: str, meter: str, reading: dict[str, Any]) -> str:
    """Return the line of a reading, "" if it holds no number.

    meter: its number, "" if that is not known; a reading that does not tell its time gives a line without one
    """
    fields: dict[str, str] = {}
    for name, value in reading.items():
        if (text := _field(value)) and (key := escaped(name)) and key not in _NO_FIELD:
            fields.setdefault(key, text)
    if not fields:
        return ""
    if kind := kind_of(reading):
        measurement = f"{measurement}_{kind.key}"
    head = escaped(measurement, _OF_MEASUREMENT)
    for name, text in (("meter_id", meter), ("source", source_of(reading))):
        if tag := escaped(text):
            head += f",{name}={tag}"
    at = nanoseconds(reading)
    return f"{head} {','.join([f'{key}={text}' for key, text in fields.items()])}" + ("" if at is None else f" {at}")


def escaped(text: str, marks: re.Pattern[str] = _OF_KEY) -> str:
    """Return a text as a tag or a field's name, which every reader of the protocol understands. marks: to escape."""
    return marks.sub(r"\\\1", _NO_BACKSLASH.sub("", _NO_TEXT.sub("", text)))


def _field(value: Any) -> str:
    """Write a number as a float field, exact, and true and false; "" if the value is something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    figure = number(value)
    if figure is None:
        return ""
    return format(figure, "f") if isinstance(figure, Decimal) else str(figure)
