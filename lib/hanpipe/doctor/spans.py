"""Octets -> where HDLC frames begin by the check of their header, and where the next one begins in fact.

The difference between the announced length and the distance to the next frame tells lost octets from changed ones,
which the check of the frame alone cannot.
"""

import re

from hanpipe.link.crc import GOOD, residue
from hanpipe.link.hdlc.header import LONGEST, header_end
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final, NamedTuple

_START: Final = re.compile(rb"\x7e(?=[\xa0-\xaf])")
_FLAG: Final = 0x7E
LONGEST_HEADER: Final = 14  # octets, HCS and one more


class Span(NamedTuple):
    """The octets between the opening flag of a frame and the next flags.

    announced: the length that its header gives; good: whether its check agrees
    """

    octets: bytes
    announced: int
    good: bool

    @property
    def missing(self) -> int:
        """How many octets fewer there are than announced; below 0: more."""
        return self.announced - len(self.octets)


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


def read_spans(octets: bytes) -> Spans:
    """Find the frames in octets. The last one is left out, as its end may not have come."""
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
