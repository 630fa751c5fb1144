"""No link layer: the input is an APDU, or ciphered ones one behind the other."""

import re

from hanpipe.link.kinds import Event, Fault, Frame
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import Final

LONGEST: Final = 65535  # octets of an APDU, what a record holds

# general-glo-ciphering and general-ded-ciphering: tag, system title and content, each with its length; Green Book ed. 9
_CIPHERED: Final = (b"\xdb", b"\xdc")


# How APDUs begin: general-glo- or general-ded-ciphering; a data-notification without a date-time, its body an array or
# structure; one with a date-time (of 12 octets, the year 07..), with or without a tag before it
_BEGINNING: Final = re.compile(rb"[\xdb\xdc][\x00\x08]|\x0f.{4}(?:\x00[\x01\x02]|\x09?\x0c\x07)", re.DOTALL)


def looks_like_apdu(octets: bytes) -> bool:
    """Tell whether octets begin as an APDU does."""
    return _BEGINNING.match(octets) is not None


class ApduFramer:
    """Feed it octets in pieces of any size. A ciphered APDU ends where its length says, any other with the input."""

    def __init__(self) -> None:
        self._octets = b""
        self._lost = False  # more came than an APDU can be: what follows is part of none

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
    """Return where the ciphered APDU at begin ends, 0 if there is none or its length is not there yet."""
    if octets[begin : begin + 1] not in _CIPHERED:
        return 0
    try:
        title, at = read_length(octets, begin + 1)
        length, at = read_length(octets, at + title)
    except Malformed:
        return 0
    return at + length if at + length - begin <= LONGEST else 0


def _last(octets: bytes) -> Event:
    """What stands at the end of the input: an APDU, or a ciphered one that was cut."""
    return Fault("t", octets) if octets[:1] in _CIPHERED else Frame("A", octets)
