"""The run of han-top: readings to the screen, and keys."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import tzinfo

from rich.text import Text

from hanpipe.periods.intervals import Timeline
from hanpipe.periods.peaks import rules
from hanpipe.sinks.errors import NotWritten
from hanpipe.sinks.house.figures import Figures
from hanpipe.sinks.house.house import HIGHEST_HOUR, House, Key
from hanpipe.sinks.readings_in import Line, readings_only
from hanpipe.sinks.run import Sink, failure, run
from hanpipe.sinks.top.chart import ASCII, BLOCKS
from hanpipe.sinks.top.screen import HELP, Settings, View, page, screen
from hanpipe.sinks.top.terminal import Terminal
from hanpipe.unix.files import are_regular
from hanpipe.unix.program import Program
from hanpipe.unix.status import OK
from hanpipe.unix.stderr import duration
from hanpipe.unix.typed import Final
from hanpipe.unix.zones import local_zone

_OFTEN: Final = 0.1  # s between two screens, at least
_SELDOM: Final = 1.0  # s between two screens, at most: ages count in seconds
_MOST_HELD: Final = 10  # messages
_LONG: Final = 30  # s without a reading after which the screen says where to look


def start(options: Namespace, name: str) -> int:
    """Show readings until the input ends; return the exit status. raise: Failure."""
    try:
        terminal = Terminal()
    except NotWritten as error:
        raise failure(error) from error
    program = _Program(options, name)
    sink = _TopSink(program, terminal, options.zone or local_zone())
    try:
        status = run(program, sink, _until_quit(sink, program.pieces(sink.seconds, (terminal.descriptor,))))
    finally:
        terminal.leave()
        program.left_screen()
    return OK if sink.quit else status


def _until_quit(sink: "_TopSink", pieces: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    for piece in pieces:
        yield piece
        if sink.quit:
            return


class _Program(Program):
    """A program that holds its messages back while its screen is shown, because they would spoil it."""

    def __init__(self, options: Namespace, name: str) -> None:
        super().__init__(options, name)
        self._progress = None  # it would spoil the screen too
        self.on_screen = True
        self._held: list[str] = []

    def warn(self, message: str) -> None:
        if not self.on_screen:
            super().warn(message)
        elif message not in self._held and len(self._held) < _MOST_HELD:
            self._held.append(message)

    def left_screen(self) -> None:
        """Print the messages that were held back, and all others from here on."""
        self.on_screen = False
        for message in self._held:
            super().warn(message)


class _TopSink(Sink):
    """Draws the figures of one meter, and lets keys choose which.

    quit: whether the user has pressed q
    """

    def __init__(self, program: _Program, terminal: Terminal, zone: tzinfo) -> None:
        options = program.options
        self.quit = False
        self._program = program
        self._terminal = terminal
        self._settings = Settings(options.fuse, options.limit, zone, BLOCKS if terminal.unicode else ASCII)
        self._house = House(zone, rules()[options.rule] if options.rule else HIGHEST_HOUR)
        # A file that is replayed ends with its last reading; a meter goes on, or is silent.
        replay = not options.follow and are_regular(options.files or ["-"])
        self._timeline = Timeline(lambda: 0, zone=zone) if replay else Timeline(zone=zone)
        self._began = time.monotonic()
        self._taken = 0  # readings
        self._key: Key | None = None  # of the meter that is shown
        self._shown: tuple[Figures, int] | None = None  # and at what time
        self._paused = self._helps = False
        self._room = (0, 0)
        self._drawn = 0.0  # when
        self._due = True  # whether there is something new to draw

    def begin(self) -> None:
        self._terminal.enter()
        self.turn()

    def take(self, lines: list[Line]) -> None:
        readings = list(readings_only(lines, self._program.warn))
        for reading in readings:
            self._house.add(reading, self._timeline.of(reading))
        count = sum(bool(line.octets.strip()) for line in lines)
        self._taken += len(readings)
        self._house.unreadable += count - len(readings)
        self._due = self._due or count > 0

    def turn(self) -> None:
        for key in self._terminal.pressed():
            self._press(key)
        room = self._terminal.room()
        if room != self._room or self.seconds() == 0:
            self._room = room
            self._terminal.draw(self._rows())
            self._drawn = time.monotonic()
            self._due = False

    def seconds(self) -> float:
        return max(0.0, self._drawn + (_OFTEN if self._due else _SELDOM) - time.monotonic())

    def _press(self, key: str) -> None:
        self._drawn = 0.0
        if self._helps:
            self._helps = False
        elif key in "qQ":
            self.quit = True
        elif key in "pP ":
            self._paused = not self._paused
        elif key == "?":
            self._helps = True
        elif key == "\t" and self._key is not None:
            meters = self._house.meters()
            self._key = meters[(self._place(meters) + 1) % len(meters)]
            self._shown = None

    def _place(self, meters: list[Key]) -> int:
        """Return which of all meters is shown, from 0; the first one if the house has forgotten that one."""
        return meters.index(self._key) if self._key in meters else 0

    def _rows(self) -> list[Text]:
        meters = self._house.meters()
        view = View(*self._room, paused=self._paused, unreadable=self._house.unreadable)
        if self._helps:
            return page("keys and figures", HELP, self._settings, view)
        if not meters:
            return page("waiting for the first reading", self._waiting(), self._settings, view)
        self._key = meters[self._place(meters)]
        if self._shown is None or not self._paused:
            now = self._timeline.now()
            self._shown = self._house.figures(self._key, now), now
        place = self._place(meters) + 1
        return screen(*self._shown, self._settings, view._replace(place=place, meters=len(meters)))

    def _waiting(self) -> str:
        seconds = time.monotonic() - self._began
        hint = "\n\nhan-read -v says whether octets come, han-doctor why nothing decodes." if seconds >= _LONG else ""
        return f"\nnothing for {duration(seconds)}{hint}"

    def finish(self, stopping: Callable[[], bool]) -> None:
        """Leave the screen; if the input has ended by itself, its last screen stays."""
        self._paused = self._helps = False
        rows = self._rows() if self._house.meters() else []
        self._terminal.leave()
        if rows and not (self.quit or stopping()):
            self._terminal.print(rows[:-1])  # without the keys
            self._program.warn("the input has ended; this was the last screen")
        self._program.left_screen()
        self._program.explain(f"{self._taken:,} readings, meters: {len(self._house.meters())}")

    def used(self) -> bool:
        return self._taken > 0

    def counters(self) -> dict[str, int]:
        return {"meters": len(self._house.meters())}
