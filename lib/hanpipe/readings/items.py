"""The body of a notification -> items: a code or a position, with its value and the scaler and unit sent with it.

A list is read by its form alone, whoever made the meter. Meters send these forms, and mix them:

    [code, value]  [code, value, [scaler, unit]]        an array or structure of structures
    code, value, code, value, ...                       pairs in a row, null-data where a pair is left out
    code, value, [scaler, unit], code, ...              triples in a row
    [[class, code, attribute, index], ...], value, ...  first the push objects, then a value for each
    name, value, ...                                    the list's own name (0-n:25.9.0), then any of these forms
    value, [[descriptor, value], ...]                   an attribute descriptor instead of a code
    value, value, ...                                   only values: their positions are their keys

In the skeleton of a shape, values that differ from message to message are slots (template.py).
"""

from hanpipe.apdu import cosem
from hanpipe.apdu.template import Slot
from hanpipe.link.octets import Malformed
from hanpipe.readings import quantities
from hanpipe.unix.typed import Any, Final, NamedTuple

Typed = dict[str, Any]

_NUMBERS: Final = frozenset((*cosem.VARYING, "integer"))
_CLOCKS: Final = dict(zip(cosem.CLOCK_SIZES, ("time", "date", "clock"), strict=True))  # octets -> kind
_PUSH_SETUP: Final = ":25.9.0"  # the end of its code: a list is an attribute of this object


class Item(NamedTuple):
    """One value of a list.

    key:    the OBIS code that was sent, or the position: "#1" is the first element of the body
    type:   of the value, as the Blue Book names it
    value:  as han-decode writes it, or a Slot
    scaler: power of ten, None if none was sent
    unit:   None if none was sent, "" if the meter says that the value has no unit
    """

    key: str
    type: str
    value: Any
    scaler: int | None = None
    unit: str | None = None

    @property
    def kind(self) -> str:
        """The kind of value, from its type and octets: number, text, clock, date, time, name, or else its type.

        A clock (date-time), a date and a time are octets that cosem.is_clock allows. A name is a list's own.
        """
        if self.type in _NUMBERS:
            return "number"
        if clock := _CLOCKS.get(self._clock_size()):
            return clock
        if text_of(self) is not None:
            return "text"
        return "name" if self.key == _code(self.type, self.value) else self.type

    def _clock_size(self) -> int:
        """Return how many octets of a date-time, date or time the value has, 0 for any other value."""
        if type(self.value) is Slot and self.value.size:
            return self.value.size
        if self.type not in cosem.CLOCK_TYPES or not isinstance(self.value, str):
            return 0
        try:
            octets = bytes.fromhex(self.value)
        except ValueError:
            return 0
        return len(octets) if cosem.is_clock(octets) else 0


def read_items(body: Typed) -> list[Item]:
    """Read the notification-body of a typed JSON line.

    raise: Malformed: not typed JSON
    """
    kind, elements = split(body)
    if kind not in ("array", "structure"):
        return [Item("#1", kind, elements)]
    if not isinstance(elements, list):
        raise Malformed(0, f"{kind} without elements")
    if _is_push_list(elements):
        return _push_items(elements)
    positions = [f"#{number}" for number in range(1, len(elements) + 1)]
    name = _code(*split(elements[0])) if elements else None
    if name and name.endswith(_PUSH_SETUP):
        return [Item(name, *split(elements[0])), *_row(elements[1:], positions[1:])]
    return _row(elements, positions)


def is_push_list(body: Typed) -> bool:
    """Return whether a body that read_items accepts first names the objects whose values it holds."""
    kind, elements = split(body)
    return kind in ("array", "structure") and _is_push_list(elements)


def text_of(item: Item) -> str | None:
    """Return the text of a string without the NULs that pad it; None for other values and unprintable strings."""
    return printable(item.type, item.value) if isinstance(item.value, str) else None


def printable(kind: str, text: str) -> str | None:
    """Return the text of a string, as text_of does. kind: its type; text: as han-decode writes it."""
    if kind == "octet-string":
        try:
            text = bytes.fromhex(text).decode("ascii")
        except ValueError:
            return None
    elif kind not in ("visible-string", "utf8-string"):
        return None
    text = text.rstrip("\0")
    return text if text.isprintable() else None


