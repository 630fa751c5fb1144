"""Devices of Domoticz: their kinds, and the svalue that each is sent.

Domoticz checks nothing: it stores any svalue and answers OK. So numbers are checked here, and nothing is posted to a
device while one of its values is unknown: energy 0 for "unknown" would spoil the totals of the day.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from hanpipe.periods.averages import Number
from hanpipe.periods.intervals import rounded
from hanpipe.periods.names import is_energy
from hanpipe.unix.typed import Any, Final, NamedTuple

Values = Mapping[str, Number | str | None]


class Kind(NamedTuple):
    """A kind of device.

    title: as Domoticz's users know it; type, subtype: of the answer of getdevices, None for any
    sensortype: for createvirtualsensor, 0 if han-domoticz makes none
    """

    title: str
    type: str | None = None
    subtype: str | None = None
    sensortype: int = 0


# As Domoticz 2025.1 names them.
KWH: Final = Kind("Electric, instant and counter (kWh)", "General", "kWh", 18)
P1: Final = Kind("P1 smart meter", "P1 Smart Meter", "Energy", 250)
COUNTER: Final = Kind("Counter", "RFXMeter", "RFXMeter counter", 113)
VOLTAGE: Final = Kind("Voltage", "General", "Voltage", 4)
CURRENT: Final = Kind("Ampere, 1 phase", "General", "Current", 19)
CURRENT_3: Final = Kind("Ampere, 3 phases", "Current", "CM113, Electrisave", 9)
USAGE: Final = Kind("Usage (Electric)", "Usage", "Electric")
ANY: Final = Kind("any device that keeps its value")
_PHASES: Final = ("L1", "L2", "L3")


class Device(NamedTuple):
    """A device that is posted to.

    option:    of the command line, for messages
    fields:    names of docs/fields.md that its svalue is made of
    svalue:    figures by name -> the svalue, None while a figure is unknown
    registers: names in fields whose figures never run backwards
    computed:  Domoticz itself computes the energy from the power (EnergyMeterMode 1)
    parts:     how many values the svalue has, 0 if the kind says it
    """

    idx: int
    kind: Kind
    option: str
    fields: tuple[str, ...]
    svalue: Callable[[Values], str | None]
    registers: tuple[str, ...] = ()
    computed: bool = False
    parts: int = 0


_IMPORTED: Final = tuple(f"act_energy_pos{tariff}" for tariff in ("", "_T1", "_T2", "_T3", "_T4"))
_EXPORTED: Final = tuple(name.replace("_pos", "_neg") for name in _IMPORTED)


def power(idx: int, computed: bool) -> Device:
    """The kWh device of imported power and energy."""
    if computed:
        return _filled(idx, KWH, "--power", "{act_pow_pos}")._replace(computed=True)

    def svalue(values: Values) -> str | None:
        watts, energy = values.get("act_pow_pos"), _sum(values, "act_energy_pos")
        return None if watts is None or energy is None else f"{_text('act_pow_pos', watts)};{_whole(energy)}"

    return Device(idx, KWH, "--power", ("act_pow_pos", *_IMPORTED), svalue, _IMPORTED)


def usage(device: Device) -> Device:
    """The device of --power where it is of the kind Usage (Electric), which has no energy."""
    return _filled(device.idx, USAGE, device.option, "{act_pow_pos}")


def energy(idx: int) -> Device:
    """The counter of imported energy."""

    def svalue(values: Values) -> str | None:
        total = _sum(values, "act_energy_pos")
        return None if total is None else _whole(total)

    return Device(idx, COUNTER, "--energy", _IMPORTED, svalue, _IMPORTED)


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
    """A P1 smart meter: import and export, by tariff if the meter has two."""
    registers = (*_IMPORTED, *_EXPORTED)
    return Device(idx, P1, "--p1", ("act_pow_pos", "act_pow_neg", *registers), _p1, registers)


def mapped(table: Any) -> Iterator[Device]:
    """Read the devices of a map: [[device]] with idx and svalue, a template such as "{act_pow_neg};{act_energy_neg}".

    raise: ValueError: it is not such a table; the message names the device
    """
    if not isinstance(table, dict) or set(table) != {"device"} or not isinstance(table["device"], list):
        raise ValueError("expected [[device]] tables with idx and svalue, and nothing else")
    for number, entry in enumerate(table["device"], 1):
        if not isinstance(entry, dict) or set(entry) != {"idx", "svalue"}:
            raise ValueError(f"device {number}: expected idx and svalue, and nothing else")
        idx, template = entry["idx"], entry["svalue"]
        if type(idx) is not int or idx < 1:
            raise ValueError(f"device {number}: idx must be a positive integer")
        if not isinstance(template, str) or not _HOLE.search(template):
            raise ValueError(f'device {number}: svalue must be a text with a field in it, such as "{{frequency}}"')
        yield _filled(idx, ANY, "--map", template)._replace(parts=template.count(";") + 1)


_HOLE: Final = re.compile(r"\{([^{}]+)\}")


def _filled(idx: int, kind: Kind, option: str, template: str) -> Device:
    """A device whose svalue is a template, each {name} in it replaced by the figure of that name."""
    fields = tuple(_HOLE.findall(template))

    def svalue(values: Values) -> str | None:
        figures = {name: values.get(name) for name in fields}
        if None in figures.values():
            return None
        return _HOLE.sub(lambda hole: _text(hole[1], figures[hole[1]]), template)

    registers = tuple(name for name in fields if is_energy(name))
    return Device(idx, kind, option, fields, svalue, registers)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if is_energy(name):
        return rounded(value, 0)
    return rounded(value, 1 if "_pow_" in name else 3)


def _three_currents(values: Values) -> str | None:
    """Three currents without signs, which the device cannot keep: it would log -1 A as 1.8e19 A.

    A phase that the meter never sends, of a one-phase connection or an IT network, is 0.
    """
    names = [f"curr_{phase}" for phase in _PHASES]
    figures: list[Any] = [values.get(name, 0) for name in names]
    if None in figures or not any(name in values for name in names):
        return None
    return ";".join(rounded(abs(value), 3) for value in figures)


def _p1(values: Values) -> str | None:
    """USAGE1;USAGE2;RETURN1;RETURN2;CONS;PROD: Wh and W, integers, never negative.

    A meter that sends nothing about export exports nothing: these zeros are not invented.
    """
    imported = _tariffs(values, "act_energy_pos")
    exports = any(name in values for name in ("act_pow_neg", *_EXPORTED))
    exported = _tariffs(values, "act_energy_neg") if exports else (0, 0)
    powers = [values.get("act_pow_pos"), values.get("act_pow_neg") if "act_pow_neg" in values else 0]
    if imported is None or exported is None or None in powers:
        return None
    return ";".join(_whole(value) for value in (*imported, *exported, *powers))


def _tariffs(values: Values, register: str) -> tuple[Any, Any] | None:
    """Return the registers of two tariffs if the meter has exactly these, else the total as the first."""
    one, two = values.get(f"{register}_T1"), values.get(f"{register}_T2")
    if one is not None and two is not None and f"{register}_T3" not in values:
        return one, two
    total = _sum(values, register)
    return None if total is None else (total, 0)


def _sum(values: Values, register: str) -> Any:
    """Return a register, or the sum of its tariffs if the meter sends only these; None if it is unknown."""
    if (total := values.get(register)) is not None:
        return total
    tariffs: list[Any] = [values[name] for name in values if name.startswith(f"{register}_T")]
    return None if not tariffs or None in tariffs else sum(tariffs)


def _whole(value: Any) -> str:
    return rounded(max(value, 0), 0)
