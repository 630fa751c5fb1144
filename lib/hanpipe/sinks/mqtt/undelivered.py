"""Lines that wait for the end of their interval, before which they are not delivered."""

from collections import OrderedDict, deque


class Undelivered:
    """Lines in order. A line waits for the interval that it is in, and for all lines before it."""

    def __init__(self) -> None:
        """Start without lines."""
        self._number = 0
        self._lines: deque[tuple[int, bytes]] = deque()
        self._open: OrderedDict[str, int] = OrderedDict()  # meter -> number of the first line in its open interval

    def add(self, line: bytes, meter: str = "") -> bytes:
        """Add a line; return the lines that wait for nothing. meter: in whose open interval it is, "" for none."""
        self._number += 1
        if line:
            self._lines.append((self._number, line))
        if meter:
            self._open.setdefault(meter, self._number)
        return self._ready()

    def close(self, meter: str) -> bytes:
        """End the open interval of a meter; return the lines that wait for nothing any more."""
        self._open.pop(meter, None)
        return self._ready()

    def _ready(self) -> bytes:
        oldest = next(iter(self._open.values()), self._number + 1)
        lines = []
        while self._lines and self._lines[0][0] < oldest:
            lines.append(self._lines.popleft()[1])
        return b"".join(lines)
