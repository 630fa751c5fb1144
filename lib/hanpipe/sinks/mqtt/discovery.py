"""Entities -> the retained messages from which Home Assistant and Domoticz make them.

Every Home Assistant and Domoticz read one message per entity (homeassistant/sensor/NODE/OBJECT/config); only Home
Assistant from 2024.11 on reads one message per device (homeassistant/device/NODE/config). Periods and peaks are always
announced in this second form: Domoticz would take the energy of an hour for a register.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator

from hanpipe import __version__
from hanpipe.periods.meters import MOST_METERS
from hanpipe.sinks.mqtt.home_assistant import BINARY, TOTAL, Sensor
from hanpipe.sinks.mqtt.meters import Meter
from hanpipe.unix.typed import Any

Entities = dict[str, tuple[Sensor, str]]  # by object: what it is, and its state topic


class Announcer:
    """Announces each entity of a meter once, and all of them again when the meter has changed."""

    def __init__(
        self, prefix: str, availability: str, *, by_device: bool, one_topic: bool = False, interval: int = 0
    ) -> None:
        """Take the prefix that Home Assistant listens to, and the topic of our availability.

        one_topic: the values of a meter are members of one JSON message
        interval:  s between two messages of a value; 0: each comes when the meter sends it
        """
        self._prefix = prefix
        self._availability = availability
        self._by_device = by_device
        self._one_topic = one_topic
        self._expire = 3 * interval  # s: two messages may be late, or lost with the meter's lists
        self._meters: OrderedDict[tuple[str, str], tuple[Meter, Entities]] = OrderedDict()  # by node and part

    def announce(self, meter: Meter, entities: Entities, part: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield topic and payload of the messages that must go before values of these entities.

        part: key of the periods or peaks whose values they are, all in one JSON message; "" for readings
        """
        before, known = self._meters.pop((meter.node, part), (None, {}))
        if before and not meter.model:
            meter = meter._replace(model=before.model)
        everything = {**known, **entities}
        self._meters[meter.node, part] = meter, everything
        while len(self._meters) > MOST_METERS:
            self._meters.popitem(last=False)
        new = {name: everything[name] for name in everything if meter != before or name not in known}
        if new:
            yield from self._messages(meter, new, everything, part)

    def _messages(self, meter: Meter, new: Entities, everything: Entities, part: str) -> Iterator[tuple[str, bytes]]:
        origin = {"name": "hanpipe", "sw_version": __version__}
        shared = {"availability_topic": self._availability, "qos": 1, "device": _device(meter), "origin": origin}
        if self._by_device or part:
            components = {
                name: {"platform": entity[0].platform, **self._component(meter, *entity, part)}
                for name, entity in everything.items()
            }
            yield f"{self._prefix}/device/{_id(meter, part)}/config", _json({**shared, "components": components})
            return
        for name, entity in new.items():
            yield (
                f"{self._prefix}/sensor/{_id(meter)}/{name}/config",
                _json({**self._component(meter, *entity, part), **shared}),
            )

    def _component(self, meter: Meter, sensor: Sensor, topic: str, part: str) -> dict[str, Any]:
        template = f"{{{{ value_json.{sensor.object} }}}}" if self._one_topic else None
        if part:  # a value that is missing is unknown
            template = f"{{{{ value_json.get('{sensor.object}') }}}}"
        begins = part and sensor.state_class == TOTAL
        keys = {
            "name": sensor.name,
            "unique_id": f"{_id(meter, part)}_{sensor.object}",
            "state_topic": topic,
            "value_template": template,
            "last_reset_value_template": "{{ value_json.begin }}" if begins else None,
            "payload_on": "True" if sensor.platform == BINARY else None,
            "payload_off": "False" if sensor.platform == BINARY else None,
            "unit_of_measurement": sensor.unit,
            "device_class": sensor.device_class,
            "state_class": sensor.state_class,
            "suggested_display_precision": sensor.precision,
            "expire_after": None if sensor.expire is None else max(sensor.expire, self._expire),
        }
        return {key: value for key, value in keys.items() if value is not None}


def _device(meter: Meter) -> dict[str, Any]:
    keys = {"identifiers": [_id(meter)], "name": meter.name, "model": meter.model, "serial_number": meter.number}
    return {key: value for key, value in keys.items() if value}


def _id(meter: Meter, part: str = "") -> str:
    return f"hanpipe_{meter.node}" + (f"_{part}" if part else "")


def _json(keys: dict[str, Any]) -> bytes:
    return json.dumps(keys, separators=(",", ":")).encode()
