"""The body of a notification -> items: a code or a position, with its value and what the line says of scaler and unit.

A list is recognised by its form alone, whoever made the meter. Forms met (protocol-facts.md, section 8), mixed at will:

    [code, value]  [code, value, [scaler, unit]]        an array or structure of structures
    code, value, code, value, ...                       pairs in a row, null-data where one is left out
    code, value, [scaler, unit], code, ...              triples in a row
    [[class, code, attribute, index], ...], value, ...  the push objects first, then a value for each
    value, [[descriptor, value], ...]                   an attribute descriptor in the place of a code
    value, value, ...                                   nothing but values: they go by their position

The typed JSON may hold markers for values that differ from message to message (see shape.py): they are lists.
"""

from hanpipe.apdu import cosem
from hanpipe.link.octets import Malformed
from hanpipe.readings import quantities
from hanpipe.unix.typed import Any, NamedTuple

Typed = dict[str, Any]


class Item(NamedTuple):
    """One value of a list.

    key:    the OBIS code on the line, or the position: "#1" is the first element of the body
    type:   of the value, as the Blue Book names it
    value:  as han-decode writes it, or a marker
    scaler: power of ten, None if the line does not say
    unit:   None if the line does not say, "" if it says that there is none
    """

    key: str
    type: str
    value: Any
    scaler: int | None = None
    unit: str | None = None


def read_items(body: Typed) -> list[Item]:
    """Read the notification-body of a typed JSON line.

    raise: Malformed: no typed JSON
    """
    kind, elements = split(body)
    if kind not in ("array", "structure"):
        return [Item("#1", kind, elements)]
    if not isinstance(elements, list):
        raise Malformed(0, f"{kind} without elements")
    if _is_push_list(elements):
        return _push_items(elements)
    return _row(elements, [f"#{number}" for number in range(1, len(elements) + 1)])


def is_push_list(body: Typed) -> bool:
    """Tell whether a body that was read says first which objects its values are of."""
    kind, elements = split(body)
    return kind in ("array", "structure") and _is_push_list(elements)


def text_of(item: Item) -> str | None:
    """Return the text of a string, None if it is none or holds what is not printable. NULs at its end only pad it."""
    if not isinstance(item.value, str):
        return None
    text = item.value
    if item.type == "octet-string":
        try:
            text = bytes.fromhex(text).decode("ascii")
        except ValueError:
            return None
    elif item.type not in ("visible-string", "utf8-string"):
        return None
    text = text.rstrip("\0")
    return text if text.isprintable() else None


def split(typed: Any) -> tuple[str, Any]:
    """Split {type: value}. raise: Malformed: anything else."""
    if not isinstance(typed, dict) or len(typed) != 1:
        raise Malformed(0, "no typed value")
    return next(iter(typed.items()))


def _row(elements: list[Typed], positions: list[str]) -> list[Item]:
    """Read elements in a row; those that no code stands in front of go by their positions."""
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
    """Tell whether this is [code, value, ...], not a value that happens to be a structure."""
    return kind == "structure" and isinstance(value, list) and len(value) > 1 and bool(_code(*split(value[0])))


def _is_array_of_entries(kind: str, value: Any) -> bool:
    return (
        kind == "array" and isinstance(value, list) and bool(value) and all(_is_entry(*split(each)) for each in value)
    )


def _code(kind: str, value: Any) -> str | None:
    """Return the OBIS code if this is a logical name: six octets whose first is a medium, so no digits in ASCII.

    That of an attribute descriptor counts as well.
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
    """Return scaler and unit if this is their structure, (None, None) otherwise."""
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
    """Tell whether the first element is an array of [class, code, attribute, ...]: the others are their values."""
    kind, objects = split(elements[0]) if len(elements) > 1 else ("", None)
    return kind == "array" and isinstance(objects, list) and bool(objects) and all(map(_push_code, objects))


def _push_code(typed: Typed) -> str | None:
    kind, members = split(typed)
    if kind != "structure" or not isinstance(members, list) or len(members) < 4:
        return None
    return _code(*split(members[1])) if split(members[0])[0] == "long-unsigned" else None


def _push_items(elements: list[Typed]) -> list[Item]:
    codes = [_push_code(typed) or "" for typed in split(elements[0])[1]]
    values = elements[1:]
    if len(codes) == len(values) + 1:
        codes = codes[1:]  # the first object is the list itself, which some meters do not send once more
    positions = [f"#{number}" for number in range(2, len(elements) + 1)]
    keys = codes + positions[len(codes) :]
    return [Item(key, *split(value)) for key, value in zip(keys, values, strict=False)]
