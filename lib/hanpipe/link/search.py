"""Octets -> frames and faults, for links whose frames begin with an octet of their own and have no flags."""

import re
from collections.abc import Callable

from hanpipe.link.kinds import Event
from hanpipe.link.scanner import Scanner
from hanpipe.unix.typed import NamedTuple

# (octets, begin, ended) -> what begins there: the kind of a frame and where it ends; the kind of a fault and where it
# ends where no boundary comes first; "n" if it is neither; or "", as long as that cannot be said, and the number of
# octets with which it is worth to ask again. ended: no more octets will come.
Judge = Callable[[bytes, int, bool], tuple[str, int]]


class Start(NamedTuple):
    """How a frame begins.

    octets: a pattern for the first octet, and one for each that must follow it
    judge:  says what begins there
    """

    octets: tuple[bytes, ...]
    judge: Judge

    @property
    def pattern(self) -> bytes:
        """Match the first octet, where all others follow it."""
        return b"%b(?=%b)" % (self.octets[0], b"".join(self.octets[1:]))

    @property
    def cut_short(self) -> bytes:
        """Match the first octet, where the input ends before all others have followed it."""
        return before_end(*self.octets)


def before_end(first: bytes, *following: bytes) -> bytes:
    """Return a pattern for the first octet where some of what follows it is missing at the end of the input."""
    rest = b""
    for pattern in reversed(following):
        rest = rb"(?:\Z|%b%b)" % (pattern, rest) if rest else rb"\Z"
    return b"%b(?=%b)" % (first, rest)


class Search(Scanner):
    """Finds the frames of links: feed() it octets in pieces of any size.

    The frame that begins first is judged first; after a fault the search goes on right after its first octet. Octets
    given up run to the next frame or fault; octets left over after the end of a fault are noise.
    """

    def __init__(self, *starts: Start) -> None:
        """Take how the frames begin; where several starts match, the first of them counts."""
        super().__init__()
        self._judges = [start.judge for start in starts]
        self._start = re.compile(b"|".join(b"(%b)" % start.pattern for start in starts), re.DOTALL)
        self._look_ahead = max(len(start.octets) for start in starts)

    def _search(self, events: list[Event], ended: bool) -> None:
        """Go from start to start as far as the octets allow."""
        octets = self._octets
        self._enough = 0
        while (start := self._start.search(octets, self._at)) is not None:
            self._at = begin = start.start()
            kind, end = self._judges[(start.lastindex or 1) - 1](octets, begin, ended)
            if not self._take(kind, begin, end, events):
                return
        self._rest(events, ended)

    def _rest(self, events: list[Event], ended: bool) -> None:
        """Without a start in the rest: report what cannot become part of a frame any more."""
        size = len(self._octets)
        self._at = size if ended else max(self._at, size - self._look_ahead + 1)
        self._give_up_noise(events)
        if ended:
            self._give_up(size, events)
