"""APDU -> typed data as on the line, without scaling and names. IEC 62056-5-3; A-XDR after IEC 61334-6."""

import struct
from collections.abc import Callable

from hanpipe.apdu import cosem
from hanpipe.link.content import LLCS
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import Any, Final, NamedTuple

DEEPEST: Final = 32  # levels of nesting; known lists have up to 5
MOST: Final = 8  # elements of compact-arrays per octet of the APDU: a few octets can describe millions of null-data

_DESCRIPTOR: Final = struct.Struct(">H6sb")
_SHORT_NAME: Final = 2  # tag of the only kind of variable-access-specification that meters use
_UNASKED: Final = "not A-XDR: each value follows a descriptor without a tag; --descriptors reads that"


class Data(NamedTuple):
    """A value with its type, or a sequence of them.

    type:   as the Blue Book names it, or cosem.DESCRIPTOR
    value:  int, float, bytes (strings, clocks, a NaN that no float holds), None; str of 0 and 1 (bit-string); list of
            Data (array, structure); (description, list of Data) of a compact-array; Descriptor
    offset: of its tag, or of its first octet where it has none (in a compact-array)
    end:    offset after its last octet
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


_BODIES: Final = (b"\x01", b"\x02")  # tags of an array and a structure


class Notification(NamedTuple):
    """An APDU that a meter pushes: data-notification, event-notification or information-report.

    apdu:           its name
    invoke_id:      long-invoke-id-and-priority, None if the APDU has none
    date_time:      the 12 octets of the date-time, None if not sent
    date_time_at:   their offset
    variable_names: short names of the values of an information-report, None of other APDUs
    body:           the notification-body; of an event-notification a structure of descriptor and value, of an
                    information-report a structure of the values: both without tag and count on the line
    end:            offset after its last octet
    """

    apdu: str
    invoke_id: int | None
    date_time: bytes | None
    date_time_at: int
    variable_names: list[int] | None
    body: Data
    end: int


def read_notification(octets: bytes, *, descriptors: bool = False, bare: bool = False) -> Notification:
    """Read the pushed APDU at the beginning of octets; find_next says what follows it.

        0F | long-invoke-id-and-priority 4 | date-time 0 or 12, with its length | notification-body
        C2 | 00, or 01 and date-time with its length | cosem-attribute-descriptor | value
        18 | date-time 0 or 12, with its length | count | 02 and short name 2, each | count | values

    Some meters send the date-time with the tag 09 of an octet-string before its length; both are read.
    descriptors: also read a body that is not A-XDR: its values follow a descriptor without a tag
    bare:        also read a notification-body alone, an array or structure, as other programs print it

    raise:  Malformed: another APDU, an unknown type, or fewer octets than announced
    source: IEC 62056-5-3, data-notification, event-notification, information-report; the tag 09: seen,
            docs/protocol.md
    """
    if octets[:1] == bytes([cosem.EVENT_NOTIFICATION]):
        return _read_event(octets)
    if octets[:1] == bytes([cosem.INFORMATION_REPORT]):
        return _read_report(octets)
    if bare and octets[:1] in _BODIES:
        body = _read_body(octets, 0, descriptors)
        return Notification("notification-body", None, None, 0, None, body, body.end)
    if octets[:1] != bytes([cosem.DATA_NOTIFICATION]):
        raise Malformed(0, f"expected a data-notification (0f), found {name_apdu(octets)}")
    begin = 6 if octets[5:7] == b"\x09\x0c" else 5
    date_time, at, body_at = _read_date_time(octets, begin)
    if len(octets) <= body_at:
        raise Malformed(len(octets), "the APDU ends before its body")
    body = _read_body(octets, body_at, descriptors)
    return Notification("data-notification", int.from_bytes(octets[1:5], "big"), date_time, at, None, body, body.end)


def is_notification(octets: bytes, *, descriptors: bool = False) -> bool:
    """Tell whether octets are pushed APDUs and padding to their exact end."""
    try:
        while octets:
            end = read_notification(octets, descriptors=descriptors).end
            octets = octets[find_next(octets, end) :]
    except Malformed:
        return False
    return True


def name_apdu(octets: bytes) -> str:
    """Name what begins with octets, for a message."""
    if not octets:
        return "no octet"
    name = cosem.APDUS.get(octets[0])
    return f"{octets[0]:02x} ({name})" if name else f"{octets[0]:02x}"


def find_next(octets: bytes, end: int) -> int:
    """Find the APDU that follows another in the same octets, with or without an LLC header.

    end:    offset after the first one
    return: offset of the tag of the next; the number of octets if only padding (00 or FF) follows
    raise:  Malformed: other octets follow
    """
    rest = octets[end:].lstrip(b"\0\xff")
    at = len(octets) - len(rest)
    if not rest:
        return at
    if rest[:3] in LLCS:
        at += 3
    if at < len(octets) and octets[at] in cosem.APDUS:
        return at
    raise Malformed(end, f"expected the end of the APDU, found {len(octets) - end} more octets")


def _read_date_time(octets: bytes, at: int) -> tuple[bytes | None, int, int]:
    """Read a date-time that begins with its length. Return it, its offset and the offset after it."""
    if len(octets) <= at:
        raise Malformed(len(octets), "the APDU ends before its date-time")
    length, at = read_length(octets, at)
    if length not in (0, cosem.CLOCK_SIZE):
        raise Malformed(at, f"expected a date-time of {cosem.CLOCK_SIZE} octets, found one of {length}")
    if len(octets) < at + length:
        raise Malformed(len(octets), "the APDU ends inside its date-time")
    return (octets[at : at + length] or None), at, at + length


def _read_event(octets: bytes) -> Notification:
    date_time, at, descriptor_at = _read_date_time(octets, 2 if octets[1:2] == b"\1" else 1)
    reader = _Reader(octets)
    descriptor = reader.descriptor(descriptor_at)
    value = reader.tagged(descriptor.end, 1)
    body = Data("structure", [descriptor, value], descriptor_at, value.end)
    return Notification("event-notification", None, date_time, at, None, body, body.end)


def _read_report(octets: bytes) -> Notification:
    date_time, at, count_at = _read_date_time(octets, 1)
    reader = _Reader(octets)
    names, values_at = reader.short_names(count_at)
    body = reader.values(values_at)
    return Notification("information-report", None, date_time, at, names, body, body.end)


def _read_body(octets: bytes, at: int, descriptors: bool) -> Data:
    """Read a notification-body. raise: Malformed: of the reading that gets furthest.

    A body whose values follow a descriptor without a tag may look like A-XDR that ends early. So the plain reading is
    right if it ends where the octets do, or before padding or another APDU, or if the body does not begin like that.
    """
    plain = None
    try:
        plain = read_data(octets, at)
        if plain.end == len(octets):
            return plain
        find_next(octets, plain.end)
        ends_well, fault = True, Malformed(plain.end, _UNASKED)
    except Malformed as malformed:
        ends_well, fault = False, malformed
    try:
        described = _Reader(octets).described(at)
    except Malformed as malformed:
        if plain and (ends_well or malformed.offset == at):
            return plain
        raise max(fault, malformed, key=lambda each: each.offset) from None
    if plain and ends_well and described.end != len(octets):
        return plain
    if not descriptors:
        raise Malformed(fault.offset, _UNASKED)
    return described


def read_descriptor(octets: bytes, at: int) -> Data:
    """Read the cosem-attribute-descriptor at `at`, which has no tag. raise: Malformed: too few octets."""
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
        """Read the value whose tag is at `at`."""
        tag = self._octet(at)
        if tag in cosem.SEQUENCES:
            return self._sequence(at, depth, self.tagged)
        if tag == cosem.COMPACT_ARRAY:
            return self._compact_array(at, depth)
        return self._simple(tag, at, at + 1)

    def short_names(self, at: int) -> tuple[list[int], int]:
        """Read a count and so many short names. Return them and the offset after them."""
        count, at = read_length(self._octets, at)
        names = []
        for begin in range(at, at + 3 * min(count, len(self._octets)), 3):
            if self._octet(begin) != _SHORT_NAME:
                raise Malformed(begin, f"expected a short name (02), found {self._octets[begin]:02x}")
            names.append(int.from_bytes(self._piece(begin + 1, 2), "big"))
        return names, at + 3 * len(names)

    def values(self, at: int) -> Data:
        """Read a count and so many values, as a structure without a tag."""
        count, begin = read_length(self._octets, at)
        if count > len(self._octets) - begin:
            raise Malformed(at, f"{count} values announced in {len(self._octets) - begin} octets")
        elements: list[Data] = []
        for _ in range(count):
            elements.append(self.tagged(elements[-1].end if elements else begin, 1))
        return Data("structure", elements, at, elements[-1].end if elements else begin)

    def described(self, at: int) -> Data:
        """Read a body whose values follow a descriptor, which has no tag.

            02 02 | 16 enum 1 | 01 count | 02 02 | class-id 2 | logical name 6 | attribute-id 1 | value | 02 02 | ...

        source: seen, docs/protocol.md
        """
        if self._octets[at : at + 3] != b"\2\2\x16" or self._octets[at + 4 : at + 5] != b"\1":
            raise Malformed(at, "expected an enum and an array of descriptors and values")
        kind = self.tagged(at + 2, 1)
        values = self._sequence(kind.end, 1, self._described_value)
        return Data("structure", [kind, values], at, values.end)

    def _described_value(self, at: int, depth: int) -> Data:
        if self._piece(at, 2) != b"\2\2":
            raise Malformed(at, "expected a structure of a descriptor and its value")
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
        """Read a value without elements whose content begins at `at`."""
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
        """Read values without tags, after the one description of their type."""
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
            raise Malformed(at, "expected a data type, found the end")
        return self._octets[at]

    def _piece(self, at: int, length: int) -> bytes:
        piece = self._octets[at : at + length]
        if len(piece) < length:
            raise Malformed(at, f"expected {length} octets, found {len(piece)}")
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
