"""Frame | Fault -> Message | Telegram | Refusal: APDUs put together, opened, read, and written by their shape."""

import json
from collections.abc import Callable, Iterable

from hanpipe.apdu import dlms
from hanpipe.apdu.arrival import stamp
from hanpipe.apdu.assembly import FIRST_BLOCK, FIRST_TELEGRAM, Lost, Numbered, Segments, read_block, read_telegram
from hanpipe.apdu.shape import Shape, Shapes, notification_pieces
from hanpipe.link.header import read_header
from hanpipe.link.kinds import FAULTS
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from hanpipe.apdu.ciphering import Deciphering

# The link that a fault was met on, by its first octet.
_LINKS: Final = {0x68: "mbus", 0x2F: "p1"} | dict.fromkeys(range(0xA0, 0xB0), "hdlc")
_FCS: Final = 2  # octets behind the information of a frame

# APDUs that hold others; Green Book ed. 9.
_BLOCK: Final = b"\xe0"
_CIPHERED: Final = (0xDB, 0xDC)


class Message(NamedTuple):
    """An APDU that could be read.

    time:     ns since 1970-01-01 UTC of its last frame, 0 = unknown
    envelope: JSON text of the keys that do not belong to the shape, each with a comma behind it
    shape:    what it shares with its like
    values:   what it does not share: the holes of the shape
    """

    time: int
    envelope: str
    shape: Shape
    values: tuple[int, ...]

    def line(self) -> str:
        """Return the line of han-decode, without a line end."""
        if self.time or self.envelope:
            return "{" + stamp(self.time) + self.envelope + self.shape.template % self.values
        return "{" + self.shape.template % self.values


class Telegram(NamedTuple):
    """A P1 telegram. keys: those of its line, "identification" and "objects" among them."""

    time: int
    keys: dict[str, Any]

    def line(self) -> str:
        """Return the line of han-decode, without a line end."""
        return "{" + stamp(self.time) + json.dumps(self.keys, separators=(",", ":"))[1:]


class Refusal(NamedTuple):
    """Octets, or an APDU, that could not be read. keys: those of its line; "fault" is among them."""

    time: int
    keys: dict[str, Any]

    def line(self) -> str:
        """Return the line of han-decode, without a line end."""
        return "{" + stamp(self.time) + json.dumps(self.keys, separators=(",", ":"))[1:]


class Apdu(NamedTuple):
    """An APDU in clear text, put together.

    time: as of a Message; keys: the first ones of its line
    octets: from its tag on; frame: the frame that carries it, if one does alone, else b""
    """

    time: int
    keys: dict[str, Any]
    octets: bytes
    frame: bytes = b""


_made = tuple.__new__  # Message(...), in half the time

Opened = Apdu | Telegram | Refusal
Told = Message | Telegram | Refusal


