"""Readings -> a server of the page, and the store of its history."""

import os
import threading
import time
from collections.abc import Callable
from datetime import tzinfo

from hanpipe.periods.calendar import Calendar
from hanpipe.periods.every import Every, Reading
from hanpipe.periods.intervals import Timeline
from hanpipe.periods.peaks import Rule
from hanpipe.sinks.errors import NotWritten
from hanpipe.sinks.house.house import House, Key
from hanpipe.sinks.peer.server import Server
from hanpipe.sinks.readings_in import Line, readings_only
from hanpipe.sinks.run import Sink
from hanpipe.sinks.web.door import Door
from hanpipe.sinks.web.history import History
from hanpipe.sinks.web.live import event, figures_of, trail_of
from hanpipe.sinks.web.site import Site
from hanpipe.sinks.web.store import PERIOD, Store
from hanpipe.unix.program import Program
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Any, Final

_COMMIT: Final = 3600.0  # s between two writes of the store
_MANY: Final = 2000  # periods that are written at once: an archive is read
_BEAT: Final = 15.0  # s between two signs of life: a reader that is gone is noticed, and no proxy ends the connection
_RETRY: Final = b"retry: 1000\n\n"  # ms after which a browser connects again


class WebSink(Sink):
    """Shows each reading to the browsers that are connected, and keeps a row per quarter of an hour."""

    def __init__(self, program: Program, door: Door, store: str, zone: tzinfo, rule: Rule) -> None:
        """Take the door for browsers, the file of the store, the zone of its days, and the rule for peaks."""
        self._program = program
        self._door = door
        self._file = store
        self._zone = zone
        self._rule = rule
        self._timeline = Timeline(zone=zone)
        self._house = House(zone, rule, program.warn)
        self._every = Every(Calendar(PERIOD, zone))
        self._lock = threading.Lock()  # the server's thread reads the house
        self._heard: dict[Key, None] = {}  # meters with readings that are not shown yet, in the order of the first
        self._is_longer = False  # whether the history has a period that the browsers have not heard of
        self._before: dict[int, dict[str, Any]] = {}  # meter -> the day of its first reading, before this run
        self._months: dict[int, Any] = {}  # meter -> peaks of the open month
        self._committed = self._beat = time.monotonic()
        self._failing = ""
        self._ids: bool = program.options.show_ids

    def begin(self) -> None:
        """Open the store, and listen. raise: NotWritten, Misconfigured."""
        self._store = Store(self._file)
        self._history = History(self._store, self._zone, self._rule)
        site = Site(self._door.login, self._first_events, self._answer)
        host, port = self._door.host, self._door.port
        try:
            self._server = Server(host, port, site.answer, self._door.hosts, tls=self._door.tls)
        except OSError as error:
            self._store.close()
            raise NotWritten(f"{host}:{port}: {reason(error)}; choose another port with --listen") from error
        say = self._program.report if os.isatty(2) else self._program.explain
        say(self._door.url(self._server.port))

    def take(self, lines: list[Line]) -> None:
        """Take readings into the house and the periods."""
        with self._lock:
            for reading in readings_only(lines, self._program.warn):
                self._take(reading)

    def _take(self, reading: Reading) -> None:
        """Take a reading; the periods count it for the meter that shows it live, or leave it out."""
        at = self._timeline.of(reading)
        key = self._house.add(reading, at)
        self._heard[key] = None
        if not self._house.is_of_neither(key):
            self._keep(self._every.add(reading | _names(key), at))

    def _keep(self, periods: list[dict[str, Any]]) -> None:
        for period in periods:
            self._store.add(period)
            self._months.clear()
            self._is_longer = True

    def turn(self) -> None:
        """Show what is new; write the store if that is due. raise: NotWritten: the store cannot be read."""
        now = time.monotonic()
        if self._heard:
            with self._lock:
                shown = [figures for key in self._heard if (figures := self._shown(key))]
                self._heard.clear()
            self._send(b"".join(event("reading", figures) for figures in shown))
        elif now - self._beat >= _BEAT:
            self._send(b":\n\n")
        if self._is_longer:
            self._is_longer = False
            self._send(event("meters", self._history.meters(ids=self._ids)))
        due = now - self._committed >= _COMMIT
        if self._store.waiting and (due or (self._store.waiting >= _MANY and not self._failing)):
            self._commit()

    def _send(self, octets: bytes) -> None:
        self._beat = time.monotonic()
        self._server.send(octets)

    def _commit(self) -> None:
        """Write the store; a full disk does not end the program."""
        self._committed = time.monotonic()
        try:
            self._store.commit()
        except NotWritten as error:
            if str(error) != self._failing:
                self._program.report(str(error))
            self._failing = str(error)
        else:
            self._failing = ""

    def seconds(self) -> float | None:
        """Return the seconds until the next sign of life is due."""
        return max(0.0, self._beat + _BEAT - time.monotonic())

    def finish(self, stopping: Callable[[], bool]) -> None:
        """Write the open periods too. raise: NotWritten."""
        with self._lock:
            self._keep(self._every.finish())
        self._server.close()
        self._store.close()

    def used(self) -> bool:
        """Return whether readings came, not only lines of han-every or han-peaks."""
        return bool(self._house.meters())

    def _shown(self, key: Key, *, trail: bool = False) -> dict[str, Any] | None:
        """Return the figures of a meter for the page; None if it is not known which one it is, or not kept.

        trail: with the power of the last ten minutes
        """
        meter = self._store.meter(*key)
        if meter is None:
            if key.number:
                self._program.warn("found more meters than the page has room for; it leaves the others out")
            return None
        figures = self._house.figures(key, self._timeline.now())
        if meter not in self._before and figures.day:
            self._before[meter] = self._history.before(meter, figures.day.begin, figures.day.since)
        if meter not in self._months:
            self._months[meter] = self._history.month(meter, figures.at)
        shown = figures_of(meter, figures, ids=self._ids)
        shown |= {"before": self._before.get(meter), "month": self._months[meter]}
        return shown | {"trail": trail_of(figures)} if trail else shown

    def _first_events(self) -> bytes:
        """Return what a browser gets first: the meters of the store, and the figures of those that were heard."""
        with self._lock:
            live = [shown for key in self._house.meters() if (shown := self._shown(key, trail=True))]
            now = self._timeline.now() // 1_000_000
            return _RETRY + event("house", {"now": now, "meters": self._history.meters(ids=self._ids), "live": live})

    def _answer(self, query: str) -> Any:
        """Answer a query about the past. raise: ValueError."""
        return self._history.answer(self._history.question(query))


def _names(key: Key) -> dict[str, str]:
    """Return which meter it is as a reading says it; names that are not known are left out."""
    return {name: text for name, text in (("source", key.source), ("meter_ID", key.number)) if text}
