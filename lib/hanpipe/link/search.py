"""Octets -> frames and faults, where frames begin with an octet of their own and no flags stand between them."""

import re
from collections.abc import Callable

from hanpipe.link.events import Event, Fault, Frame
from hanpipe.typed import NamedTuple

NOISE = 2047  # octets of noise in one fault, as many as the longest HDLC frame has

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


class Search:
    """Feed it octets in pieces of any size; the events do not depend on the pieces.

    The frame that begins first is judged first; after a fault the search goes on right behind its first octet. Octets
    given up run to the next frame or fault; what is left over behind the end of a fault is noise.
    """

    def __init__(self, *links: Link) -> None:
        """Take the links; of those whose patterns begin with the same octet, the first that matches."""
        self._judges = [link.judge for link in links]
        self._start = re.compile(b"|".join(b"(%b)" % link.start for link in links), re.DOTALL)
        self._look_ahead = max(link.look_ahead for link in links)
        self._octets = b""  # what no event has spoken for
        self._at = 0  # where the search goes on
        self._enough = 0  # fewer octets than these cannot complete the frame that is waited for
        self._begin = 0  # the first octet that no event has spoken for
        self._kind = "n"  # how these octets would be given up
        self._end = NOISE  # from here on as noise, where no frame or fault comes first

    def feed(self, data: bytes) -> list[Event]:
        """Return what data completes, in line order. b"" means that the input has ended."""
        self._octets += data
        if data and len(self._octets) < self._enough:
            return []
        events: list[Event] = []
        self._search(events, ended=not data)
        self._forget()
        return events

    def _search(self, events: list[Event], ended: bool) -> None:
        """Go from start to start as far as the octets allow."""
        octets = self._octets
        self._enough = 0
        while (start := self._start.search(octets, self._at)) is not None:
            self._at = begin = start.start()
            kind, end = self._judges[(start.lastindex or 1) - 1](octets, begin, ended)
            if not kind:
                self._enough = end
                self._give_up_noise(events)
                return
            self._at = begin + 1
            if kind == "n":
                continue
            self._give_up(begin, events)
            if kind.isupper():
                events.append(Frame(kind, octets[begin:end]))
                self._at = end
                begin, kind, end = end, "n", end + NOISE
            self._give_up_from(begin, kind, end)
        self._rest(events, ended)

    def _rest(self, events: list[Event], ended: bool) -> None:
        """Without a start in the rest: report what cannot become part of a frame any more."""
        size = len(self._octets)
        self._at = size if ended else max(self._at, size - self._look_ahead + 1)
        self._give_up_noise(events)
        if ended:
            self._give_up(size, events)

    def _give_up_noise(self, events: list[Event]) -> None:
        """Report what stands so far in front of all that may still become a frame that nothing can change it."""
        while self._at >= self._end:
            self._give_up(self._end, events)

    def _give_up_from(self, begin: int, kind: str, end: int) -> None:
        """From begin on, octets are given up as kind; where no frame or fault comes first, from end on as noise."""
        self._begin, self._kind, self._end = begin, kind, end

    def _give_up(self, boundary: int, events: list[Event]) -> None:
        """Report the octets up to boundary."""
        while self._begin < boundary:
            end = min(boundary, self._end)
            events.append(Fault(self._kind, self._octets[self._begin : end]))
            self._give_up_from(end, "n", end + NOISE)

    def _forget(self) -> None:
        """Drop the octets that events have spoken for."""
        done = min(self._begin, self._at)
        self._octets = self._octets[done:]
        self._at -= done
        self._enough -= done
        self._begin -= done
        self._end -= done
