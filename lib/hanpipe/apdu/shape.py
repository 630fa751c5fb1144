"""Messages of one shape: the part that they share, and the text that they become.

A meter sends the same octets again and again with other numbers in them. The first message of a shape is walked, value
by value; that gives its mask (octets that must be equal), the places of numbers and clocks, and the text around them:

    octets     a02a 41 0883 13 0413 e6e700 0f 40000000 00 0101 0203 0906 0100010700ff 06 00000118 0202 0f00 161b 34cd
    mask       ffff ff ffff ff ffff ffffff ff 00000000 ff ffff ffff ffff ffffffffffff ff 00000000 ffff ffff ffff 0000
    unpack                                    I                                          I
    template   "link":"hdlc",..."invoke_id":%d,"date_time":null,"body":{"array":[{"structure":[
               {"octet-string":"0100010700ff"},{"double-long-unsigned":%d},{"structure":[{"integer":0},{"enum":27}]}]}]}}

Every message of the shape, the first one too, is then written by one masked compare, one unpack and one format, so no
second decoder has to be kept in step. Types of one octet (scalers, units, states) and the rare types belong to the
shape, since no meter varies them from message to message; where one does, each value makes a shape of its own and costs
a walk.

No meter varies its texts either (its number, its model), but another meter has others. So a text belongs to the shape
until a message differs from one before in texts alone. From then on those texts are holes, and the meters share the
shape, however many they are.
"""

import json
import math
import struct
from collections.abc import Callable, Container

from hanpipe.apdu import cosem
from hanpipe.apdu.cache import BoundedCache
from hanpipe.apdu.cosem import DESCRIPTOR
from hanpipe.apdu.dlms import Data, Notification
from hanpipe.apdu.template import HOLE, OCTET_STRING, VISIBLE_STRING, Slot, TextSlot, differing, quoted
from hanpipe.unix.typed import Any, Final, NamedTuple

# Types whose value is a hole in the text: their struct code.
_NUMBERS: Final = {name: form.format[-1] for name, form in cosem.FIXED.values() if name in cosem.VARYING}
# Strings that may be a COSEM time, date or date-time are holes: their octets -> struct code, format.
_CLOCKS: Final = {4: ("I", '"%08x"'), 5: ("BI", '"%02x%08x"'), 12: ("III", '"%08x%08x%08x"')}
# Texts that may differ from meter to meter: their type -> format, and what it takes of their octets.
_TEXTS: Final[dict[str, tuple[str, Callable[[bytes], str]]]] = {
    OCTET_STRING:     ('"%s"', bytes.hex),
    VISIBLE_STRING:   ("%s", lambda octets: quoted(octets.decode("latin-1"))),
}  # fmt: skip
# Upper bits of the first octet of ASCII's printable characters. They stay a part of the shape, so that a text, a clock
# and a logical name, whose first octet is below 16, are never of one shape.
_TEXT_BITS: Final = (0x20, 0x40, 0x60)

_ROOM: Final = 2_000_000  # characters of the shapes kept

_number = int.from_bytes  # octets -> one number, the first octet the highest; each message goes through it


class Hole(NamedTuple):
    """Octets whose value differs from message to message of a shape.

    offset: of the first octet; size: how many; codes: of struct, one a value; form: what % writes them with
    clock:  octets of the COSEM time, date or date-time that they are, 0 for a number or a text
    text:   type of the text that they are, "" for a number or a clock
    """

    offset: int
    size: int
    codes: str
    form: str
    clock: int = 0
    text: str = ""


