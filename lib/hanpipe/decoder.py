"""Frame | Fault -> Message | Refusal: APDUs put together, read, and written by their shape."""

import json
import time as clock
from typing import Any, Final, NamedTuple

from hanpipe import dlms
from hanpipe.assembly import Segments
from hanpipe.link import hdlc
from hanpipe.link.events import FAULTS
from hanpipe.octets import Malformed
from hanpipe.shape import Shape, Shapes, notification_pieces

# The link that a fault was met on, by its first octet.
_LINKS: Final = {0x68: "mbus", 0x2F: "p1"} | dict.fromkeys(range(0xA0, 0xB0), "hdlc")
_FCS: Final = 2  # octets behind the information of a frame


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
        return "{" + stamp(self.time) + self.envelope + self.shape.template % self.values


class Refusal(NamedTuple):
    """Octets, or an APDU, that could not be read. keys: those of its line; "fault" is among them."""

    time: int
    keys: dict[str, Any]

    def line(self) -> str:
        """Return the line of han-decode, without a line end."""
        return "{" + stamp(self.time) + json.dumps(self.keys, separators=(",", ":"))[1:]


def stamp(time: int) -> str:
    """Write ns since 1970-01-01 UTC as the first key of a line, RFC 3339 to the millisecond; nothing if unknown."""
    if not time:
        return ""
    seconds, fraction = divmod(time, 1_000_000_000)
    return clock.strftime(f'"time":"%Y-%m-%dT%H:%M:%S.{fraction // 1_000_000:03}Z",', clock.gmtime(seconds))


class Apdu(NamedTuple):
    """An APDU in clear text, put together.

    time: as of a Message; keys: the first ones of its line
    octets: from its tag on; frame: the frame that carries it, if one does alone, else b""
    """

    time: int
    keys: dict[str, Any]
    octets: bytes
    frame: bytes = b""


class Decoder:
    """Feed it records in line order; each gives the messages and refusals that it completes, mostly one."""

    def __init__(self) -> None:
        self._shapes = Shapes()
        self._segments = Segments()

    def feed(self, kind: str, octets: bytes, time: int = 0) -> "list[Message | Refusal]":
        """Read a record: kind and octets as in link/events.py, "" for octets of a torn record."""
        if kind == "H" and not self._segments.waiting and (shape := self._shapes.find(octets)) is not None:
            return [Message(time, "", shape, shape.unpack(octets))]
        return [self._read(told) if isinstance(told, Apdu) else told for told in self.open(kind, octets, time)]

    def open(self, kind: str, octets: bytes, time: int = 0) -> "list[Apdu | Refusal]":
        """Return what a record completes, without reading the APDUs."""
        if kind == "H":
            return self._hdlc(octets, time)
        if kind == "A":
            return [Apdu(time, {"link": "apdu"}, octets)]
        link = {"link": _LINKS[octets[0]]} if octets[0] in _LINKS and kind not in ("", "n") else {}
        return [Refusal(time, link | {"fault": FAULTS.get(kind, "record"), "octets": octets.hex()})]

    def end(self) -> "list[Refusal]":
        """The input has ended: return what was not completed."""
        lost = self._segments.end()
        return [_lost(lost, {"link": "hdlc"}, 0)] if lost else []

    def _hdlc(self, octets: bytes, time: int) -> "list[Apdu | Refusal]":
        try:
            header = hdlc.read_header(octets)
        except Malformed as malformed:
            return [_refusal("header", malformed, octets, {"link": "hdlc"}, time)]
        keys = {"link": "hdlc", "destination": header.destination.hex(), "source": header.source.hex()}
        alone = not (header.segmented or self._segments.waiting)
        apdu, lost = self._segments.add(octets[header.information : -2], header.segmented)
        told: list[Apdu | Refusal] = [_lost(lost, keys, time)] if lost else []
        if apdu:
            told.append(Apdu(time, keys, apdu, octets if alone else b""))
        return told

    def _read(self, apdu: Apdu) -> Message | Refusal:
        """Read an APDU in clear text; know its like by its shape from now on."""
        time, keys, octets, frame = apdu
        if not frame and (shape := self._shapes.find(octets)) is not None:
            return Message(time, _text(keys), shape, shape.unpack(octets))
        try:
            notification = dlms.read_notification(octets)
        except Malformed as malformed:
            return _refusal("apdu", malformed, octets, keys, time)
        if frame:
            pieces = notification_pieces(notification, len(frame) - _FCS - len(octets))
            shape = Shape(frame, [_text(keys), *pieces], check=_FCS)
        else:
            shape = Shape(octets, notification_pieces(notification, 0))
        self._shapes.add(shape)
        return Message(time, "" if frame else _text(keys), shape, shape.unpack(frame or octets))


def _text(keys: dict[str, Any]) -> str:
    return json.dumps(keys, separators=(",", ":"))[1:-1] + ","


def _refusal(fault: str, malformed: Malformed, octets: bytes, keys: dict[str, Any], time: int) -> Refusal:
    why = {"fault": fault, "detail": malformed.what, "offset": malformed.offset}
    return Refusal(time, keys | why | {"octets": octets.hex()})


def _lost(octets: bytes, keys: dict[str, Any], time: int) -> Refusal:
    return Refusal(time, keys | {"fault": "segment lost", "octets": octets.hex()})
