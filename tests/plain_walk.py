"""The lines that han-decode writes of frames, made the plain way: value by value, without shapes, by docs/protocol.md.

It shares no code with the library. Only APDUs that are data-notifications in clear text are read; of any other, and of
what is malformed, it says None.
"""

import contextlib
import json
import math
import struct
from collections.abc import Iterable
from typing import Any

Typed = dict[str, Any]

_INTEGERS = {
    0x05: ("double-long", 4, True), 0x06: ("double-long-unsigned", 4, False), 0x0D: ("bcd", 1, False),
    0x0F: ("integer", 1, True), 0x10: ("long", 2, True), 0x11: ("unsigned", 1, False),
    0x12: ("long-unsigned", 2, False), 0x14: ("long64", 8, True), 0x15: ("long64-unsigned", 8, False),
    0x16: ("enum", 1, False), 0x1C: ("delta-integer", 1, True), 0x1D: ("delta-long", 2, True),
    0x1E: ("delta-double-long", 4, True), 0x1F: ("delta-unsigned", 1, False),
    0x20: ("delta-long-unsigned", 2, False), 0x21: ("delta-double-long-unsigned", 4, False),
}  # fmt: skip
_EMPTY = {0x00: "null-data", 0xFF: "do-not-care"}
_CLOCKS = {0x19: ("date-time", 12), 0x1A: ("date", 5), 0x1B: ("time", 4)}
_FLOATS = {0x17: ("float32", 4, ">f"), 0x18: ("float64", 8, ">d")}
_STRINGS = {0x09: "octet-string", 0x0A: "visible-string", 0x0C: "utf8-string"}
_SEQUENCES = {0x01: "array", 0x02: "structure"}


class Unreadable(Exception):
    """These octets are not a value."""


class Octets:
    """Octets, taken from the front; compact-arrays in them hold eight elements an octet at most (dlms.MOST)."""

    def __init__(self, octets: bytes, elements: list[int] | None = None) -> None:
        self.left = octets
        self.elements = elements or [8 * len(octets)]

    def take(self, count: int) -> bytes:
        if count > len(self.left):
            raise Unreadable
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def octet(self) -> int:
        return self.take(1)[0]

    def length(self) -> int:
        first = self.octet()
        if first < 0x80:
            return first
        if not 0x81 <= first <= 0x84:
            raise Unreadable
        return int.from_bytes(self.take(first - 0x80), "big")


def value(octets: Octets, depth: int = 0) -> Typed:
    """Read a value from its tag on."""
    tag = octets.octet()
    if tag in _SEQUENCES:
        count = octets.length()
        if count > len(octets.left) or depth == 32:
            raise Unreadable
        return {_SEQUENCES[tag]: [value(octets, depth + 1) for _ in range(count)]}
    if tag == 0x13:
        described = _description(octets)
        contents, values = Octets(octets.take(octets.length()), octets.elements), []
        while contents.left:
            values.append(_untagged(described, contents))
        return {"compact-array": {"type": described, "contents": values}}
    return _simple(tag, octets)


