"""Readings -> CSV as in RFC 4180, except that lines end in LF, as Unix tools expect.

A spreadsheet runs a cell that begins with = as a formula, even a quoted one. So a text that could be one has an
apostrophe before it; numbers are as they are.
"""

import csv
import re
import time
from collections.abc import Callable

from hanpipe.sinks.readings_in import NO_READING, Line
from hanpipe.sinks.run import Sink, run
from hanpipe.sinks.tables.table import Columns, Twice, cell
from hanpipe.unix.files import are_regular
from hanpipe.unix.program import Program
from hanpipe.unix.status import OK
from hanpipe.unix.typed import Any, Final

PATIENCE: Final = 10.0  # s: every list that comes more than once an hour has come by then
# The beginning of a formula, in any width; apostrophes before it, so that taking one away gives back every text.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_MOST_HELD: Final = 4_000_000  # octets of readings: a day or two of a meter

# Names that meters of the Nordic countries send once an hour.
_HOURLY: Final = ("date_time", "act_energy_pos", "act_energy_neg", "react_energy_pos", "react_energy_neg")


def write(program: Program) -> int:
    """Write the program's input as CSV; return the exit status. raise: Failure.

    Regular files are read twice, so that every name in them has its column.
    """
    if program.options.fields:
        return run(program, _Chosen(program))
    if not are_regular(program.options.files or ["-"]):
        return run(program, _Held(program))
    twice, columns = Twice(program), Columns()
    for lines in twice.first():
        columns.add_all(lines)
    if twice.broken_off:
        return OK if twice.readings else program.nothing(NO_READING)
    return run(program, _Table(program, columns.names()), twice.second())


class _Table(Sink):
    """Writes readings under columns that are known from the start."""

    def __init__(self, program: Program, names: list[str]) -> None:
        self._program = program
        self._rows = Rows(names, program.warn, raw_text=program.options.raw_text)

    def begin(self) -> None:
        if self._rows.names:
            self._program.write(self._rows.header())

    def take(self, lines: list[Line]) -> None:
        if octets := self._rows.rows(lines):
            self._program.write(octets)


class _Chosen(Sink):
    """Writes those values of readings that the user chose."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._rows = Rows(program.options.fields, lambda text: None, raw_text=program.options.raw_text)
        self._any = False
        self._unmet = set(program.options.fields)  # names that no reading had so far

    def begin(self) -> None:
        self._program.write(self._rows.header())

    def take(self, lines: list[Line]) -> None:
        if octets := self._rows.rows(lines):
            self._program.write(octets)
            self._any = True
        for line in lines if self._unmet else ():
            self._unmet.difference_update(line.reading or ())

    def finish(self, stopping: Callable[[], bool]) -> None:
        for name in self._rows.names:
            if self._any and name in self._unmet:
                self._program.warn(f"--fields: no reading has {name}")


class _Held(Sink):
    """Holds the beginning of a stream until its columns are known, then writes on."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._held = Held()
        self._rows: Rows | None = None

    def take(self, lines: list[Line]) -> None:
        if self._rows:
            self._program.write(self._rows.rows(lines))
        else:
            self._held.add(lines)

    def turn(self) -> None:
        if self._rows is None and self._held.seconds() == 0:
            self._release(ended=False)

    def seconds(self) -> float | None:
        return None if self._rows else self._held.seconds()

    def finish(self, stopping: Callable[[], bool]) -> None:
        if self._rows is None:
            self._release(ended=True)

    def _release(self, *, ended: bool) -> None:
        names, lines = self._held.release(ended=ended)
        if lines:
            self._rows = Rows(names, self._program.warn, raw_text=self._program.options.raw_text)
            self._program.write(self._rows.header() + self._rows.rows(lines))


class Rows:
    """Writes readings under columns that are fixed."""

    def __init__(self, names: list[str], warn: Callable[[str], None], *, raw_text: bool = False) -> None:
        """Take the columns' names.

        warn:     warns the user, once a message, of a value that has no column
        raw_text: write texts as they are, even if a spreadsheet takes them for formulas
        """
        self.names = names
        self._text: Callable[[str], str] = str if raw_text else no_formula
        self._known = frozenset(names)
        self._warn = warn
        self._out = _Lines()
        self._write = csv.writer(self._out).writerow

    def header(self) -> bytes:
        """Return the line of names."""
        self._write(map(self._text, self.names))
        return self._out.taken()

    def rows(self, lines: list[Line]) -> bytes:
        """Return the lines of readings; a value that was not sent is empty."""
        for line in lines:
            if line.reading is not None:
                values = map(line.reading.get, self.names)
                self._write([self._text(value) if type(value) is str else cell(value) for value in values])
                if not line.reading.keys() <= self._known:
                    self._warn_lost(line.reading)
        return self._out.taken()

    def _warn_lost(self, reading: dict[str, Any]) -> None:
        for name in reading.keys() - self._known:
            self._warn(f"left out {name}: it has no column; name the columns with --fields")


def no_formula(text: str) -> str:
    """Return a text as no spreadsheet takes it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


class _Lines:
    """The output of a csv.writer. It quotes values with a CR only if its line ends have one, so they are cut here."""

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
    """The beginning of a stream, held until its columns are known."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines: list[Line] = []
        self._columns = Columns()
        self._size = 0
        self._clock = clock
        self._until: float | None = None

    def add(self, lines: list[Line]) -> None:
        """Take lines; those that are not readings are left out."""
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
        """Return the columns and the lines that were held.

        ended: nothing more will come; else the names that come later have a column too: hourly ones, and the registers
               of periods, which the first period does not know
        """
        if not ended:
            registers = [name.removesuffix("_delta") for name in self._columns.names() if name.endswith("_delta")]
            self._columns.add(registers or _HOURLY)
        lines, self._lines, self._until = self._lines, [], None
        return self._columns.names(), lines
