"""Readings -> a folder of Parquet files, by day and meter, to which every run adds whole files.

    FOLDER/day=2026-11-22/meter=7359992890123456/1795300000000000000-5d41402a.parquet

DuckDB, Spark and pandas read day and meter from such a path. A name has one type in all files (readings/schema.py), so
that those of different meters are read as one table. A file is written under a hidden name, brought to the disk and
renamed: whenever a run ends, its files are whole, and only rows that were still waiting are missing.
"""

import functools
import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from urllib.parse import quote

from hanpipe.periods.names import FLAG, MOMENT, quantity_of
from hanpipe.readings.arrow import parquet, pyarrow
from hanpipe.readings.flat import source_of
from hanpipe.readings.rows import Rows
from hanpipe.readings.schema import FIRST, OTHER, kind_of
from hanpipe.sinks.meter_finder import Whose
from hanpipe.sinks.readings_in import Line
from hanpipe.sinks.run import Sink, run
from hanpipe.sinks.tables.parquet import named_errors
from hanpipe.unix.program import Program
from hanpipe.unix.state import make_directory, replace, sync_directory
from hanpipe.unix.typed import Any, Final

MOST: Final = 100_000  # rows that wait, some 100 MB
PATIENCE: Final = 3600.0  # s for which a row waits at most, if the input goes on
UNKNOWN: Final = "__HIVE_DEFAULT_PARTITION__"  # reads back as null
_LONGEST: Final = 200  # characters of a folder's name


def write(program: Program) -> int:
    """Add the program's input to its folder; return the exit status. raise: Failure."""
    return run(program, _Dataset(program, program.options.file))


class _Dataset(Sink):
    """Gathers readings by day and meter, and adds a file for each to a folder."""

    def __init__(self, program: Program, folder: str) -> None:
        """Take the folder, which is made when the first rows are written."""
        self.title = folder
        self._whose = Whose(program.warn)
        self._waiting: dict[str, Rows] = {}  # by the path of their folder
        self._count = 0
        self._until: float | None = None

    def take(self, lines: list[Line]) -> None:
        for line in lines:
            if line.reading is not None:
                self._waiting.setdefault(self._folder(line.reading), Rows()).add_named(line.reading)
                self._count += 1
                if self._count >= MOST:
                    self._write(max(self._waiting, key=lambda folder: len(self._waiting[folder])))
        if self._until is None and self._count:
            self._until = time.monotonic() + PATIENCE

    def turn(self) -> None:
        if self.seconds() == 0:
            self._write_all()

    def seconds(self) -> float | None:
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def finish(self, stopping: Callable[[], bool]) -> None:
        self._write_all()

    def _folder(self, reading: dict[str, Any]) -> str:
        meter = self._whose.of(reading) or source_of(reading)
        return os.path.join(self.title, f"day={day_of(reading) or UNKNOWN}", f"meter={_escaped(meter) or UNKNOWN}")

    def _write_all(self) -> None:
        for folder in list(self._waiting):
            self._write(folder)
        self._until = None

    def _write(self, folder: str) -> None:
        """Write the rows of a folder. raise: NotWritten."""
        rows = self._waiting.pop(folder)
        self._count -= len(rows)
        with named_errors():
            add_file(folder, rows.batch(columns(rows.names())))


def columns(names: list[str]) -> dict[str, str]:
    """Return the columns of rows with these names: name -> kind. OTHER holds names without a quantity."""
    known = [name for name in names if name not in FIRST and name != OTHER and quantity_of(name)]
    return {name: _kind(name) for name in (*(name for name in FIRST if name in names), *known, OTHER)}


@functools.lru_cache(1024)
def _kind(name: str) -> str:
    quantity = quantity_of(name)
    if quantity and quantity.what in (MOMENT, FLAG):
        return "time" if quantity.what == MOMENT else "bool"
    return kind_of(name, quantity)


def day_of(reading: dict[str, Any]) -> date | None:
    """Return the day of a reading or period in UTC; by the meter's clock if only that is known, else None."""
    for key in ("begin", "time", "date_time"):
        try:
            at = datetime.fromisoformat(reading[key])
            return at.astimezone(UTC).date() if at.tzinfo else at.date()
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return None


@functools.lru_cache(1024)
def _escaped(meter: str) -> str:
    """Return the number of a meter as part of a path."""
    return quote(meter, safe="", errors="replace")[:_LONGEST]


def add_file(folder: str, batch: "pyarrow.RecordBatch") -> None:
    """Add a file to a folder: it is there whole, also after a power cut, or not at all. raise: OSError."""
    out = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_batches([batch]), out, compression="zstd")
    name = f"{time.time_ns()}-{secrets.token_hex(4)}.parquet"
    _make(folder)
    replace(os.path.join(folder, name), out.getvalue().to_pybytes(), 0o666)


def _make(folder: str) -> None:
    """Make a folder, and those that it is in, so that they outlast a power cut. raise: OSError."""
    if not os.path.isdir(folder):
        above = os.path.dirname(folder) or "."
        _make(above)
        make_directory(folder)
        sync_directory(above)