def _simple(tag: int, octets: Octets) -> Typed:
    if tag in _INTEGERS:
        name, size, signed = _INTEGERS[tag]
        return {name: int.from_bytes(octets.take(size), "big", signed=signed)}
    if tag in _EMPTY:
        return {_EMPTY[tag]: None}
    if tag == 0x03:
        return {"boolean": octets.octet() != 0}
    if tag == 0x04:
        bits = octets.length()
        return {"bit-string": "".join(f"{octet:08b}" for octet in octets.take(-(-bits // 8)))[:bits]}
    if tag in _CLOCKS:
        name, size = _CLOCKS[tag]
        return {name: octets.take(size).hex()}
    if tag in _FLOATS:
        name, size, form = _FLOATS[tag]
        piece = octets.take(size)
        (number,) = struct.unpack(form, piece)
        return {name: number if math.isfinite(number) else piece.hex()}
    if tag in _STRINGS:
        return {_STRINGS[tag]: _text(_STRINGS[tag], octets.take(octets.length()))}
    raise Unreadable


def _text(name: str, piece: bytes) -> str:
    if name == "visible-string":
        return "".join(map(chr, piece))
    if name == "utf8-string":
        try:
            return str(piece, "utf-8")
        except UnicodeDecodeError:
            pass
    return piece.hex()


def _description(octets: Octets) -> Any:
    tag = octets.octet()
    if tag == 0x01:
        count = int.from_bytes(octets.take(2), "big")
        return {"array": [count, _description(octets)]}
    if tag == 0x02:
        return {"structure": [_description(octets) for _ in range(octets.length())]}
    names = {tag: name for tag, (name, *_) in (_INTEGERS | _CLOCKS | _FLOATS).items()} | _EMPTY | _STRINGS
    names |= {0x03: "boolean", 0x04: "bit-string"}
    if tag not in names:
        raise Unreadable
    return names[tag]


_TAGS = {name: tag for tag, (name, *_) in (_INTEGERS | _CLOCKS | _FLOATS).items()}
_TAGS |= {name: tag for tag, name in (_EMPTY | _STRINGS).items()} | {"boolean": 0x03, "bit-string": 0x04}


def _untagged(described: Any, octets: Octets) -> Typed:
    octets.elements[0] -= 1
    if octets.elements[0] < 0:
        raise Unreadable
    if isinstance(described, str):
        return _simple(_TAGS[described], octets)
    ((name, inner),) = described.items()
    members = [inner[1]] * inner[0] if name == "array" else inner
    return {name: [_untagged(member, octets) for member in members]}


def _described(octets: Octets) -> Typed:
    """Read a body whose values have an untagged attribute descriptor in front: {enum, [{descriptor, value}, ...]}."""
    if octets.take(3) != b"\x02\x02\x16":
        raise Unreadable
    kind, array, count = octets.octet(), octets.octet(), octets.length()
    if array != 0x01 or count > len(octets.left):
        raise Unreadable
    values = []
    for _ in range(count):
        if octets.take(2) != b"\x02\x02":
            raise Unreadable
        class_id = int.from_bytes(octets.take(2), "big")
        descriptor = {"class_id": class_id, "logical_name": octets.take(6).hex()}
        descriptor["attribute_id"] = int.from_bytes(octets.take(1), "big", signed=True)
        values.append({"structure": [{"cosem-attribute-descriptor": descriptor}, value(octets, 3)]})
    return {"structure": [{"enum": kind}, {"array": values}]}


def _body(octets: Octets, descriptors: bool) -> Typed:
    left = octets.left
    try:
        body = value(octets)
        if octets.left:
            raise Unreadable
    except Unreadable:
        if not descriptors:
            raise
        octets = Octets(left)
        body = _described(octets)
        if octets.left:
            raise
    return body


def notification(apdu: bytes, descriptors: bool = False) -> dict[str, Any]:
    """Return the keys of the data-notification that octets begin with."""
    for end in range(len(apdu), 0, -1):
        with contextlib.suppress(Unreadable):
            return _notification(apdu[:end], descriptors)
    raise Unreadable


def _notification(apdu: bytes, descriptors: bool) -> dict[str, Any]:
    octets = Octets(apdu)
    if octets.octet() != 0x0F:
        raise Unreadable
    invoke_id = int.from_bytes(octets.take(4), "big")
    if octets.left[:2] == b"\x09\x0c":
        octets.take(1)
    size = octets.length()
    if size not in (0, 12):
        raise Unreadable
    date_time = octets.take(size).hex() or None
    body = _body(octets, descriptors)
    return {"apdu": "data-notification", "invoke_id": invoke_id, "date_time": date_time, "body": body}


def line(front: dict[str, Any], apdu: bytes, descriptors: bool = False) -> str | None:
    """Return han-decode's line of an APDU, front being its first keys; None if it cannot be read."""
    try:
        return json.dumps(front | notification(apdu, descriptors), separators=(",", ":"))
    except Unreadable:
        return None


def lines(frames: Iterable[bytes]) -> list[str | None]:
    """Return han-decode's lines of HDLC frames, those of one APDU joined."""
    result: list[str | None] = []
    joined = b""
    for frame in frames:
        source = _address_end(frame, 2)
        control = _address_end(frame, source)
        front = {"link": "hdlc", "destination": frame[2:source].hex(), "source": frame[source:control].hex()}
        information = frame[control + 3 : -2]
        joined = information if information.startswith(b"\xe6\xe7\x00") else joined + information  # a new one begins
        if not frame[0] & 0x08:
            result += [line(front, apdu) for apdu in _apdus(joined)]
            joined = b""
    return result


def _apdus(information: bytes) -> list[bytes]:
    """Cut information at each LLC header that a data-notification may follow, if all pieces can be read then."""
    whole = information.removeprefix(b"\xe6\xe7\x00")
    pieces = whole.split(b"\xe6\xe7\x00\x0f")
    pieces = [pieces[0], *(b"\x0f" + piece for piece in pieces[1:])]
    return pieces if all(line({}, piece) for piece in pieces) else [whole]


def _address_end(frame: bytes, at: int) -> int:
    while not frame[at] & 1:
        at += 1
    return at + 1
