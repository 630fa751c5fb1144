"""Exact numbers as text, in their shortest decimal form."""

import json
from decimal import Decimal

from hanpipe.unix.typed import Any


def plain(value: int | Decimal, power: int = 0) -> str:
    """Write value x 10^power exactly, without exponent or trailing zeros: 21123450 Wh are 21123.45 kWh."""
    if type(value) is int and not power:
        return str(value)
    digits = Decimal(value).as_tuple()
    text = f"{Decimal((digits.sign, digits.digits, int(digits.exponent) + power)):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def exact_json(value: Any) -> str:
    """Write JSON whose numbers are exact, as json.dumps cannot."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{exact_json(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(exact_json, value)) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)
