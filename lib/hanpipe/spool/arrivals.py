"""Octets of the input -> whole lines, each with its time."""

from typing import Final

from hanpipe.apdu.arrival import stamp

_LONGEST: Final = 1_000_000  # octets: more than any reading has
_TIMED: Final = b'{"time":'


class Arrivals:
    """Feed it octets in pieces of any size; the lines do not depend on the pieces.

    A line stays as it came, but for three things: a reading without a time is given that of its arrival, which nobody
    would know later; a blank line goes, and so does nothing else; what has no line end is given one.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def rest(self) -> bytes:
        """Return the octets of a line that is not whole."""
        return bytes(self._rest)

    def feed(self, data: bytes, time_ns: int) -> bytes:
        """Return the lines that data completes, joined. b"" means that the input has ended.

        time_ns: when data was read, since 1970-01-01 UTC; 0 = unknown, then no line is given a time
        """
        self._rest += data
        if self._rest and (not data or (b"\n" not in data and len(self._rest) > _LONGEST)):
            self._rest += b"\n"
        end = self._rest.rfind(b"\n") + 1
        octets = bytes(self._rest[:end])
        del self._rest[:end]
        if octets.count(b"\n" + _TIMED) + octets.startswith(_TIMED) == octets.count(b"\n"):
            return octets  # what han-fields writes of a live meter
        return b"".join([_timed(line + b"\n", time_ns) for line in octets.split(b"\n") if line.strip()])


def _timed(line: bytes, time_ns: int) -> bytes:
    """Return a line with a time if it is a reading without one."""
    if not time_ns or not line.startswith(b'{"') or line.startswith(_TIMED):
        return line
    import json  # what lines of a live meter do not need

    try:
        reading = json.loads(line)
    except (ValueError, RecursionError):
        return line
    return line if "time" in reading else b"{" + stamp(time_ns).encode() + line[1:]
