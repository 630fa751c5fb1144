"""What a frame carries.

Each link has this function in its content.py:

    read_content(octets, *, whole=True) -> Content

octets: a frame as in kinds.Frame; its checks are not looked at. whole: whether all of it is there, its check with it
raise:  Malformed: octets that cannot be read as the header of a frame
"""

import functools
from collections.abc import Callable

from hanpipe.link.kinds import GOOD
from hanpipe.link.octets import Malformed
from hanpipe.unix.late import imported
from hanpipe.unix.typed import Final, NamedTuple

# The header before an APDU: destination LSAP, source LSAP, quality; IEC 62056-46. A few meters send the second one,
# which is that of a client.
LLC: Final = b"\xe6\xe7\x00"
LLCS: Final = (LLC, b"\xe6\xe6\x00")


class Segment(NamedTuple):
    """A piece of an APDU without a number: the LLC header begins the APDU. more: whether other pieces follow."""

    more: bool


class NumberedPiece(NamedTuple):
    """A piece of an APDU with its number, from 0 on. last: whether it is the last."""

    number: int
    last: bool


class Content(NamedTuple):
    """The addresses and the information of a frame.

    keys:     the addresses, as the line of han-decode has them (docs/formats.md)
    begin:    offset of data in the frame
    data:     an APDU or a piece of one, perhaps after an LLC header; or a telegram
    piece:    how it is joined with others; None if it is whole
    telegram: whether it is a telegram
    refused:  why it is neither; data is empty then
    """

    keys: dict[str, str]
    begin: int
    data: bytes
    piece: Segment | NumberedPiece | None = None
    telegram: bool = False
    refused: Malformed | None = None


@functools.cache
def reader(kind: str) -> Callable[..., Content]:
    """Return read_content of a link, whose module is imported when its first frame comes.

    kind: a letter of GOOD
    """
    read: Callable[..., Content] = imported(f"link.{GOOD[kind].name}.content").read_content
    return read


def without_llc(octets: bytes) -> bytes:
    """Return an APDU without the LLC header before it."""
    return octets[3:] if octets[:3] in LLCS else octets
