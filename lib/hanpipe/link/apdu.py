"""No link layer: the input is an APDU, or ciphered ones one behind the other."""

from hanpipe.link.events import Event, Fault, Frame
from hanpipe.octets import Malformed, read_length
from hanpipe.typed import Final

LONGEST: Final = 65535  # octets of an APDU, what a record holds

# general-glo-ciphering carries a system title in front of its length, general-ded-ciphering none; Green Book ed. 9
_GLO: Final = 0xDB
_DED: Final = 0xDC


class ApduFramer:
    """Feed it octets in pieces of any size. A ciphered APDU ends where its length says, any other with the input."""

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, data: bytes) -> list[Event]:
        """Return what data completes, in line order. b"" means that the input has ended."""
        self._octets += data
        events: list[Event] = []
        while (end := _ciphered_end(self._octets)) and end <= len(self._octets):
            events.append(Frame("A", self._octets[:end]))
            self._octets = self._octets[end:]
        if not data and self._octets:
            events += _last(self._octets)
            self._octets = b""
        while len(self._octets) > LONGEST and not end:
            events.append(Fault("n", self._octets[:LONGEST]))
            self._octets = self._octets[LONGEST:]
        return events


def _ciphered_end(octets: bytes) -> int:
    """Return where the ciphered APDU at the beginning ends, 0 if there is none or its length is not there yet."""
    if octets[:1] not in (bytes([_GLO]), bytes([_DED])):
        return 0
    try:
        at = 1
        if octets[0] == _GLO:
            title, at = read_length(octets, at)
            at += title
        length, at = read_length(octets, at)
    except Malformed:
        return 0
    return at + length if at + length <= LONGEST else 0


def _last(octets: bytes) -> list[Event]:
    """What stands at the end of the input: an APDU, or one that was cut."""
    if _ciphered_end(octets):
        return [Fault("t", octets)]
    if len(octets) > LONGEST:
        return [Fault("n", octets[at : at + LONGEST]) for at in range(0, len(octets), LONGEST)]
    return [Frame("A", octets)]
