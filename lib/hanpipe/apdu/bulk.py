"""Frames of one piece that are all like ones before -> their shapes, without an object for each.

The frames of a size are one long number, which one masked compare judges:

    frames     a02a..., a010..., a02a...     sizes    44 18 44
    of 44      a02a...a02a...                octets & mask mask == fixed fixed: all are of that shape
"""

from collections import defaultdict
from collections.abc import Iterator

from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message
from hanpipe.apdu.shape import Shape
from hanpipe.link import Event
from hanpipe.unix.typed import Final, NamedTuple

_FEW: Final = 3  # shapes with which the frames of a size are compared; a hostile line makes many
_MOST: Final = 16  # shapes whose masks are kept for many frames: each takes as many octets as two pieces


class Bulk(NamedTuple):
    """Messages that came together.

    time:   of all, ns since 1970-01-01 UTC, 0 = unknown
    sizes:  octets of the frame of each, in line order
    frames: size -> the shape of the frames of that size, and their octets, one after the other
    """

    time: int
    sizes: list[int]
    frames: dict[int, tuple[Shape, bytes]]

    def messages(self) -> Iterator[Message]:
        """Yield the messages one by one."""
        begins = dict.fromkeys(self.frames, 0)
        for size in self.sizes:
            shape, octets = self.frames[size]
            begin = begins[size]
            begins[size] += size
            yield Message(self.time, "", shape, shape.unpack(octets[begin : begin + size]))


class BulkReader:
    """Reads pieces whose frames are all like ones that a decoder has read before."""

    def __init__(self, decoder: Decoder) -> None:
        """Take the decoder. It reads the other pieces, in line order with these; what it knows does not change here."""
        self._decoder = decoder
        self._repeated: dict[Shape, tuple[int, int, int]] = {}  # mask and fixed for so many frames

    def read(self, events: list[Event], time: int) -> Bulk | None:
        """Read the events of a piece; None unless all are such frames. events: of the framer; time: as of Bulk."""
        if {kind for kind, _ in events} != {"H"}:
            return None
        of_size = defaultdict(list)
        for _, octets in events:
            of_size[len(octets)].append(octets)
        frames = {}
        for size, some in of_size.items():
            joined = b"".join(some)
            shape = self._shape(joined, size, len(some))
            if not shape:
                return None
            frames[size] = shape, joined
        return Bulk(time, [len(octets) for _, octets in events], frames)

    def _shape(self, octets: bytes, size: int, count: int) -> Shape | None:
        """Return the shape of so many frames of a size, None if they may have several."""
        number = int.from_bytes(octets, "big")
        for shape in self._decoder.shapes_of(size)[:_FEW]:
            mask, fixed = self._of_many(shape, count)
            if number & mask == fixed:
                return shape
        return None

    def _of_many(self, shape: Shape, count: int) -> tuple[int, int]:
        """Return mask and fixed of a shape for so many frames, one after the other."""
        known, mask, fixed = self._repeated.get(shape, (0, 0, 0))
        if known < count:
            if len(self._repeated) == _MOST:
                self._repeated.clear()
            known, mask, fixed = count, *(_repeated(part, shape.size, count) for part in (shape.mask, shape.fixed))
            self._repeated[shape] = known, mask, fixed
        more = 8 * shape.size * (known - count)
        return mask >> more, fixed >> more


def _repeated(number: int, size: int, count: int) -> int:
    """Return a big-endian number of so many octets, repeated so many times."""
    return int.from_bytes(number.to_bytes(size, "big") * count, "big")
