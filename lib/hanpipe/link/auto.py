"""The link found from the octets: HDLC, M-Bus and P1, in any order, or ciphered APDUs with no link at all."""

import re

from hanpipe.link.hdlc.framer import HdlcFramer
from hanpipe.link.kinds import LINKS, LONGEST, Event
from hanpipe.link.octets import Malformed, read_length
from hanpipe.link.search import Start
from hanpipe.unix.late import imported
from hanpipe.unix.typed import Final

# The beginning of a general-glo-ciphering with a system title: its 8 octets begin with the maker's three letters.
_HEAD: Final = re.compile(rb"\xdb\x08[A-Z]{3}.{5}", re.DOTALL)
_HEAD_SIZE: Final = 10

_STARTS: Final[tuple[Start, ...]] = tuple(
    start
    for link in LINKS
    if link.checked and not link.flagged
    for start in imported(f"link.{link.name}.framer").STARTS
)


class AutoFramer(HdlcFramer):
    """Feed it octets in pieces of any size; the events do not depend on the pieces.

    Each link judges what begins with its own octet (7E, 68, /). The first beginning is judged first, and later octets
    wait until it is decided: for 2,047 octets after an HDLC header whose HCS agrees, for 517 after an M-Bus header, for
    11,520 after the first line of a P1 telegram as long as all is text. After a fault the search goes on right after
    its first octet, so a link that takes over in mid-frame loses nothing. On a line that is all HDLC, the events are
    those of HdlcFramer.

    An input that begins with a ciphered APDU is a P1 line without telegrams: whatever begins with the same system title
    is an APDU.
    """

    def __init__(self) -> None:
        super().__init__(*_STARTS)
        self._head: bytes | None = b""  # what the input begins with, until it can be said whether this is an APDU

    def feed(self, data: bytes) -> list[Event]:
        """Return what data completes, in line order. b"" means that the input has ended."""
        return super().feed(data) if self._head is None else self._feed_first(data)

    def _feed_first(self, data: bytes) -> list[Event]:
        """Look at the first octets before all others do."""
        head = self._head = (self._head or b"") + data
        if data and len(head) < _HEAD_SIZE and head[:2] == b"\xdb\x08"[: len(head)]:
            return []
        self._head = None
        if _HEAD.match(head):
            apdu = Start(tuple(re.escape(head[at : at + 1]) for at in range(_HEAD_SIZE)), _judge_apdu)
            self._look_for(apdu, *_STARTS)
        events = super().feed(head) if head else []
        return events if data else events + super().feed(data)


def _judge_apdu(octets: bytes, begin: int, ended: bool) -> tuple[str, int]:
    """Say what the ciphered APDU is that begins at begin (Judge in search.py)."""
    at, size = begin + _HEAD_SIZE, len(octets)
    if size < at + 5 and not ended:
        return "", at + 5  # its length, and more
    try:
        length, at = read_length(octets, at)
    except Malformed:
        return "n", 0
    end = at + length
    if end > begin + LONGEST:
        return "n", 0
    if size < end:
        return ("t", end) if ended else ("", end)
    return "A", end
