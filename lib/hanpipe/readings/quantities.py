"""Logical name <-> "1-0:1.7.0", and the name of its value in a reading. IEC 62056-6-1."""

import re

from hanpipe.unix.typed import Final, NamedTuple


class Quantity(NamedTuple):
    """What an OBIS code stands for.

    name: the key in a reading; unit: what its values are in, None for factors and counts; counted: it has no scaler
    """

    name: str
    unit: str | None
    counted: bool = False


# Group C of electricity (A = 1), which channel B may not change: quantity, direction, phase.
_FLOWS: Final = {
    1:  ("act",      "_pos", ""),    2:  ("act",      "_neg", ""),
    3:  ("react",    "_pos", ""),    4:  ("react",    "_neg", ""),
    5:  ("react",    "_Q1",  ""),    6:  ("react",    "_Q2",  ""),
    7:  ("react",    "_Q3",  ""),    8:  ("react",    "_Q4",  ""),
    9:  ("apparent", "_pos", ""),    10: ("apparent", "_neg", ""),
    15: ("act",      "_sum", ""),    16: ("act",      "_net", ""),
    21: ("act",      "_pos", "_L1"), 41: ("act",      "_pos", "_L2"), 61: ("act",      "_pos", "_L3"),
    22: ("act",      "_neg", "_L1"), 42: ("act",      "_neg", "_L2"), 62: ("act",      "_neg", "_L3"),
    23: ("react",    "_pos", "_L1"), 43: ("react",    "_pos", "_L2"), 63: ("react",    "_pos", "_L3"),
    24: ("react",    "_neg", "_L1"), 44: ("react",    "_neg", "_L2"), 64: ("react",    "_neg", "_L3"),
    29: ("apparent", "_pos", "_L1"), 49: ("apparent", "_pos", "_L2"), 69: ("apparent", "_pos", "_L3"),
    30: ("apparent", "_neg", "_L1"), 50: ("apparent", "_neg", "_L2"), 70: ("apparent", "_neg", "_L3"),
}  # fmt: skip
# Group D of these: what is measured, and its units by quantity.
_POWER: Final = {"act": "W", "react": "var", "apparent": "VA"}
_ENERGY: Final = {"act": "Wh", "react": "varh", "apparent": "VAh"}
_MEASURES: Final = {
    4: ("pow",    _POWER,  "_avg"),  # average demand of the running period (Fluvius)
    6: ("pow",    _POWER,  "_max"),  # maximum demand
    7: ("pow",    _POWER,  ""),      # instantaneous
    8: ("energy", _ENERGY, ""),      # register; group E is the tariff, 0 the total
}  # fmt: skip
# Group C of what has no direction, instantaneous (D = 7, E = 0).
_STATES: Final = {
    13: Quantity("power_factor",    None), 14: Quantity("frequency", "Hz"),
    33: Quantity("power_factor_L1", None), 53: Quantity("power_factor_L2", None), 73: Quantity("power_factor_L3", None),
    31: Quantity("curr_L1", "A"), 51: Quantity("curr_L2", "A"), 71: Quantity("curr_L3", "A"),
    91: Quantity("curr_N",  "A"),
    32: Quantity("volt_L1", "V"), 52: Quantity("volt_L2", "V"), 72: Quantity("volt_L3", "V"),
}  # fmt: skip
# C, D of what else is known of electricity (E = 0), and of no medium (A = 0, B = 0; with E).
_ELECTRIC: Final = {
    (31, 4): Quantity("curr_limit_L1", "A"), (51, 4): Quantity("curr_limit_L2", "A"),
    (71, 4): Quantity("curr_limit_L3", "A"),
    (32, 32): Quantity("volt_sags_L1", None, counted=True), (32, 36): Quantity("volt_swells_L1", None, counted=True),
    (52, 32): Quantity("volt_sags_L2", None, counted=True), (52, 36): Quantity("volt_swells_L2", None, counted=True),
    (72, 32): Quantity("volt_sags_L3", None, counted=True), (72, 36): Quantity("volt_swells_L3", None, counted=True),
}  # fmt: skip
_ABSTRACT: Final = {
    (96, 7, 9): Quantity("long_power_failures", None, counted=True),
    (96, 7, 21): Quantity("power_failures", None, counted=True),
    (96, 14, 0): Quantity("tariff", None, counted=True),
}  # fmt: skip

# Where identity and clock stand, maker by maker, the first that is sent; every code as the makers send it.
LIST_VERSION: Final = ("1-1:0.2.129", "1-0:0.2.129")
METER_ID: Final = (
    "0-0:96.1.0", "1-1:0.0.5", "1-1:0.0.1", "0-0:96.1.1", "0-0:96.1.255", "1-0:0.0.0", "0-0:42.0.0",
)  # fmt: skip
METER_MODEL: Final = ("0-0:96.1.7", "1-1:96.1.1")
CLOCK: Final = ("0-0:1.0.0", "0-1:1.0.0")
TIME_AND_DATE: Final = ("1-0:0.9.1", "1-0:0.9.2")  # a clock in two parts

_CODE: Final = r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\*(\d{1,3}))?"


def code(octets: bytes) -> str:
    """Write a logical name of 6 octets as A-B:C.D.E, with *F only where F is not 255."""
    a, b, c, d, e, f = octets
    return f"{a}-{b}:{c}.{d}.{e}" + (f"*{f}" if f != 255 else "")


def quantity(text: str) -> Quantity | None:
    """Say what the OBIS code A-B:C.D.E measures; None if no table knows. *F, a value of the past, is never known."""
    found = re.fullmatch(_CODE, text)
    if found is None or found[6] is not None:
        return None
    a, b, c, d, e = map(int, found.groups()[:5])
    if a == 1:
        return _electric(c, d, e)
    return _ABSTRACT.get((c, d, e)) if (a, b) == (0, 0) else None


def _electric(c: int, d: int, e: int) -> Quantity | None:
    if e == 0 and (known := _STATES.get(c) if d == 7 else _ELECTRIC.get((c, d))):
        return known
    if c not in _FLOWS or d not in _MEASURES or (e and d != 8):
        return None
    kind, direction, phase = _FLOWS[c]
    measure, units, period = _MEASURES[d]
    tariff = f"_T{e}" if e else ""
    return Quantity(f"{kind}_{measure}{direction}{period}{phase}{tariff}", units[kind])