def split(typed: Any) -> tuple[str, Any]:
    """Split {type: value}. raise: Malformed: anything else."""
    if not isinstance(typed, dict) or len(typed) != 1:
        raise Malformed(0, "expected a typed value, {type: value}")
    return next(iter(typed.items()))


def _row(elements: list[Typed], positions: list[str]) -> list[Item]:
    """Read elements in a row; an element without a code before it has its position as its key."""
    items: list[Item] = []
    at = 0
    while at < len(elements):
        kind, value = split(elements[at])
        code = _code(kind, value)
        if code and at + 1 < len(elements):
            scaler, unit = _scaler_unit(elements[at + 2]) if at + 2 < len(elements) else (None, None)
            items.append(Item(code, *split(elements[at + 1]), scaler, unit))
            at += 2 if scaler is None else 3
            continue
        if _is_entry(kind, value) or _is_array_of_entries(kind, value):
            items += _row(value, [positions[at]] * len(value))
        elif kind != "null-data":
            items.append(Item(positions[at], kind, value))
        at += 1
    return items


def _is_entry(kind: str, value: Any) -> bool:
    """Return whether this is [code, value, ...]; other structures are values."""
    return kind == "structure" and isinstance(value, list) and len(value) > 1 and bool(_code(*split(value[0])))


def _is_array_of_entries(kind: str, value: Any) -> bool:
    return (
        kind == "array" and isinstance(value, list) and bool(value) and all(_is_entry(*split(each)) for each in value)
    )


def _code(kind: str, value: Any) -> str | None:
    """Return the OBIS code of a logical name, or of the one in an attribute descriptor; None for other values.

    A logical name is six octets of which the first is a medium (0 to 15), so six digits in ASCII are not one.
    """
    if kind == "cosem-attribute-descriptor" and isinstance(value, dict):
        return _code("octet-string", value.get("logical_name"))
    if kind != "octet-string" or not isinstance(value, str) or len(value) != 12:
        return None
    try:
        octets = bytes.fromhex(value)
    except ValueError:
        return None
    return quantities.code(octets) if len(octets) == 6 and octets[0] < 16 else None


def _scaler_unit(typed: Typed) -> tuple[int | None, str | None]:
    """Return scaler and unit of their structure; (None, None) for anything else."""
    kind, value = split(typed)
    if kind != "structure" or not isinstance(value, list) or len(value) != 2:
        return None, None
    (scaler_type, scaler), (unit_type, unit) = split(value[0]), split(value[1])
    if (scaler_type, unit_type) != ("integer", "enum") or type(scaler) is not int or type(unit) is not int:
        return None, None
    if not -128 <= scaler <= 127:
        return None, None
    return scaler, cosem.UNITS.get(unit, f"unit {unit}") or ""


def _is_push_list(elements: list[Typed]) -> bool:
    """Return whether the first element is an array of [class, code, attribute, ...]: the others are their values."""
    kind, objects = split(elements[0]) if len(elements) > 1 else ("", None)
    return kind == "array" and isinstance(objects, list) and bool(objects) and all(map(_push_code, objects))


def _push_code(typed: Typed) -> str | None:
    kind, members = split(typed)
    if kind != "structure" or not isinstance(members, list) or len(members) < 4:
        return None
    return _code(*split(members[1])) if split(members[0])[0] == "long-unsigned" else None


def _push_items(elements: list[Typed]) -> list[Item]:
    """Give each value the code of its object.

    The first object is mostly attribute 2 of the push setup: that is the array of objects itself, already sent as the
    first element. The number of values does not decide, so a list cut short keeps the right codes.
    """
    objects, values = split(elements[0])[1], elements[1:]
    codes = [_push_code(typed) or "" for typed in objects]
    attribute = split(split(objects[0])[1][2])[1]
    if codes[0].endswith(_PUSH_SETUP) and attribute == 2:
        codes = codes[1:]
    positions = [f"#{number}" for number in range(2, len(elements) + 1)]
    keys = codes + positions[len(codes) :]
    return [Item(key, *split(value)) for key, value in zip(keys, values, strict=False)]
