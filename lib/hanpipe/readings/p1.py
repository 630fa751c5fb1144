"""The objects of a P1 telegram -> entries: a code with its value, its unit and, if it has one, its name.

An object is its code and the content of each pair of brackets: ["1-0:1.8.0", "00001234.567*kWh"]. A telegram says all
that a reading needs, so no meter file is read. DSMR P1 companion standard 5.0.2, Fluvius, Swedish H1 recommendation
v2.0.

The reader is strict: it gives a number only where code, value and unit agree. Everything else stays a text.
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
    "var": ("var", 0), "kvar": ("var", 3),  "varh": ("varh", 0), "kvarh": ("varh", 3),
    "VA": ("VA", 0),  "kVA":   ("VA", 3),   "VAh":   ("VAh", 0),   "kVAh":  ("VAh", 3),
    "V":  ("V", 0),   "mV":    ("V", -3),   "kV":    ("V", 3),
    "A":  ("A", 0),   "mA":    ("A", -3),   "kA":    ("A", 3),
    "s": ("s", 0),
    "Hz": ("Hz", 0),  "kHz":   ("Hz", 3),   "GJ":    ("GJ", 0),   "MJ":    ("GJ", -3),
    "m3": ("m3", 0),  "dm3":   ("m3", -3),
}  # fmt: skip
# The same in any case, without those that begin with m or M for milli and mega: there the case is the meaning.
_IN_ANY_CASE: Final = {unit.casefold(): UNITS[unit] for unit in UNITS if unit[0] not in "mM" or unit == "m3"}
_REACTIVE: Final = {"VA": "var", "VAh": "varh"}  # some meters print these for reactive power: RJ12 description v1.6

# Device types of M-Bus, EN 13757-3.
_DEVICES: Final = {
    3: "gas", 4: "heat", 6: "warm_water", 7: "water", 10: "cooling", 11: "cooling", 12: "heat",
}  # fmt: skip
_MEASURED: Final = {"m3": "volume", "GJ": "energy"}
_WH_IN_GJ, _WH_POWER = 36, -7  # 1 Wh = 3,600 J = 36 x 10^-7 GJ, exactly
_KIND_BY_UNIT: Final = {"GJ": "heat"}  # where no device type is sent

_NUMBER: Final = r"(-?)(\d{1,20})(?:\.(\d{1,20}))?"
_VALUE = re.compile(_NUMBER + r"(?:\*([^*]{1,10})|\s*([A-Za-z][A-Za-z0-9]{0,5}))?")
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)[SWsw]?")
_TIME_OF_DAY = re.compile(r"(\d\d):?(\d\d):?(\d\d)[SWsw]?")
_DAY = re.compile(r"(?:20)?(\d\d)[-.]?(\d\d)[-.]?(\d\d)")
_SECONDS = re.compile(r"(\d{1,10})\*s")
_FULL_CODE = re.compile(r"(\d+-\d+:\d+\.\d+\.\d+)[*.]255")
_STATUS = re.compile(r"\d{1,3}", re.ASCII)
_SUB_METER = re.compile(r"0-([1-9]\d?):(\d+\.\d+\.\d+)")
_IDENTIFICATION = re.compile(r"/.{3}.(?:\\[\d\\]?)?(.*)", re.DOTALL)
_NOTHING = re.compile(r"\(*ER\d+\)*")  # the meter has no value for this object
_IDS: Final = ("0-0:96.1.0", "0-0:96.1.1", "0-0:42.0.0")
_SUB_METER_IDS: Final = ("96.1.0", "96.1.1")
_ADDRESS: Final = "0-0:0.0.0"
_FAILURES, _FAILURE_SECONDS = "1-0:99.97.0", "0-0:96.7.19"
_PEAKS: Final = ("0-0:98.1.0", "1-0:98.1.0")
_DEVICE_STATES: Final = {"24.1.0": "type", "24.4.0": "valve"}
_NO_OFFSET: Final = b"\x80\x00\xff"  # deviation and clock status, not specified

_EPOCH: Final = 70  # the year of 700101010000W: nobody set this clock


class Entry(NamedTuple):
    """One value of a telegram.

    code: as sent, without *255; "" if it comes from the identification or from several objects
    name: as docs/fields.md lists it, None if no table knows
    value: a number as int, to be multiplied with 10^scaler, or a text, or the brackets of a log
    """

    code: str
    name: str | None
    value: int | str | list[str]
    scaler: int = 0
    unit: str | None = None


class Device(NamedTuple):
    """A sub-meter: what it counts, and the end of its names: "" for the first of its kind, "_2" for the second."""

    kind: str
    number: str


def read_telegram(keys: Mapping[str, Any]) -> list[Entry]:
    """Read a p1 line of han-decode: its objects, the meter's number, clock and model.

    raise: Malformed: it has no objects
    """
    objects = [_modern(code, brackets) for code, *brackets in _checked(keys.get("objects"))]
    devices = _devices(objects)
    entries = [entry for code, brackets in objects for entry in _entries(code, brackets, devices)]
    entries = _with_meter_id(entries)
    if not any(entry.name == "date_time" for entry in entries) and (time := _clock_in_two_parts(entries)):
        entries.append(Entry("", "date_time", time))
    if model := meter_model(keys.get("identification")):
        entries.append(Entry("", "meter_model", model))
    return entries


def meter_model(identification: Any) -> str:
    r"""Return what follows the maker, the baud-rate character and the mode, \ and a digit, in the first line.

    source: IEC 62056-21, 6.3.2; a \ before any other character is left out alone
    """
    found = _IDENTIFICATION.fullmatch(identification) if isinstance(identification, str) else None
    return found[1].strip() if found else ""


def read_time(text: str) -> str | None:
    """Read YYMMDDhhmmss, with S or W after it; None if it is not a time, or of a clock that nobody set.

    S (summer) and W (winter) give no offset from UTC: no standard says of which country.
    """
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) == _EPOCH:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    octets = (2000 + year).to_bytes(2, "big") + bytes((month, day, 255, hour, minute, second, 255)) + _NO_OFFSET
    try:
        return cosem.read_clock(octets)
    except Malformed:
        return None


def read_log(entry: Entry) -> tuple[str, list[dict[str, Any]]] | None:
    """Read the log in an entry whose value is brackets.

    return: name and records, in the order of the meter; None if it is not exactly such a log. A record has these keys,
            without the times that the meter does not know:
            power_failure_log: end, seconds (DSMR 5.0.2, 6.12)
            act_pow_pos_max_log: month (the time at its end), time (of the peak), value in W (Fluvius)
    """
    if not isinstance(entry.value, list):
        return None
    if entry.code == _FAILURES:
        return _failures(entry.value)
    return _peaks(entry.value) if entry.code in _PEAKS else None


def _failures(brackets: list[str]) -> tuple[str, list[dict[str, Any]]] | None:
    """Read (count)(0-0:96.7.19) and then (time)(seconds*s) for each failure."""
    times, seconds = brackets[2::2], [_SECONDS.fullmatch(text) for text in brackets[3::2]]
    if brackets[1:2] != [_FAILURE_SECONDS] or len(times) != len(seconds):
        return None
    if not all(map(_TIME.fullmatch, times)) or not all(seconds):
        return None
    records = zip(map(read_time, times), seconds, strict=True)
    return "power_failure_log", [_record(end=end, seconds=int(found[1])) for end, found in records if found]


def _peaks(brackets: list[str]) -> tuple[str, list[dict[str, Any]]] | None:
    """Read (count)(code)(code) and then (end of the month)(time of the peak)(value) for each month."""
    if len(brackets) < 3 or brackets[1] != brackets[2] or len(brackets) % 3:
        return None
    code, months, times = brackets[1], brackets[3::3], brackets[4::3]
    peaks = [_value(code, text, {}) for text in brackets[5::3]]
    if not all(map(_TIME.fullmatch, months + times)) or not all(peak.name and peak.scaler >= 0 for peak in peaks):
        return None
    quantity = quantities.quantity(code)
    return quantity and (
        f"{quantity.name}_log",
        [
            _record(month=read_time(month), time=read_time(time), value=int(str(peak.value)) * 10**peak.scaler)
            for month, time, peak in zip(months, times, peaks, strict=True)
        ],
    )


def _record(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _checked(objects: Any) -> list[list[str]]:
    if not isinstance(objects, list) or not all(
        isinstance(one, list) and one and all(isinstance(part, str) for part in one) for one in objects
    ):
        raise Malformed(0, "expected objects: lists of a code and its brackets")
    return objects


def _modern(code: str, brackets: list[str]) -> tuple[str, list[str]]:
    """Return an object as DSMR 4 has it, its code without 255 at the end.

    DSMR 2 and 3: 24.3.0 (time)(..)(..)(..)(code)(unit)(value). Some meters send the value before its time.
    """
    if full := _FULL_CODE.fullmatch(code):
        code = full[1]
    if ":24.3.0" in code and len(brackets) == 7:
        return brackets[4], [brackets[0], f"{brackets[6]}*{brackets[5]}"]
    if len(brackets) == 2 and _TIME.fullmatch(brackets[1]) and not _TIME.fullmatch(brackets[0]):
        brackets = [brackets[1], brackets[0]]
    return code, brackets


class _Channel:
    """What the objects of one channel say of the device on it.

    type: as 0-n:24.1.0 gives it, None without that; unit: of its reading, "" without one
    there: False if it was never read, or has no number: nothing is connected there
    read: whether its reading has a time
    """

    def __init__(self) -> None:
        self.type: int | None = None
        self.unit = ""
        self.there = True
        self.read = False

    def see(self, what: str, brackets: list[str]) -> None:
        """Take in an object of the channel."""
        if what == "24.1.0" and _STATUS.fullmatch(brackets[0]):
            self.type = int(brackets[0])
        elif what in _SUB_METER_IDS and not brackets[0]:
            self.there = self.read
        elif what.startswith("24.2.") and len(brackets) == 2 and not self.read:
            self.unit = _unit(brackets[1].rpartition("*")[2])[0]
            self.read = read_time(brackets[0]) is not None
            self.there = self.read or not (brackets[0] == "" or _TIME.fullmatch(brackets[0]))

    @property
    def kind(self) -> str | None:
        """The kind of the device, None if nothing tells it."""
        return _DEVICES.get(-1 if self.type is None else self.type) or _KIND_BY_UNIT.get(self.unit)


def _devices(objects: list[tuple[str, list[str]]]) -> dict[str, Device]:
    """Find the devices that were read at least once: channel -> what it is.

    A device whose reading is missing keeps its number. After a device of unknown type, which may be of any kind, no
    other gets a name: it may be the second of its kind, and must not be taken for the first.
    """
    channels: dict[str, _Channel] = {}
    for code, brackets in objects:
        number, what = _sub_meter(code)
        if brackets and (what in _SUB_METER_IDS or re.match("24[.](?!4)", what)):
            channels.setdefault(number, _Channel()).see(what, brackets)
    found: dict[str, Device] = {}
    kinds: list[str] = []
    for number, channel in channels.items():
        kind = channel.kind
        if not channel.there or (kind is None and channel.type is not None):
            continue
        if kind is None:
            break
        kinds.append(kind)
        if channel.read:
            same = kinds.count(kind)
            found[number] = Device(kind, f"_{same}" if same > 1 else "")
    return found


def _sub_meter(code: str) -> tuple[str, str]:
    """Split the code of a sub-meter's object into its channel and the rest; ("", "") for any other code."""
    found = _SUB_METER.fullmatch(code)
    return (found[1], found[2]) if found else ("", "")


