"""Octets -> APDUs without a frame: one to the end of the input, or ciphered ones, which tell their length."""

import re

from hanpipe.link.crc import GOOD, residue
from hanpipe.link.hdlc.header import read_header
from hanpipe.link.kinds import LONGEST, Event, Fault, Frame
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import Final

# general-glo-ciphering and general-ded-ciphering: tag, system title and content, each with its length; Green Book ed. 9
_CIPHERED: Final = (b"\xdb", b"\xdc")


# The beginnings of APDUs, perhaps after an LLC header: general-glo- or general-ded-ciphering; a data-notification
# without a date-time, its body an array or structure; one with a date-time (12 octets, year 07..), tagged or not.
_BEGINNING: Final = re.compile(
    rb"(?:\xe6[\xe6\xe7]\0)?(?:[\xdb\xdc][\x00\x08]|\x0f.{4}(?:\x00[\x01\x02]|\x09?\x0c\x07))", re.DOTALL
)
# The beginning of a notification-body: an array or structure of few elements, and a text, a number or a structure.
_BODY: Final = re.compile(rb"[\x01\x02][\x01-\x40][\x02\x06\x09\x0a]")


def looks_like_apdu(octets: bytes) -> bool:
    """Return whether octets begin like something that --link apdu takes."""
    return bool(_BEGINNING.match(octets) or _BODY.match(octets) or _begins_like_hdlc(octets))


def _begins_like_hdlc(octets: bytes) -> bool:
    """Return whether octets begin with a header of HDLC whose HCS is right."""
    try:
        return bool(residue(octets[: read_header(octets).information]) == GOOD)
    except Malformed:
        return False


class ApduFramer:
    """Feed it octets in pieces of any size.

    A ciphered APDU ends where its length says. All other octets are one APDU, which ends with the input; it may have an
    LLC header, or be a notification-body alone. An HDLC frame without its flags is a frame if its checks agree.
    """

    def __init__(self) -> None:
        self._octets = b""
        self._lost = False  # more octets came than an APDU can have, so that the rest is noise

    def feed(self, data: bytes) -> list[Event]:
        """Return what data completes, in line order. b"" means that the input has ended."""
        octets, at = self._octets + data, 0
        events: list[Event] = []
        while not self._lost and at < (end := _ciphered_end(octets, at)) <= len(octets):
            events.append(Frame("A", octets[at:end]))
            at = end
        while len(octets) - at > LONGEST:
            self._lost = True
            events.append(Fault("n", octets[at : at + LONGEST]))
            at += LONGEST
        if not data and at < len(octets):
            events.append(Fault("n", octets[at:]) if self._lost else _last(octets[at:]))
            at = len(octets)
        self._octets = octets[at:]
        return events


def _ciphered_end(octets: bytes, begin: int) -> int:
    """Return where the ciphered APDU at begin ends; 0 if octets are not one, or its length has not come yet."""
    if octets[begin : begin + 1] not in _CIPHERED:
        return 0
    try:
        title, at = read_length(octets, begin + 1)
        length, at = read_length(octets, at + title)
    except Malformed:
        return 0
    return at + length if at + length - begin <= LONGEST else 0


def _last(octets: bytes) -> Event:
    """Return the last event of the input: an APDU, a ciphered one that was cut, or an HDLC frame without flags."""
    if octets[:1] in _CIPHERED:
        return Fault("t", octets)
    if not _begins_like_hdlc(octets):
        return Frame("A", octets)
    if read_header(octets).length == len(octets) and residue(octets) == GOOD:
        return Frame("H", octets)
    return Fault("t" if len(octets) < read_header(octets).length else "c", octets)
