"""Readings, as far as the causes of this room need them: names, powers of ten, clocks and times of arrival."""

from datetime import datetime
from decimal import Decimal

from hanpipe.readings import plausible, quantities
from hanpipe.readings.reading import Reading
from hanpipe.unix.typed import Any, Final

_MOST_HOURS: Final = 1000  # hourly lists that are kept, to find one again
_MOST_TIMES: Final = 20_000  # intervals and clocks that are kept
_APART: Final = 5  # readings between two hourly lists, at least


class Lists:
    """Counts what readings hold.

    positional: lists whose values go by their positions, as they have no codes
    unknown:  those of them that a meter file could describe, and none does
    open:     lists with values whose power of ten neither the line nor a meter file gives; open_units: their units
    doubtful: kinds of implausible values, each with a sentence
    repeated: hourly lists that were sent before, with other lists between; hours: hourly lists in all
    arrivals: times of arrival in ns; clocks: seconds that the meter's clock is ahead of them
    """

    def __init__(self) -> None:
        self.readings = self.positional = self.unknown = self.open = self.repeated = self.hours = 0
        self.open_units: set[str] = set()
        self.doubtful: dict[str, str] = {}
        self.arrivals: list[int] = []
        self.clocks: list[tuple[bool, float]] = []  # whether the offset from UTC was sent, and seconds
        self._kinds: dict[tuple[str, ...], tuple[bool, bool, frozenset[str]]] = {}
        self._hours: dict[Any, tuple[int, Any]] = {}
        self._before: Any = None

    def counts(self) -> dict[str, int]:
        """Return the counters by the keys of docs/formats.md."""
        return {"readings": self.readings, "unknown": self.unknown, "open": self.open, "repeated": self.repeated}

    def add(self, reading: Reading) -> None:
        """Take a reading."""
        self.readings += 1
        keys = tuple(reading)
        if keys not in self._kinds and len(self._kinds) < _MOST_HOURS:
            by_position = _by_position(keys)
            self._kinds[keys] = by_position, by_position and _describable(reading), _open_units(reading, keys)
            self.doubtful |= dict(plausible.doubts(reading))
        by_position, unknown, units = self._kinds.get(keys, (False, False, frozenset()))
        self.positional += by_position
        self.unknown += unknown
        self.open += bool(units)
        self.open_units |= units
        self._look_for_hour(reading)
        self._look_at_time(reading)

    def _look_for_hour(self, reading: Reading) -> None:
        """Notice an hourly list that came before. Where a file holds the same octets twice, its neighbour did too."""
        values = tuple(reading.values())
        clock, energy = reading.get("date_time"), reading.get("act_energy_pos")
        if clock is not None and energy is not None:
            self.hours += 1
            key = reading.get("meter_ID"), clock, energy
            index, neighbour = self._hours.get(key, (self.readings, None))
            if self.readings - index > _APART and neighbour != self._before:
                self.repeated += 1
            if len(self._hours) < _MOST_HOURS:
                self._hours.setdefault(key, (self.readings, self._before))
        self._before = values

    def _look_at_time(self, reading: Reading) -> None:
        if not reading.time_ns or len(self.arrivals) >= _MOST_TIMES:
            return
        self.arrivals.append(reading.time_ns)
        clock = reading.get("date_time")
        if isinstance(clock, str):
            try:
                moment = datetime.fromisoformat(clock)
            except ValueError:
                return
            offset = moment.utcoffset()
            naive = moment.replace(tzinfo=None) - (offset or (moment - moment))
            ahead = (naive - datetime(1970, 1, 1)).total_seconds() - reading.time_ns / 1e9
            self.clocks.append((offset is not None, ahead))


def _by_position(keys: tuple[str, ...]) -> bool:
    """Return whether most values of a list go by their positions."""
    positions = sum(key.startswith("#") for key in keys)
    return 2 * positions > len(keys)


def _describable(reading: Reading) -> bool:
    """Return whether a meter file could know a list by its positions: it has numbers to name, and a text or a clock.

    Types alone do not identify a list. Where it has nothing else, no file can know it, and nothing is wrong with it.
    """
    values = [value for key, value in reading.items() if key.startswith("#")]
    numbers = sum(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in values)
    return numbers > 1 and any(isinstance(value, str) for value in values)


def _open_units(reading: Reading, keys: tuple[str, ...]) -> frozenset[str]:
    """Return the units of values that stay raw, because nothing gives their power of ten."""
    units = set()
    for key in keys:
        field = reading.field(key)
        is_raw = field.name is None and field.unit is None and isinstance(reading[key], int | Decimal)
        if is_raw and (quantity := quantities.quantity(field.code)):
            units.add(quantity.unit or "pf")
    return frozenset(units)