def _entries(code: str, brackets: list[str], devices: dict[str, Device]) -> list[Entry]:
    """Read an object: a value, a value with its time, a log, or a line that is not an object, which has no brackets."""
    if not brackets:
        return []
    if len(brackets) > 2 or (len(brackets) == 2 and not _TIME.fullmatch(brackets[0])):
        return [Entry(code, None, brackets)]
    if code in quantities.CLOCK and len(brackets) == 1 and _TIME.fullmatch(brackets[0]):
        time = read_time(brackets[0])
        return [Entry(code, "date_time", time)] if time else []
    quantity = quantities.quantity(code)
    if not brackets[-1] and quantity and not quantity.unscaled:
        return []  # the meter does not measure this
    entry = _value(code, brackets[-1], devices)
    time = read_time(brackets[0]) if len(brackets) == 2 else None
    return [entry, Entry(f"{code}#time", _time_name(entry.name), time)] if time else [entry]


def _time_name(name: str | None) -> str | None:
    """gas_volume -> gas_time, heat_energy_2 -> heat_time_2, act_pow_pos_max -> act_pow_pos_max_time."""
    if name is None:
        return None
    found = re.fullmatch(r"(.*)_(?:volume|energy)(_\d+)?", name)
    return f"{found[1]}_time{found[2] or ''}" if found else f"{name}_time"


