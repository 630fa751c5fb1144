"""What a meter's line is set to, how that is found out, and how a line is noticed that brings nothing.

No input or output, no clock: whoever reads the line says what came and when, in seconds of a clock that does not jump.
"""

from collections.abc import Callable, Sequence

from hanpipe.typed import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from hanpipe.link import Framer

PARITIES: Final = {"none": "N", "even": "E", "odd": "O"}
GOOD: Final = frozenset("HMP")  # frames with checks of their own; a bare APDU has none

_QUIET: Final = 0.5  # s without an octet that end a burst: more than a gateway or adapter holds octets back
_FIRST_PATIENCE: Final = 5.0  # s for each setting in the first round: most meters send a list each 2.5 s
_LONGEST_PATIENCE: Final = 60.0  # s in later rounds: some send one each 10 s or 20 s


class Line(NamedTuple):
    """How a serial line is set. parity: none, even or odd; bits: of data; stop: stop bits.

    As it comes: wired M-Bus (EN 13757-2), which most HAN ports with 2400 baud are.
    """

    baud: int = 2400
    parity: str = "even"
    bits: int = 8
    stop: int = 1

    def __str__(self) -> str:
        return f"{self.baud} {self.bits}{PARITIES[self.parity]}{self.stop}"

    @property
    def octets_per_second(self) -> float:
        """How many octets pass in a second, one behind the other."""
        return self.baud / (1 + self.bits + (self.parity != "none") + self.stop)


# What meters use, the most frequent first; protocol-facts.md, section 9
LINES: Final = (
    Line(2400, "even"),  # wired M-Bus
    Line(2400, "none"),
    Line(115200, "none"),  # P1
    Line(9600, "none"),
    Line(9600, "even", 7),  # P1 of DSMR 2 and 3
    Line(38400, "none"),
)


class LineFinder:
    """Tries settings until frames pass their checks under one: feed it octets, then look whether to change.

    A setting is left behind a whole burst without a good frame, or when its time is over and the line is quiet. The
    time grows from round to round, for ever.
    """

    def __init__(self, first: Line, now: float, lines: Sequence[Line] = LINES) -> None:
        self._lines = [first, *(line for line in lines if line != first)]
        self._at = 0
        self.round = 1
        self.patience = _FIRST_PATIENCE  # s for each setting
        self.found = False
        self.dropped = 0  # octets that came under other settings
        self.held = bytearray()  # octets that came under this one
        self.restart(now)

    @property
    def line(self) -> Line:
        """The setting to read with now."""
        return self._lines[self._at]

    @property
    def count(self) -> int:
        """How many settings there are to try."""
        return len(self._lines)

    def restart(self, now: float) -> None:
        """The line begins anew: give the present setting its whole time."""
        self._framer = new_framer()
        self._since = self._last = now
        self._whole = False  # whether a burst was heard from its beginning

    def feed(self, data: bytes, now: float) -> bytes:
        """Take octets; return those to pass on: none until a frame is good, then all that came under its setting."""
        self._whole = self._whole or now - self._last >= _QUIET
        self._last = now
        self.held += data
        self.found = any(kind in GOOD for kind, _ in self._framer.feed(data))
        return bytes(self.held) if self.found else b""

    def due(self) -> float:
        """Return when to look, if nothing comes before."""
        quiet = self._last + _QUIET
        over = max(self._since + self.patience, quiet)
        return min(quiet if self._whole else over, over, self._since + 2 * self.patience)

    def look(self, now: float) -> bool:
        """Tell whether another setting is to be tried from now on: that of line."""
        if now < self.due():
            return False
        self.dropped += len(self.held)
        self.held.clear()
        self._at = (self._at + 1) % self.count
        if not self._at:
            self.round += 1
            self.patience = min(2 * self.patience, _LONGEST_PATIENCE)
        self.restart(now)
        return True


class LineWatch:
    """Notices that a line falls silent, or that nothing decodes of what it brings, and that this is over.

    Frames are looked for only as long as none was seen for a while: one a period is enough.
    """

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._last = now  # octets came
        self._good: float | None = None  # a frame was good
        self._silent = False
        self._framer: Framer | None = None
        self._since = now  # frames are looked for
        self._octets = 0  # in which none was found
        self._lost = False

    def heard(self, now: float) -> list[str]:
        """Take notice that something came; return what there is to tell."""
        told = [f"octets again after {duration(now - self._last)}"] if self._silent else []
        self._silent = False
        self._last = now
        return told

    def feed(self, data: bytes, now: float) -> list[str]:
        """Take octets; return what there is to tell."""
        told = self.heard(now)
        if self._good is None or now - self._good >= self._seconds:
            told += self._judge(data, now)
        return told

    def _judge(self, data: bytes, now: float) -> list[str]:
        """Look for a good frame; tell if there is none for too long, or one again."""
        if self._framer is None:
            self._framer, self._since, self._octets = new_framer(), now, 0
        self._octets += len(data)
        if any(kind in GOOD for kind, _ in self._framer.feed(data)):
            self._good, self._framer, was_lost = now, None, self._lost
            self._lost = False
            return [f"frames again after {duration(now - self._since)}"] if was_lost else []
        if self._lost or now - self._since < self._seconds:
            return []
        self._lost = True
        return [
            f"{self._octets:,} octets in {duration(now - self._since)} and nothing that decodes:"
            " wrong baud rate or parity? try --auto"
        ]

    def due(self) -> float | None:
        """Return when to look if nothing comes before; None: not before something comes."""
        return None if self._silent else self._last + self._seconds

    def look(self, now: float) -> list[str]:
        """Return what there is to tell of a line from which nothing came."""
        if self._silent or now - self._last < self._seconds:
            return []
        self._silent = True
        silence = duration(self._seconds)
        return [f"no octets for {silence}: check the cable, or ask the grid company to open the port"]

    def restart(self, now: float) -> None:
        """The line was away: count from now on."""
        self._last, self._silent = now, False


def duration(seconds: float) -> str:
    """Say how long in one unit: 12 s, 60 s, 4 min, 3 h, 2 days."""
    units = (("days", 86400), ("h", 3600), ("min", 60))
    unit, size = next(((unit, size) for unit, size in units if seconds >= 2 * size), ("s", 1))
    return f"{seconds / size:.0f} {unit}"


def new_framer() -> "Framer":
    """Return what finds frames of any link; only a line in doubt needs it, so it is loaded here."""
    from hanpipe.link import FRAMERS

    make: Callable[[], Framer] = FRAMERS["auto"]
    return make()
