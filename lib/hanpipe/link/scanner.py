"""Shared by the framers that search a line: the octets not yet reported, and how they become faults."""

from hanpipe.link.kinds import Event, Fault, Frame
from hanpipe.unix.typed import Final


class Scanner:
    """Feed it octets in pieces of any size; the events do not depend on the pieces.

    Who inherits it searches the octets, reports frames, and says from where on octets are given up, as what.
    """

    NOISE: Final = 2048  # octets of noise in one fault, at most: one more than the longest HDLC frame has

    def __init__(self) -> None:
        self._octets = b""  # what no event has spoken for, and perhaps the octet in front of it
        self._at = 0  # where the search goes on
        self._enough = 0  # fewer octets than these cannot complete the frame that is waited for
        self._begin = 0  # the first octet that no event has spoken for
        self._kind = "n"  # how these octets would be given up
        self._end = self.NOISE  # from here on as noise, where nothing else comes first
        self._closed = False  # whether the octet there is the flag that closes what is given up

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
        """Report what the octets hold, as far as they allow."""
        raise NotImplementedError

    def _take(self, kind: str, begin: int, end: int, events: list[Event]) -> bool:
        """Report what a judge (search.py) said of what begins at begin; tell whether the search can go on."""
        if not kind:
            self._enough = end
            self._give_up_noise(events)
            return False
        self._at = begin + 1
        if kind == "n":
            return True
        self._give_up(begin, events)
        if kind.isupper():
            events.append(Frame(kind, self._octets[begin:end]))
            self._at = end
            self._give_up_noise_from(end)
        else:
            self._give_up_from(begin, kind, end)
        return True

    def _give_up_from(self, begin: int, kind: str, end: int, closed: bool = False) -> None:
        """Give up octets from begin on as kind; from end on as noise, unless something else comes first.

        closed: whether a flag at end closes the frame that is given up
        """
        self._begin, self._kind, self._end, self._closed = begin, kind, end, closed

    def _give_up_noise_from(self, begin: int) -> None:
        """From begin on, octets are noise."""
        self._give_up_from(begin, "n", begin + self.NOISE)

    def _give_up(self, boundary: int, events: list[Event]) -> None:
        """Report the octets up to boundary."""
        while self._begin < boundary:
            end = min(boundary, self._end)
            events.append(Fault(self._kind, self._octets[self._begin : end]))
            self._give_up_noise_from(end + (self._closed and end == self._end))

    def _give_up_noise(self, events: list[Event]) -> None:
        """Report the noise that no later octet can turn into part of a frame."""
        while self._at >= self._end:
            self._give_up(self._end, events)

    def _forget(self) -> None:
        """Drop the octets that events have spoken for."""
        done = min(self._begin, self._at)
        self._octets = self._octets[done:]
        self._at -= done
        self._enough -= done
        self._begin -= done
        self._end -= done
