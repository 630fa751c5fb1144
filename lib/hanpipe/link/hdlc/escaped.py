"""HDLC on lines that keep octet transparency: ISO/IEC 13239, 4.3.2.

Between flags, a 7E or 7D (or any other octet) is sent as 7D, then the octet with its bit 5 turned. So a 7E is always a
flag, and the octets between two flags are a frame.
"""

import re

from hanpipe.link.crc import GOOD, residue
from hanpipe.link.hdlc.header import LONGEST, read_header
from hanpipe.link.kinds import Event, Fault, Frame
from hanpipe.link.octets import Malformed

FLAG = b"\x7e"
MOST = 2 * LONGEST  # octets of a frame on the line, all of them escaped

_ESCAPED = re.compile(rb"\x7d(.)", re.DOTALL)


def unescape(octets: bytes) -> bytes:
    """Return octets of the line without their escapes; an escape at the end stays."""
    return _ESCAPED.sub(lambda escaped: bytes([escaped[1][0] ^ 0x20]), octets)


class EscapedFramer:
    """Feed it octets in pieces of any size; the events do not depend on the pieces.

    The octets of frames are unescaped, those of faults as on the line. Octets in front of the first flag are noise, as
    is what does not begin like a frame; so are octets in a row without a flag that are too many for one.
    """

    def __init__(self) -> None:
        self._octets = b""  # after the last flag
        self._noise = True  # whether these cannot be a frame: there was no flag in front, or too many went before

    def feed(self, data: bytes) -> list[Event]:
        """Return what data completes, in line order. b"" means that the input has ended."""
        *whole, self._octets = (self._octets + data).split(FLAG)
        events: list[Event] = []
        for octets in whole:
            self._take(octets, events)
            self._noise = False
        if not data:
            # an input that was cut in front of the closing flag has lost no octet of the frame
            self._take(self._octets, events)
            self._octets, self._noise = b"", True
        self._octets = self._too_many(self._octets, events)
        return events

    def _take(self, octets: bytes, events: list[Event]) -> None:
        """Report the octets between two flags."""
        octets = self._too_many(octets, events)
        if octets:
            events.append(Fault("n", octets) if self._noise else _judge(octets))

    def _too_many(self, octets: bytes, events: list[Event]) -> bytes:
        """Report octets that are too many for a frame; return those left."""
        while len(octets) > MOST:
            events.append(Fault("n", octets[:MOST]))
            octets, self._noise = octets[MOST:], True
        return octets


def _judge(octets: bytes) -> Event:
    """Return the frame, or fault, that octets between two flags are."""
    frame = unescape(octets)
    try:
        header = read_header(frame)
    except Malformed:
        return Fault("n" if frame[0] & 0xF0 != 0xA0 else "t" if len(frame) < 7 else "h", octets)
    checked = 2 + len(header.destination) + len(header.source) + 3  # without information, the FCS is also the HCS
    if residue(frame[:checked]) != GOOD:
        return Fault("h", octets)
    if header.length == len(frame) and residue(frame) == GOOD:
        return Frame("H", frame)
    return Fault("t" if len(frame) < header.length else "c", octets)
