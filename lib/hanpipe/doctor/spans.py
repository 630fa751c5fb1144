"""Octets -> where frames begin by their headers, and where the next one begins in fact.

The header of an HDLC frame has a check; that of an M-Bus frame repeats its octets.

The difference between the announced length and the distance to the next frame tells lost octets from changed ones,
which the check of the frame alone cannot.
"""

import itertools
import re

from hanpipe.link.crc import GOOD, residue
from hanpipe.link.hdlc.header import LONGEST, header_end
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final, NamedTuple

_START: Final = re.compile(rb"\x7e(?=[\xa0-\xaf])")
_FLAG: Final = 0x7E
_MBUS: Final = re.compile(rb"(?=h(.)\1h[\x08\x53\x73])", re.DOTALL)  # start, length twice, start, control
_MBUS_AROUND: Final = 6  # octets of a frame that its length does not count: four in front, checksum and stop octet
_MBUS_STOP: Final = 0x16
_MOST_TOO_MANY: Final = 16  # octets after the announced length, from which the header of the next frame is damaged too
LONGEST_HEADER: Final = 14  # octets, HCS and one more


class Span(NamedTuple):
    """The octets between the opening flag of a frame and the next flags.

    announced: the length that its header gives; good: whether its check agrees; mbus: or else it is an HDLC frame
    """

    octets: bytes
    announced: int
    good: bool
    mbus: bool = False

    @property
    def missing(self) -> int:
        """How many octets fewer there are than announced; below 0: more."""
        return self.announced - len(self.octets)

    def passes(self, octets: bytes) -> bool:
        """Return whether other octets in the place of these pass the check of the link."""
        return mbus_passes(octets) if self.mbus else residue(octets) == GOOD


class Spans(NamedTuple):
    """The frames of a sample: those whose header passes its check, and the first octets of the other headers."""

    frames: list[Span]
    headers: list[bytes]


def header_size(octets: bytes, begin: int = 0) -> int:
    """Return the size of the header that begins there if its check agrees, 0 if not."""
    try:
        end = header_end(octets, begin)
    except Malformed:
        return 0
    return end - begin if end <= len(octets) and residue(octets[begin:end]) == GOOD else 0


def mbus_passes(octets: bytes, bits: int = 0xFF) -> bool:
    """Return whether an M-Bus frame ends with the sum of its octets and 16. bits: those of the sum to compare."""
    return octets[-1:] == bytes([_MBUS_STOP]) and not (sum(octets[4:-2]) - octets[-2]) & bits


def mbus_starts(octets: bytes) -> list[int]:
    """Return where M-Bus frames seem to begin."""
    return [found.start() for found in _MBUS.finditer(octets)]


def read_spans(octets: bytes) -> Spans:
    """Find the frames in octets. The last one is left out, as its end may not have come."""
    spans = _read_hdlc(octets)
    return spans if spans.frames else Spans(_read_mbus(octets), spans.headers)


def _read_mbus(octets: bytes) -> list[Span]:
    frames: list[Span] = []
    starts, ended = mbus_starts(octets), 0
    for begin, following in itertools.pairwise(starts):
        if begin < ended:
            continue  # inside a good frame
        announced = octets[begin + 1] + _MBUS_AROUND
        good = mbus_passes(octets[begin : begin + announced])
        end = begin + announced if good else following
        ended = end if good else 0
        if end <= begin + announced + _MOST_TOO_MANY:
            frames.append(Span(octets[begin:end], announced, good, mbus=True))
    return frames


def _read_hdlc(octets: bytes) -> Spans:
    starts = [found.end() for found in _START.finditer(octets)]
    anchors = [start for start in starts if header_size(octets, start)]
    frames: list[Span] = []
    ends: list[int] = []
    for at, begin in enumerate(anchors):
        if ends and begin < ends[-1]:
            continue  # inside a good frame
        announced = (octets[begin] & 7) << 8 | octets[begin + 1]
        end = begin + announced
        if good := octets[end : end + 1] == b"\x7e" and residue(octets[begin:end]) == GOOD:
            ends.append(end)
        elif (end := _next_flags(octets, begin, anchors[at + 1 :])) <= 0:
            continue
        frames.append(Span(octets[begin:end], announced, good))
    spoken = _covered(octets, frames, anchors)
    return Spans(frames, [octets[at : at + LONGEST_HEADER] for at in starts if not spoken[at]])


def _next_flags(octets: bytes, begin: int, anchors: list[int]) -> int:
    """Return where the flags in front of the next frame begin; 0 at the end of the sample."""
    following = next((anchor for anchor in anchors if anchor > begin), 0)
    double = octets.find(b"\x7e\x7e", begin + LONGEST_HEADER, begin + LONGEST + 64)
    ends = [end for end in (following, double) if end > 0]
    if not ends or min(ends) > begin + LONGEST + 64:
        return 0
    end = min(ends)
    while octets[end - 1] == _FLAG and end > begin:
        end -= 1
    return end


def _covered(octets: bytes, frames: list[Span], anchors: list[int]) -> bytearray:
    """Return a map of the octets: 1 where a good header begins or inside a good frame."""
    covered = bytearray(len(octets) + 1)
    for anchor in anchors:
        covered[anchor] = 1
    at = 0
    for span in frames:
        if span.good:
            at = octets.find(span.octets, at)
            covered[at : at + len(span.octets)] = b"\1" * len(span.octets)
            at += len(span.octets)
    return covered
