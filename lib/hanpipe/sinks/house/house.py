"""Readings of any number of meters -> the figures of each, by itself."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, tzinfo

from hanpipe.periods.every import Reading
from hanpipe.periods.peaks import Rule
from hanpipe.readings.flat import short
from hanpipe.sinks.house.figures import Figures
from hanpipe.sinks.house.meter import HouseMeter
from hanpipe.sinks.meter_finder import Whose
from hanpipe.unix.typed import Final, NamedTuple

MOST_METERS: Final = 64  # the one that is silent for longest is forgotten

HIGHEST_HOUR: Final = Rule("highest-hour", "highest hour of the month", 3600, 1, False, 1)


class Key(NamedTuple):
    """Which meter it is. source: where its octets came from, "" by default; number: "" if it does not send one."""

    source: str
    number: str


class House:
    """Feed it readings; it keeps a bounded state for each meter, and shows the figures of any of them.

    It looks at no clock: every time is an argument, ns since 1970-01-01 UTC.

    unreadable: lines of the input that were not readings
    """

    def __init__(
        self, zone: tzinfo = UTC, rule: Rule = HIGHEST_HOUR, warn: Callable[[str], None] = lambda message: None
    ) -> None:
        """Take the zone of local days, the rule by which peaks count, and a way to warn of a second meter."""
        self.unreadable = 0
        self._zone = zone
        self._rule = rule
        self._meters: OrderedDict[Key, HouseMeter] = OrderedDict()  # the one that is silent for longest first
        self._whose = Whose(warn)

    def add(self, reading: Reading, at: int) -> Key:
        """Take a reading that came at this time; return which meter it is of."""
        key = self._key(reading)
        if key not in self._meters:
            # The first readings of a meter had no number.
            known = self._meters.pop(Key(key.source, ""), None) if self._is_first(key) else None
            self._meters[key] = known or HouseMeter(self._zone, self._rule)
        self._meters.move_to_end(key)
        self._meters[key].add(reading, at)
        if len(self._meters) > MOST_METERS:
            self._forget(next(iter(self._meters)))
        return key

    def _key(self, reading: Reading) -> Key:
        """Return which meter a reading is of; without a number it is of the only meter of its source, if that is so."""
        names = {name: short(reading.get(name)) for name in ("source", "meter_ID")}
        return Key(names["source"], self._whose.of(names))

    def is_of_neither(self, key: Key) -> bool:
        """Return whether readings of this key may be of any of several meters: they have no number."""
        return not key.number and self._whose.several(key.source)

    def _is_first(self, key: Key) -> bool:
        return all(other.source != key.source or not other.number for other in self._meters)

    def _forget(self, key: Key) -> None:
        del self._meters[key]
        if all(other.source != key.source for other in self._meters):
            self._whose.forget(key.source)

    def meters(self) -> list[Key]:
        """Return the meters that are known, in an order that does not change with their readings."""
        return sorted(self._meters)

    def figures(self, key: Key, now: int) -> Figures:
        """Return the figures of a meter at this time. raise: KeyError: it is not known."""
        return self._meters[key].figures(key.source, key.number, now)
