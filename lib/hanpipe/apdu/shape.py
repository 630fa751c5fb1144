"""Messages of one shape: the part that they share, and the text that they become.

A meter sends the same octets again and again with other numbers in them. The first message of a shape is walked, value
by value; that gives its mask (octets that must be equal), the places of numbers and clocks, and the text around them:

    octets     a02a 41 0883 13 0413 e6e700 0f 40000000 00 0101 0203 0906 0100010700ff 06 00000118 0202 0f00 161b 34cd
    mask       ffff ff ffff ff ffff ffffff ff 00000000 ff ffff ffff ffff ffffffffffff ff 00000000 ffff ffff ffff 0000
    unpack                                    I                                          I
    template   "link":"hdlc",..."invoke_id":%d,"date_time":null,"body":{"array":[{"structure":[
               {"octet-string":"0100010700ff"},{"double-long-unsigned":%d},{"structure":[{"integer":0},{"enum":27}]}]}]}}

Every message of the shape, the first one too, is then written by one masked compare, one unpack and one format, so no
second decoder has to be kept in step. Types of one octet (scalers, units, states), texts and the rare types belong to
the shape, since no meter varies them from message to message; where one does, each value makes a shape of its own and
costs a walk.
"""

import json
import math
import struct

from hanpipe.apdu import cosem
from hanpipe.apdu.cache import BoundedCache
from hanpipe.apdu.cosem import DESCRIPTOR
from hanpipe.apdu.dlms import Data, Notification
from hanpipe.apdu.template import HOLE, Slot
from hanpipe.unix.typed import Any, Final, NamedTuple

# Types whose value is a hole in the text: their struct code.
_NUMBERS: Final = {name: form.format[-1] for name, form in cosem.FIXED.values() if name in cosem.VARYING}
# Strings that may be a COSEM time, date or date-time are holes: their octets -> struct code, format.
_CLOCKS: Final = {4: ("I", "%08x"), 5: ("BI", "%02x%08x"), 12: ("III", "%08x%08x%08x")}

_ROOM: Final = 2_000_000  # characters of the shapes kept


class Hole(NamedTuple):
    """Octets whose value differs from message to message of a shape.

    offset: of the first octet; size: how many; codes: of struct, one a value; form: what % writes them with
    clock:  octets of the COSEM time, date or date-time that they are, 0 for a number
    """

    offset: int
    size: int
    codes: str
    form: str
    clock: int


class Shape:
    """The part that all messages of a shape share.

    mask, fixed: octets, as one big-endian number, are of this shape if octets & mask == fixed
    unpack:      octets -> the values of the holes
    template:    the line of han-decode after its opening brace and time; template % values is that of a message
    skeleton:    the same as JSON, with HOLE for each hole; slots: the holes, in order
    """

    __slots__ = ("fixed", "mask", "size", "skeleton", "slots", "template", "unpack")

    def __init__(self, octets: bytes, pieces: "list[str | Hole]", check: int = 0) -> None:
        """Make the shape of a message.

        octets: the message: an APDU, or the frame that carries it; check: octets at its end that the text leaves out
        pieces: its text, in order, the holes in the order of their octets
        """
        mask = bytearray(b"\xff" * (len(octets) - check) + bytes(check))
        form, template, skeleton, at, index = ">", "", "", 0, 0
        slots: list[Slot] = []
        for piece in pieces:
            if isinstance(piece, str):
                template += piece.replace("%", "%%")
                skeleton += piece
                continue
            end = piece.offset + piece.size
            mask[piece.offset : end] = bytes(piece.size)
            if piece.clock:
                mask[piece.offset] = cosem.CLOCK_BITS  # what may be a clock in one message may be one in all
            form += f"{piece.offset - at}x{piece.codes}"
            template += f'"{piece.form}"' if piece.clock else piece.form
            skeleton += HOLE
            slots.append(Slot(index, piece.clock))
            at, index = end, index + len(piece.codes)
        self.size = len(octets)
        self.mask = int.from_bytes(mask, "big")
        self.fixed = int.from_bytes(octets, "big") & self.mask
        self.unpack = struct.Struct(f"{form}{len(octets) - at}x").unpack
        self.template = template
        self.skeleton = "{" + skeleton
        self.slots = tuple(slots)


class Shapes:
    """The shapes met so far. A hostile line, where each message is of a new one, costs a walk a message."""

    def __init__(self) -> None:
        self._of_size = BoundedCache(_ROOM)

    def find(self, octets: bytes) -> Shape | None:
        """Return the shape of octets, if one like them was added."""
        shapes: list[Shape] | None = self._of_size.get(len(octets))
        if shapes is None:
            return None
        number = int.from_bytes(octets, "big")
        for shape in shapes:
            if number & shape.mask == shape.fixed:
                if shape is not shapes[0]:
                    self._of_size.touch(shape.size, shape)
                return shape
        return None

    def add(self, shape: Shape) -> None:
        """Keep a shape."""
        self._of_size.add(shape.size, shape, 2 * len(shape.template))


def notification_pieces(notification: Notification, at: int) -> "list[str | Hole]":
    """Write a notification that begins at offset `at` as JSON text with holes, to the line's closing brace."""
    date_time: str | Hole = "null"
    if notification.date_time is not None:
        date_time = _clock(at + notification.date_time_at, 12)
    pieces: list[str | Hole] = [f'"apdu":"{notification.apdu}",']
    if notification.invoke_id is not None:
        pieces += ['"invoke_id":', Hole(at + 1, 4, "I", "%d", 0), ","]
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
        pieces.append(Hole(at + data.end - size, size, code, "%d", 0))
    elif data.type in cosem.CLOCK_TYPES and cosem.is_clock(data.value):
        pieces.append(_clock(at + data.end - len(data.value), len(data.value)))
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
