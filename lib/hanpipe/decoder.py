"""Frame | Fault -> Message | Refusal: APDUs put together, read, and written by their shape."""

import json
import time as clock
from typing import Any, NamedTuple

from hanpipe import dlms
from hanpipe.assembly import Segments
from hanpipe.link import hdlc
from hanpipe.link.events import FAULTS
from hanpipe.octets import Malformed
from hanpipe.shape import Hole, Shape, Shapes, notification_pieces

# The link that a fault was met on, by its first octet.
_LINKS = {0x68: "mbus", 0x2F: "p1"} | dict.fromkeys(range(0xA0, 0xB0), "hdlc")


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


class Decoder:
    """Feed it records in line order; each gives the messages and refusals that it completes, mostly one."""

    def __init__(self) -> None:
        self._shapes = Shapes()
        self._segments = Segments()

    def feed(self, kind: str, octets: bytes, time: int = 0) -> "list[Message | Refusal]":
        """Read a record: kind and octets as in link/events.py, "" for octets of a torn record."""
        if kind == "H" and not self._segments.waiting and (shape := self._shapes.find(octets)) is not None:
            return [Message(time, "", shape, shape.unpack(octets))]
        if kind == "H":
            return self._hdlc(octets, time)
        if kind == "A":
            return [self._apdu(octets, {"link": "apdu"}, time)]
        link = {"link": _LINKS[octets[0]]} if octets[0] in _LINKS and kind not in ("", "n") else {}
        return [Refusal(time, link | {"fault": FAULTS.get(kind, "record"), "octets": octets.hex()})]

    def end(self) -> "list[Refusal]":
        """The input has ended: return what was not completed."""
        lost = self._segments.end()
        return [_lost(lost, {"link": "hdlc"}, 0)] if lost else []

    def _hdlc(self, octets: bytes, time: int) -> "list[Message | Refusal]":
        try:
            header = hdlc.read_header(octets)
        except Malformed as malformed:
            keys = {"link": "hdlc", "fault": "header", "detail": malformed.what, "offset": malformed.offset}
            return [Refusal(time, keys | {"octets": octets.hex()})]
        keys = {"link": "hdlc", "destination": header.destination.hex(), "source": header.source.hex()}
        alone = not (header.segmented or self._segments.waiting)
        apdu, lost = self._segments.add(octets[header.information : -2], header.segmented)
        told: list[Message | Refusal] = [_lost(lost, keys, time)] if lost else []
        if apdu:
            told.append(self._apdu(apdu, keys, time, octets if alone else b""))
        return told

    def _apdu(self, apdu: bytes, keys: dict[str, Any], time: int, frame: bytes = b"") -> Message | Refusal:
        """Read an APDU. frame: the frame that carries it, if one does alone; keys: the line's first ones."""
        if not frame and (shape := self._shapes.find(apdu)) is not None:
            return Message(time, _text(keys), shape, shape.unpack(apdu))
        try:
            notification = dlms.read_notification(apdu)
        except Malformed as malformed:
            why = {"fault": "apdu", "detail": malformed.what, "offset": malformed.offset}
            return Refusal(time, keys | why | {"octets": apdu.hex()})
        pieces: list[str | Hole] = notification_pieces(notification, len(frame) - 2 - len(apdu) if frame else 0)
        envelope = _text(keys)
        if frame:
            shape = Shape(frame, [envelope, *pieces], check=2)
            envelope = ""
        else:
            shape = Shape(apdu, pieces)
        self._shapes.add(shape)
        return Message(time, envelope, shape, shape.unpack(frame or apdu))


def _text(keys: dict[str, Any]) -> str:
    return json.dumps(keys, separators=(",", ":"))[1:-1] + ","


def _lost(octets: bytes, keys: dict[str, Any], time: int) -> Refusal:
    return Refusal(time, keys | {"fault": "segment lost", "octets": octets.hex()})
