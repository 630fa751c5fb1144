"""Octets -> HDLC frames and faults.

    7E | format 2 | destination 1..4 | source 1..4 | control 1 | HCS 2 | information | FCS 2 | 7E
       |<------------------------------- length, in format ---------------------------->|

Nothing is stuffed: 7E may occur inside a frame, which ends where its length says. Three rules make a bad frame cost
only itself: a closing flag may open the next frame; the length is believed only when the HCS, which covers it, agrees;
after a failure the search goes on right after the flag that was tried.
"""

import functools
import re

from hanpipe.link.crc import GOOD, residue
from hanpipe.link.hdlc.header import header_end
from hanpipe.link.kinds import Event, Frame
from hanpipe.link.scanner import Scanner
from hanpipe.link.search import Start, before_end
from hanpipe.unix.typed import Final

FLAG = 0x7E
MOST_INNER = 8  # frames with a wrong FCS inside of one with a wrong FCS that are looked at

_made = tuple.__new__  # Frame(...), in half the time


def _one_of(octets: bytes) -> bytes:
    return b"[" + b"".join(re.escape(octets[at : at + 1]) for at in range(len(octets))) + b"]"


_EVEN, _ODD = _one_of(bytes(range(0, 256, 2))), _one_of(bytes(range(1, 256, 2)))
_ADDRESS = _EVEN + b"{0,3}" + _ODD  # its last octet is odd
# Where a fault may end: at a flag before what looks like a header (group 1: format, two addresses, control and HCS, as
# far as they have come), or at all but the last of several flags.
_BOUNDARY: Final = rb"\x7e(?=([\xa0-\xaf]." + _ADDRESS + _ADDRESS + rb".{0,3}))|\x7e\x7e*(?=\x7e)"
_LOOK_AHEAD: Final = 14  # octets from a flag on that _BOUNDARY looks at
# A flag before what more octets may complete to a header.
_CUT_SHORT: Final = before_end(
    rb"\x7e", rb"[\xa0-\xaf]", b".", _EVEN + b"{0,3}", _ODD, _EVEN + b"{0,3}", _ODD, b".", b".", b"."
)


