"""The objects of a P1 telegram -> entries: a code with its value, its unit and, where it has one, its name.

An object is its code and what stands in each pair of brackets: ["1-0:1.8.0", "00001234.567*kWh"]. What a telegram says
of itself is enough: no meter file is needed. DSMR P1 companion standard 5.0.2, Fluvius, Swedish H1 recommendation v2.0.
"""

import re
from collections.abc import Mapping

from hanpipe.apdu import cosem
from hanpipe.link.octets import Malformed
from hanpipe.readings import quantities
from hanpipe.unix.typed import Any, Final, NamedTuple

# Units as meters print them -> the unit of a reading, and the power of ten.
UNITS: Final = {
    "W":  ("W", 0),   "kW":    ("W", 3),    "MW":    ("W", 6),
    "Wh": ("Wh", 0),  "kWh":   ("Wh", 3),   "MWh":   ("Wh", 6),
    "var": ("var", 0), "kvar": ("var", 3),  "VAr":   ("var", 0),   "kVAr":  ("var", 3),
    "varh": ("varh", 0), "kvarh": ("varh", 3), "VArh": ("varh", 0), "kVArh": ("varh", 3),
    "VA": ("VA", 0),  "kVA":   ("VA", 3),   "VAh":   ("VAh", 0),   "kVAh":  ("VAh", 3),
    "V":  ("V", 0),   "mV":    ("V", -3),   "kV":    ("V", 3),
    "A":  ("A", 0),   "mA":    ("A", -3),   "kA":    ("A", 3),
    "Hz": ("Hz", 0),  "GJ":    ("GJ", 0),   "MJ":    ("GJ", -3),
}  # fmt: skip
_REACTIVE: Final = {"VA": "var", "VAh": "varh"}  # what some meters print for reactive power: RJ12 description v1.6

# Device types of M-Bus, EN 13757-3.
_DEVICES: Final = {
    3: "gas", 4: "heat", 6: "warm_water", 7: "water", 10: "cooling", 11: "cooling", 12: "heat",
}  # fmt: skip
_MEASURED: Final = {"m3": "volume", "GJ": "energy", "Wh": "energy"}
_KIND_BY_UNIT: Final = {"GJ": "heat"}  # where no device type is sent

_VALUE = re.compile(r"(-?)(\d{1,20})(?:\.(\d{1,20}))?(?:\*([^*]{1,10}))?")
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)[SW]?")
_SUB_METER = re.compile(r"0-([1-9]\d?):(\d+\.\d+\.\d+)")
_IDENTIFICATION = re.compile(r"/.{3}.(?:\\.)?(.*)", re.DOTALL)
_IDS: Final = ("0-0:96.1.0", "0-0:96.1.1", "0-0:42.0.0")
_SUB_METER_IDS: Final = ("96.1.0", "96.1.1")
_NO_OFFSET: Final = b"\x80\x00\xff"  # deviation and clock status, not specified

_EPOCH: Final = 70  # the year of 700101010000W: nobody set this clock


class Entry(NamedTuple):
    """One value of a telegram.

    code: as sent, without *255; name: as docs/fields.md lists it, None if no table knows
    value: a number as int, to be multiplied with 10^scaler, or a text, or the brackets of a log
    """

    code: str
    name: str | None
    value: int | str | list[str]
    scaler: int = 0
    unit: str | None = None


class Device(NamedTuple):
    """A meter behind the meter: what it counts, and how many like it come before, as the end of its names."""

    kind: str
    number: str


def read_telegram(keys: Mapping[str, Any]) -> list[Entry]:
    """Read the objects of a p1 line of han-decode.

    raise: Malformed: they are none
    """
    objects = [_modern(code, brackets) for code, *brackets in _checked(keys.get("objects"))]
    devices = _devices(objects)
    return [entry for code, brackets in objects for entry in _entries(code, brackets, devices)]


def meter_model(identification: Any) -> str:
    """Return what stands in the identification line behind the maker, the baud-rate character and a mode.

    source: IEC 62056-21, 6.3.2
    """
    found = _IDENTIFICATION.fullmatch(identification) if isinstance(identification, str) else None
    return found[1].strip() if found else ""


def is_time(text: str) -> bool:
    """Tell whether this is YYMMDDhhmmss, S or W behind it, whatever it says."""
    return _TIME.fullmatch(text) is not None


