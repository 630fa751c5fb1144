"""Domoticz's devices: what each is told (its svalue), what it must be, and how it is made.

Domoticz checks nothing: it stores any svalue, and answers OK. So numbers are checked here, and nothing is posted for a
device as long as one of its values is unknown: energy 0 for "unknown" would spoil the totals of the day.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from hanpipe.periods.averages import Number
from hanpipe.periods.intervals import Figures, rounded
from hanpipe.sinks.domoticz.server import Domoticz
from hanpipe.sinks.peer.http import Refused
from hanpipe.unix.typed import Any, Final, NamedTuple

Values = Mapping[str, Number | str | None]


class Kind(NamedTuple):
    """A sort of device.

    title: as Domoticz's users know it; type, subtype: as getdevices says them, None for any
    sensortype: for createvirtualsensor, 0 if han-domoticz makes none
    """

    title: str
    type: str | None = None
    subtype: str | None = None
    sensortype: int = 0


# The contract's table of devices (domoticz-contract.md, section 5).
KWH: Final = Kind("Electric, instant and counter (kWh)", "General", "kWh", 18)
P1: Final = Kind("P1 smart meter", "P1 Smart Meter", "Energy", 250)
COUNTER: Final = Kind("Counter", "RFXMeter", "RFXMeter counter", 113)
VOLTAGE: Final = Kind("Voltage", "General", "Voltage", 4)
CURRENT: Final = Kind("Ampere, 1 phase", "General", "Current", 19)
CURRENT_3: Final = Kind("Ampere, 3 phases", "Current", "CM113, Electrisave", 9)
ANY: Final = Kind("any device that keeps what it is told")
# What a map's svalue must be made of, by subtype; of text, any number. Domoticz stores others too, and logs nonsense.
_PARTS: Final = {
    "kWh": 2, "CM113, Electrisave": 3, "RFXMeter counter": 1, "Voltage": 1, "Current": 1, "Electric": 1,
    "Percentage": 1, "Custom Sensor": 1,
}  # fmt: skip
# Each post adds to it, so a post sent twice would count twice.
_INCREMENTAL: Final = "Counter Incremental"

_PHASES: Final = ("L1", "L2", "L3")
# Decimals that Domoticz keeps, and more than a meter sends.
_PLACES: Final = {"pow": 1, "energy": 0}


class Device(NamedTuple):
    """A device that is posted to.

    option:   of the command line, for messages; fields: names of docs/fields.md that its svalue is made of
    svalue:   figures -> what is posted, None as long as it cannot be
    computed: Domoticz itself makes the energy out of the power (EnergyMeterMode 1)
    parts:    how many values the svalue has, 0 where that is the kind's business
    """

    idx: int
    kind: Kind
    option: str
    fields: tuple[str, ...]
    svalue: Callable[[Values], str | None]
    computed: bool = False
    parts: int = 0

    def post(self, figures: Figures) -> str | None:
        """Return what to post at the end of an interval, None if there is nothing new, or something is unknown."""
        return self.svalue(figures.values) if figures.fresh.intersection(self.fields) else None


def power(idx: int, computed: bool) -> Device:
    """A kWh device: mean power of the interval; energy, unless Domoticz computes it."""
    template = "{act_pow_pos}" if computed else "{act_pow_pos};{act_energy_pos}"
    return _filled(idx, KWH, "--power", template)._replace(computed=computed)


def energy(idx: int) -> Device:
    """A counter of energy imported."""
    return _filled(idx, COUNTER, "--energy", "{act_energy_pos}")


def voltages(indices: list[int]) -> Iterator[Device]:
    """A voltage a phase, L1 first; 0 leaves one out."""
    for idx, phase in zip(indices, _PHASES, strict=False):
        if idx:
            yield _filled(idx, VOLTAGE, "--voltage", f"{{volt_{phase}}}")


def currents(indices: list[int]) -> Iterator[Device]:
    """One device for three phases, or one a phase; 0 leaves one out."""
    if len(indices) == 1:
        if indices[0]:
            fields = tuple(f"curr_{phase}" for phase in _PHASES)
            yield Device(indices[0], CURRENT_3, "--current", fields, _three_currents)
        return
    for idx, phase in zip(indices, _PHASES, strict=False):
        if idx:
            yield _filled(idx, CURRENT, "--current", f"{{curr_{phase}}}")


def p1(idx: int) -> Device:
    """A P1 smart meter, for meters with export or tariffs."""
    flows = [(f"act_pow_{way}", f"act_energy_{way}") for way in ("pos", "neg")]
    fields = [name for power, energy in flows for name in (power, energy, f"{energy}_T1", f"{energy}_T2")]
    return Device(idx, P1, "--p1", tuple(fields), _p1)


def mapped(table: Any) -> Iterator[Device]:
    """Read the devices of a map: [[device]] with idx and svalue, a template such as "{act_pow_neg};{act_energy_neg}".

    raise: ValueError: it says something else; the words name the device
    """
    if not isinstance(table, dict) or set(table) != {"device"} or not isinstance(table["device"], list):
        raise ValueError("[[device]] is wanted, with idx and svalue, and nothing else")
    for number, entry in enumerate(table["device"], 1):
        if not isinstance(entry, dict) or set(entry) != {"idx", "svalue"}:
            raise ValueError(f"device {number}: idx and svalue are wanted, and nothing else")
        idx, template = entry["idx"], entry["svalue"]
        if type(idx) is not int or idx < 1:
            raise ValueError(f"device {number}: idx is a whole number from 1 on")
        if not isinstance(template, str) or not _HOLE.search(template):
            raise ValueError(f'device {number}: svalue is a text that names a field, such as "{{frequency}}"')
        yield _filled(idx, ANY, "--map", template)._replace(parts=template.count(";") + 1)


_HOLE: Final = re.compile(r"\{([^{}]+)\}")


def _filled(idx: int, kind: Kind, option: str, template: str) -> Device:
    """A device whose svalue is a template, each {name} in it replaced by the figure of that name."""
    fields = tuple(_HOLE.findall(template))

    def svalue(values: Values) -> str | None:
        told = {name: values.get(name) for name in fields}
        if None in told.values():
            return None
        return _HOLE.sub(lambda hole: _text(hole[1], told[hole[1]]), template)

    return Device(idx, kind, option, fields, svalue)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    quantity = re.search("_(pow|energy)_", name)
    return rounded(value, _PLACES[quantity[1]] if quantity else 3)


def _three_currents(values: Values) -> str | None:
    """Without their signs, which the device cannot keep: a negative one would be logged as 1.8e19 A."""
    told: list[Any] = [values.get(f"curr_{phase}") for phase in _PHASES]
    amperes = [rounded(abs(value), 3) for value in told if value is not None]
    return ";".join(amperes) if len(amperes) == 3 else None


def _p1(values: Values) -> str | None:
    """USAGE1;USAGE2;RETURN1;RETURN2;CONS;PROD: Wh and W, whole, never negative.

    A meter that sends no word of export has none: its zeros are no guess.
    """
    imported = _tariffs(values, "act_energy_pos")
    exports = any(name in values for name in ("act_pow_neg", "act_energy_neg", "act_energy_neg_T1"))
    exported = _tariffs(values, "act_energy_neg") if exports else (0, 0)
    powers = [values.get("act_pow_pos"), values.get("act_pow_neg") if "act_pow_neg" in values else 0]
    if imported is None or exported is None or None in powers:
        return None
    return ";".join(_whole(value) for value in (*imported, *exported, *powers))


def _tariffs(values: Values, register: str) -> tuple[Any, Any] | None:
    """Return the register's two tariffs, where the meter has just these, else its total as the first."""
    one, two = values.get(f"{register}_T1"), values.get(f"{register}_T2")
    if one is not None and two is not None and f"{register}_T3" not in values:
        return one, two
    total = values.get(register)
    return None if total is None else (total, 0)


