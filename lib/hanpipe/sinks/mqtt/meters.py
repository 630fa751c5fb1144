"""Readings -> the meter that each is of, as a device of Home Assistant."""

import re
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable

from hanpipe.readings.flat import source_of
from hanpipe.sinks.meter_finder import MOST_SOURCES
from hanpipe.sinks.readings_in import Line
from hanpipe.unix.typed import Any, Final, NamedTuple

NAMELESS: Final = "meter"  # a meter that does not send its number
IDENTITY_PATIENCE: Final = 60.0  # s

_LONGEST_LEVEL: Final = 200  # characters of a level of a topic
_MOST_HELD: Final = 1000  # lines that wait for a meter's number
_MOST_OCTETS: Final = 4_000_000  # of these lines
_DIGITS: Final = 8  # of a meter's number in its name: Home Assistant makes entity ids of it


class Meter(NamedTuple):
    """A meter as a device of Home Assistant.

    node:   the id in all its topics; letters, digits, _ and -
    name:   for people
    model, number: None where unknown
    """

    node: str
    name: str
    model: str | None = None
    number: str | None = None


class _Source:
    """The meter at one source of octets. mixed: the readings of several meters run together there."""

    def __init__(self) -> None:
        self.meter: Meter | None = None
        self.numbers: set[str] = set()
        self.mixed = False


class MeterFinder:
    """Holds readings back until it is known of which meter they are.

    Most lists have no number; they are of the meter that sent it last at the same source. Before a number has come they
    wait, up to IDENTITY_PATIENCE: some meters never send it. If the numbers of two meters alternate at one source, a
    list without a number is of neither. A reading that names its source is of the meter there, which has that name.
    """

    def __init__(
        self,
        name: str | None,
        clock: Callable[[], float] = time.monotonic,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Take the user's name for the meter, which replaces its number, and a clock in seconds."""
        self._named = None if name is None else Meter(node(name), name)
        self._clock = clock
        self._warn = warn
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._held: list[tuple[Line, _Source]] = []
        self._octets = 0  # of what is held
        self._until = 0.0

    def feed(self, line: Line) -> list[tuple[Line, Meter | None]]:
        """Take a line; return lines, in order, each with its meter; None: it has no reading, or is of no one meter."""
        source = self._source(line.reading)
        if line.reading is not None:
            self._look(source, line.reading)
        if source.mixed and not self._named and line.reading and not line.reading.get("meter_ID"):
            self._warn("skipped a reading without a meter number: the readings of several meters run together")
            line = line._replace(reading=None)
        if not self._held:
            self._until = self._clock() + IDENTITY_PATIENCE
        self._held.append((line, source))
        self._octets += len(line.octets)
        return self.release(at_once=len(self._held) > _MOST_HELD or self._octets > _MOST_OCTETS)

    def release(self, *, at_once: bool = False) -> list[tuple[Line, Meter | None]]:
        """Return the lines that have waited long enough. at_once: all of them."""
        if not at_once and self.seconds() and any(self._waits(*one) for one in self._held):
            return []
        held, self._held, self._octets = self._held, [], 0
        for line, source in held:
            if self._waits(line, source):
                source.meter = Meter(NAMELESS, "HAN meter")
        return [(line, source.meter if line.reading is not None else None) for line, source in held]

    def seconds(self) -> float | None:
        """Return the seconds until something has waited long enough, None if nothing waits."""
        return max(0.0, self._until - self._clock()) if self._held else None

    def _waits(self, line: Line, source: _Source) -> bool:
        return line.reading is not None and source.meter is None

    def _source(self, reading: dict[str, Any] | None) -> _Source:
        name = source_of(reading) if reading else ""
        if name not in self._sources:
            self._sources[name] = _Source()
            self._sources[name].meter = self._named or (Meter(_node_of_source(name), name) if name else None)
        if len(self._sources) > MOST_SOURCES:
            self._sources.popitem(last=False)
        return self._sources[name]

    def _look(self, source: _Source, reading: dict[str, Any]) -> None:
        """Note what a reading says of its meter."""
        number, model = reading.get("meter_ID"), reading.get("meter_model")
        if not isinstance(number, str) or self._named:
            number = ""
        if number and source.meter and source_of(reading):
            source.meter = source.meter._replace(number=number)
        elif number:
            if source.meter is None or number != source.meter.number:
                source.mixed = source.mixed or number in source.numbers
                source.meter = Meter(node(number), f"HAN meter {number[-_DIGITS:]}", None, number)
            if len(source.numbers) < MOST_SOURCES:
                source.numbers.add(number)
        if isinstance(model, str) and model and source.meter:
            source.meter = source.meter._replace(model=model)


def _node_of_source(name: str) -> str:
    """Make such a level of the name of a source. A name that has to be changed ends with a check of all of it."""
    made = node(name)
    return made if made == name else f"{made}_{zlib.crc32(name.encode()):08x}"


def node(text: str) -> str:
    """Make a level of a topic, and an id of Home Assistant, of a meter's name or number."""
    return re.sub(r"[^\w-]", "_", text[:_LONGEST_LEVEL], flags=re.ASCII) or "_"
