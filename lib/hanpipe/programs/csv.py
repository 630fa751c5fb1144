"""han-csv: readings to a table of comma-separated values."""

import argparse

from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import NOTHING, OK
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from hanpipe.sinks.tables.csv import Held, Rows


def main(argv: list[str]) -> int:
    """Run han-csv; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    return _Run(Program(options, parser.prog)).run()


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-csv",
        "Write readings as comma-separated values: a header, then a row a reading; empty is\n"
        "not sent. Regular files are read twice: every name in them has its column. A stream\n"
        "is held for its first 10 seconds: what is in these has one, and the hourly registers.",
        "... | han-fields | han-csv --fields time,act_pow_pos,act_energy_pos",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="lines of han-fields; - or none: standard input",
    )
    parser.add_argument(
        "--fields", type=_names, metavar="NAMES", help="the columns, comma between; others are left out"
    )
    return parser


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if not names or len(set(names)) != len(names):
        raise argparse.ArgumentTypeError("names are wanted, a comma between, none twice")
    return names


class _Run:
    """One run: readings in, rows out."""

    def __init__(self, program: Program) -> None:
        from hanpipe.sinks.readings_in import ReadingReader

        self._program = program
        self._reader = ReadingReader()

    def run(self) -> int:
        """Run until the input ends; return the exit status."""
        from hanpipe.sinks.run import tell_bad
        from hanpipe.sinks.tables.table import can_be_read_twice

        options = self._program.options
        show = self._program.stats(lambda: {"readings": self._reader.readings, "bad_lines": self._reader.bad})
        if options.fields:
            self._write_on(self._begin(options.fields))
        elif can_be_read_twice(options.files or ["-"]):
            self._read_twice()
        else:
            self._hold()
        show()
        tell_bad(self._program, self._reader)
        return OK if self._reader.readings else NOTHING

    def _begin(self, names: list[str]) -> "Rows":
        """Write the header."""
        from hanpipe.sinks.tables.csv import Rows

        rows = Rows(names, self._program.tell)
        self._program.write(rows.header())
        return rows

    def _write_on(self, rows: "Rows") -> None:
        for data, _ in self._program.pieces():
            self._program.write(rows.rows(self._reader.feed(data)))
        self._program.write(rows.rows(self._reader.feed(b"")))

    def _read_twice(self) -> None:
        from hanpipe.sinks.readings_in import ReadingReader
        from hanpipe.sinks.tables.table import Columns, Twice

        twice, columns, reader = Twice(self._program), Columns(), ReadingReader()
        for data in twice.first():
            columns.add_all(reader.feed(data))
        columns.add_all(reader.feed(b""))
        if not reader.readings or twice.broken_off:
            self._reader = reader
            return
        rows = self._begin(columns.names())
        for data in twice.second():
            self._program.write(rows.rows(self._reader.feed(data)))
        self._program.write(rows.rows(self._reader.feed(b"")))

    def _hold(self) -> None:
        """Hold a stream until its columns can be told, then write on."""
        from hanpipe.sinks.tables.csv import Held

        held = Held()
        rows: Rows | None = None
        for data, _ in self._program.pieces(held.seconds):
            lines = self._reader.feed(data) if data else []
            if rows is None:
                held.add(lines)
                if held.seconds() == 0:
                    rows = self._release(held, ended=False)
            else:
                self._program.write(rows.rows(lines))
        lines = self._reader.feed(b"")
        if rows is None:
            held.add(lines)
            self._release(held, ended=True)
        else:
            self._program.write(rows.rows(lines))

    def _release(self, held: "Held", *, ended: bool) -> "Rows | None":
        """Write what was held, if it was anything."""
        names, lines = held.release(ended=ended)
        if not lines:
            return None
        rows = self._begin(names)
        self._program.write(rows.rows(lines))
        return rows
