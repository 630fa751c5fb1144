"""--create: make devices in Domoticz, and give each its first value."""

import os
from collections.abc import Iterable

from hanpipe.periods.intervals import Account, Timeline
from hanpipe.sinks.domoticz import devices as kinds
from hanpipe.sinks.domoticz.devices import COUNTER, CURRENT_3, KWH, P1, VOLTAGE, Device, Kind, Values
from hanpipe.sinks.domoticz.server import Domoticz
from hanpipe.sinks.errors import Denied, Refused
from hanpipe.sinks.meter_finder import OneMeter
from hanpipe.sinks.readings_in import ReadingReader
from hanpipe.unix.program import Program
from hanpipe.unix.typed import Any, Final

HARDWARE: Final = "HAN"
_DUMMY: Final = 15  # htype of hardware that does nothing
# Option -> names and kind of its devices.
_MADE: Final[dict[str, tuple[tuple[str, ...], Kind]]] = {
    "power": (("HAN power",), KWH),
    "p1": (("HAN P1",), P1),
    "voltage": (("HAN voltage L1", "HAN voltage L2", "HAN voltage L3"), VOLTAGE),
    "current": (("HAN current",), CURRENT_3),
    "energy": (("HAN energy",), COUNTER),
}


def create(program: Program, client: Domoticz, wanted: list[str]) -> None:
    """Make the devices that are missing, post their first values, print the options to use. raise: SinkError.

    Domoticz logs the 0 of a new device every five minutes, and counts the first register after it as today's use. So
    the devices are made when standard input has given a reading with registers.
    """
    _ask_for_rights(client)
    values = {} if os.isatty(0) else _first_values(program, wanted)
    options, new = _make(client, wanted)
    posts = [(device.idx, device.svalue(values)) for device in new]
    for idx, svalue in posts:
        if svalue is not None:
            client.ask("udevice", idx=idx, nvalue=0, svalue=svalue)
    if any(svalue is None and device.registers for (_, svalue), device in zip(posts, new, strict=True)):
        program.report(
            "the new devices have no energy yet, so Domoticz will count the whole register as today's use; "
            "to avoid this, delete them and pipe readings into --create: ... | han-fields | han-domoticz --create"
        )
    program.write(f"{options}\n".encode())


def _ask_for_rights(client: Domoticz) -> None:
    """raise: Denied: making devices needs an admin."""
    try:
        rights = client.ask("getauth").get("rights")
    except Refused:
        return  # too old to answer: making a device will show
    if not isinstance(rights, int) or rights < 0:
        raise Denied(client.words_of_denial())
    if rights < 2:
        raise Denied("--create needs the login of an admin", 403)


def _devices(wanted: Iterable[str]) -> list[Device]:
    """Return the devices of these options that have an energy, without their numbers."""
    made = {"power": kinds.power(0, False), "p1": kinds.p1(0), "energy": kinds.energy(0)}
    return [made[option] for option in wanted if option in made]


def _first_values(program: Program, wanted: list[str]) -> Values:
    """Read standard input until all energies are known, or it ends; return the figures."""
    devices = _devices(wanted)
    names = [name for device in [*devices, *kinds.voltages([1, 1, 1]), *kinds.currents([1])] for name in device.fields]
    account, timeline, reader = Account(names, program.report), Timeline(), ReadingReader()
    meter = OneMeter(program.warn)
    values: Values = {}
    for data, _ in program.pieces():
        for reading in [line.reading for line in reader.feed(data) if line.reading is not None]:
            if not values:
                program.explain("waits for a reading with registers")
            at = timeline.of(reading)
            if meter.has(reading, at):
                account.add(reading, at)
                values = account.take(at).values
        if values and all(device.svalue(values) is not None for device in devices):
            break
    return values


def _make(client: Domoticz, wanted: list[str]) -> tuple[str, list[Device]]:
    """Make the devices that are missing; return the options of all, and the new devices."""
    there = client.ask("getdevices", used="true").get("result") or []
    ours = [entry for entry in there if entry.get("HardwareName") == HARDWARE]
    hardware = str(ours[0]["HardwareID"]) if ours else ""
    options, new = [], []
    for option in wanted:
        names, kind = _MADE[option]
        indices = _known(ours, names, kind)
        for number, name in enumerate(names):
            if indices[number] is None:
                hardware = hardware or _make_hardware(client)
                made = client.ask("createvirtualsensor", idx=hardware, sensorname=name, sensortype=kind.sensortype)
                indices[number] = int(made["idx"])
                new += _new(option, number, int(made["idx"]))
        options.append(f"--{option} {','.join(map(str, indices))}")
    return " ".join(options), new


def _known(ours: list[dict[str, Any]], names: tuple[str, ...], kind: Kind) -> list[int | None]:
    """Return the numbers of devices of an earlier run: by name; one that was renamed by its kind and order."""
    fitting = [entry for entry in ours if (entry.get("Type"), entry.get("SubType")) == (kind.type, kind.subtype)]
    by_name = {entry.get("Name"): int(entry["idx"]) for entry in fitting}
    renamed = sorted(int(entry["idx"]) for entry in fitting if entry.get("Name") not in names)
    return [by_name[name] if name in by_name else renamed.pop(0) if renamed else None for name in names]


def _new(option: str, number: int, idx: int) -> list[Device]:
    """Return a device that was just made."""
    if option == "voltage":
        return list(kinds.voltages([0] * number + [idx]))
    if option == "current":
        return list(kinds.currents([idx]))
    return [device._replace(idx=idx) for device in _devices([option])]


def _make_hardware(client: Domoticz) -> str:
    return str(client.ask("addhardware", htype=_DUMMY, name=HARDWARE, enabled="true")["idx"])
