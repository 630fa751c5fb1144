"""Where a capture holds its APDUs: the offsets of frames, and of the octets of each APDU in all its pieces."""

from collections.abc import Iterable, Iterator

from hanpipe.apdu.assembly import read_block
from hanpipe.apdu.cosem import BLOCK_TRANSFER
from hanpipe.link import mbus
from hanpipe.link.header import read_header
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final, NamedTuple

_FLAG: Final = 0x7E
_FCS: Final = 2
_MBUS_END: Final = 2  # octets after the data of an M-Bus telegram: checksum and 16
_LLC_SIZE: Final = 3
_LLC: Final = (b"\xe6\xe7\x00", b"\xe6\xe6\x00")

Ranges = list[tuple[int, int]]  # begin and end offsets in the capture


class Piece(NamedTuple):
    """A frame or fault of a capture, kind as in link/kinds.py, and where it begins."""

    kind: str
    begin: int
    octets: bytes

    @property
    def end(self) -> int:
        """The offset after its last octet."""
        return self.begin + len(self.octets)


def locate(capture: bytes, events: Iterable[tuple[str, bytes]]) -> Iterator[Piece]:
    """Yield the events of a capture with their offsets. Only flags are between two of them."""
    at = 0
    for kind, octets in events:
        while capture[at : at + len(octets)] != octets:
            if capture[at] != _FLAG:
                raise ValueError(f"the octets at {at} are in no event")
            at += 1
        yield Piece(kind, at, octets)
        at += len(octets)


class Places:
    """Feed it the pieces of a capture in order; it gives the ranges of each APDU once it is complete."""

    def __init__(self) -> None:
        self._segments: dict[object, Ranges] = {}
        self._blocks: dict[object, Ranges] = {}

    def add(self, capture: bytes, piece: Piece) -> list[Ranges]:
        """Return the APDUs that a good frame completes."""
        if piece.kind == "H":
            return self._hdlc(capture, piece)
        if piece.kind == "M":
            return self._mbus(capture, piece)
        return [[(piece.begin, piece.end)]]

    def end(self) -> list[Ranges]:
        """Return the APDUs that were never completed."""
        return [*self._segments.values(), *self._blocks.values()]

    def _hdlc(self, capture: bytes, piece: Piece) -> list[Ranges]:
        header = read_header(piece.octets)
        sender = ("H", header.destination, header.source)
        begin, end = piece.begin + header.information, piece.end - _FCS
        ended: list[Ranges] = []
        if capture[begin : begin + _LLC_SIZE] in _LLC:
            begin += _LLC_SIZE
            if (left := self._segments.pop(sender, None)) is not None:
                ended.append(left)
        ranges = [*self._segments.pop(sender, []), (begin, end)]
        if header.segmented:
            self._segments[sender] = ranges
            return ended
        return [*ended, *self._apdu(capture, sender, ranges)]

    def _mbus(self, capture: bytes, piece: Piece) -> list[Ranges]:
        try:
            telegram = mbus.read_fields(piece.octets)
        except Malformed:  # of another application, or with another header: searched as it is
            return [[(piece.begin, piece.end)]]
        sender = ("M", telegram.address, telegram.source, telegram.destination)
        end = piece.end - _MBUS_END
        before = self._segments.pop(sender, [])
        ended = [before] if before and not telegram.number else []
        ranges = [*([] if ended else before), (end - len(telegram.data), end)]
        if telegram.last:
            return [*ended, *self._apdu(capture, sender, ranges)]
        self._segments[sender] = ranges
        return ended

    def _apdu(self, capture: bytes, sender: object, ranges: Ranges) -> list[Ranges]:
        """Take an APDU put together by its link; join the blocks of a transfer."""
        octets = gather(capture, ranges)
        if octets[:1] != bytes([BLOCK_TRANSFER]):
            return [ranges]
        try:
            block = read_block(octets)
        except Malformed:
            return [ranges]
        joined = [*self._blocks.pop(sender, []), *tail(ranges, len(octets) - len(block.data))]
        if block.last:
            return [joined]
        self._blocks[sender] = joined
        return []


def gather(capture: bytes, ranges: Ranges) -> bytes:
    """Return the octets of ranges, put together."""
    return b"".join(bytes(capture[begin:end]) for begin, end in ranges)


def scatter(capture: bytearray, ranges: Ranges, octets: bytes) -> None:
    """Write octets back to their ranges."""
    at = 0
    for begin, end in ranges:
        capture[begin:end] = octets[at : at + end - begin]
        at += end - begin


def tail(ranges: Ranges, skip: int) -> Ranges:
    """Return ranges without their first octets."""
    left: Ranges = []
    for begin, end in ranges:
        cut = min(skip, end - begin)
        skip -= cut
        if begin + cut < end:
            left.append((begin + cut, end))
    return left
