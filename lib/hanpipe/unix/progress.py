"""A line on the terminal that shows how much of a long file has been read."""

import time

from hanpipe.unix.stderr import write
from hanpipe.unix.typed import Final

_PAUSE: Final = 0.5  # s between two updates


class Progress:
    """The line; it appears after the first second."""

    def __init__(self, name: str) -> None:
        """Take the program's name."""
        self._name = name
        self._done = 0
        self._next = time.monotonic() + 2 * _PAUSE
        self._shown = False

    def show(self, octets: int, size: int) -> None:
        """Count octets, of size altogether."""
        self._done += octets
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PAUSE
            self._shown = True
            percent = min(100, 100 * self._done // size)
            write(f"\r{self._name}: {percent} % of {size / 1e6:,.1f} MB".encode())

    def clear(self) -> None:
        """Remove the line; the next input begins at 0."""
        self._done = 0
        if self._shown:
            self._shown = False
            write(b"\r\x1b[K")
