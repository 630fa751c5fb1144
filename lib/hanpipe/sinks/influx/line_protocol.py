"""Reading -> line protocol of InfluxDB.

    han,meter_id=7359992890123456 act_pow_pos=826,volt_L1=236.2 1700000000123000000

A field keeps the type of its first point, and 236 of a volt_L1 may be followed by 236.2: every number is a float,
without the suffix i. Texts are left out, because they name the meter and do not measure. Time is in ns.
"""

import re
from decimal import Decimal

from hanpipe.readings.flat import nanoseconds, number
from hanpipe.unix.typed import Any, Final

_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters and surrogates
_OF_MEASUREMENT: Final = re.compile(r"([ ,])")
_OF_KEY: Final = re.compile(r"([ ,=])")


def point(measurement: str, meter: str, reading: dict[str, Any]) -> str:
    """Return the line of a reading, "" if it holds no number.

    meter: its number, "" if that is not known; a reading that does not tell its time gives a line without one
    """
    fields = [f"{_key(name)}={text}" for name, value in reading.items() if (text := _float(value)) and _key(name)]
    if not fields:
        return ""
    head = _OF_MEASUREMENT.sub(r"\\\1", _text(measurement))
    if tag := _key(meter):
        head += f",meter_id={tag}"
    at = nanoseconds(reading)
    return f"{head} {','.join(fields)}" + ("" if at is None else f" {at}")


def _key(text: str) -> str:
    return _OF_KEY.sub(r"\\\1", _text(text))


def _text(text: str) -> str:
    """Leave out what nothing escapes: a backslash at the end too, once nothing else can follow it."""
    return _NO_TEXT.sub("", text).rstrip("\\")


def _float(value: Any) -> str:
    """Write a number as a float field, exact; "" if the value is not a number."""
    told = number(value)
    if told is None:
        return ""
    return format(told, "f") if isinstance(told, Decimal) else str(told)
