"""Reading -> the messages that are published of it, and what is announced before them."""

import json
import re
from datetime import datetime

from hanpipe.periods.kinds import Kind, kind_of
from hanpipe.readings.decimals import exact_json, plain
from hanpipe.readings.flat import number
from hanpipe.sinks.mqtt.discovery import Announcer, Entities
from hanpipe.sinks.mqtt.home_assistant import CLOCK, MEASUREMENT, Sensor, sensor
from hanpipe.sinks.mqtt.meters import Meter, node
from hanpipe.sinks.readings_in import Line
from hanpipe.unix.typed import Any, Final, NamedTuple

STATE: Final = "state"  # the last level of the topic of --one-topic

_LONGEST_LEVEL: Final = 200  # characters of a level of a topic
_MOST_KNOWN: Final = 200_000  # fields and topics that are remembered; a hostile input has new ones in each line
_WHERE: Final = ("time", "meter_ID", "source")  # not published: a value is of now, its topic names the meter


class Message(NamedTuple):
    """A message, always sent with QoS 1. whole: no later message of its topic may replace it."""

    topic: str
    payload: bytes
    retain: bool = False
    whole: bool = False


class _Value(NamedTuple):
    """A value to publish. level: the last of its topic; sensor: its entity, None if it has none."""

    level: str
    payload: bytes
    sensor: Sensor | None


class Topics:
    """The messages of a reading: one per value, or one for all."""

    def __init__(
        self, prefix: str, announcer: Announcer | None, *, whole: bool, retain: bool, one_topic: bool = False
    ) -> None:
        """Take the first level of all topics.

        whole:     also publish each reading as it came, as JSON
        retain:    let the broker retain values that are not measurements: registers, clock, tariff
        one_topic: publish the last values of the meter's entities in one JSON message per reading
        """
        self._prefix = prefix
        self._announcer = announcer
        self._whole = whole
        self._retain = retain
        self._one_topic = one_topic
        self._sensors: dict[str, Sensor | None] = {}
        self._retained: dict[str, bytes] = {}  # topic -> payload that was published last
        self._states: dict[str, dict[str, bytes]] = {}  # base topic -> the last values

    def messages(self, line: Line, meter: Meter) -> tuple[list[Message], list[Message]]:
        """Return what is to be announced, and what is to be published."""
        if line.reading is None:
            return [], []
        base = f"{self._prefix}/{meter.node}/"
        if kind := kind_of(line.reading):
            return self._of_period(line, meter, base, kind)
        made = [self._value(name, value) for name, value in line.reading.items() if name not in _WHERE]
        values = [value for value in made if value is not None]
        if self._one_topic:
            messages = self._state(base, values)
        else:
            messages = [message for value in values if (message := self._message(base, value))]
        if self._whole:
            messages.append(Message(base + "reading", line.octets.strip(), whole=True))
        return self._announced(meter, base, values), messages

    def forget(self, topics: list[str]) -> None:
        """Publish the values of these topics anew, even if they stay the same: the last ones were never sent."""
        for topic in topics:
            self._retained.pop(topic, None)

    def _of_period(self, line: Line, meter: Meter, base: str, kind: Kind) -> tuple[list[Message], list[Message]]:
        """Return the one message of a period, or of peaks: its values belong together."""
        part = node(kind.key)
        reading: dict[str, Any] = line.reading or {}
        sensors = {name: sensor(name, kind) for name in reading if name not in _WHERE}
        state = {
            level(made.object if made else name): _member(reading[name], made)
            for name, made in sensors.items()
            if reading[name] is not None
        }
        text = b"{%b}" % b",".join(b'"%b":%b' % (key.encode(), value) for key, value in state.items())
        messages = [Message(base + part, text, retain=self._retain and kind.lasts)]
        if self._whole:
            messages.append(Message(base + "reading", line.octets.strip(), whole=True))
        if self._announcer is None:
            return [], messages
        entities: Entities = {made.object: (made, base + part) for made in sensors.values() if made}
        announced = self._announcer.announce(meter, entities, part)
        return [Message(topic, payload, True) for topic, payload in announced], messages

    def _value(self, name: str, value: Any) -> _Value | None:
        made = CLOCK if name == "date_time" and _has_offset(value) else self._sensor(name)
        payload = _payload(value, made)
        if made is not None and payload is not None:
            return _Value(made.object, payload, made)
        return None if value is None else _Value(level(name), _text(value), None)

    def _message(self, base: str, value: _Value) -> Message | None:
        """Return the message of a value; None if the broker retains this very value."""
        topic = base + value.level
        if not (self._retain and value.sensor and value.sensor.state_class != MEASUREMENT):
            return Message(topic, value.payload)
        if self._retained.get(topic) == value.payload:
            return None
        if len(self._retained) >= _MOST_KNOWN:
            self._retained.clear()
        self._retained[topic] = value.payload
        return Message(topic, value.payload, retain=True)

    def _state(self, base: str, values: list[_Value]) -> list[Message]:
        """Return one message with the last values of all entities: Home Assistant warns of each that is missing."""
        if len(self._states) >= _MOST_KNOWN:
            self._states.clear()
        state = self._states.setdefault(base, {})
        fresh = {value.level: _json(value) for value in values if value.sensor}
        if not fresh:
            return []
        state.update(fresh)
        return [Message(base + STATE, b"{%b}" % b",".join(b'"%b":%b' % (key.encode(), state[key]) for key in state))]

    def _announced(self, meter: Meter, base: str, values: list[_Value]) -> list[Message]:
        if self._announcer is None:
            return []
        entities: Entities = {
            value.level: (value.sensor, base + (STATE if self._one_topic else value.level))
            for value in values
            if value.sensor
        }
        return [Message(topic, payload, True) for topic, payload in self._announcer.announce(meter, entities)]

    def _sensor(self, field: str) -> Sensor | None:
        if field not in self._sensors:
            if len(self._sensors) >= _MOST_KNOWN:
                self._sensors.clear()
            self._sensors[field] = sensor(field)
        return self._sensors[field]


def level(field: str) -> str:
    """Make a level of a topic of a field's name, or its OBIS code."""
    return re.sub(r"[^\w.:*-]", "_", field[:_LONGEST_LEVEL], flags=re.ASCII) or "_"


def _json(value: _Value) -> bytes:
    """Return a value as JSON: numbers as they are, a clock as a text."""
    return json.dumps(value.payload.decode()).encode() if value.sensor is CLOCK else value.payload


def _member(value: Any, made: Sensor | None) -> bytes:
    """Return a value of a period as JSON, a number in the unit of its entity."""
    figure = number(value)
    if figure is not None:
        return plain(figure, made.power if made else 0).encode()
    return exact_json(value).encode()


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
    text = value if isinstance(value, str) else exact_json(value)
    return text.encode(errors="replace")


def _has_offset(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False
