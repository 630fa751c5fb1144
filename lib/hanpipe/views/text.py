"""Readings as plain text, a value a line: what HANmeter's users read in their journal."""

import struct

from hanpipe.readings.reading import Field, Plan
from hanpipe.readings.values import Value, Values
from hanpipe.unix.stderr import printable
from hanpipe.unix.typed import Any


def text(plan: Plan, values: Values) -> str:
    """Return a reading as lines "name = value", sorted by name; without a blank line after it."""
    known = {field.key: value for field, value in _known(plan, values)}
    return "".join(f"{printable(key)} = {known[key]}\n" for key in sorted(known))


def obis_text(plan: Plan, values: Values) -> str:
    """Return a reading as lines "code  name = value unit", aligned, in the order of the list."""
    rows = [
        (printable(field.code), printable(field.name or ""), _with_unit(value, field.unit))
        for field, value in _known(plan, values)
    ]
    code_width = max((len(code) for code, _, _ in rows), default=0)
    name_width = max((len(name) for _, name, _ in rows), default=0)
    return "".join(f"{code:{code_width}}  {name:{name_width}} = {value}\n" for code, name, value in rows)


def _known(plan: Plan, values: Values) -> list[tuple[Field, str]]:
    """Return the fields whose value is known, each with its value."""
    found = [(field, field.source.value(values)) for field in plan.fields]
    return [(field, _written(value)) for field, value in found if value is not None]


def _with_unit(value: str, unit: str | None) -> str:
    return f"{value} {printable(unit)}" if unit else value


def _written(value: Value) -> str:
    """Write a value without quotes; a number in plain decimal form."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _decimal(value)
    return printable(_nested(value)) if isinstance(value, dict | list) else f"{value:f}"


def _decimal(value: float) -> str:
    """Write a float with as few digits as it takes to know it again; 3.9 as float32 is 3.9, not 3.9000000953674316."""
    from decimal import Decimal  # no list of a meter at hand has floats

    if struct.unpack(">f", _float32(value))[0] == value:
        return f"{Decimal(next(digits for digits in _shorter(value) if _float32(float(digits)) == _float32(value))):f}"
    return f"{Decimal(repr(value)):f}"


def _shorter(value: float) -> list[str]:
    return [f"{value:.{digits}g}" for digits in range(1, 10)]


def _float32(value: float) -> bytes:
    try:
        return struct.pack(">f", value)
    except OverflowError:
        return bytes(4)


def _nested(typed: Any) -> str:
    """Write typed JSON by its values alone: [1, 2, [3]]; a record of a log with its keys: [time 1, value 2]."""
    if isinstance(typed, dict) and len(typed) > 1 and "contents" not in typed:
        return f"[{', '.join(f'{key} {_nested(value)}' for key, value in typed.items())}]"
    if isinstance(typed, dict):
        return _nested(typed["contents"] if "contents" in typed else next(iter(typed.values()), None))
    if isinstance(typed, list):
        return f"[{', '.join(map(_nested, typed))}]"
    if isinstance(typed, bool):
        return "true" if typed else "false"
    if isinstance(typed, float):
        return _decimal(typed)
    return "null" if typed is None else str(typed)
