"""Readings -> a table as RFC 4180 has it, but for its line ends: LF, as Unix tools expect."""

import csv
import time
from collections.abc import Callable

from hanpipe.sinks.readings_in import Line
from hanpipe.sinks.tables.table import Columns, cell
from hanpipe.unix.typed import Any, Final

PATIENCE: Final = 10.0  # s: every list that comes more than once an hour has come by then
_MOST_HELD: Final = 4_000_000  # octets of readings: a day or two of a meter

# What meters of the Nordic countries send but once an hour.
_HOURLY: Final = ("date_time", "act_energy_pos", "act_energy_neg", "react_energy_pos", "react_energy_neg")


class Rows:
    """Writes readings under columns that are fixed."""

    def __init__(self, names: list[str], tell: Callable[[str], None]) -> None:
        """Take the columns' names, and a way to tell the user, once a message, of a value that has no column."""
        self._names = names
        self._known = frozenset(names)
        self._tell = tell
        self._out = _Lines()
        self._write = csv.writer(self._out).writerow

    def header(self) -> bytes:
        """Return the line of names."""
        self._write(self._names)
        return self._out.taken()

    def rows(self, lines: list[Line]) -> bytes:
        """Return the lines of readings; a value that was not sent is empty."""
        for line in lines:
            if line.reading is not None:
                get = line.reading.get
                self._write([cell(get(name)) for name in self._names])
                if not line.reading.keys() <= self._known:
                    self._tell_lost(line.reading)
        return self._out.taken()

    def _tell_lost(self, reading: dict[str, Any]) -> None:
        for name in reading.keys() - self._known:
            self._tell(f"{name}: left out, as it has no column (--fields NAMES says which there are)")


class _Lines:
    """What a csv.writer writes to. It quotes what holds a CR only where its own line ends do: they are cut here."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        """Take a line that ends in CR LF."""
        self._lines.append(line[:-2])

    def taken(self) -> bytes:
        """Return the lines since the last time, each with its LF."""
        lines, self._lines = self._lines, []
        return "\n".join([*lines, ""]).encode(errors="replace") if lines else b""


class Held:
    """The beginning of a stream, held until its columns can be told."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines: list[Line] = []
        self._columns = Columns()
        self._size = 0
        self._clock = clock
        self._until: float | None = None

    def add(self, lines: list[Line]) -> None:
        """Take lines; those that are no readings fall away."""
        for line in lines:
            if line.reading is not None:
                self._columns.add(line.reading)
                self._size += len(line.octets)
                self._lines.append(line)
        if self._lines and self._until is None:
            self._until = self._clock() + PATIENCE

    def seconds(self) -> float | None:
        """Return how long to wait for more, 0 if it is enough, None if nothing has come yet."""
        if self._until is None:
            return None
        return 0.0 if self._size > _MOST_HELD else max(0.0, self._until - self._clock())

    def release(self, *, ended: bool) -> tuple[list[str], list[Line]]:
        """Return the columns, and what was held under them.

        ended: nothing more will come; else what comes but once an hour has its place too
        """
        if not ended:
            self._columns.add(_HOURLY)
        lines, self._lines, self._until = self._lines, [], None
        return self._columns.names(), lines
