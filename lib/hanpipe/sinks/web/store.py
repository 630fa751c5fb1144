"""The history of each meter: a row per quarter of an hour, in a SQLite file.

A row takes about 75 octets, so that a meter needs 2.7 MB a year. The file is written once an hour, because each write
wears an SD card. The page sees new rows at once, since it reads through the same connection.
"""

import os
import sqlite3
import threading
from datetime import datetime, timedelta
from decimal import Decimal

from hanpipe.readings.flat import number
from hanpipe.sinks.errors import Misconfigured, NotWritten
from hanpipe.unix.state import open_own
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Any, Final

Row = dict[str, Any]

PERIOD: Final = "15m"  # of han-every
SECONDS: Final = 900
VERSION: Final = 1  # of the tables, kept in user_version
MOST_METERS: Final = 100
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
# begin: s since 1970-01-01 UTC; offset: local time minus UTC, s
_TABLES: Final = f"""
    BEGIN IMMEDIATE;
    CREATE TABLE meter (id INTEGER PRIMARY KEY, source TEXT, number TEXT, model TEXT, UNIQUE (source, number));
    CREATE TABLE period (meter INTEGER, begin INTEGER, offset INTEGER, {", ".join(_COLUMNS)},
                         PRIMARY KEY (meter, begin)) WITHOUT ROWID;
    PRAGMA application_id = {_APPLICATION};
    PRAGMA user_version = {VERSION};
    COMMIT;
"""
# How periods are shown -> those with the same value are one.
_GROUPS: Final = {
    "quarter": "begin",
    "hour": "(begin + offset % 3600) / 3600",
    "day": "(begin + offset) / 86400",
    "month": "strftime('%Y-%m', begin + offset, 'unixepoch')",
}


class Store:
    """A file of periods. Any thread may use it. Another program can read the file meanwhile, but not write to it.

    changed: whether something is not in the file yet
    """

    def __init__(self, file: str) -> None:
        """Open the file, or make it, with mode 0600. raise: Misconfigured, NotWritten."""
        self.changed = False
        self._file = file
        self._lock = threading.Lock()
        self._meters: dict[tuple[str, str], int] = {}  # source and number -> id
        try:
            os.makedirs(os.path.dirname(file) or ".", mode=0o700, exist_ok=True)
            os.close(open_own(file, os.O_RDWR | os.O_CREAT))
            self._connection = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
            self._open()
        except OSError as error:
            raise NotWritten(f"{file}: {reason(error)}") from error
        except sqlite3.Error as error:
            raise _named(file, error) from error

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
        ask("BEGIN IMMEDIATE")
        self._meters = {(source, number): id_ for id_, source, number in ask("SELECT id, source, number FROM meter")}

    def meter(self, source: str, number: str) -> int | None:
        """Return the id of a meter, from 1 on; None if there are too many meters, or several of its source.

        number: "" in a reading without a number: it is of the only meter of its source
        """
        with self._lock:
            return self._meters.get((source, number)) or self._first(source, number)

    def _first(self, source: str, number: str) -> int | None:
        """Return the id of a meter that was not asked for before. The meter that had no number yet is this one."""
        of_source = [id_ for (one, _), id_ in self._meters.items() if one == source]
        if not number and of_source:
            return of_source[0] if len(of_source) == 1 else None
        if len(self._meters) >= MOST_METERS:
            return None
        unnamed = self._meters.pop((source, ""), None)
        if unnamed:
            self._connection.execute("UPDATE meter SET number = ? WHERE id = ?", (number, unnamed))
        else:
            made = self._connection.execute("INSERT INTO meter (source, number) VALUES (?, ?)", (source, number))
            unnamed = int(made.lastrowid or 0)
        self._meters[source, number] = unnamed
        self.changed = True
        return unnamed

    def meters(self) -> list[Row]:
        """Return each meter: id, source, number, model; begin and end of its periods, s since 1970-01-01 UTC."""
        return self._ask(
            f"""SELECT id, source, number, model, (SELECT min(begin) FROM period WHERE meter = id) AS begin,
                       (SELECT max(begin) FROM period WHERE meter = id) + {SECONDS} AS end FROM meter ORDER BY id"""
        )

    def add(self, line: Row) -> None:
        """Add a period, a line of han-every. If a part of it is there already, add this part to it."""
        meter = self.meter(str(line.get("source") or ""), str(line.get("meter_ID") or ""))
        begin = datetime.fromisoformat(line["begin"])
        offset = begin.utcoffset() or timedelta()
        row = [_stored(line.get(name)) for name in _NAMES.values()]
        if meter is None:
            return
        with self._lock:
            ask, key = self._connection.execute, (meter, int(begin.timestamp()))
            old = ask(f"SELECT {', '.join(_NAMES)} FROM period WHERE meter = ? AND begin = ?", key).fetchone()
            values = (*key, int(offset.total_seconds()), *(_merged(list(old), row) if old else row))
            ask(f"INSERT OR REPLACE INTO period VALUES ({', '.join('?' * len(values))})", values)
            if model := " ".join(str(line[name]) for name in ("meter_maker", "meter_model") if line.get(name)):
                ask("UPDATE meter SET model = ? WHERE id = ?", (model, meter))
            self.changed = True

    def rows(self, meter: int, by: str, begin: int, end: int) -> list[Row]:
        """Return what is known of a meter, as quarters, hours, days or months, in order.

        by:         quarter, hour, day or month
        begin, end: s since 1970-01-01 UTC
        return:     begin, offset and all columns of each; known is a number of quarter hours
        """
        columns = ", ".join(f"{_COMBINED[how].format(column)} AS {column}" for column, how in _COLUMNS.items())
        return self._ask(
            f"""SELECT min(begin) AS begin, offset, {columns} FROM period
                WHERE meter = ? AND begin >= ? AND begin < ? GROUP BY {_GROUPS[by]} ORDER BY 1""",
            (meter, begin, end),
        )

    def _ask(self, statement: str, values: tuple[int, ...] = ()) -> list[Row]:
        with self._lock:
            found = self._connection.execute(statement, values)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def commit(self) -> None:
        """Write what is new to the file. raise: NotWritten."""
        with self._lock:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
                    self.changed = False
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                raise _named(self._file, error) from error

    def close(self) -> None:
        """Write what is new, and close the file. raise: NotWritten."""
        try:
            self.commit()
        finally:
            self._connection.close()


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


def _named(file: str, error: sqlite3.Error) -> Misconfigured | NotWritten:
    """Return the error that says what is wrong with the file."""
    words = str(error)
    if "locked" in words:
        return NotWritten(f"{file}: in use by another program; name another file with --store")
    if "not a database" in words:
        return Misconfigured(f"{file}: not a store of han-web; name another file with --store")
    return NotWritten(f"{file}: {words}")