class Decoder:
    """Feed it records in line order; each gives what it completes: messages, telegrams and refusals, mostly one."""

    def __init__(
        self,
        deciphering: "Deciphering | None" = None,
        tell: Callable[[str], None] = lambda text: None,
        *,
        descriptors: bool = False,
    ) -> None:
        """Take what opens ciphered APDUs; without it they are refused for want of a key, and tell is told so.

        descriptors: as of dlms.read_notification
        """
        self._frames = Shapes()
        self._apdus = Shapes()
        self._segments = Segments()
        self._telegrams = Numbered(FIRST_TELEGRAM)
        self._blocks = Numbered(FIRST_BLOCK)
        self._tell = tell
        self._descriptors = descriptors
        self.deciphering = deciphering

    def feed(self, kind: str, octets: bytes, time: int = 0) -> list[Told]:
        """Read a record: kind and octets as in link/events.py, "" for octets of a torn record."""
        return self.feed_all([(kind, octets, time)])

    def feed_all(self, records: Iterable[tuple[str, bytes, int]]) -> list[Told]:
        """Read records; a frame that is like one before, as nearly all are, by its shape."""
        told: list[Told] = []
        find, segments = self._frames.find, self._segments
        for kind, octets, time in records:
            if kind == "H" and not segments.waiting and (shape := find(octets)) is not None:
                told.append(_made(Message, (time, "", shape, shape.unpack(octets))))
            else:
                opened = self.open(kind, octets, time)
                told += [self._read(one) if isinstance(one, Apdu) else one for one in opened]
        return told

    def open(self, kind: str, octets: bytes, time: int = 0) -> "list[Opened]":
        """Return what a record completes, in clear text, without reading the APDUs."""
        if kind == "H":
            return self._hdlc(octets, time)
        if kind == "M":
            return self._mbus(octets, time)
        if kind == "P":
            return [self._p1(octets, time)]
        if kind == "A":
            return self._apdu({"link": "apdu"}, octets, time)
        return self._fault(kind, octets, time)

    def end(self) -> "list[Refusal]":
        """The input has ended: return what was not completed."""
        return self._give_up(0)

    def _give_up(self, time: int) -> "list[Refusal]":
        """Forget what was begun, and tell of it."""
        begun = [*self._segments.end(), *self._telegrams.end(), *self._blocks.end()]
        return [_refused(lost, time) for lost in begun]

    def _fault(self, kind: str, octets: bytes, time: int) -> "list[Opened]":
        """Pass on octets given up; a frame among them may be the end of one APDU and the begin of the next."""
        keys = {"link": _LINKS[octets[0]]} if octets and octets[0] in _LINKS and kind not in ("", "n") else {}
        told: list[Opened] = []
        if keys and kind in ("c", "t"):
            told += self._give_up(time)
        return [*told, Refusal(time, keys | {"fault": FAULTS.get(kind, "record"), "octets": octets.hex()})]

    def _hdlc(self, octets: bytes, time: int) -> "list[Opened]":
        try:
            header = read_header(octets)
        except Malformed as malformed:
            return [_refusal("header", malformed, octets, {"link": "hdlc"}, time)]
        keys = {"link": "hdlc", "destination": header.destination.hex(), "source": header.source.hex()}
        origin = tuple(keys.items())
        alone = not (header.segmented or origin in self._segments.waiting)
        apdu, lost = self._segments.add(origin, octets[header.information : -2], header.segmented)
        told: list[Opened] = [_refused(each, time) for each in lost]
        return told + self._apdu(keys, apdu, time, octets if alone else b"")

    def _mbus(self, octets: bytes, time: int) -> "list[Opened]":
        try:
            address, source, destination, number, last, data = read_telegram(octets)
        except Malformed as malformed:
            return [_refusal("header", malformed, octets, {"link": "mbus"}, time)]
        keys = {"link": "mbus", "address": f"{address:02x}"}
        keys |= {"destination": f"{destination:02x}", "source": f"{source:02x}"}
        apdu, lost = self._telegrams.add(tuple(keys.items()), number, last, data)
        told: list[Opened] = [_refused(each, time) for each in lost]
        return told + self._apdu(keys, apdu, time)

    def _p1(self, octets: bytes, time: int) -> "Opened":
        """Read a telegram; the Polish kind holds a ciphered block in the place of its objects."""
        from hanpipe.apdu import telegram  # half of the meters never send one

        keys = {"link": "p1"}
        head, block = telegram.split_ciphered(octets)
        if not block:
            return _telegram(octets, keys, time)
        keys["identification"] = head.rstrip().decode("latin-1")
        return self._ciphered(keys, octets, time, head)

    def _apdu(self, keys: dict[str, Any], octets: bytes, time: int, frame: bytes = b"") -> "list[Opened]":
        """Take an APDU put together by its link; b"" is none. frame: as of an Apdu."""
        if octets[:1] == _BLOCK:
            return self._block(keys, octets, time)
        return [self._whole(keys, octets, time, frame)] if octets else []

    def _block(self, keys: dict[str, Any], octets: bytes, time: int) -> "list[Opened]":
        try:
            block = read_block(octets)
        except Malformed as malformed:
            return [_refusal("apdu", malformed, octets, keys, time)]
        apdu, lost = self._blocks.add(tuple(keys.items()), *block)
        told: list[Opened] = [_refused(each, time) for each in lost]
        return [*told, self._whole(keys, apdu, time)] if apdu else told

    def _whole(self, keys: dict[str, Any], octets: bytes, time: int, frame: bytes = b"") -> "Opened":
        return self._ciphered(keys, octets, time) if octets[0] in _CIPHERED else Apdu(time, keys, octets, frame)

    def _ciphered(self, keys: dict[str, Any], octets: bytes, time: int, head: bytes = b"") -> "Opened":
        """Open a ciphered APDU. head: of the telegram around it, the octets in front of the ciphered block."""
        from hanpipe.apdu import ciphering  # what most meters never need

        if self.deciphering is None:
            self.deciphering = ciphering.Deciphering(tell=self._tell)
        try:
            ciphered = ciphering.read_telegram(octets, len(head)) if head else ciphering.read_ciphered(octets)
        except Malformed as malformed:
            return _refusal("apdu", malformed, octets, keys, time)
        try:
            text, beside = self.deciphering.open(ciphered, lambda text: self._is_readable(text, head))
        except ciphering.Closed as closed:
            keys = keys | {"apdu": ciphered.apdu} | ciphered.keys() | {"fault": closed.fault, "detail": closed.detail}
            return Refusal(time, keys | {"octets": octets.hex()})
        return _clear(text, head, keys | beside, time)

    def _is_readable(self, text: bytes, head: bytes) -> bool:
        """Tell whether a text is an APDU or a telegram to its exact end: nothing else speaks for it."""
        from hanpipe.apdu import telegram

        if telegram.is_telegram(text) or (head and telegram.is_body(text)) or self._apdus.find(text) is not None:
            return True
        try:
            dlms.read_notification(text, descriptors=self._descriptors)
        except Malformed:
            return False
        return True

    def _read(self, apdu: Apdu) -> Message | Refusal:
        """Read an APDU in clear text; know its like by its shape from now on."""
        time, keys, octets, frame = apdu
        shape = self._frames.find(frame) if frame else self._apdus.find(octets)
        if shape is not None:
            return Message(time, "" if frame else _text(keys), shape, shape.unpack(frame or octets))
        try:
            notification = dlms.read_notification(octets, descriptors=self._descriptors)
        except Malformed as malformed:
            return _refusal("apdu", malformed, octets, keys, time)
        if frame:
            pieces = notification_pieces(notification, len(frame) - _FCS - len(octets))
            shape = Shape(frame, [_text(keys), *pieces], check=_FCS)
        else:
            shape = Shape(octets, notification_pieces(notification, 0))
        (self._frames if frame else self._apdus).add(shape)
        return Message(time, "" if frame else _text(keys), shape, shape.unpack(frame or octets))


