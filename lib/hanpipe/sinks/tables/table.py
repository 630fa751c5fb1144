"""Parts of CSV and Parquet tables: columns, cells as text, and an input that is read twice."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from decimal import Decimal

from hanpipe.readings.decimals import exact_json
from hanpipe.sinks.errors import NotWritten
from hanpipe.sinks.readings_in import Line, ReadingReader
from hanpipe.unix.files import are_regular
from hanpipe.unix.program import Program
from hanpipe.unix.state import write_all
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Any, Final

_FIRST: Final = (
    "time",
    "source",
    "begin",
    "end",
    "obis_list_version",
    "meter_ID",
    "meter_maker",
    "meter_model",
    "date_time",
)  # who and when, on the left
_PIECE: Final = 65536


class Columns:
    """The names that readings hold: who and when first, then in the order in which they came."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._seen: set[tuple[str, ...]] = set()  # the names of each list, so that most readings need one look

    def add(self, reading: Iterable[str]) -> None:
        """Add the names of a reading."""
        names = tuple(reading)
        if names not in self._seen:
            self._names.update(dict.fromkeys(names))
            if len(self._seen) < 1000:
                self._seen.add(names)

    def add_all(self, lines: Iterable[Line]) -> None:
        """Add the names of lines that are readings."""
        for line in lines:
            if line.reading is not None:
                self.add(line.reading)

    def names(self) -> list[str]:
        """Return them, from left to right."""
        return [name for name in _FIRST if name in self._names] + [name for name in self._names if name not in _FIRST]


def cell(value: Any) -> str:
    """Write a value as text: a string as it is, a number exactly, anything else as JSON; null is empty."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is Decimal:
        return format(value, "f")
    return str(value) if kind is int else "" if value is None else exact_json(value)


class Twice:
    """An input that is read twice: once for its columns, once for its rows.

    The second time ends where the first one did, even if a file has grown meanwhile.

    readings: how many the first time found
    """

    def __init__(self, program: Program, directory: str = ".") -> None:
        """Take the program whose input it is. directory: for the copy of a pipe, in a file without a name."""
        self.readings = 0
        self._program = program
        self._regular = are_regular(program.options.files or ["-"])
        self._directory = directory
        self._start = os.lseek(0, 0, os.SEEK_CUR) if self._regular and "-" in (program.options.files or ["-"]) else None
        self._size = 0

    def first(self) -> Iterator[list[Line]]:
        """Yield the lines of the input. raise: Failure: it cannot be read; NotWritten: it cannot be copied."""
        reader = ReadingReader()
        if not self._regular:
            self._copy = self._make_file()
        for data, _ in self._program.pieces():
            self._size += len(data)
            if not self._regular:
                self._keep(data)
            yield reader.feed(data)
        yield reader.feed(b"")
        self.readings = reader.readings

    def second(self) -> Iterator[tuple[bytes, int]]:
        """Yield the pieces of the input again, as Program.pieces does."""
        left = self._size
        for data in self._again():
            yield data[:left], 0
            left -= len(data)
            if left <= 0:
                return

    def _again(self) -> Iterator[bytes]:
        if self._regular:
            if self._start is not None:
                os.lseek(0, self._start, os.SEEK_SET)
            for data, _ in self._program.pieces():
                yield data
            return
        self._copy.seek(0)
        while data := self._copy.read(_PIECE):
            yield data

    def _make_file(self) -> Any:
        try:
            return tempfile.TemporaryFile(dir=self._directory, buffering=0)
        except OSError as error:
            raise NotWritten(f"{self._directory}: {reason(error)}") from error

    def _keep(self, data: bytes) -> None:
        try:
            write_all(self._copy.fileno(), data)
        except OSError as error:
            raise NotWritten(f"{self._directory}: cannot copy the input: {reason(error)}") from error

    @property
    def broken_off(self) -> bool:
        """Return whether a signal ended a regular file too early: a pipe ends so, a file does not."""
        return self._regular and self._program.stopping
