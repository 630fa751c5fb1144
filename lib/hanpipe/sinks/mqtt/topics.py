"""Reading -> messages: whose it is, and what is published under which topic."""

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from hanpipe.periods.averages import Number
from hanpipe.readings.flat import number
from hanpipe.sinks.mqtt.discovery import Announcer, Entities, Meter
from hanpipe.sinks.mqtt.home_assistant import CLOCK, MEASUREMENT, Sensor, sensor
from hanpipe.sinks.readings_in import Line
from hanpipe.unix.typed import Any, Final, NamedTuple

NAMELESS: Final = "meter"  # one that does not tell its number
IDENTITY_PATIENCE: Final = 60.0  # s

_LONGEST_LEVEL: Final = 200  # characters of a topic's level
_MOST_KNOWN: Final = 1000  # fields whose topics are remembered; a hostile input has a new one in each line
_MOST_HELD: Final = 1000  # lines that wait for a meter's number
_MOST_OCTETS: Final = 4_000_000  # of these lines


class Message(NamedTuple):
    """What is published, always with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class MeterFinder:
    """Holds readings back until it is known of which meter they are.

    Most lists tell no number; they are of the meter that told it last. Before it was told once they wait, up to
    IDENTITY_PATIENCE: there are meters that never tell it.
    """

    def __init__(self, name: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the user's name for the meter, which goes before its number, and a clock in seconds."""
        self.meter = None if name is None else Meter(node(name), name)
        self._named = name is not None
        self._clock = clock
        self._held: list[Line] = []
        self._octets = 0  # of what is held
        self._until = 0.0

    def feed(self, line: Line) -> list[Line]:
        """Take a line; return those, in order, that are of `meter`."""
        if line.reading is not None:
            self._look(line.reading)
        self._held.append(line)
        self._octets += len(line.octets)
        if len(self._held) == 1:
            self._until = self._clock() + IDENTITY_PATIENCE
        return self.release(at_once=len(self._held) > _MOST_HELD or self._octets > _MOST_OCTETS)

    def release(self, *, at_once: bool = False) -> list[Line]:
        """Return what has waited long enough. at_once: all of it."""
        if self.meter is None and not at_once and self.seconds():
            return []
        if self._held and self.meter is None:
            self.meter = Meter(NAMELESS, "HAN meter")
        lines, self._held, self._octets = self._held, [], 0
        return lines

    def seconds(self) -> float | None:
        """Return the seconds until something has waited long enough, None if nothing waits."""
        return max(0.0, self._until - self._clock()) if self._held else None

    def _look(self, reading: dict[str, Any]) -> None:
        """See what the reading says of its meter."""
        told, model = reading.get("meter_ID"), reading.get("meter_model")
        known = self.meter.number if self.meter else None
        if isinstance(told, str) and told and told != known and not self._named:
            self.meter = Meter(node(told), "HAN meter", None, told)
        if isinstance(model, str) and model and self.meter:
            self.meter = self.meter._replace(model=model)


class Topics:
    """What is published of a reading: a topic a value, and what must be announced before."""

    def __init__(self, prefix: str, announcer: Announcer | None, *, whole: bool, retain: bool) -> None:
        """Take the first level of all topics.

        whole:  each reading is also published as it came, as JSON
        retain: the broker is to keep what is no measurement of now: registers, clock, tariff
        """
        self._prefix = prefix
        self._announcer = announcer
        self._whole = whole
        self._retain = retain
        self._sensors: dict[str, Sensor | None] = {}

    def messages(self, line: Line, meter: Meter) -> tuple[list[Message], list[Message]]:
        """Return what is to be announced, and what is to be published."""
        if line.reading is None:
            return [], []
        base = f"{self._prefix}/{meter.node}/"
        values: list[Message] = []
        entities: Entities = {}
        for field, value in line.reading.items():
            if field in ("time", "meter_ID"):
                continue  # it is in the topic; a value is of now
            made = CLOCK if field == "date_time" and _has_offset(value) else self._sensor(field)
            told = _payload(value, made)
            if made is not None and told is not None:
                values.append(Message(base + made.object, told, self._retain and made.state_class != MEASUREMENT))
                entities[made.object] = made, base + made.object
            elif value is not None:
                values.append(Message(base + level(field), _text(value)))
        if self._whole:
            values.append(Message(base + "reading", line.octets.strip()))
        return self._announced(meter, entities), values

    def _announced(self, meter: Meter, entities: Entities) -> list[Message]:
        if self._announcer is None:
            return []
        return [Message(topic, payload, True) for topic, payload in self._announcer.announce(meter, entities)]

    def _sensor(self, field: str) -> Sensor | None:
        if field not in self._sensors:
            if len(self._sensors) >= _MOST_KNOWN:
                self._sensors.clear()
            self._sensors[field] = sensor(field)
        return self._sensors[field]


def node(text: str) -> str:
    """Make of a meter's name or number what can be a level of a topic and an id of Home Assistant."""
    return re.sub(r"[^\w-]", "_", text[:_LONGEST_LEVEL], flags=re.ASCII) or "_"


def level(field: str) -> str:
    """Make of a field's name, or its OBIS code, what can be a level of a topic."""
    return re.sub(r"[^\w.:*-]", "_", field[:_LONGEST_LEVEL], flags=re.ASCII) or "_"


def plain(value: Number, power: int = 0) -> str:
    """Write value x 10^power exactly, in its shortest decimal form: 21123450 Wh are 21123.45 kWh."""
    digits = Decimal(value).as_tuple()
    text = f"{Decimal((digits.sign, digits.digits, int(digits.exponent) + power)):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _payload(value: Any, made: Sensor | None) -> bytes | None:
    """Return the value as its entity takes it, None if it cannot."""
    if made is None:
        return None
    if made is CLOCK:
        return str(value).encode()
    figure = number(value)
    return None if figure is None else plain(figure, made.power).encode()


def _text(value: Any) -> bytes:
    """Return any value as text."""
    figure = number(value)
    if figure is not None:
        return plain(figure).encode()
    text = value if isinstance(value, str) else json.dumps(value, default=float)
    return text.encode(errors="replace")


def _has_offset(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False