def _whole(value: Any) -> str:
    return rounded(max(value, 0), 0)


def check(client: Domoticz, devices: list[Device]) -> tuple[str, list[str]]:
    """Ask who we are, and for each device whether it exists and fits.

    return: a line on Domoticz and the user; and what must be changed, a line each
    raise:  Away, Denied, Wrong
    """
    try:
        access = client.ask("getauth")
    except Refused:
        access = {"rights": 1}  # too old to say: a post will tell
    rights = access.get("rights")
    user = access.get("user") or "nobody"
    if not isinstance(rights, int) or rights < 0:  # the status is OK all the same
        return "", [client.words_of_denial()]
    if rights < 1:
        return "", [f"user '{user}' may only look (rights 0): in Domoticz, Setup > Users, make it a User"]
    problems = [words for device in devices if (words := _misfit(client, device, user))]
    return f"Domoticz {access.get('version', 'of unknown version')}, user {user}, rights {rights}", problems


def _misfit(client: Domoticz, device: Device, user: str) -> str | None:
    """Say what must be changed for a device."""
    try:
        found = client.ask("getdevices", rid=device.idx).get("result") or []
    except Refused:
        return None  # before 2023.2 getdevices was no command
    match = [entry for entry in found if str(entry.get("idx")) == str(device.idx)]
    if not match:
        return f"idx {device.idx}: no such device, or user '{user}' may not see it, or its hardware is disabled"
    entry, kind = match[0], device.kind
    kinds = (entry.get("Type"), entry.get("SubType"))
    if kind.type and kinds != (kind.type, kind.subtype):
        return f"idx {device.idx}: {kinds[0]}/{kinds[1]}, where {device.option} wants {kind.title}"
    if kinds[1] == _INCREMENTAL:
        return f"idx {device.idx}: adds up what it is told: choose a device that keeps it"
    if device.parts and (words := _map_misfit(device, entry)):
        return words
    if kind is KWH and (str(entry.get("EnergyMeterMode")) == "1") != device.computed:
        return _wrong_mode(device)
    return None


