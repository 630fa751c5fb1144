"""Domoticz is asked for the user and the devices before anything is posted."""

import re
from decimal import Decimal

from hanpipe.sinks.domoticz.devices import COUNTER, KWH, P1, USAGE, Device, usage
from hanpipe.sinks.domoticz.server import Domoticz
from hanpipe.sinks.errors import Denied, Misconfigured, Refused
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Any, Final, NamedTuple

# How many values the svalue of a map must have, by subtype; a text has any number. Domoticz stores others too, and logs
# nonsense.
_PARTS: Final = {
    "kWh": 2, "CM113, Electrisave": 3, "RFXMeter counter": 1, "Voltage": 1, "Current": 1, "Electric": 1,
    "Percentage": 1, "Custom Sensor": 1,
}  # fmt: skip
# Each post adds to it, so a post sent twice would count twice.
_INCREMENTAL: Final = "Counter Incremental"

Start = dict[str, Decimal]  # registers by name, Wh, as a device has them


class Misfits(Misconfigured):
    """Devices that do not fit: one message for each."""

    def __init__(self, problems: list[str]) -> None:
        """Take the messages; the last one is that of the exception."""
        super().__init__(problems[-1])
        self.others = problems[:-1]


class Fitting(NamedTuple):
    """A device as Domoticz has it. start: its energy; new: that is 0, so it was never posted to."""

    device: Device
    start: Start
    new: bool = False


def check(client: Domoticz, devices: list[Device]) -> tuple[str, list[Fitting]]:
    """Ask who we are, and for each device whether it exists, fits, and which energy it has.

    return: a line on Domoticz and the user, and the devices
    raise:  Away, Wrong; Denied; Misfits
    """
    try:
        access = client.ask("getauth")
    except Refused:
        access = {"rights": 1}  # too old to answer: a post will show
    rights = access.get("rights")
    user = access.get("user") or "nobody"
    if not isinstance(rights, int) or rights < 0:  # the status is OK all the same
        raise Denied(client.words_of_denial())
    if rights < 1:
        raise Denied(f"user '{user}' may only look (rights 0): in Domoticz, Setup > Users, make it a User", 403)
    found = [_look(client, device, user) for device in devices]
    if problems := [one for one in found if isinstance(one, str)]:
        raise Misfits(problems)
    fitting = [one for one in found if isinstance(one, Fitting)]
    return f"Domoticz {access.get('version', 'of unknown version')}, user {user}, rights {rights}", fitting


def _look(client: Domoticz, device: Device, user: str) -> Fitting | str:
    """Return a device as Domoticz has it, or what must be changed."""
    try:
        found = client.ask("getdevices", rid=device.idx).get("result") or []
    except Refused:
        return Fitting(device, {})  # before 2023.2 getdevices was not a command
    match = [entry for entry in found if str(entry.get("idx")) == str(device.idx)]
    if not match:
        return f"idx {device.idx}: no such device, or user '{user}' may not see it, or its hardware is disabled"
    entry = match[0]
    if device.kind is KWH and _kinds(entry) == (USAGE.type, USAGE.subtype):
        return Fitting(usage(device), {})
    if words := _misfit(device, entry):
        return words
    start = {} if device.computed else _start(device, entry)
    return Fitting(device, start, bool(start) and not any(start.values()))


def _kinds(entry: dict[str, Any]) -> tuple[Any, Any]:
    return entry.get("Type"), entry.get("SubType")


def _misfit(device: Device, entry: dict[str, Any]) -> str | None:
    """Return what must be changed for a device, None if it fits."""
    kind, kinds = device.kind, _kinds(entry)
    if kind.type and kinds != (kind.type, kind.subtype):
        needed = f"{kind.title} or {USAGE.title}" if kind is KWH else kind.title
        return f"idx {device.idx}: it is {kinds[0]}/{kinds[1]}, but {device.option} needs {needed}; --map takes any"
    if kinds[1] == _INCREMENTAL:
        return f"idx {device.idx}: it adds every post to its value: choose a device that keeps the value"
    if device.parts and (words := _map_misfit(device, entry)):
        return words
    if kind is KWH and (str(entry.get("EnergyMeterMode")) == "1") != device.computed:
        return _wrong_mode(device)
    return None


def _map_misfit(device: Device, entry: dict[str, Any]) -> str | None:
    """Return why the svalue of a map does not fit its device, None if it does."""
    if entry.get("SubType") == P1.subtype:
        return f"idx {device.idx}: a P1 smart meter needs integers: use --p1 {device.idx} instead of --map"
    wanted = _PARTS.get(str(entry.get("SubType")), device.parts)
    if wanted == 2 and str(entry.get("EnergyMeterMode")) == "1":
        wanted = 1
    if device.parts != wanted:
        sent = counted(device.parts, "value")
        return f"idx {device.idx}: its svalue has {sent}, but {entry.get('SubType')} needs {wanted}"
    return None


def _wrong_mode(device: Device) -> str:
    if device.computed:
        return f"idx {device.idx}: set 'Energy read' of this device to Computed, or leave out --energy computed"
    return f"idx {device.idx}: it computes its energy: set 'Energy read' to From device, or use --energy computed"


def _start(device: Device, entry: dict[str, Any]) -> Start:
    """Return the energy that a device has; empty if it has none, or its answer cannot be read."""
    text = str(entry.get("Data") if device.kind in (KWH, P1) else entry.get("Counter", entry.get("Data")))
    if device.kind in (KWH, COUNTER):
        found = re.match(r"(\d+(?:\.\d+)?) kWh", text)
        return {"act_energy_pos": 1000 * Decimal(found[1])} if found else {}
    if device.kind is not P1 or not re.fullmatch(r"\d+(;\d+){5}", text):
        return {}
    return _start_of_p1([Decimal(part) for part in text.split(";")])


def _start_of_p1(parts: list[Decimal]) -> Start:
    start: Start = {}
    for register, one, two in (("act_energy_pos", parts[0], parts[1]), ("act_energy_neg", parts[2], parts[3])):
        start |= {f"{register}_T1": one, f"{register}_T2": two} if two else {register: one}
    return start
