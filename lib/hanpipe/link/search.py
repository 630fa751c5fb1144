"""Octets -> frames and faults, where frames begin with an octet of their own and no flags stand between them."""

import re
from collections.abc import Callable

from hanpipe.link.kinds import Event
from hanpipe.link.scanner import Scanner
from hanpipe.unix.typed import NamedTuple

# (octets, begin, ended) -> what begins there: the kind of a frame and where it ends; the kind of a fault and where it
# ends where no boundary comes first; "n" if it is neither; or "", as long as that cannot be said, and the number of
# octets with which it is worth to ask again. ended: no more octets will come.
Judge = Callable[[bytes, int, bool], tuple[str, int]]


class Link(NamedTuple):
    """How the frames of a link are found.

    start:      a pattern for the octet that a frame begins with, and in a look-ahead for what must follow it
    look_ahead: octets that the pattern looks at, at most
    judge:      says what begins there
    """

    start: bytes
    look_ahead: int
    judge: Judge


class Search(Scanner):
    """Finds the frames of links: feed() it octets in pieces of any size.

    The frame that begins first is judged first; after a fault the search goes on right behind its first octet. Octets
    given up run to the next frame or fault; what is left over behind the end of a fault is noise.
    """

    def __init__(self, *links: Link) -> None:
        """Take the links; of those whose patterns begin with the same octet, the first that matches."""
        super().__init__()
        self._judges = [link.judge for link in links]
        self._start = re.compile(b"|".join(b"(%b)" % link.start for link in links), re.DOTALL)
        self._look_ahead = max(link.look_ahead for link in links)

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