def _map_misfit(device: Device, entry: dict[str, Any]) -> str | None:
    """Say why the svalue of a map is not one for its device."""
    if entry.get("SubType") == P1.subtype:
        return (
            f"idx {device.idx}: a P1 smart meter wants whole numbers from 0 on: --p1 {device.idx} in the place of --map"
        )
    wanted = _PARTS.get(str(entry.get("SubType")), device.parts)
    if wanted == 2 and str(entry.get("EnergyMeterMode")) == "1":
        wanted = 1
    if device.parts != wanted:
        return f"idx {device.idx}: its svalue has {device.parts} values, where {entry.get('SubType')} wants {wanted}"
    return None


def _wrong_mode(device: Device) -> str:
    if device.computed:
        return f"idx {device.idx}: set 'Energy read' of this device to Computed, or leave out --energy computed"
    return f"idx {device.idx}: computes its energy: set 'Energy read' to From device, or give --energy computed"


HARDWARE: Final = "HAN"
_DUMMY: Final = 15  # htype of hardware that does nothing
# What --create makes: option -> its devices.
_MADE: Final[dict[str, list[tuple[str, Kind]]]] = {
    "power": [("HAN power", KWH)],
    "p1": [("HAN P1", P1)],
    "voltage": [(f"HAN voltage {phase}", VOLTAGE) for phase in _PHASES],
    "current": [("HAN current", CURRENT_3)],
    "energy": [("HAN energy", COUNTER)],
}
CREATABLE: Final = tuple(_MADE)


def create(client: Domoticz, wanted: list[str]) -> str:
    """Make hardware and devices; those of a run before are used again. Return the options to use.

    raise: Away, Denied, Wrong, Refused
    """
    there = client.ask("getdevices", used="true").get("result") or []
    ours = [entry for entry in there if entry.get("HardwareName") == HARDWARE]
    made = {(entry.get("Name"), entry.get("SubType")): str(entry.get("idx")) for entry in ours}
    hardware = str(ours[0]["HardwareID"]) if ours else ""
    options = []
    for option in wanted:
        indices = []
        for name, kind in _MADE[option]:
            idx = made.get((name, kind.subtype))
            if idx is None:
                hardware = hardware or _make_hardware(client)
                created = client.ask("createvirtualsensor", idx=hardware, sensorname=name, sensortype=kind.sensortype)
                idx = str(created["idx"])
            indices.append(idx)
        options.append(f"--{option} {','.join(indices)}")
    return " ".join(options)


def _make_hardware(client: Domoticz) -> str:
    return str(client.ask("addhardware", htype=_DUMMY, name=HARDWARE, enabled="true")["idx"])
