"""han-parquet: readings to a Parquet file."""

import argparse
import contextlib
import os

from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, NOTHING, OK, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Final

_MAGIC: Final = b"PAR1"


def main(argv: list[str]) -> int:
    """Run han-parquet; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if not _may_be_replaced(options.file):
        parser.error(f"{options.file} is there, and no Parquet file: the file to write comes first")
    return _Run(Program(options, parser.prog)).run()


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-parquet",
        "Write readings to a Parquet file: a column a name, a row a reading, in their order.\n"
        "The input is read twice; a pipe is kept beside the file meanwhile. The file is there\n"
        "when the input has ended, whole. Needs the package pyarrow.",
        "... | han-fields | han-parquet november.parquet",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
    )
    parser.add_argument("file", metavar="FILE", help="to write; a Parquet file that is there is replaced")
    parser.add_argument("files", nargs="*", metavar="INPUT", help="lines of han-fields; - or none: standard input")
    return parser


def _may_be_replaced(file: str) -> bool:
    """Tell whether a file is missing, empty or Parquet: readings that were meant to be read are not overwritten."""
    try:
        with open(file, "rb") as opened:
            return opened.read(len(_MAGIC)) in (b"", _MAGIC)
    except OSError:
        return True  # writing it says why


class _Run:
    """One run: readings in, a file out."""

    def __init__(self, program: Program) -> None:
        from hanpipe.sinks.readings_in import ReadingReader
        from hanpipe.sinks.tables.table import Twice

        self._program = program
        self._file: str = program.options.file
        self._directory = os.path.dirname(self._file) or "."
        self._twice = Twice(program, self._directory)
        self._reader = ReadingReader()

    def run(self) -> int:
        """Run until the input ends; return the exit status."""
        from hanpipe.sinks.run import tell_bad
        from hanpipe.sinks.tables.parquet import (
            Types,  # now, so that a missing pyarrow is said before the input is read
        )

        show = self._program.stats(lambda: {"readings": self._reader.readings, "bad_lines": self._reader.bad})
        types = Types()
        for data in self._twice.first():
            types.add(self._reader.feed(data))
        types.add(self._reader.feed(b""))
        if self._reader.readings:
            self._write(types.columns())
        show()
        tell_bad(self._program, self._reader)
        return OK if self._reader.readings else NOTHING

    def _write(self, columns: dict[str, str]) -> None:
        """Write all to a file beside, which then takes the place of FILE. raise: Failure."""
        beside = f"{self._directory}/.{os.path.basename(self._file)}.{os.getpid()}"
        try:
            self._fill(beside, columns)
            os.replace(beside, self._file)
        except OSError as error:
            raise Failure(IO, f"{self._file}: {reason(error)}") from error
        finally:
            with contextlib.suppress(OSError):
                os.unlink(beside)

    def _fill(self, file: str, columns: dict[str, str]) -> None:
        from hanpipe.sinks.readings_in import ReadingReader
        from hanpipe.sinks.tables.parquet import Writer

        reader, writer = ReadingReader(), Writer(file, columns)
        for data in self._twice.second():
            writer.add(reader.feed(data))
        writer.add(reader.feed(b""))
        writer.close()
        if self._twice.broken_off:
            raise Failure(IO, f"{self._file}: not written, as it was broken off")