class Shape:
    """The part that all messages of a shape share.

    mask, fixed: octets, as one big-endian number, are of this shape if octets & mask == fixed
    unpack:      octets -> the values of the holes; places: offset and code of struct of each value
    template:    the line of han-decode after its opening brace and time; template % written(values) is a message's
    skeleton:    the same as JSON, with HOLE for each hole; slots: the holes, in order
    texts:       those of the holes that hold a text
    fixed_texts: the texts of the message, in order, None where a text is a hole
    kind:        mask and fixed if all texts were holes: messages of a kind differ in numbers, clocks and texts alone
    """

    __slots__ = (
        "fixed", "fixed_texts", "kind", "mask", "places", "size", "skeleton", "slots", "template", "texts", "unpack"
    )  # fmt: skip

    def __init__(
        self, octets: bytes, pieces: "list[str | Hole]", check: int = 0, varying: Container[int] = frozenset()
    ) -> None:
        """Make the shape of a message.

        octets:  the message: an APDU, or the frame that carries it; check: octets at its end that the text leaves out
        pieces:  its text, in order, the holes in the order of their octets
        varying: which of its texts are holes, counted from 0
        """
        number, loose = int.from_bytes(octets, "big"), _mask(octets, pieces, check)
        self.kind = loose, number & loose
        pieces, self.fixed_texts = _with_texts(octets, pieces, varying)
        self.mask = _mask(octets, pieces, check)
        self.fixed = number & self.mask
        form, template, skeleton, at, index = ">", "", "", 0, 0
        slots: list[Slot | TextSlot] = []
        for piece in pieces:
            if isinstance(piece, str):
                template += piece.replace("%", "%%")
                skeleton += piece
                continue
            form += f"{piece.offset - at}x{piece.codes}"
            template += piece.form
            skeleton += HOLE
            slots.append(TextSlot(index, piece.text) if piece.text else Slot(index, piece.clock))
            at, index = piece.offset + piece.size, index + (1 if piece.text else len(piece.codes))
        self.size = len(octets)
        self.unpack = struct.Struct(f"{form}{len(octets) - at}x").unpack
        self.places = _places(pieces)
        self.template = template
        self.skeleton = "{" + skeleton
        self.slots = tuple(slots)
        self.texts = tuple([slot for slot in slots if isinstance(slot, TextSlot)])

    def written(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the values with each text as JSON."""
        written = list(values)
        for at, name in self.texts:
            written[at] = _TEXTS[name][1](values[at])
        return tuple(written)


def _mask(octets: bytes, pieces: "list[str | Hole]", check: int) -> int:
    """Return the mask of a shape, as of Shape, with these holes."""
    mask = bytearray(b"\xff" * (len(octets) - check) + bytes(check))
    for piece in pieces:
        if isinstance(piece, Hole):
            mask[piece.offset : piece.offset + piece.size] = bytes(piece.size)
            if piece.clock or piece.text:
                mask[piece.offset] = cosem.CLOCK_BITS  # what may be a clock in one message may be one in all
    return int.from_bytes(mask, "big")


def _places(pieces: "list[str | Hole]") -> tuple[tuple[int, str], ...]:
    """Return offset and code of each value, as of Shape."""
    places = []
    for piece in pieces:
        if isinstance(piece, Hole):
            offset = piece.offset
            for code in (piece.codes,) if piece.text else piece.codes:
                places.append((offset, code))
                offset += struct.calcsize(f">{code}")
    return tuple(places)


def _with_texts(
    octets: bytes, pieces: "list[str | Hole]", varying: Container[int]
) -> "tuple[list[str | Hole], tuple[bytes | None, ...]]":
    """Return the pieces with the texts in the place of those holes that do not vary, and these texts, as of Shape."""
    written: list[str | Hole] = []
    texts: list[bytes | None] = []
    for piece in pieces:
        if isinstance(piece, Hole) and piece.text:
            text = octets[piece.offset : piece.offset + piece.size]
            texts.append(None if len(texts) in varying else text)
            written.append(piece if texts[-1] is None else piece.form % _TEXTS[piece.text][1](text))
        else:
            written.append(piece)
    return written, tuple(texts)


class Shapes:
    """The shapes met so far. A hostile line, where each message is of a new one, costs a walk a message."""

    def __init__(self) -> None:
        self._of_size = BoundedCache(_ROOM)

    def find(self, octets: bytes) -> Shape | None:
        """Return the shape of octets, if one like them was added."""
        shapes: list[Shape] | None = self._of_size.get(len(octets))
        if shapes is None:
            return None
        number = _number(octets)
        for shape in shapes:
            if number & shape.mask == shape.fixed:
                if shape is not shapes[0]:
                    self._of_size.touch(shape.size, shape)
                return shape
        return None

    def used_last(self, size: int) -> list[Shape]:
        """Return the shapes of messages of so many octets, the one used last first."""
        shapes: list[Shape] = self._of_size.get(size, [])
        return shapes

    def add(self, octets: bytes, pieces: "list[str | Hole]", check: int = 0) -> Shape:
        """Return the shape of a message that find() does not know, and keep it. octets, pieces, check: as of Shape."""
        shape = Shape(octets, pieces, check)
        if other := self._of_size.take(shape.size, lambda other: other.kind == shape.kind):
            shape = Shape(octets, pieces, check, differing(shape.fixed_texts, other.fixed_texts))
        self._of_size.add(shape.size, shape, 2 * len(shape.template))
        return shape


def notification_pieces(notification: Notification, at: int) -> "list[str | Hole]":
    """Write a notification that begins at offset `at` as JSON text with holes, to the line's closing brace."""
    date_time: str | Hole = "null"
    if notification.date_time is not None:
        date_time = _clock(at + notification.date_time_at, 12)
    pieces: list[str | Hole] = [f'"apdu":"{notification.apdu}",']
    if notification.invoke_id is not None:
        pieces += ['"invoke_id":', Hole(at + 1, 4, "I", "%d"), ","]
    pieces += ['"date_time":', date_time]
    if notification.variable_names is not None:
        pieces.append(f',"variable_names":{json.dumps(notification.variable_names, separators=(",", ":"))}')
    pieces.append(',"body":')
    _write(notification.body, at, pieces)
    pieces.append("}")
    return pieces


def _clock(offset: int, size: int) -> Hole:
    codes, form = _CLOCKS[size]
    return Hole(offset, size, codes, form, size)


def _write(data: Data, at: int, pieces: "list[str | Hole]") -> None:
    """Append the JSON of a value whose offsets count from `at`."""
    if data.type in ("array", "structure"):
        pieces.append(f'{{"{data.type}":[')
        for number, element in enumerate(data.value):
            if number:
                pieces.append(",")
            _write(element, at, pieces)
        pieces.append("]}")
        return
    pieces.append(f'{{"{data.type}":')
    if data.type in _NUMBERS:
        code = _NUMBERS[data.type]
        size = struct.calcsize(">" + code)
        pieces.append(Hole(at + data.end - size, size, code, "%d"))
    elif data.type in cosem.CLOCK_TYPES and cosem.is_clock(data.value):
        pieces.append(_clock(at + data.end - len(data.value), len(data.value)))
    elif data.type in _TEXTS and data.value and data.value[0] & cosem.CLOCK_BITS in _TEXT_BITS:
        size = len(data.value)
        pieces.append(Hole(at + data.end - size, size, f"{size}s", _TEXTS[data.type][0], text=data.type))
    else:
        pieces.append(json.dumps(plain(data), separators=(",", ":")))
    pieces.append("}")


def plain(data: Data) -> Any:
    """Return the value of anything but an array or structure as han-decode writes it."""
    if data.type == "compact-array":
        description, values = data.value
        return {"type": description, "contents": [typed(value) for value in values]}
    if data.type == DESCRIPTOR:
        return data.value._asdict() | {"logical_name": data.value.logical_name.hex()}
    if data.type == "boolean":
        return bool(data.value)
    if data.type == "visible-string":
        return data.value.decode("latin-1")
    if data.type == "utf8-string":
        try:
            return data.value.decode()
        except UnicodeDecodeError:
            return data.value.hex()
    if isinstance(data.value, float) and not math.isfinite(data.value):
        return struct.pack(">f" if data.type == "float32" else ">d", data.value).hex()
    return data.value.hex() if isinstance(data.value, bytes) else data.value


def typed(data: Data) -> dict[str, Any]:
    """Return a value, and all inside it, as han-decode writes it: {type: value}."""
    if isinstance(data.value, list):
        return {data.type: [typed(element) for element in data.value]}
    return {data.type: plain(data)}
