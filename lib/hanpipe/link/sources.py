"""The framers of many sources, whose octets come mixed: each source is a line of its own."""

from hanpipe.link import FRAMERS, Event, Fault, Framer
from hanpipe.link.lines import Lines
from hanpipe.unix.typed import Final, NamedTuple

MOST_SOURCES: Final = 32768  # whose framers are kept: 1 kB each, and the octets that wait in it


class Framers:
    """Feed it the octets of each source; each gives the events that it completes."""

    def __init__(self, link: str) -> None:
        """Take the link of all sources, a key of FRAMERS."""
        self._new = FRAMERS[link]
        self._each_alone = link == "apdu"  # an APDU ends with its line
        self._framers: dict[str, Framer] = {}  # the source that was silent for longest first

    def feed(self, source: str, octets: bytes) -> list[tuple[str, list[Event]]]:
        """Return the events of a source that octets complete, and those of a source that is given up for it."""
        framers = self._framers
        if self._each_alone:
            framer = self._new()
            return [(source, framer.feed(octets) + framer.feed(b""))] if octets else []
        found = framers.pop(source, None) or self._new()
        framers[source] = found
        made = [(source, found.feed(octets))] if octets else []
        if len(framers) > MOST_SOURCES:
            oldest = next(iter(framers))
            made.append((oldest, framers.pop(oldest).feed(b"")))
        return made

    def end(self) -> list[tuple[str, list[Event]]]:
        """Return what is left of each source: the input has ended."""
        framers, self._framers = self._framers, {}
        return [(source, framer.feed(b"")) for source, framer in framers.items()]


class Piece(NamedTuple):
    """What octets of a source complete.

    source: its name, "" for a line that could not be read, which is itself the noise of its only event
    time:   ns since 1970-01-01 UTC, 0 = the line has none
    octets: those that completed the events, b"" where the source has ended
    """

    source: str
    time: int
    octets: bytes
    events: list[Event]


class LineFramer:
    """Feed it text in pieces of any size, with a line for octets of each of many sources.

    lines: what reads the text, and knows which lines are wrong
    """

    def __init__(self, link: str) -> None:
        """Take the link of all sources, a key of FRAMERS."""
        self.lines = Lines()
        self._framers = Framers(link)

    def feed(self, text: bytes) -> list[Piece]:
        """Return what text completes. b"" means that the input has ended."""
        pieces: list[Piece] = []
        for source, time, octets in self.lines.feed(text):
            if not source:
                pieces.append(Piece("", time, b"", [Fault("n", octets)]))
                continue
            made = self._framers.feed(source, octets)
            pieces += [Piece(each, time, octets if each == source else b"", events) for each, events in made]
        if not text:
            pieces += [Piece(source, 0, b"", events) for source, events in self._framers.end()]
        return pieces
