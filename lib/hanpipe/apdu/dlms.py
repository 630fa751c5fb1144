"""APDU -> typed data, as it stands on the line: unscaled, unnamed. IEC 62056-5-3, A-XDR after IEC 61334-6.

0F | long-invoke-id-and-priority 4 | date-time 0 or 12, with its length in front | notification-body
"""

import struct
from collections.abc import Callable

from hanpipe.apdu import cosem
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import Any, Final, NamedTuple

DEEPEST = 32  # levels of nesting; no list known has more than 5
MOST = 8  # elements of compact-arrays by the octet of the APDU: a description of a few promises millions of null-data

_DESCRIPTOR: Final = struct.Struct(">H6sb")
_UNASKED: Final = "no A-XDR: each value has a descriptor without a tag in front; --descriptors reads that"


class Data(NamedTuple):
    """A value with its type, or a sequence of them.

    type:   as the Blue Book names it, or cosem.DESCRIPTOR
    value:  int, float, bytes (strings, clocks, a NaN that no float holds), None; str of 0 and 1 (bit-string); list of
            Data (array, structure); (description, list of Data) of a compact-array; Descriptor
    offset: of its tag, or of its first octet in a compact-array
    end:    offset behind its last octet
    """

    type: str
    value: Any
    offset: int
    end: int


class Descriptor(NamedTuple):
    """A cosem-attribute-descriptor: the full address of a value. logical_name: 6 octets."""

    class_id: int
    logical_name: bytes
    attribute_id: int


class Notification(NamedTuple):
    """A data-notification.

    invoke_id: long-invoke-id-and-priority
    date_time: the 12 octets of the date-time, None if not sent; date_time_at: their offset
    body:      the notification-body
    """

    invoke_id: int
    date_time: bytes | None
    date_time_at: int
    body: Data


def read_notification(octets: bytes, *, descriptors: bool = False) -> Notification:
    """Read a data-notification to its exact end.

    Some meters send the date-time with the tag 09 of an octet-string in front of its length; both are read.
    descriptors: read too what is no A-XDR: a body whose values have a descriptor without a tag in front

    raise:  Malformed: another APDU, a value that does not end where the octets do, an unknown type
    source: IEC 62056-5-3, data-notification; the tag: seen in captures kaifa/no-list1-h3e, kamstrup/no-dump-multi
    """
    if not octets or octets[0] != cosem.DATA_NOTIFICATION:
        raise Malformed(0, f"APDU {octets[:1].hex() or 'empty'} is no data-notification")
    at = 5
    if len(octets) <= at:
        raise Malformed(len(octets), "APDU ends in front of its date-time")
    if octets[at : at + 2] == b"\x09\x0c":
        at += 1
    length, at = read_length(octets, at)
    if length not in (0, 12):
        raise Malformed(at, f"date-time of {length} octets")
    if len(octets) <= at + length:
        raise Malformed(len(octets), "APDU ends in front of its body")
    body = _read_body(octets, at + length, descriptors)
    return Notification(int.from_bytes(octets[1:5], "big"), octets[at : at + 12] if length else None, at, body)


def _read_body(octets: bytes, at: int, descriptors: bool) -> Data:
    """Read a notification-body to its exact end. raise: Malformed: of the reading that gets furthest."""
    try:
        return _to_the_end(octets, read_data(octets, at))
    except Malformed as plain:
        try:
            body = _to_the_end(octets, _Reader(octets).described(at))
        except Malformed as described:
            raise max(plain, described, key=lambda malformed: malformed.offset) from None
        if not descriptors:
            raise Malformed(plain.offset, _UNASKED) from None
        return body


def _to_the_end(octets: bytes, body: Data) -> Data:
    if body.end != len(octets):
        raise Malformed(body.end, f"{len(octets) - body.end} octets behind the notification-body")
    return body


def read_descriptor(octets: bytes, at: int) -> Data:
    """Read the cosem-attribute-descriptor at `at`, which has no tag. raise: Malformed: fewer octets are left."""
    return _Reader(octets).descriptor(at)


def read_data(octets: bytes, at: int) -> Data:
    """Read one value, and all inside it, from its tag at `at`.

    raise:  Malformed: an unknown type, or a length or count beyond the octets that are left
    source: IEC 62056-6-2, common data types
    """
    return _Reader(octets).tagged(at, 0)


