"""The history of each meter: a row per quarter of an hour, in a SQLite file.

A row takes about 130 octets, so that a meter needs 4.6 MB a year. New rows are seen at once, but written to the file
only by commit(), which is called once an hour, because each write wears an SD card.
"""

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from hanpipe.readings.flat import number, source_of
from hanpipe.sinks.errors import Misconfigured, NotWritten
from hanpipe.unix import state
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Any, Final

Row = dict[str, Any]

PERIOD: Final = "15m"  # of han-every
SECONDS: Final = 900
VERSION: Final = 1  # of the tables, kept in user_version
MOST_METERS: Final = 100
MOST_WAITING: Final = 20_000  # periods that wait for a full disk; then the oldest are lost
_FIRST_YEAR: Final = 2020  # a board without a clock chip starts in 1970
_APPLICATION: Final = 0x48414E57  # "HANW", kept in application_id: the file is a store of han-web

# Column -> how two parts of one period, and many periods, become one. Energies in Wh, powers in W, voltages in V;
# known is the share of the period for which the power was known.
_COLUMNS: Final = {
    "import_wh": "sum", "export_wh": "sum", "import_max": "max", "export_max": "max",
    "l1_min": "min", "l1": "mean", "l1_max": "max",
    "l2_min": "min", "l2": "mean", "l2_max": "max",
    "l3_min": "min", "l3": "mean", "l3_max": "max",
    "known": "sum", "estimated": "max",
}  # fmt: skip
_COMBINED: Final = {
    "sum": "sum({0})", "max": "max({0})", "min": "min({0})",
    "mean": "round(sum({0} * known) / sum(iif({0} IS NULL, 0, known)), 1)",
}  # fmt: skip
# Column -> its name in a period of han-every.
_NAMES: Final = {
    "import_wh": "act_energy_pos_delta", "export_wh": "act_energy_neg_delta",
    "import_max": "act_pow_pos_max", "export_max": "act_pow_neg_max",
    **{f"l{phase}{end}": f"volt_L{phase}{end}" for phase in (1, 2, 3) for end in ("_min", "", "_max")},
    "known": "known", "estimated": "estimated",
}  # fmt: skip
_METER: Final = ("id", "source", "number", "model")
_MODEL: Final = ("meter_maker", "meter_model")
# begin: s since 1970-01-01 UTC; offset: local time minus UTC, s
_PERIOD: Final = f"""period (meter INTEGER, begin INTEGER, offset INTEGER, {", ".join(_COLUMNS)},
                         PRIMARY KEY (meter, begin)) WITHOUT ROWID"""
_TABLES: Final = f"""
    BEGIN IMMEDIATE;
    CREATE TABLE main.meter (id INTEGER PRIMARY KEY, source TEXT, number TEXT, model TEXT, UNIQUE (source, number));
    CREATE TABLE main.{_PERIOD};
    PRAGMA main.application_id = {_APPLICATION};
    PRAGMA main.user_version = {VERSION};
    COMMIT;
"""
# Periods that are not in the file yet are in a table of the memory, which comes first.
_FRESH: Final = f"ATTACH ':memory:' AS fresh; CREATE TABLE fresh.{_PERIOD};"
_BOTH: Final = """
    SELECT * FROM fresh.period WHERE meter = :meter AND begin >= :begin AND begin < :end
    UNION ALL
    SELECT * FROM main.period WHERE meter = :meter AND begin >= :begin AND begin < :end
    AND begin NOT IN (SELECT begin FROM fresh.period WHERE meter = :meter)
"""
# How periods are shown -> those with the same value are one. The hour that comes twice in autumn is two hours.
_GROUPS: Final = {
    "quarter": "begin",
    "hour": "(begin + offset) / 3600, offset",
    "day": "(begin + offset) / 86400",
    "month": "strftime('%Y-%m', begin + offset, 'unixepoch')",
}


class Meter:
    """A meter of the store. number: "" if it is not known; model: with its maker; "" if they are not known."""

    __slots__ = ("id", "model", "number", "source")

    def __init__(self, id_: int, source: str, number: str, model: str) -> None:
        self.id = id_
        self.source = source
        self.number = number
        self.model = model