def _clear(text: bytes, head: bytes, keys: dict[str, Any], time: int) -> Opened:
    """Take a deciphered text. head: as of Decoder._ciphered; the text may leave it out, as the telegram has it."""
    from hanpipe.apdu import telegram

    if text[:1] == b"/":
        return _telegram(text, keys | {"link": "p1"}, time)
    return _telegram(head + text, keys, time) if head and telegram.is_body(text) else Apdu(time, keys, text)


def _telegram(octets: bytes, keys: dict[str, Any], time: int) -> Telegram | Refusal:
    from hanpipe.apdu import telegram

    try:
        identification, objects = telegram.read_telegram(octets)
    except Malformed as malformed:
        return _refusal("telegram", malformed, octets, keys, time)
    return Telegram(time, keys | {"identification": identification, "objects": objects})


def _text(keys: dict[str, Any]) -> str:
    return json.dumps(keys, separators=(",", ":"))[1:-1] + ","


def _refusal(fault: str, malformed: Malformed, octets: bytes, keys: dict[str, Any], time: int) -> Refusal:
    why = {"fault": fault, "detail": malformed.what, "offset": malformed.offset}
    return Refusal(time, keys | why | {"octets": octets.hex()})


def _refused(lost: Lost, time: int) -> Refusal:
    return Refusal(time, dict(lost.origin) | {"fault": "segment lost", "octets": lost.octets.hex()})
