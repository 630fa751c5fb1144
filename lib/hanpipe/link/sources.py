"""The framers of many sources, whose octets come mixed: each source is a line of its own."""

from hanpipe.link import FRAMERS, Event, Framer
from hanpipe.unix.typed import Final

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
