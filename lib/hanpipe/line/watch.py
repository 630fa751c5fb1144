"""Notices that a line falls silent, or that it brings no good frames.

It does no I/O and has no clock: the caller passes the octets and the time, in seconds of a clock that does not jump.
"""

from collections.abc import Callable

from hanpipe.line.finder import Detector, NewDetector
from hanpipe.unix.stderr import counted, duration
from hanpipe.unix.typed import Final

_SAMPLE: Final = 8192  # octets that may show why no frame is found


class LineWatch:
    """Notices that a line falls silent or brings no good frames, and when that ends.

    It looks for frames only if it has seen none for a period, because one per period is enough.
    """

    def __init__(self, seconds: float, now: float, new_detector: NewDetector, why: Callable[[bytes], str]) -> None:
        """Watch for silences of so many seconds.

        new_detector: detects frames of any link; why: returns why some octets hold no frame
        """
        self._new_detector = new_detector
        self._why = why
        self._sample = b""  # the last octets, as long as no good frame came
        self._seconds = seconds
        self._last = now  # when octets came
        self._good: float | None = None  # when a frame was good
        self._silent = False
        self._detects: Detector | None = None
        self._since = now  # when it began to look for frames
        self._octets = 0  # in which it has found none
        self._lost = False

    def heard(self, now: float) -> list[str]:
        """Note that octets came; return the messages for the user."""
        messages = [f"octets again after {duration(now - self._last)}"] if self._silent else []
        self._silent = False
        self._last = now
        return messages

    def feed(self, data: bytes, now: float) -> list[str]:
        """Take octets; return the messages for the user."""
        messages = self.heard(now)
        if self._good is None or now - self._good >= self._seconds:
            messages += self._judge(data, now)
        return messages

    def _judge(self, data: bytes, now: float) -> list[str]:
        """Look for a good frame; return a message if there was none for too long, or one again."""
        if self._detects is None:
            self._detects, self._since, self._octets, self._sample = self._new_detector(), now, 0, b""
        self._octets += len(data)
        self._sample = (self._sample + data)[-_SAMPLE:]
        if self._detects(data):
            self._good, self._detects, was_lost = now, None, self._lost
            self._lost = False
            return [f"frames again after {duration(now - self._since)}"] if was_lost else []
        if self._lost or now - self._since < self._seconds:
            return []
        self._lost = True
        return [
            f"{counted(self._octets, 'octet')} in {duration(now - self._since)} and nothing that decodes: "
            f"{self._why(self._sample)}"
        ]

    def due(self) -> float | None:
        """Return when to call look() if nothing comes before; None: not before octets come."""
        return None if self._silent else self._last + self._seconds

    def look(self, now: float) -> list[str]:
        """Return the messages for the user if nothing came."""
        if self._silent or now - self._last < self._seconds:
            return []
        self._silent = True
        silence = duration(self._seconds)
        return [f"no octets for {silence}: check the cable, or ask the grid company to open the port"]

    def restart(self, now: float) -> None:
        """Count from now on: the line has been opened."""
        self._last, self._silent = now, False
        if not self._lost:  # after an alarm, "frames again" counts from the octets that led to it
            self._detects = None
