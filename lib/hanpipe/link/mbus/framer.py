"""Octets -> M-Bus long frames and faults: EN 13757-2, 5.5.

    68 | L | L | 68 | C | A | CI | data | checksum | 16
                    |<------- L ------->|

The checksum is the sum of those L octets modulo 256. Some meters send L modulo 256 (docs/protocol.md), so
that a frame has L octets or L + 256.
"""

import re

from hanpipe.link.search import Search, Start
from hanpipe.unix.typed import Final

STOP = b"\x16"
AROUND = 6  # octets of a frame around those that L counts
LEAST = 3  # C, A and CI: a smaller L is one modulo 256
LONGEST = 255 + AROUND  # where L is what it says

# C of a meter that pushes: SND_UD with the frame count bit 0 or 1; RSP_UD, where it sends a variable header.
_START: Final = (b"h", b".", b".", b"h", rb"[\x08\x53\x73]")
_HEADER = re.compile(b"".join(_START), re.DOTALL)


def judge(octets: bytes, begin: int, ended: bool) -> tuple[str, int]:
    """Judge the frame whose start octet is at begin (Judge in search.py).

    The shorter of the two lengths is tried as soon as its octets are there, and believed if checksum and stop octet are
    right: nobody waits for the longer one then. Only where it fails (or L is too small) the longer one is waited for,
    and only as long as no other header comes in between: one of five octets is better evidence than a length in doubt.
    """
    if octets[begin + 1] != octets[begin + 2]:
        return "h", begin + LONGEST
    size, short = len(octets), begin + octets[begin + 1] + AROUND
    long, possible = short + 256, octets[begin + 1] >= LEAST
    if possible and size < short and not ended:
        return "", short
    if possible and _fits(octets, begin, short):
        return "M", short
    if _HEADER.search(octets, begin + 1, long) is not None:
        return "c" if possible and octets[short - 1 : short] == STOP else "t", short if possible else long
    if size < long and not ended:
        return "", size + 1  # the next octet may complete a header
    if _fits(octets, begin, long):
        return "M", long
    end = short if possible else long
    return "c" if octets[end - 1 : end] == STOP else "t", end


def _fits(octets: bytes, begin: int, end: int) -> bool:
    """Return whether a frame from begin to end has its stop octet and its checksum in place."""
    return octets[end - 1 : end] == STOP and sum(octets[begin + 4 : end - 2]) & 0xFF == octets[end - 2]


STARTS: Final = (Start(_START, judge),)


class MbusFramer(Search):
    """Finds M-Bus frames: feed() it octets in pieces of any size.

    A header whose two lengths differ is a fault of kind h, a frame whose stop octet is in place one of kind c, all else
    that begins like a frame one of kind t.
    """

    def __init__(self) -> None:
        super().__init__(*STARTS)
