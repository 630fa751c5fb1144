"""Invocation counters: the highest of each meter, and a file that keeps them.

A counters file has a line per meter, SYSTEM-TITLE COUNTER in hex and decimal: the highest counter of a message that its
key opened.
"""

import os
from collections.abc import Mapping

from hanpipe.apdu.keys import TITLE_SIZE
from hanpipe.unix.state import create, open_own, replace, resolved
from hanpipe.unix.typed import Final

MOST: Final = 65536  # meters whose counter is kept: 8 MB


class Counters:
    """The highest invocation counter of each meter.

    A meter adds one with each message, and starts again only with a new key. A message whose counter is not above the
    highest was sent before, by the meter or by somebody who recorded it.
    """

    path = ""

    def __init__(self, highest: Mapping[bytes, int] | None = None) -> None:
        """Take system titles and their counters."""
        self.highest = dict(highest or {})
        self.changed = False

    def check(self, title: bytes, counter: int) -> str:
        """Take the counter of a message that its key opened.

        return: "" if it is above the highest so far, "repeated" if it is the same, "back" if it is lower
        """
        highest = self.highest.get(title, -1)
        if counter <= highest:
            return "repeated" if counter == highest else "back"
        if len(self.highest) >= MOST and title not in self.highest:
            del self.highest[next(iter(self.highest))]
        self.highest[title] = counter
        self.changed = True
        return ""

    def save(self) -> None:
        """Keep the counters beyond this run, if they have a file."""


class CounterFile(Counters):
    """Counters in a file, which only its owner can read, and which is replaced at once.

    path: of the file, links resolved; torn: lines of it that could not be read
    """

    def __init__(self, path: str) -> None:
        """Read the file, or create it. raise: OSError."""
        super().__init__()
        self.path = resolved(path)
        self.torn = 0
        try:
            descriptor = open_own(self.path, os.O_RDONLY)
        except FileNotFoundError:
            os.close(create(self.path))  # an error is better now than at the end
            return
        with open(descriptor, encoding="ascii", errors="replace") as file:
            for line in file:
                self._take(line)

    def _take(self, line: str) -> None:
        title, _, counter = line.rstrip("\n").partition(" ")
        try:
            octets, number = bytes.fromhex(title), int(counter)
        except ValueError:
            octets, number = b"", 0
        # digits may be missing from a last line without its end
        if line.endswith("\n") and len(octets) == TITLE_SIZE and 0 <= number < 1 << 32:
            self.highest[octets] = max(number, self.highest.get(octets, 0))
        else:
            self.torn += 1

    def save(self) -> None:
        """Write the file if a counter has changed. raise: OSError."""
        if not self.changed:
            return
        lines = [f"{title.hex()} {counter}\n" for title, counter in self.highest.items()]
        replace(self.path, "".join(lines).encode())
        self.changed = False