def read_time(text: str) -> str | None:
    """Read YYMMDDhhmmss, S or W behind it; None if nobody set it. S and W give no offset: no standard says of where."""
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) == _EPOCH:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    octets = (2000 + year).to_bytes(2, "big") + bytes((month, day, 255, hour, minute, second, 255)) + _NO_OFFSET
    try:
        return cosem.read_clock(octets)
    except Malformed:
        return None


def _checked(objects: Any) -> list[list[str]]:
    if not isinstance(objects, list) or not all(
        isinstance(one, list) and one and all(isinstance(part, str) for part in one) for one in objects
    ):
        raise Malformed(0, "no objects")
    return objects


def _modern(code: str, brackets: list[str]) -> tuple[str, list[str]]:
    """Return an object as DSMR 4 has it. DSMR 2 and 3: 24.3.0 (time)(..)(..)(..)(code)(unit)(value)."""
    code = code.removesuffix("*255")
    if ":24.3.0" in code and len(brackets) == 7:
        return brackets[4], [brackets[0], f"{brackets[6]}*{brackets[5]}"]
    return code, brackets


def _devices(objects: list[tuple[str, list[str]]]) -> dict[str, Device]:
    """Find the devices that were read at least once: channel -> what it is."""
    types: dict[str, int] = {}
    found: dict[str, Device] = {}
    for code, brackets in objects:
        channel, what = _sub_meter(code)
        if what == "24.1.0" and brackets and len(brackets[0]) <= 3 and brackets[0].isdecimal():
            types[channel] = int(brackets[0])
        elif what.startswith("24.2.") and channel not in found and len(brackets) == 2 and read_time(brackets[0]):
            kind = _DEVICES.get(types.get(channel, -1)) or _KIND_BY_UNIT.get(brackets[1].rpartition("*")[2])
            if kind:
                same = sum(device.kind == kind for device in found.values())
                found[channel] = Device(kind, f"_{same + 1}" if same else "")
    return found


def _sub_meter(code: str) -> tuple[str, str]:
    """Split the code of a sub-meter's object into its channel and the rest; ("", "") if it is none."""
    found = _SUB_METER.fullmatch(code)
    return (found[1], found[2]) if found else ("", "")


def _entries(code: str, brackets: list[str], devices: dict[str, Device]) -> list[Entry]:
    """Say what an object means: a value, a value with its time, or a log."""
    if len(brackets) == 2 and _TIME.fullmatch(brackets[0]):
        entry = _value(code, brackets[1], devices)
        time = read_time(brackets[0])
        return [entry, Entry(f"{code}#time", _time_name(entry.name), time)] if time else [entry]
    if not brackets:
        return []  # a line that is no object
    if len(brackets) == 1:
        return [_value(code, brackets[0], devices)]
    return [Entry(code, None, brackets)]


def _time_name(name: str | None) -> str | None:
    """gas_volume -> gas_time, heat_energy_2 -> heat_time_2, act_pow_pos_max -> act_pow_pos_max_time."""
    if name is None:
        return None
    found = re.fullmatch(r"(.*)_(?:volume|energy)(_\d+)?", name)
    return f"{found[1]}_time{found[2] or ''}" if found else f"{name}_time"


def _value(code: str, text: str, devices: dict[str, Device]) -> Entry:
    """Read what stands in a bracket: a number if it has a unit, or if its code is known to be one."""
    channel, what = _sub_meter(code)
    device = devices.get(channel)
    if code in _IDS or what in _SUB_METER_IDS:
        return Entry(code, f"{device.kind}_ID{device.number}" if device else None, _spelled(text))
    quantity = quantities.quantity(code)
    found = _VALUE.fullmatch(text)
    if found is None or (found[4] is None and (quantity is None or quantity.unit)):
        return Entry(code, None, text)
    sign, whole, fraction, printed = found.groups()
    unit, power = UNITS.get(printed, (printed, 0))
    number = int(f"{sign}{whole}{fraction or ''}")
    scaler = power - len(fraction or "")
    if quantity:
        unit = _REACTIVE.get(unit, unit) if quantity.unit in _REACTIVE.values() else unit
        return Entry(code, quantity.name if quantity.unit == unit else None, number, scaler, unit)
    measured = _MEASURED.get(unit) if device and what.startswith("24.2.") else None
    return Entry(
        code, f"{device.kind}_{measured}{device.number}" if device and measured else None, number, scaler, unit
    )


def _spelled(text: str) -> str:
    """Return the printable text that hex digits spell, or what stands there."""
    try:
        spelled = bytes.fromhex(text).decode("ascii")
    except ValueError:
        return text
    return spelled if spelled and spelled.isprintable() and " " not in text else text
