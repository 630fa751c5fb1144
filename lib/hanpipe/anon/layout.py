"""Where a capture holds its APDUs: the offsets of frames, and of the octets of each APDU in all its pieces."""

from collections.abc import Iterable, Iterator

from hanpipe.apdu.assembly import read_block
from hanpipe.apdu.cosem import BLOCK_TRANSFER
from hanpipe.link.content import Content, NumberedPiece, Segment, reader, without_llc
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final, NamedTuple

_FLAG: Final = 0x7E

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
        self._pieces: dict[object, Ranges] = {}
        self._blocks: dict[object, Ranges] = {}
        self._cut: list[Ranges] = []

    def add(self, capture: bytes, piece: Piece) -> list[Ranges]:
        """Return the APDUs that a good frame completes."""
        try:
            content = reader(piece.kind)(piece.octets)
        except Malformed:
            return [[(piece.begin, piece.end)]]
        if content.piece is None or content.refused:  # searched as it is
            return [[(piece.begin, piece.end)]]
        return self._join(capture, piece, content, content.piece)

    def end(self) -> list[Ranges]:
        """Return the APDUs that were never completed."""
        return [*self._cut, *self._pieces.values(), *self._blocks.values()]

    def _join(self, capture: bytes, piece: Piece, content: Content, part: Segment | NumberedPiece) -> list[Ranges]:
        """Add a piece of an APDU to those before it from the same sender."""
        sender = (piece.kind, *content.keys.values())
        skipped = len(content.data) - len(without_llc(content.data))
        begin, end = piece.begin + content.begin + skipped, piece.begin + content.begin + len(content.data)
        if isinstance(part, NumberedPiece):
            first, last = part.number == 0, part.last
        else:
            first, last = skipped > 0, not part.more
        before = self._pieces.pop(sender, [])
        if before and first:
            self._cut.append(before)
            before = []
        ranges = [*before, (begin, end)]
        if last:
            return self._apdu(capture, sender, ranges)
        self._pieces[sender] = ranges
        return []

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


def gather(capture: bytes | bytearray, ranges: Ranges) -> bytes:
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
