"""Pieces -> APDU.

An APDU may come in pieces in three ways: as segmented HDLC frames, as M-Bus frames numbered in CI, or as blocks of a
general-block-transfer. Several meters may share a line, so the pieces of each sender are joined by themselves. Pieces
that never make an APDU are returned as lost, as soon as that is known.
"""

from hanpipe.apdu import cosem
from hanpipe.link.content import LLCS
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import Final, NamedTuple

LONGEST: Final = 65535  # octets of an APDU put together; no meter sends more
MOST_SENDERS: Final = 8  # senders whose pieces are kept at the same time
FIRST_FRAME: Final = 0  # number of the first M-Bus frame of an APDU
FIRST_BLOCK: Final = 1  # number of the first block of an APDU

Origin = tuple[tuple[str, str], ...]  # the sender: link and addresses, as the first keys of a line


class Lost(NamedTuple):
    """Octets that do not make an APDU. origin: their sender."""

    origin: Origin
    octets: bytes


class _Begun:
    """The pieces of an APDU that has begun and not ended: their number and their octets."""

    __slots__ = ("count", "octets")

    def __init__(self) -> None:
        self.count = 0
        self.octets = bytearray()

    def add(self, octets: bytes) -> None:
        self.count += 1
        self.octets += octets


class _Joiner:
    """Joins the pieces of each sender by themselves.

    waiting: origin -> the pieces of its APDU so far, the sender that was silent for longest first
    """

    def __init__(self) -> None:
        self.waiting: dict[Origin, _Begun] = {}

    def end(self) -> list[Lost]:
        """Forget all pieces, and return their octets: the input has ended."""
        waiting, self.waiting = self.waiting, {}
        return [lost for origin, begun in waiting.items() for lost in _lost(origin, begun.octets)]

    def _keep(self, origin: Origin, begun: _Begun) -> list[Lost]:
        """Let pieces wait for more. Return the pieces that must be given up for them."""
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

    The frames carry no number: a piece with an LLC header begins an APDU, a frame without the segmentation bit ends it.
    So a piece that is missing in the middle shows only when the APDU is read.
    """

    def add(self, origin: Origin, information: bytes, segmented: bool) -> tuple[bytes, list[Lost]]:
        """Add the information of a frame.

        return: the APDU that it completes, or b""; and the pieces that it shows to be lost
        """
        begun, lost = self.waiting.pop(origin, None) or _Begun(), []
        if information[:3] in LLCS:
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
    """Joins pieces that carry a number: M-Bus frames, or blocks of a general-block-transfer.

    A piece with the first number begins an APDU. A piece that is missing or repeated costs its own APDU only: the
    pieces up to the next first one of the same sender are lost.
    """

    def __init__(self, first: int) -> None:
        """Take the number of an APDU's first piece: FIRST_FRAME or FIRST_BLOCK."""
        super().__init__()
        self._first = first

    def add(self, origin: Origin, number: int, last: bool, data: bytes) -> tuple[bytes, list[Lost]]:
        """Add a piece.

        return: the APDU that it completes, or b""; and the pieces that it shows to be lost
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
