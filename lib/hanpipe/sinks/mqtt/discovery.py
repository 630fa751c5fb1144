"""Entities -> the retained messages by which Home Assistant, and Domoticz, make them.

A message an entity (homeassistant/sensor/NODE/OBJECT/config) is read by every Home Assistant and by Domoticz; one a
device (homeassistant/device/NODE/config) by Home Assistant from 2024.11 on, and by Domoticz not at all.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator

from hanpipe import __version__
from hanpipe.sinks.mqtt.home_assistant import Sensor
from hanpipe.unix.typed import Any, Final, NamedTuple

_MOST_METERS: Final = 100

Entities = dict[str, tuple[Sensor, str]]  # by object: what it is, and its state topic


class Meter(NamedTuple):
    """A meter as a device of Home Assistant.

    node:   the id all its topics have; letters, digits, _ and -
    name:   what people read
    model, number: None where unknown
    """

    node: str
    name: str
    model: str | None = None
    number: str | None = None


class Announcer:
    """Says which entities a meter has, once each; all of them again where something of the meter is new."""

    def __init__(self, prefix: str, availability: str, *, by_device: bool) -> None:
        """Take the prefix that Home Assistant listens to, and the topic that tells whether we are there."""
        self._prefix = prefix
        self._availability = availability
        self._by_device = by_device
        self._meters: OrderedDict[str, tuple[Meter, Entities]] = OrderedDict()  # by node

    def announce(self, meter: Meter, entities: Entities) -> Iterator[tuple[str, bytes]]:
        """Yield topic and payload of what must be said before values of these entities."""
        before, known = self._meters.pop(meter.node, (None, {}))
        if before and not meter.model:
            meter = meter._replace(model=before.model)
        everything = {**known, **entities}
        self._meters[meter.node] = meter, everything
        while len(self._meters) > _MOST_METERS:
            self._meters.popitem(last=False)
        new = {name: everything[name] for name in everything if meter != before or name not in known}
        if new:
            yield from self._messages(meter, new, everything)

    def _messages(self, meter: Meter, new: Entities, everything: Entities) -> Iterator[tuple[str, bytes]]:
        origin = {"name": "hanpipe", "sw_version": __version__}
        shared = {"availability_topic": self._availability, "qos": 1, "device": _device(meter), "origin": origin}
        if self._by_device:
            components = {
                name: {"platform": "sensor", **_component(meter, *entity)} for name, entity in everything.items()
            }
            yield f"{self._prefix}/device/{_id(meter)}/config", _json({**shared, "components": components})
            return
        for name, entity in new.items():
            yield f"{self._prefix}/sensor/{_id(meter)}/{name}/config", _json({**_component(meter, *entity), **shared})


def _component(meter: Meter, sensor: Sensor, topic: str) -> dict[str, Any]:
    said = {
        "name": sensor.name,
        "unique_id": f"{_id(meter)}_{sensor.object}",
        "state_topic": topic,
        "unit_of_measurement": sensor.unit,
        "device_class": sensor.device_class,
        "state_class": sensor.state_class,
        "suggested_display_precision": sensor.precision,
        "expire_after": sensor.expire,
    }
    return {key: value for key, value in said.items() if value is not None}


def _device(meter: Meter) -> dict[str, Any]:
    said = {"identifiers": [_id(meter)], "name": meter.name, "model": meter.model, "serial_number": meter.number}
    return {key: value for key, value in said.items() if value}


def _id(meter: Meter) -> str:
    return f"hanpipe_{meter.node}"


def _json(said: dict[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()
