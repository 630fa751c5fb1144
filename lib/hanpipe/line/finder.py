"""Finds the settings of a line: tries those that meters use until frames pass their checks.

It does no I/O and has no clock: the caller passes the octets, the time, in seconds of a clock that does not jump, and
the function that sets the port.
"""

from collections.abc import Callable, Sequence

from hanpipe.line.port import Refused
from hanpipe.line.settings import LINES, Line
from hanpipe.unix.typed import Final, TypeVar

T = TypeVar("T")

_QUIET: Final = 0.5  # s without an octet that end a burst: longer than a gateway or adapter holds octets back
_FIRST_PATIENCE: Final = 5.0  # s for each of the settings in the first round: most meters send a list every 2.5 s
_SAMPLE: Final = 8192  # octets of a setting that failed: they may show the cause
_LONGEST_PATIENCE: Final = 60.0  # s in later rounds: some meters send one every 10 s or 20 s


# Takes the next octets of a line; returns whether they complete a frame whose check agrees.
Detector = Callable[[bytes], bool]
# Makes a detector. The program passes it in, because the link layer is a later stage.
NewDetector = Callable[[], Detector]


class LineFinder:
    """Tries settings until frames pass their checks. Feed it octets, then call look() to learn whether to change.

    It gives up a setting after a whole burst without a good frame, or when its time is over and the line is quiet. The
    time grows from round to round, and the rounds never end.
    """

    def __init__(self, first: Line, now: float, new_detector: NewDetector, lines: Sequence[Line] = LINES) -> None:
        """Begin with a setting. now: s; new_detector: makes a detector of frames of any link."""
        self._new_detector = new_detector
        self._lines = [first, *(line for line in lines if line != first)]
        self._at = 0
        self.round = 1
        self.patience = _FIRST_PATIENCE  # s for each setting
        self.found = False
        self.dropped = 0  # octets that came at other settings
        self.held = bytearray()  # octets that came at this one
        self.failed = b""  # the last octets that came at the one before
        self.restart(now)

    @property
    def line(self) -> Line:
        """The settings to read with now."""
        return self._lines[self._at]

    @property
    def count(self) -> int:
        """The number of settings to try."""
        return len(self._lines)

    def restart(self, now: float) -> None:
        """Begin again with the present setting and its whole time: the line has been opened."""
        self._detects = self._new_detector()
        self._since = self._last = now
        self._whole = False  # whether a burst was heard from its beginning

    def feed(self, data: bytes, now: float) -> bytes:
        """Take octets; return those to pass on: none before the first good frame, then all that came at its setting."""
        self._whole = self._whole or now - self._last >= _QUIET
        self._last = now
        self.held += data
        self.found = self._detects(data)
        return bytes(self.held) if self.found else b""

    def due(self) -> float:
        """Return when to call look(), if nothing comes before."""
        quiet = self._last + _QUIET
        over = max(self._since + self.patience, quiet)
        return min(quiet if self._whole else over, over, self._since + 2 * self.patience)

    def look(self, now: float) -> bool:
        """Return whether to change to another setting, which line then gives."""
        if now < self.due():
            return False
        self._next()
        self.restart(now)
        return True

    def settle(self, attempt: Callable[[Line], T], refused: Callable[[Refused], object]) -> T:
        """Set the port to the present settings, or to the first of those after them that it has. Call restart() then.

        attempt: sets or opens the port; refused: is called for settings that the port does not have
        return:  the result of attempt
        raise:   Refused: the port has none of the settings; OSError: from attempt
        """
        for _ in range(self.count - 1):
            try:
                return attempt(self.line)
            except Refused as error:
                refused(error)
            self._next()
        return attempt(self.line)

    def _next(self) -> None:
        """Change to the next setting."""
        self.dropped += len(self.held)
        self.failed = bytes(self.held[-_SAMPLE:])
        self.held.clear()
        self._at = (self._at + 1) % self.count
        if not self._at:
            self.round += 1
            self.patience = min(2 * self.patience, _LONGEST_PATIENCE)
