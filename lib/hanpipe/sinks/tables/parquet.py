"""Readings -> a Parquet file: a typed column for each name, in row groups of bounded size. Only this imports pyarrow.

time, begin, end      timestamp[ms, UTC]   if every time has whole milliseconds; so are other times of periods and peaks
true and false        bool
a number              int64; double if one has a fraction, and always for quantities that meters send with fractions
anything else         string: texts, the meter's clock, names with both numbers and texts, and numbers that a double
                      cannot hold
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator

from hanpipe.periods.names import MOMENT, quantity_of
from hanpipe.readings.arrow import parquet, pyarrow
from hanpipe.readings.schema import cell, is_double, milliseconds, schema_of
from hanpipe.sinks.errors import NotWritten, SinkError
from hanpipe.sinks.readings_in import Line
from hanpipe.sinks.run import Sink, failure, run
from hanpipe.sinks.tables.table import Columns, Twice
from hanpipe.unix.program import Program
from hanpipe.unix.state import create
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Any, Final

ROWS: Final = 20_000  # of a row group: some 30 MB while it is gathered

MAGIC: Final = b"PAR1"  # the first octets of a Parquet file


def may_be_replaced(file: str) -> bool:
    """Return whether a file is missing, empty or Parquet: it must not be readings given in the wrong order."""
    try:
        with open(file, "rb") as opened:
            return opened.read(len(MAGIC)) in (b"", MAGIC)
    except OSError:
        return True  # writing it reports why


def write(program: Program) -> int:
    """Write the program's input to its file, which is there at the end or not at all; return the exit status.

    raise: Failure
    """
    file: str = program.options.file
    twice, types = Twice(program, os.path.dirname(file) or "."), Types()
    try:
        for lines in twice.first():
            types.add(lines)
    except SinkError as error:
        raise failure(error) from error
    if not twice.readings:
        return run(program, _NoFile(), twice.second())
    beside = f"{os.path.dirname(file) or '.'}/.{os.path.basename(file)}.{os.getpid()}"
    try:
        return run(program, _File(twice, file, beside, types.columns()), twice.second())
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)


class _NoFile(Sink):
    """Writes nothing: the input holds no reading, and an empty file has no columns."""

    def take(self, lines: list[Line]) -> None:
        """Pass over lines that are not readings."""


class _File(Sink):
    """Writes readings to a file beside the one wanted, which it replaces in the end."""

    def __init__(self, twice: Twice, file: str, beside: str, columns: dict[str, str]) -> None:
        self.title = file
        self._twice = twice
        self._beside = beside
        self._columns = columns

    def begin(self) -> None:
        with named_errors():
            os.close(create(self._beside, 0o666))  # not through a link: its name can be guessed
            self._writer = Writer(self._beside, self._columns)

    def take(self, lines: list[Line]) -> None:
        with named_errors():
            self._writer.add(lines)

    def finish(self, stopping: Callable[[], bool]) -> None:
        with named_errors():
            self._writer.close()
            if self._twice.broken_off:
                raise NotWritten("interrupted; the file is not written")
            os.replace(self._beside, self.title)


@contextlib.contextmanager
def named_errors() -> Iterator[None]:
    """Turn an OSError into a NotWritten."""
    try:
        yield
    except OSError as error:
        raise NotWritten(reason(error)) from error


class Types:
    """The names in the readings of an input, and the type that holds all values of each."""

    def __init__(self) -> None:
        self._columns = Columns()
        self._types: dict[str, str] = {}

    def add(self, lines: list[Line]) -> None:
        """Add lines; those that are not readings are left out."""
        for line in lines:
            if line.reading is not None:
                self._columns.add(line.reading)
                for name, value in line.reading.items():
                    self._add(name, value)

    def _add(self, name: str, value: Any) -> None:
        before = self._types.get(name)
        if before == "text" or value is None:
            return
        now = _type_of(name, value)
        if before in (None, now):
            self._types[name] = now
        else:
            self._types[name] = "double" if {before, now} == {"int", "double"} else "text"

    def columns(self) -> dict[str, str]:
        """Return name -> type, from left to right."""
        return {name: self._types.get(name, "text") for name in self._columns.names()}


def _type_of(name: str, value: Any) -> str:
    """Return the smallest type that holds a value exactly."""
    if is_double(value):
        return "int" if type(value) is int and not _is_fractional(name) else "double"
    if isinstance(value, bool):
        return "bool"
    return "time" if _is_time(name) and milliseconds(value) is not None else "text"


@functools.lru_cache(1024)
def _is_time(name: str) -> bool:
    """Return whether a column is of times that have an offset: not the meter's clock."""
    quantity = quantity_of(name)
    return name == "time" or (quantity is not None and quantity.what == MOMENT)


@functools.lru_cache(1024)
def _is_fractional(name: str) -> bool:
    """Return whether a column is of doubles even if all its values are whole, so that archives have the same types."""
    quantity = quantity_of(name)
    return quantity is not None and quantity.fractional


class Writer:
    """A Parquet file that readings go to; at most ROWS of them wait."""

    def __init__(self, file: str, columns: dict[str, str]) -> None:
        """Make the file. raise: OSError."""
        schema = schema_of(columns)
        self._columns = columns.items()
        self._cells: list[list[Any]] = [[] for _ in columns]
        self._schema = schema
        self._rows = 0
        self._writer = parquet.ParquetWriter(file, schema, compression="zstd")

    def add(self, lines: list[Line]) -> None:
        """Add lines that are readings. raise: OSError."""
        for line in lines:
            if line.reading is None:
                continue
            get = line.reading.get
            for cells, (name, kind) in zip(self._cells, self._columns, strict=True):
                value = get(name)
                cells.append(None if value is None else cell(kind, value))
            self._rows += 1
            if self._rows == ROWS:
                self._write()

    def close(self) -> None:
        """Write what waits, and the footer. raise: OSError."""
        if self._rows:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        arrays = [pyarrow.array(cells, field.type) for cells, field in zip(self._cells, self._schema, strict=True)]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._cells = [[] for _ in self._cells]
        self._rows = 0
