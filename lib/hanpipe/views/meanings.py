"""The meaning of the elements of an APDU: logical names, scalers and units, clocks, texts, objects of a push list."""

import math

from hanpipe.apdu import cosem
from hanpipe.apdu.cosem import DESCRIPTOR
from hanpipe.apdu.dlms import Data
from hanpipe.link.octets import Malformed
from hanpipe.readings import quantities
from hanpipe.readings.values import decimal_text
from hanpipe.unix.stderr import printable
from hanpipe.unix.typed import Any, Final

# The codes that say whose reading it is, which quantities.quantity leaves out.
_IDENTITY: Final = {
    code: name
    for name, codes in (
        ("obis_list_version", quantities.LIST_VERSION),
        ("meter_ID", quantities.METER_ID),
        ("meter_model", quantities.METER_MODEL),
        ("date_time", quantities.CLOCK),
    )
    for code in codes
}
_INTEGERS: Final = frozenset(
    name for name, form in cosem.FIXED.values() if form.format[-1] in "bBhHiIqQ" and name not in ("boolean", "enum")
)
# The octets that make a date-time of a date or a time.
_NO_OFFSET: Final = b"\x80\0\xff"
_MIDNIGHT: Final = bytes(4) + _NO_OFFSET
_SOME_DAY: Final = b"\x07\xd0\1\1\6"
_NO_CLOCK: Final = "not valid"
_DAYS: Final = ("", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Class-ids of the objects that meters push, IEC 62056-6-2.
_CLASSES: Final = {
    1: "data", 3: "register", 4: "extended register", 5: "demand register", 7: "profile generic", 8: "clock",
    40: "push setup", 70: "disconnect control", 72: "M-Bus client",
}  # fmt: skip
_PUSH_OBJECT: Final = ["long-unsigned", "octet-string", "integer", "long-unsigned"]  # and more, in some meters
# Bits of a clock's status; FF is one that is not specified.
_STATUS: Final = {0x01: "invalid", 0x02: "doubtful", 0x04: "other clock base", 0x80: "daylight saving"}
_SENSIBLE_SCALERS: Final = range(-12, 13)


def value_text(data: Data) -> str:
    """Write a value as it is on the line; texts as text."""
    if data.type in ("visible-string", "utf8-string"):
        return printable(data.value.decode("latin-1" if data.type == "visible-string" else "utf-8", "backslashreplace"))
    if isinstance(data.value, bytes):
        return printable(data.value.decode("ascii")) if _is_text(data) else data.value.hex()
    if data.type == DESCRIPTOR:
        return f"{data.value.class_id} {data.value.logical_name.hex()} {data.value.attribute_id}"
    if data.type == "boolean":
        return "true" if data.value else "false"
    return "" if data.value is None else str(data.value)


def _is_text(data: Data) -> bool:
    """Tell an octet-string that is a text; NULs at its end only pad it."""
    text = data.value.rstrip(b"\0") if data.type == "octet-string" else b""
    return bool(text) and all(0x20 <= octet < 0x7F for octet in text)


def meanings(parent: str, siblings: list[Data]) -> list[str]:
    """Say what each of the elements of an array or structure means, "" where nothing is to be said."""
    if parent == "structure" and _is_scaler_unit(siblings):
        return [_scaler(siblings[0].value), _unit(siblings[1].value)]
    if _is_push_object(siblings):
        kind = f"class-id: {_CLASSES.get(siblings[0].value, 'unknown code')}"
        rest = ["attribute-id", "data-index", *[""] * (len(siblings) - 4)]
        return [kind, _quantity(siblings[1].value, unit=True), *rest]
    found = [_meaning(data, siblings[at + 1 : at + 3]) for at, data in enumerate(siblings)]
    for at, name in enumerate(_pushed(siblings)[: len(found) - 1], 1):
        found[at] = found[at] or _quantity(name, unit=True)
    return found


def _meaning(data: Data, following: list[Data]) -> str:
    if _is_name(data):
        sent = len(following) == 2 and isinstance(following[1].value, list) and _is_scaler_unit(following[1].value)
        return _quantity(data.value, unit=not sent)
    if data.type == DESCRIPTOR:
        return _quantity(data.value.logical_name, unit=True)
    if _is_text(data):
        return "text"
    if data.type in cosem.CLOCK_TYPES:
        return _moment(data)
    if data.type in _INTEGERS and following and following[0].type == "structure":
        return _quantity_value(data.value, following[0].value)
    if isinstance(data.value, float) and not math.isfinite(data.value):
        return "no number"
    return ""


def _is_scaler_unit(elements: list[Data]) -> bool:
    return [element.type for element in elements] == ["integer", "enum"]


def _is_name(data: Data) -> bool:
    """Tell a logical name: six octets whose first is a medium, so no digit in ASCII."""
    return data.type == "octet-string" and len(data.value) == 6 and data.value[0] < 16


def _is_push_object(elements: list[Data]) -> bool:
    return [element.type for element in elements[:4]] == _PUSH_OBJECT and _is_name(elements[1])


def _pushed(siblings: list[Data]) -> list[bytes]:
    """Return the names of the values after an array of push objects; the first object may be the list itself."""
    objects = siblings[0].value if len(siblings) > 1 and siblings[0].type == "array" else []
    if not all(isinstance(each.value, list) and _is_push_object(each.value) for each in objects):
        return []
    names = [each.value[1].value for each in objects]
    return names[len(names) == len(siblings) :]


def _quantity(name: bytes, *, unit: bool) -> str:
    """Write a logical name as OBIS code with what is known of it; unit: that too."""
    code = quantities.code(name)
    known = quantities.quantity(code)
    return f"{code} {name_of(code)}" + (f" ({known.unit})" if unit and known and known.unit else "")


def name_of(code: str) -> str:
    """Return the name of an OBIS code as a reading has it."""
    known = quantities.quantity(code)
    return known.name if known else _IDENTITY.get(code, "unknown code")


def _quantity_value(raw: int, elements: list[Data]) -> str:
    """Write the quantity that a number makes with the scaler and unit after it."""
    if not _is_scaler_unit(elements) or elements[0].value not in _SENSIBLE_SCALERS:
        return ""
    unit = cosem.UNITS.get(elements[1].value) or ""
    return f"{decimal_text(raw, elements[0].value)} {unit}".rstrip()


def _scaler(power: int) -> str:
    return f"scaler: x {decimal_text(1, power) if power in _SENSIBLE_SCALERS else f'10^{power}'}"


def _unit(code: int) -> str:
    return f"unit: {cosem.UNITS.get(code, 'unknown code') or 'none'}"


def _moment(data: Data) -> str:
    """Read octets that may be a date-time, a date or a time; "" for others."""
    octets = data.value
    if len(octets) == 12:
        text = clock_text(octets)
        return "" if text == _NO_CLOCK and data.type == "octet-string" else text
    try:
        if len(octets) == 5:
            date = cosem.read_clock(octets + _MIDNIGHT)[:10]
            return f"date {date}" if data.type == "date" or "1990" < date < "2100" else ""
        if len(octets) == 4 and data.type == "time":
            return f"time {cosem.read_clock(_SOME_DAY + octets + _NO_OFFSET)[11:]}"
    except Malformed:
        pass
    return ""


def clock_text(octets: bytes) -> str:
    """Read a date-time, with weekday and status."""
    try:
        words = [cosem.read_clock(octets)]
    except Malformed:
        return "not set" if octets[:2] in (b"\0\0", b"\xff\xff") else _NO_CLOCK
    if 1 <= octets[4] <= 7:
        words.append(_DAYS[octets[4]])
    if octets[11] != 0xFF:
        words += [word for bit, word in _STATUS.items() if octets[11] & bit]
    return ", ".join(words)


def describe(description: Any) -> str:
    """Write the type description of a compact-array."""
    if isinstance(description, str):
        return description
    if "array" in description:
        count, inner = description["array"]
        return f"array({count} {describe(inner)})"
    return f"structure({', '.join(map(describe, description['structure']))})"
