"""The store -> what the page shows of the past, as JSON."""

import re
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl

from hanpipe.periods.calendar import Calendar
from hanpipe.periods.peaks import Line, Peaks, Rule
from hanpipe.sinks.web.store import Row, Store
from hanpipe.unix.typed import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from datetime import tzinfo

# View -> its span, and how many characters of a time name one of its periods, as in 2026-11-28T08
_VIEWS: Final = {"hour": ("1d", 13), "day": ("1mo", 10), "month": ("year", 7), "peak": ("year", 7)}
_FORMS: Final = {"1d": "%Y-%m-%d", "1mo": "%Y-%m", "year": "%Y"}
_NS: Final = 1_000_000_000


class Question(NamedTuple):
    """A question of the page: for the hours of a day, the days of a month, or the months or peaks of a year.

    meter: its id; by: hour, day, month or peak; begin, end: s since 1970-01-01 UTC
    """

    meter: int
    by: str
    begin: int
    end: int


class History:
    """Answers questions about the past. Days and months are those of a zone."""

    def __init__(self, store: Store, zone: "tzinfo", rule: Rule) -> None:
        """Take the store, the zone, and the rule by which peaks count."""
        self._store = store
        self._zone = zone
        self._rule = rule

    def question(self, query: str) -> Question:
        """Read a query such as meter=1&by=hour&of=2026-11-28. raise: ValueError."""
        asked = dict(parse_qsl(query, strict_parsing=True, max_num_fields=3))
        well_formed = asked.keys() == {"meter", "by", "of"} and asked["by"] in _VIEWS
        if not well_formed or not re.fullmatch("[0-9]{1,9}", asked["meter"]):
            raise ValueError("expected meter=1&by=hour&of=2026-11-28; by is hour, day, month or peak")
        meter, span = int(asked["meter"]), _VIEWS[asked["by"]][0]
        first = datetime.strptime(asked["of"], _FORMS[span]).replace(tzinfo=self._zone)
        if not 2000 <= first.year < 2262:
            raise ValueError("expected a year from 2000 to 2261")
        if span == "year":
            last = first.replace(year=first.year + 1)
            return Question(meter, asked["by"], int(first.timestamp()), int(last.timestamp()))
        begin = int(first.timestamp())
        end = Calendar(span, self._zone).end(begin * _NS) // _NS
        return Question(meter, asked["by"], begin, end)

    def answer(self, asked: Question) -> list[Row]:
        """Return the rows of an answer, each with its name: at."""
        if asked.by == "peak":
            return self._peaks(asked)
        length = _VIEWS[asked.by][1]
        rows = self._store.rows(asked.meter, asked.by, asked.begin, asked.end)
        return [{"at": datetime.fromtimestamp(row["local"], UTC).isoformat()[:length]} | row for row in rows]

    def _peaks(self, asked: Question) -> list[Row]:
        """Return for each month its figure and the periods that set it."""
        seconds = self._rule.seconds
        peaks, lines = Peaks(self._rule), []
        for row in self._store.rows(asked.meter, "hour" if seconds == 3600 else "quarter", asked.begin, asked.end):
            lines += peaks.add(_period(row, seconds))
        return [_month(line) for line in lines + peaks.finish()]

    def before(self, meter: int, day: int, since: int) -> Row:
        """Return what flowed on a day before a moment: its begin, ms; Wh. day, since: ns since 1970-01-01 UTC."""
        rows = self._store.rows(meter, "quarter", day // _NS, -(-since // _NS))
        flowed = {way: sum(row[f"{way}_wh"] or 0 for row in rows) for way in ("import", "export")}
        return {"begin": day // 1_000_000} | flowed

    def month(self, meter: int, at: int) -> Row | None:
        """Return the peaks of the month so far, None if none is known. at: ns since 1970-01-01 UTC, in the month."""
        calendar = Calendar("1mo", self._zone)
        begin = calendar.begin(at)
        found = self._peaks(Question(meter, "peak", begin // _NS, calendar.end(begin) // _NS))
        return found[-1] if found else None

    def meters(self, *, ids: bool) -> list[Row]:
        """Return the meters of the store: id, model, first and last day. ids: number and source as well."""
        return [self._meter(row) | ({name: row[name] for name in ("number", "source")} if ids else {})
                for row in self._store.meters()]  # fmt: skip

    def _meter(self, row: Row) -> Row:
        shown: Row = {"meter": row["id"], "model": row["model"] or ""}
        if row["begin"] is not None:
            ends = {"first": row["begin"], "last": row["end"] - 1}
            shown |= {name: f"{datetime.fromtimestamp(at, self._zone):%Y-%m-%d}" for name, at in ends.items()}
        return shown


def _period(row: Row, seconds: int) -> Line:
    """Return a row, an hour or a quarter, as han-every writes it, for the peaks."""
    begin = datetime.fromtimestamp(row["begin"], timezone(timedelta(seconds=row["local"] - row["begin"])))
    begin -= timedelta(seconds=(begin.minute * 60 + begin.second) % seconds)  # the first quarters are not known
    line: Line = {"begin": begin.isoformat(), "end": (begin + timedelta(seconds=seconds)).isoformat()}
    if row["import_wh"] is not None:
        line["act_energy_pos_delta"] = round(row["import_wh"])
    return line | {"estimated": bool(row["estimated"])}


def _month(line: Line) -> Row:
    """Return a line of han-peaks for the page: the figure of the month itself, and the periods that set it."""
    peaks = [
        {"power": line[name], "begin": line[f"{name}_begin"]}
        for name in (f"peak_{place}" for place in range(1, 10))
        if name in line
    ]
    return {"at": line["month"], "power": line.get("peak_month", line.get("peak")), "peaks": peaks}