class Store:
    """A file of periods. Any thread may use it. Another program can read the file meanwhile, but not write to it.

    waiting: periods that are not in the file yet
    """

    def __init__(self, file: str) -> None:
        """Open the file, or make it, with mode 0600. raise: Misconfigured, NotWritten."""
        self.waiting = 0
        self._file = file
        self._lock = threading.Lock()
        self._meters: dict[tuple[str, str], Meter] = {}  # by source and number
        try:
            state.make_directory(os.path.dirname(file) or ".", 0o700)
            path = state.resolved(file)
            # Stays open until SQLite has closed the file: closing it would end SQLite's own locks.
            self._held = state.open_own(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise NotWritten(f"{file}: {reason(error)}") from error
        try:
            self._take_alone(path)
        except BaseException:
            os.close(self._held)
            raise

    def _take_alone(self, path: str) -> None:
        """Open the file, unless another program has. raise: Misconfigured, NotWritten."""
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotWritten(f"{self._file}: in use by another han-web; name another file with --store") from error
        except OSError as error:
            raise NotWritten(f"{self._file}: {reason(error)}") from error
        with self._errors():
            self._connection = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
            self._open()

    def _open(self) -> None:
        """Make the tables, or check that they are those of this version. raise: Misconfigured, sqlite3.Error."""
        ask = self._connection.execute
        application, version = (ask(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if not application and not ask("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            ask("PRAGMA journal_mode = WAL")  # a commit is one write, and readers do not wait
            self._connection.executescript(_TABLES)
        elif application != _APPLICATION:
            raise Misconfigured(f"{self._file}: not a store of han-web; name another file with --store")
        elif version != VERSION:
            raise Misconfigured(
                f"{self._file}: expected a store of version {VERSION}, found version {version}; name another file with "
                "--store"
            )
        self._connection.executescript(_FRESH)
        for row in ask("SELECT id, source, number, model FROM meter ORDER BY id"):
            self._meters[row[1], row[2]] = Meter(*row)

    def meter(self, source: str, number: str) -> int | None:
        """Return the id of a meter, from 1 on; None if there are too many meters, or several of its source.

        number: "" in a reading without a number: it is of the only meter of its source
        """
        with self._lock:
            found = self._find(source, number)
            return found.id if found else None

    def _find(self, source: str, number: str) -> Meter | None:
        """Return a meter, which may be new; see meter(). A meter that had no number yet is the first one with one."""
        if known := self._meters.get((source, number)):
            return known
        of_source = [meter for meter in self._meters.values() if meter.source == source]
        if not number and of_source:
            return of_source[0] if len(of_source) == 1 else None
        if len(self._meters) >= MOST_METERS:
            return None
        meter = self._meters.pop((source, ""), None) or Meter(len(self._meters) + 1, source, "", "")
        meter.number = number
        self._meters[source, number] = meter
        return meter

    def meters(self) -> list[Row]:
        """Return each meter: id, source, number, model; begin and end of its periods, s since 1970-01-01 UTC.

        raise: NotWritten
        """
        with self._lock, self._errors():
            rows = []
            for meter in sorted(self._meters.values(), key=lambda meter: meter.id):
                row: Row = {name: getattr(meter, name) for name in _METER}
                begin, last = self._extreme("min", meter), self._extreme("max", meter)
                rows.append(row | {"begin": begin, "end": None if last is None else last + SECONDS})
            return rows

    def _extreme(self, which: str, meter: Meter) -> int | None:
        """Return the begin of the first or last period of a meter. which: min or max."""
        ask = self._connection.execute
        tables = ("main", "fresh")
        found = [ask(f"SELECT {which}(begin) FROM {one}.period WHERE meter = ?", (meter.id,)) for one in tables]
        known = [begin for (begin,) in map(sqlite3.Cursor.fetchone, found) if begin is not None]
        return {"min": min, "max": max}[which](known) if known else None

    def add(self, line: Row) -> None:
        """Add a period, a line of han-every, or a part of one to the part that is there already; none before 2020.

        raise: NotWritten
        """
        begin = datetime.fromisoformat(line["begin"])
        if begin.year < _FIRST_YEAR:
            return
        offset = begin.utcoffset() or timedelta()
        row = [_stored(line.get(name)) for name in _NAMES.values()]
        with self._lock, self._errors():
            meter = self._find(source_of(line), str(line.get("meter_ID") or ""))
            if meter is None:
                return
            meter.model = " ".join(str(line[name]) for name in _MODEL if line.get(name)) or meter.model
            at = int(begin.timestamp())
            span = {"meter": meter.id, "begin": at, "end": at + 1}
            ask = self._connection.execute
            old = ask(f"SELECT {', '.join(_NAMES)} FROM ({_BOTH})", span).fetchone()
            values = (meter.id, at, int(offset.total_seconds()), *(_merged(list(old), row) if old else row))
            ask(f"INSERT OR REPLACE INTO fresh.period VALUES ({', '.join('?' * len(values))})", values)
            if self.waiting >= MOST_WAITING:
                ask("DELETE FROM fresh.period WHERE begin = (SELECT min(begin) FROM fresh.period)")
            self.waiting = ask("SELECT count(*) FROM fresh.period").fetchone()[0]

    def rows(self, meter: int, by: str, begin: int, end: int) -> list[Row]:
        """Return what is known of a meter, as quarters, hours, days or months, in order.

        by:         quarter, hour, day or month
        begin, end: s since 1970-01-01 UTC
        return:     begin, local and all columns of each; local is the first local time in it, s since 1970-01-01;
                    known is a number of quarter hours
        raise:      NotWritten: the file cannot be read
        """
        # A column without an aggregate would come from any row of a day, in which the offset may change.
        columns = ", ".join(f"{_COMBINED[how].format(column)} AS {column}" for column, how in _COLUMNS.items())
        with self._lock, self._errors():
            found = self._connection.execute(
                f"SELECT min(begin) AS begin, min(begin + offset) AS local, {columns} FROM ({_BOTH}) "
                f"GROUP BY {_GROUPS[by]} ORDER BY 1",
                {"meter": meter, "begin": begin, "end": end},
            )
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def commit(self) -> None:
        """Write what waits to the file. raise: NotWritten: it goes on waiting."""
        meters = [tuple(getattr(meter, name) for name in _METER) for meter in self._meters.values()]
        with self._lock, self._errors():
            ask = self._connection.execute
            try:
                ask("BEGIN IMMEDIATE")
                self._connection.executemany("INSERT OR REPLACE INTO meter VALUES (?, ?, ?, ?)", meters)
                ask("INSERT OR REPLACE INTO main.period SELECT * FROM fresh.period")
                ask("COMMIT")
            finally:
                if self._connection.in_transaction:
                    ask("ROLLBACK")
            ask("DELETE FROM fresh.period")
            self.waiting = 0

    def close(self) -> None:
        """Write what waits, and close the file. raise: NotWritten."""
        try:
            self.commit()
        finally:
            self._connection.close()
            os.close(self._held)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn an error of SQLite into one that says what is wrong with the file. raise: Misconfigured, NotWritten."""
        try:
            yield
        except sqlite3.Error as error:
            if "not a database" in str(error):
                raise Misconfigured(f"{self._file}: not a store of han-web; name another file with --store") from error
            hint = ": its directory cannot be written" if "unable to open" in str(error) else ""
            raise NotWritten(f"{self._file}: {error}{hint}") from error


def _stored(value: Any) -> Any:
    """Return a number or a truth value as SQLite holds it; None for everything else."""
    if isinstance(value, bool):
        return int(value)
    figure = number(value)
    return float(figure) if isinstance(figure, Decimal) else figure


def _merged(old: list[Any], new: list[Any]) -> list[Any]:
    """Return one period of two: of its two parts, or the better known one if both are the whole."""
    known = list(_NAMES).index("known")
    before, after = old[known] or 0, new[known] or 0
    if not before or not after or before + after > 1:
        return old if before > after else new
    return [_ONE[how](one, two, before, after) for how, one, two in zip(_COLUMNS.values(), old, new, strict=True)]


def _one(pick: Any) -> Any:
    """Return a function that picks one of two values, and the one that is known if the other is not."""
    return lambda one, two, before, after: two if one is None else one if two is None else pick(one, two, before, after)


_ONE: Final = {
    "sum": _one(lambda one, two, *_: one + two),
    "max": _one(lambda one, two, *_: max(one, two)),
    "min": _one(lambda one, two, *_: min(one, two)),
    "mean": _one(lambda one, two, before, after: (one * before + two * after) / (before + after)),
}
