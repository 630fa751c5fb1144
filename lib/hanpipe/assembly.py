"""Frame -> APDU: the pieces of one APDU joined.

Three ways to send an APDU in pieces: segmented HDLC frames, M-Bus telegrams numbered in CI, blocks of a
general-block-transfer. Pieces that make no APDU are given back, in line order.
"""

from hanpipe.dlms import LLC
from hanpipe.octets import Malformed, read_length
from hanpipe.typed import Final, NamedTuple

LONGEST: Final = 65535  # octets of an APDU put together: more is no meter's
FIRST_TELEGRAM: Final = 0  # number of the first piece of an APDU in M-Bus
FIRST_BLOCK: Final = 1  # and in a block transfer

# APDUs that come without an LLC header in front where they follow the first block of a transfer; Green Book ed. 9.
_TAGS: Final = b"\x0f\xc2\xdb\xdc\xdd\xdf\xe0"


class Segments:
    """Joins the information of segmented HDLC frames.

    The frames carry no number: a piece with an LLC header starts an APDU, a frame without the segmentation bit ends it.
    A piece lost in the middle shows only when the APDU is read.

    waiting: the pieces of the APDU that has begun and not ended, b"" if there is none
    """

    def __init__(self) -> None:
        self.waiting = b""

    def add(self, information: bytes, segmented: bool) -> tuple[bytes, bytes]:
        """Add the information of a frame.

        return: the APDU that it completes, and the octets that it shows to be part of none; each b"" if there are none
        """
        pieces, self.waiting = self.waiting, b""
        if information[:3] == LLC:
            lost, whole = pieces, information[3:]
        elif pieces:
            lost, whole = b"", pieces + information
        elif not segmented and information[:1] and information[0] in _TAGS:
            lost, whole = b"", information
        else:
            return b"", information
        if not segmented:
            return whole, lost
        if len(whole) > LONGEST:
            return b"", lost + whole
        self.waiting = whole
        return b"", lost

    def end(self) -> bytes:
        """The input has ended: return the octets of the APDU that was not completed."""
        pieces, self.waiting = self.waiting, b""
        return pieces


class Telegram(NamedTuple):
    """The fields of an M-Bus telegram that carries DLMS.

    source, destination: STSAP and DTSAP; number: 0 to 15, of the piece; last: no more follow; data: of the APDU
    """

    address: int
    source: int
    destination: int
    number: int
    last: bool
    data: bytes


def read_telegram(octets: bytes) -> Telegram:
    """Read a long frame of wired M-Bus; its checksum is not looked at.

        68 | L | L | 68 | C | A | CI | STSAP | DTSAP | data | CS | 16

    raise:  Malformed: too short, or CI says that it carries something else
    source: EN 13757-2, 13757-3 (CI 00 to 1F: DLMS in pieces, bit 4 the last one, bits 3 to 0 the number)
    """
    if len(octets) < 12:
        raise Malformed(len(octets), "M-Bus telegram too short for a piece of an APDU")
    address, ci, source, destination = octets[5:9]
    if ci & 0xE0:
        raise Malformed(6, f"M-Bus telegram with CI {ci:02x} carries no DLMS")
    return Telegram(address, source, destination, ci & 0x0F, bool(ci & 0x10), octets[9:-2])


class Block(NamedTuple):
    """A block of a general-block-transfer. number: from 1 on; last: no more follow."""

    number: int
    last: bool
    data: bytes


def read_block(octets: bytes) -> Block:
    """Read a block to its exact end.

        E0 | block-control 1 | block-number 2 | block-number-ack 2 | length | block-data

    raise:  Malformed: its length is not that of the data, or the first one of a transfer is empty
    source: IEC 62056-5-3, general-block-transfer (Green Book ed. 9)
    """
    if len(octets) < 7:
        raise Malformed(len(octets), "ends inside the header of a block")
    length, at = read_length(octets, 6)
    if at + length != len(octets):
        raise Malformed(at, f"block of {length} octets announced, {len(octets) - at} there")
    number = int.from_bytes(octets[2:4], "big")
    if number == FIRST_BLOCK and not length:
        raise Malformed(at, "the first block holds no octets")
    return Block(number, bool(octets[1] & 0x80), octets[at:])


class Numbered:
    """Joins pieces that carry a number: M-Bus telegrams, or blocks of a general-block-transfer.

    A piece with the first number starts an APDU. One that is missing, repeated or from somewhere else costs the APDU it
    belongs to, and only that: what follows up to the next first piece is given back.
    """

    def __init__(self, first: int) -> None:
        """Take the number of an APDU's first piece: FIRST_TELEGRAM or FIRST_BLOCK."""
        self._first = first
        self._pieces: list[bytes] = []
        self._size = 0
        self._origin: object = None

    def add(self, origin: object, number: int, last: bool, data: bytes) -> tuple[bytes, bytes]:
        """Add a piece. origin: what says who sends it: pieces of one APDU have the same.

        return: the APDU that it completes, and the octets that it shows to be part of none; each b"" if there are none
        """
        lost = b""
        if origin != self._origin or number != self._first + len(self._pieces):
            lost = self.end()
        if number != self._first + len(self._pieces) or self._size + len(data) > LONGEST:
            return b"", lost + self.end() + data
        self._pieces.append(data)
        self._size += len(data)
        self._origin = origin
        return (self.end(), lost) if last else (b"", lost)

    def end(self) -> bytes:
        """Forget the pieces, and return their octets: of the APDU that was not completed."""
        pieces, self._pieces, self._size = b"".join(self._pieces), [], 0
        return pieces