class _Reader:
    """Reads values out of octets."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._left = MOST * len(octets)

    def tagged(self, at: int, depth: int) -> Data:
        """Read the value whose tag stands at `at`."""
        tag = self._octet(at)
        if tag in cosem.SEQUENCES:
            return self._sequence(at, depth, self.tagged)
        if tag == cosem.COMPACT_ARRAY:
            return self._compact_array(at, depth)
        return self._simple(tag, at, at + 1)

    def described(self, at: int) -> Data:
        """Read a body whose values have a descriptor in front, which has no tag.

            02 02 | 16 enum 1 | 01 count | 02 02 | class-id 2 | logical name 6 | attribute-id 1 | value | 02 02 | ...

        source: seen in capture sagemcom/cz-xt211-apdu
        """
        if self._octets[at : at + 3] != b"\2\2\x16" or self._octet(at + 4) != 1:
            raise Malformed(at, "no body of values with a descriptor in front")
        kind = self.tagged(at + 2, 1)
        values = self._sequence(kind.end, 1, self._described_value)
        return Data("structure", [kind, values], at, values.end)

    def _described_value(self, at: int, depth: int) -> Data:
        if self._piece(at, 2) != b"\2\2":
            raise Malformed(at, "no structure of a descriptor and its value")
        descriptor = self.descriptor(at + 2)
        value = self.tagged(descriptor.end, depth + 1)
        return Data("structure", [descriptor, value], at, value.end)

    def descriptor(self, at: int) -> Data:
        """Read a descriptor, which has no tag."""
        octets = self._piece(at, _DESCRIPTOR.size)
        return Data(cosem.DESCRIPTOR, Descriptor(*_DESCRIPTOR.unpack(octets)), at, at + _DESCRIPTOR.size)

    def _sequence(self, offset: int, depth: int, read: Callable[[int, int], Data]) -> Data:
        """Read an array or structure, each element by read(its offset, its depth)."""
        name = cosem.SEQUENCES[self._octets[offset]]
        count, at = read_length(self._octets, offset + 1)
        if count > len(self._octets) - at:  # each element has one octet at least
            raise Malformed(offset + 1, f"{name} of {count} elements in {len(self._octets) - at} octets")
        if depth == DEEPEST:
            raise Malformed(at, f"nested deeper than {DEEPEST} levels")
        elements = []
        for _ in range(count):
            element = read(at, depth + 1)
            elements.append(element)
            at = element.end
        return Data(name, elements, offset, at)

    def _simple(self, tag: int, offset: int, at: int) -> Data:
        """Read a value without elements whose content stands at `at`."""
        if tag in cosem.FIXED:
            name, form = cosem.FIXED[tag]
            octets = self._piece(at, form.size)
            value = form.unpack(octets)[0]
            if isinstance(value, float) and form.pack(value) != octets:
                value = octets  # a signalling NaN, which Python's float makes a quiet one
            return Data(name, value, offset, at + form.size)
        if tag in cosem.STRINGS:
            length, at = read_length(self._octets, at)
            return Data(cosem.STRINGS[tag], self._piece(at, length), offset, at + length)
        if tag == cosem.BIT_STRING:
            length, at = read_length(self._octets, at)
            octets = self._piece(at, (length + 7) // 8)
            return Data("bit-string", _bits(octets, length), offset, at + len(octets))
        if tag in cosem.EMPTY:
            return Data(cosem.EMPTY[tag], None, offset, at)
        raise Malformed(offset, f"unknown data type {tag:02x}")

    def _compact_array(self, offset: int, depth: int) -> Data:
        """Read values without tags: the description of their type stands once, in front of them."""
        description, at = self._description(offset + 1, depth)
        length, at = read_length(self._octets, at)
        end = at + len(self._piece(at, length))
        values = []
        while at < end:
            value = self._untagged(description, at, depth)
            if not at < value.end <= end:
                raise Malformed(at, "compact-array does not end with an element")
            values.append(value)
            at = value.end
        return Data("compact-array", (describe(description), values), offset, end)

    def _description(self, at: int, depth: int) -> tuple[Any, int]:
        """Read a type description: a tag, (1, count, description) of an array, or (2, descriptions) of a structure."""
        if depth == DEEPEST:
            raise Malformed(at, f"nested deeper than {DEEPEST} levels")
        tag = self._octet(at)
        if tag == 1:
            count = int.from_bytes(self._piece(at + 1, 2), "big")
            inner, end = self._description(at + 3, depth + 1)
            return (tag, count, inner), end
        if tag == 2:
            count, at = read_length(self._octets, at + 1)
            members = []
            for _ in range(count):
                member, at = self._description(at, depth + 1)
                members.append(member)
            return (tag, members), at
        if tag == cosem.COMPACT_ARRAY or not (
            tag in cosem.FIXED or tag in cosem.STRINGS or tag in cosem.EMPTY or tag == 4
        ):
            raise Malformed(at, f"type {tag:02x} in a compact-array")
        return tag, at + 1

    def _untagged(self, description: Any, at: int, depth: int) -> Data:
        self._left -= 1
        if self._left < 0:
            raise Malformed(at, f"compact-arrays of more than {MOST} elements an octet")
        if not isinstance(description, tuple):
            return self._simple(description, at, at)
        if depth == DEEPEST:
            raise Malformed(at, f"nested deeper than {DEEPEST} levels")
        inner = [description[2]] * description[1] if description[0] == 1 else description[1]
        offset, elements = at, []
        for member in inner:
            elements.append(self._untagged(member, at, depth + 1))
            at = elements[-1].end
        return Data(cosem.SEQUENCES[description[0]], elements, offset, at)

    def _octet(self, at: int) -> int:
        if at >= len(self._octets):
            raise Malformed(at, "ends where a data type should stand")
        return self._octets[at]

    def _piece(self, at: int, length: int) -> bytes:
        piece = self._octets[at : at + length]
        if len(piece) < length:
            raise Malformed(at, f"{length} octets announced, {len(piece)} left")
        return piece


def describe(description: Any) -> Any:
    """Turn a type description into names: "long", {"array": [count, inner]} or {"structure": [members]}."""
    if not isinstance(description, tuple):
        return _name(description)
    if description[0] == 1:
        return {"array": [description[1], describe(description[2])]}
    return {"structure": [describe(member) for member in description[1]]}


def _name(tag: int) -> str:
    if tag in cosem.FIXED:
        return cosem.FIXED[tag][0]
    return cosem.STRINGS.get(tag) or cosem.EMPTY.get(tag) or "bit-string"


def _bits(octets: bytes, count: int) -> str:
    return "".join(f"{octet:08b}" for octet in octets)[:count]