def _value(code: str, text: str, devices: dict[str, Device]) -> Entry:
    """Read the content of a bracket: a number if it has a unit, or if its code is known to count."""
    channel, what = _sub_meter(code)
    device = devices.get(channel)
    if code in _IDS or what in _SUB_METER_IDS:
        return Entry(code, f"{device.kind}_ID{device.number}" if device else None, _spelled(text))
    if device and what in _DEVICE_STATES:
        state = f"{device.kind}_{_DEVICE_STATES[what]}{device.number}"
        return Entry(code, state, int(text) if _STATUS.fullmatch(text) else text)
    quantity = quantities.quantity(code)
    if quantity and quantity.what == quantities.TEXT:
        return Entry(code, quantity.name, text)
    of_device = device if what.startswith("24.2.") else None
    found = _VALUE.fullmatch(text)
    bare = found and found[5]  # a unit without * may be any text: the code must want it
    if found is None or (bare and (bare.casefold() not in _IN_ANY_CASE or not (quantity or of_device))):
        return Entry(code, None, text)
    sign, whole, fraction, printed, _ = found.groups()
    printed = printed or bare
    if not printed and (quantity is None or quantity.unit):
        return Entry(code, None, text)
    unit, power = _unit(printed) if printed else (None, 0)
    number, scaler = int(f"{sign}{whole}{fraction or ''}"), power - len(fraction or "")
    if quantity and quantity.unscaled and fraction:
        return Entry(code, None, number, scaler, unit)  # nothing is counted in fractions
    if of_device and unit == "Wh":  # the energy of every sub-meter is in GJ
        number, scaler, unit = number * _WH_IN_GJ, scaler + _WH_POWER, "GJ"
    if quantity:
        unit = _REACTIVE.get(unit or "", unit) if quantity.unit in _REACTIVE.values() else unit
        return Entry(code, quantity.name if quantity.unit == unit else None, number, scaler, unit)
    measured = _MEASURED.get(unit or "") if of_device else None
    name = f"{of_device.kind}_{measured}{of_device.number}" if of_device and measured else None
    return Entry(code, name, number, scaler, unit)


