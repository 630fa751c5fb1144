"""Periods as lines of JSON, as han-fields writes readings."""

import json
from decimal import Decimal

from hanpipe.periods.averages import Number
from hanpipe.periods.intervals import rounded
from hanpipe.readings.decimals import plain
from hanpipe.unix.typed import Any


def text_of(line: dict[str, Any]) -> str:
    """Return a line with its line end; numbers are exact and in their shortest form."""
    return "{" + ",".join(f"{json.dumps(key)}:{_text(value)}" for key, value in line.items()) + "}\n"


def rounded_number(value: Number, places: int) -> Number:
    """Return a number with so many decimals at most; an int if it is whole."""
    made = Decimal(rounded(value, places))
    return int(made) if made == made.to_integral_value() else made


def _text(value: Any) -> str:
    return plain(value) if isinstance(value, Decimal) else json.dumps(value)