class HdlcFramer(Scanner):
    """Finds HDLC frames: feed() it octets in pieces of any size.

    Octets given up run to the next boundary: flags followed by what looks like a header, or several idle flags.
    Octets after a flag that promised a frame are one fault: to the place where the frame should have ended, if only its
    FCS is wrong; else to the next idle flags, or frame with its flag in place, or to 2,048 octets. The rest is noise.

    A frame inside of nine false ones, each with a good HCS and its flag in place, is not looked for: chance does not
    make them, and malice would make each octet cost the check of hundreds.
    """

    def __init__(self, *others: Start) -> None:
        """Take how frames of other links begin, if there are any."""
        super().__init__()
        self._look_for(*others)
        self._lengths: dict[bytes, int] = {}  # of frames by their headers, whose HCS agreed
        self._header_size = 0  # of the last one
        self._inner = 0  # frames with a wrong FCS met inside of the one at begin

    def _look_for(self, *others: Start) -> None:
        """Look for flags, and for what begins on other links: the groups of the boundary's pattern after group 1."""
        self._others = others
        self._boundary, self._cut_short = _patterns(others)

    def _search(self, events: list[Event], ended: bool) -> None:
        """Go from boundary to boundary as far as the octets allow."""
        octets = self._octets
        self._enough = 0
        self._step_over()
        while (boundary := self._boundary.search(octets, self._at)) is not None:
            start, begin = boundary.start(), boundary.end()
            if not ended and self._is_undecided(start):
                break
            if boundary[1] is None:
                if boundary.lastindex is None:
                    self._at = begin
                    self._give_up(start, events)
                    self._give_up_noise_from(begin + 1)  # after the last flag
                elif not self._other(boundary.lastindex, start, events, ended):
                    return
                continue
            kind, end = _judge(octets, begin, boundary.end(1), ended)
            if not kind:
                self._at, self._enough = start, end
                return
            if kind == "H":
                self._give_up(start, events)
                events.append(Frame(kind, octets[begin:end]))
                self._header_size = len(boundary[1])
                self._lengths[boundary[1]] = end - begin
                self._run(end, events)
                continue
            self._at = begin
            if not self._covers(kind, begin):
                self._give_up(start, events)
                self._give_up_from(begin, kind, end, closed=kind == "c" and end < len(octets))
            self._step_over()
        self._rest(events, ended)

    def _is_undecided(self, start: int) -> bool:
        """Return whether an octet before start may still begin a frame whose header goes beyond start."""
        near = len(self._octets) - _LOOK_AHEAD
        if start <= near:
            return False
        first = self._cut_short.search(self._octets, max(self._at, near))
        return first is not None and first.start() < start

    def _other(self, group: int, begin: int, events: list[Event], ended: bool) -> bool:
        """Judge what begins on another link; return whether the search can go on."""
        kind, end = self._others[group - 2].judge(self._octets, begin, ended)
        return self._take(kind, begin, end, events)

    def _step_over(self) -> None:
        """Inside of what a failed frame takes with it, go on to the next boundary that is news.

        A header is false if its frame would not end at a flag, or if its HCS is wrong; false ones come in rows.
        """
        if self._kind == "n":
            return
        octets, size, enough, wrong = self._octets, len(self._octets), self._inner == MOST_INNER, b""
        last = min(self._end - 1, size - _LOOK_AHEAD)  # after it, more octets may make a boundary part of a header
        for boundary in self._boundary.finditer(octets, self._at, self._end + _LOOK_AHEAD):
            if boundary.start() >= last:
                break
            header = boundary[1]
            if header is not None:
                if header == wrong:
                    continue
                end = boundary.end() + ((header[0] & 7) << 8 | header[1])
                if end < size and octets[end] != FLAG:
                    continue
                if enough or residue(header) != GOOD:
                    wrong = header
                    continue
            self._at = boundary.start()
            return
        self._at = max(self._at, last)

    def _covers(self, kind: str, begin: int) -> bool:
        """Return whether the fault already being collected covers the failure at begin."""
        if begin >= self._end or self._kind == "n":
            return False
        self._inner += self._kind == kind == "c"
        return kind != "c" or self._kind == "c"

    def _run(self, at: int, events: list[Event]) -> None:
        """Go on from the closing flag at `at` while good frames follow whose header was seen before: nearly always."""
        octets, lengths, header_size = self._octets, self._lengths, self._header_size
        last = len(octets) - 1
        while at < last:
            begin = at + 2 if octets[at + 1] == FLAG else at + 1
            length = lengths.get(octets[begin : begin + header_size])
            if length is None:
                break
            end = begin + length
            frame = octets[begin:end]
            if end > last or octets[end] != FLAG or residue(frame) != GOOD:
                break
            events.append(_made(Frame, ("H", frame)))
            at = end
        if len(lengths) > 64:
            lengths.clear()
        self._at = at  # a closing flag may open the next frame
        self._give_up_noise_from(at + 1)

    def _rest(self, events: list[Event], ended: bool) -> None:
        """Without a boundary in the rest: report what cannot become part of a frame any more."""
        octets, size = self._octets, len(self._octets)
        if ended:
            self._give_up(size - octets.endswith(b"\x7e", self._begin), events)
            self._begin = self._at = size
            return
        undecided = self._cut_short.search(octets, max(self._at, size - _LOOK_AHEAD))
        self._at = undecided.start() if undecided else size
        self._give_up_noise(events)

    def _give_up_from(self, begin: int, kind: str, end: int, closed: bool = False) -> None:
        super()._give_up_from(begin, kind, end, closed)
        self._inner = 0


def _judge(octets: bytes, begin: int, checked: int, ended: bool) -> tuple[str, int]:
    """Judge the frame whose format is at begin.

    checked: where the octets end that its HCS covers, the HCS with them, as far as they are there
    return: H and where its FCS ends; or h, c or t and where its octets end at the latest; or, as long as that cannot be
            said, an empty kind and how many octets it takes
    """
    size = len(octets)
    end = begin + ((octets[begin] & 7) << 8 | octets[begin + 1])
    latest = begin + Scanner.NOISE  # a flag after a frame without one must not make it look whole
    if checked == size and size < (whole := header_end(octets, begin)):
        return ("t", latest) if ended else ("", whole)
    # without information, the FCS takes the place of the HCS
    if checked != end < checked + 2 or residue(octets[begin:checked]) != GOOD:
        return "h", latest
    if size <= end and not ended:
        return "", end + 1
    # an input that was cut in front of the closing flag has lost no octet of the frame
    if size < end or octets[end : end + 1] not in (b"\x7e", b""):
        return "t", latest
    return ("H", end) if residue(octets[begin:end]) == GOOD else ("c", end)


@functools.lru_cache(64)
def _patterns(others: tuple[Start, ...]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return the patterns of _look_for: of a boundary, and of one that the end of the octets cuts short."""
    boundary = b"|".join([_BOUNDARY, *(start.pattern + b"()" for start in others)])
    cut_short = b"|".join([_CUT_SHORT, *(start.cut_short for start in others)])
    return re.compile(boundary, re.DOTALL), re.compile(cut_short, re.DOTALL)