def _unit(printed: str) -> tuple[str, int]:
    """Return the unit of a reading and the power of ten of a printed unit, in any case and with blanks around it."""
    printed = printed.strip()
    return UNITS.get(printed) or _IN_ANY_CASE.get(printed.casefold(), (printed, 0))


def _spelled(text: str) -> str:
    """Return the printable text that hex digits spell, else the text itself; without the padding of either."""
    try:
        spelled = bytes.fromhex(text).decode("ascii").strip(" \0") if " " not in text else ""
    except ValueError:
        spelled = ""
    return spelled if spelled and spelled.isprintable() else text.strip()


def _with_meter_id(entries: list[Entry]) -> list[Entry]:
    """Name the meter's number: the first of its codes that has a value.

    A meter that says of one of them that it has no value (ER23) has its number in 0-0:0.0.0, its address.
    """
    texts = {entry.code: entry.value for entry in entries if isinstance(entry.value, str) and entry.value}
    empty = {code for code, text in texts.items() if _NOTHING.fullmatch(text)}
    codes = list(quantities.METER_ID)
    if empty.intersection(codes):
        codes.insert(-1, _ADDRESS)  # before 0-0:42.0.0
    number = next((code for code in codes if code in texts and code not in empty), "")
    return [entry._replace(name="meter_ID") if entry.code == number else entry for entry in entries]


def _clock_in_two_parts(entries: list[Entry]) -> str | None:
    """Return the clock in the texts of a time of day and a day, hhmmss and YYMMDD; None without either."""
    texts = {entry.code: entry.value for entry in entries if isinstance(entry.value, str)}
    for medium in ("1-0", "0-0"):
        time = _TIME_OF_DAY.fullmatch(texts.get(f"{medium}:0.9.1", ""))
        day = _DAY.fullmatch(texts.get(f"{medium}:0.9.2", ""))
        if time and day:
            return read_time("".join(day.groups() + time.groups()))
    return None
