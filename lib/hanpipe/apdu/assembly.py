"""Frame -> APDU: the pieces of one APDU joined.

Three ways to send an APDU in pieces: segmented HDLC frames, M-Bus telegrams numbered in CI, blocks of a
general-block-transfer. Several meters may share a line: each one's pieces are joined by themselves. Pieces that make no
APDU are given back, in the order in which that shows.
"""

from hanpipe.apdu import cosem
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import Final, NamedTuple

LONGEST: Final = 65535  # octets of an APDU put together: more is no meter's
MOST_SENDERS: Final = 8  # whose pieces are kept at the same time
FIRST_TELEGRAM: Final = 0  # number of the first piece of an APDU in M-Bus
FIRST_BLOCK: Final = 1  # and in a block transfer

Origin = tuple[tuple[str, str], ...]  # who sends: link and addresses, as the first keys of a line of han-decode


class Lost(NamedTuple):
    """Octets that are part of no APDU. origin: who sent them."""

    origin: Origin
    octets: bytes


class _Begun:
    """The pieces of an APDU that has begun and not ended. count: of them; octets: theirs."""

    __slots__ = ("count", "octets")

    def __init__(self) -> None:
        self.count = 0
        self.octets = bytearray()

    def add(self, octets: bytes) -> None:
        self.count += 1
        self.octets += octets


class _Joiner:
    """What joins pieces, those of each sender by themselves.

    waiting: origin -> what it has begun, the one longest silent first
    """

    def __init__(self) -> None:
        self.waiting: dict[Origin, _Begun] = {}

    def end(self) -> list[Lost]:
        """The input has ended: forget all pieces, and return their octets."""
        waiting, self.waiting = self.waiting, {}
        return [lost for origin, begun in waiting.items() for lost in _lost(origin, begun.octets)]

    def _keep(self, origin: Origin, begun: _Begun) -> list[Lost]:
        """Let pieces wait for more; return what must be given up for them."""
        if len(begun.octets) > LONGEST:
            return _lost(origin, begun.octets)
        self.waiting[origin] = begun
        if len(self.waiting) <= MOST_SENDERS:
            return []
        oldest = next(iter(self.waiting))
        return _lost(oldest, self.waiting.pop(oldest).octets)


def _lost(origin: Origin, octets: bytes | bytearray) -> list[Lost]:
    return [Lost(origin, bytes(octets))] if octets else []


class Segments(_Joiner):
    """Joins the information of segmented HDLC frames.

    The frames carry no number: a piece with an LLC header starts an APDU, a frame without the segmentation bit ends it.
    A piece lost in the middle shows only when the APDU is read.
    """

    def add(self, origin: Origin, information: bytes, segmented: bool) -> tuple[bytes, list[Lost]]:
        """Add the information of a frame.

        return: the APDU that it completes, b"" if there is none, and what it shows to be part of none
        """
        begun, lost = self.waiting.pop(origin, None) or _Begun(), []
        if information[:3] in cosem.LLCS:
            begun, lost, information = _Begun(), _lost(origin, begun.octets), information[3:]
        elif not begun.count and (segmented or not (information and information[0] in cosem.APDUS)):
            return b"", _lost(origin, information)
        begun.add(information)
        return (b"", lost + self._keep(origin, begun)) if segmented else (bytes(begun.octets), lost)


class Block(NamedTuple):
    """A block of a general-block-transfer. number: from 1 on; last: whether it is the last; end: offset after it."""

    number: int
    last: bool
    data: bytes
    end: int


def read_block(octets: bytes) -> Block:
    """Read the block at the beginning of octets.

        E0 | block-control 1 | block-number 2 | block-number-ack 2 | length | block-data

    raise:  Malformed: it is longer than the octets, or the first one of a transfer and empty
    source: IEC 62056-5-3, general-block-transfer (Green Book ed. 9)
    """
    if len(octets) < 7:
        raise Malformed(len(octets), "the block ends inside its header")
    length, at = read_length(octets, 6)
    if at + length > len(octets):
        raise Malformed(at, f"expected a block of {length} octets, found {len(octets) - at}")
    number = int.from_bytes(octets[2:4], "big")
    if number == FIRST_BLOCK and not length:
        raise Malformed(at, "the first block is empty")
    return Block(number, bool(octets[1] & 0x80), octets[at : at + length], at + length)


class Numbered(_Joiner):
    """Joins pieces that carry a number: M-Bus telegrams, or blocks of a general-block-transfer.

    A piece with the first number starts an APDU. One that is missing or repeated costs the APDU it belongs to, and only
    that: what follows up to the next first piece of its sender is given back.
    """

    def __init__(self, first: int) -> None:
        """Take the number of an APDU's first piece: FIRST_TELEGRAM or FIRST_BLOCK."""
        super().__init__()
        self._first = first

    def add(self, origin: Origin, number: int, last: bool, data: bytes) -> tuple[bytes, list[Lost]]:
        """Add a piece.

        return: the APDU that it completes, b"" if there is none, and what it shows to be part of none
        """
        begun, lost = self.waiting.pop(origin, None) or _Begun(), []
        due = self._first + begun.count
        if number not in (due, self._first):
            return b"", _lost(origin, begun.octets + data)
        if number != due:
            begun, lost = _Begun(), _lost(origin, begun.octets)
        begun.add(data)
        if last and len(begun.octets) <= LONGEST:
            return bytes(begun.octets), lost
        return b"", lost + self._keep(origin, begun)
