"""Every quantity that a reading can hold: its OBIS codes, its name, its unit, and what kind of quantity it is.

This is the one table of quantities: a new quantity is one row. Periods and sinks ask named() about a name, and
docs/make.py writes docs/fields.md from it. Codes: IEC 62056-6-1.
"""

import functools
import re
from collections.abc import Iterator

from hanpipe.unix.typed import Final, NamedTuple

# What kind of quantity it is.
POWER: Final = "power"  # flows now, and may be averaged over time
STATE: Final = "state"  # is so now (voltage, current), and may be averaged over time
REGISTER: Final = "register"  # energy or volume counted since the meter was installed
DEMAND: Final = "demand"  # a mean or an extreme that the meter computed
COUNT: Final = "count"  # a number of events; grows
EVENT: Final = "event"  # a property of the last event
LIMIT: Final = "limit"
STATUS: Final = "status"  # a whole number for a state: tariff, breaker, valve
TEXT: Final = "text"  # fmt: skip
_UNSCALED: Final = (COUNT, STATUS, TEXT)  # whole numbers that need no scaler
_FRACTIONAL: Final = ("V", "A", "Hz", "m3", "GJ")


class Quantity(NamedTuple):
    """A quantity, and the parts of its name.

    name:      the key in a reading, for example act_pow_pos_max_L1 or act_energy_neg_T2
    unit:      the unit of its values in a reading, None for factors, counts and texts
    what:      its kind: POWER, STATE, REGISTER, ...
    base:      the name without the parts below: act_pow, act_energy, volt, gas_volume
    direction: pos, neg, sum, net, Q1 to Q4; period: avg, max, ...; phase: L1, L2, L3, N; tariff: 1, 2, ...
    number:    of a sub-meter, where others of its kind come before: 2, 3, ...
    meaning:   for people
    """

    name: str
    unit: str | None
    what: str
    base: str
    direction: str = ""
    period: str = ""
    phase: str = ""
    tariff: str = ""
    number: str = ""
    meaning: str = ""

    @property
    def unscaled(self) -> bool:
        """Whether its values need no scaler."""
        return self.what in _UNSCALED

    @property
    def fractional(self) -> bool:
        """Whether meters send it with a fraction, though single values may be whole."""
        return self.unit in _FRACTIONAL or (self.what in (STATE, DEMAND) and self.unit is None)


# Electricity (A = 1; the channel B may be any). C of all phases together; that of phase n is 20 n larger.
_FLOWS: Final = {
    # C  kind        direction
    1:  ("act",      "pos"), 2:  ("act",      "neg"),
    3:  ("react",    "pos"), 4:  ("react",    "neg"),
    5:  ("react",    "Q1"),  6:  ("react",    "Q2"), 7: ("react", "Q3"), 8: ("react", "Q4"),
    9:  ("apparent", "pos"), 10: ("apparent", "neg"),
    15: ("act",      "sum"), 16: ("act",      "net"),
}  # fmt: skip
_KINDS: Final = {
    # kind       power  energy
    "act":      ("W",   "Wh",   "active"),
    "react":    ("var", "varh", "reactive"),
    "apparent": ("VA",  "VAh",  "apparent"),
}  # fmt: skip
_DIRECTIONS: Final = {
    "pos": "import", "neg": "export", "sum": "import plus export", "net": "import less export",
    "Q1": "quadrant 1", "Q2": "quadrant 2", "Q3": "quadrant 3", "Q4": "quadrant 4",
}  # fmt: skip
_MEASURES: Final = {
    # D  measure   period      what
    4:  ("pow",    "avg",      DEMAND,   "mean of the running period"),
    5:  ("pow",    "avg_last", DEMAND,   "mean of the last period"),
    6:  ("pow",    "max",      DEMAND,   "maximum"),
    7:  ("pow",    "",         POWER,    ""),
    8:  ("energy", "",         REGISTER, ""),  # E is the tariff, 0 the total
    24: ("pow",    "avg3",     DEMAND,   "mean of the running period of the third kind"),
}  # fmt: skip
_ALL: Final = (0,)
_EACH: Final = (1, 2, 3)
_STATES: Final = {
    # C, D     base                  phases          unit   what
    (11, 4):  ("curr_limit",         _EACH,          "A",   LIMIT,  "current limit"),
    (11, 7):  ("curr",               (0, *_EACH),    "A",   STATE,  "current"),
    (12, 7):  ("volt",               (0, *_EACH),    "V",   STATE,  "voltage"),
    (12, 32): ("volt_sags",          _EACH,          None,  COUNT,  "voltage sags, counted"),
    (12, 33): ("volt_sag_duration",  _EACH,          "s",   EVENT,  "duration of the last voltage sag"),
    (12, 34): ("volt_sag_volt",      _EACH,          "V",   EVENT,  "voltage of the last voltage sag"),
    (12, 36): ("volt_swells",        _EACH,          None,  COUNT,  "voltage swells, counted"),
    (12, 37): ("volt_swell_duration", _EACH,         "s",   EVENT,  "duration of the last voltage swell"),
    (12, 38): ("volt_swell_volt",    _EACH,          "V",   EVENT,  "voltage of the last voltage swell"),
    (13, 3):  ("power_factor_min",   (0, *_EACH),    None,  DEMAND, "power factor, minimum"),
    (13, 7):  ("power_factor",       (0, *_EACH),    None,  STATE,  "power factor"),
    (14, 7):  ("frequency",          _ALL,           "Hz",  STATE,  "frequency of the net"),
    (90, 7):  ("curr_sum",           _ALL,           "A",   STATE,  "sum of the currents of all phases"),
    (91, 7):  ("curr_N",             _ALL,           "A",   STATE,  "current in the neutral conductor"),
}  # fmt: skip

# Other codes of electricity (A = 1), and codes of no medium (A = 0, B = 0).
_OTHERS: Final = {
    # A, C, D, E       name                   unit  what
    (1, 0, 2, 0):     ("firmware_version",    None, TEXT,   "version of the meter's firmware"),
    (1, 0, 2, 8):     ("P1_version",          None, TEXT,   "version of the P1 standard"),
    (0, 17, 0, 0):    ("act_pow_limit",       "W",  LIMIT,  "limit of active power"),
    (0, 96, 1, 4):    ("P1_version",          None, TEXT,   "version of the P1 standard"),
    (0, 96, 3, 10):   ("breaker",             None, STATUS, "state of the breaker: 0 open, 1 closed, 2 ready to close"),
    (0, 96, 7, 9):    ("long_power_failures", None, COUNT,  "power failures that lasted long, counted"),
    (0, 96, 7, 21):   ("power_failures",      None, COUNT,  "power failures, counted"),
    (0, 96, 13, 0):   ("message",             None, TEXT,   "message to the customer, as sent"),
    (0, 96, 13, 1):   ("message_code",        None, TEXT,   "code of a message to the customer, as sent"),
    (0, 96, 13, 2):   ("message_2",           None, TEXT,   "second message to the customer, as sent"),
    (0, 96, 13, 3):   ("message_3",           None, TEXT,   "third message to the customer, as sent"),
    (0, 96, 13, 4):   ("message_4",           None, TEXT,   "fourth message to the customer, as sent"),
    (0, 96, 13, 5):   ("message_5",           None, TEXT,   "fifth message to the customer, as sent"),
    (0, 96, 14, 0):   ("tariff",              None, STATUS, "tariff in force"),
}  # fmt: skip

# Sub-meters, whose kind is the device type that they send (0-n:24.1.0).
_SUB_METERS: Final = ("gas", "water", "warm_water", "heat", "cooling")
_SUB_MEASURES: Final = {
    "volume": ("m3", REGISTER), "energy": ("GJ", REGISTER), "valve": (None, STATUS), "type": (None, STATUS),
    "ID": (None, TEXT), "time": (None, TEXT),
}  # fmt: skip

# The codes that identify the meter and its clock, maker by maker; the first one sent counts. As the makers send them.
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
    """Return the quantity of the OBIS code A-B:C.D.E, None if it is unknown. With *F, a value of the past, it is."""
    found = re.fullmatch(_CODE, text)
    if found is None or found[6] is not None:
        return None
    a, b, c, d, e = map(int, found.groups()[:5])
    if a > 1 or (a == 0 and b):
        return None
    if (a, c, d, e) in _OTHERS:
        return _other(a, c, d, e)
    if not a:
        return None
    return (None if e else _state(c, d)) or _flow(c, d, e)


def named(name: str) -> Quantity | None:
    """Return the quantity of a name in a reading, None if it is unknown."""
    known = _by_name()
    if name in known:
        return known[name]
    head, _, tail = name.rpartition("_")
    found = known.get(head)
    if found is None:
        return None
    if found.direction and found.what == REGISTER and re.fullmatch(r"T\d{1,3}", tail):
        return found._replace(name=name, tariff=tail[1:])
    if found.base.rpartition("_")[0] in _SUB_METERS and re.fullmatch(r"\d{1,2}", tail):
        return found._replace(name=name, number=tail)
    return None


def rows() -> Iterator[tuple[str, Quantity]]:
    """Yield code, with channel 0, and quantity of all that have a code of their own; of registers, the total."""
    for d in (*_MEASURES, *sorted({d for _, d in _STATES} - set(_MEASURES))):
        for c in range(1, 92):
            if found := _state(c, d) or _flow(c, d, 0):
                yield f"1-0:{c}.{d}.0", found
    for a, c, d, e in _OTHERS:
        yield f"{a}-0:{c}.{d}.{e}", _other(a, c, d, e)


def _other(a: int, c: int, d: int, e: int) -> Quantity:
    name, unit, what, meaning = _OTHERS[a, c, d, e]
    return Quantity(name, unit, what, name, meaning=meaning)


def _state(c: int, d: int) -> Quantity | None:
    """Return the quantity without direction of group C and D."""
    phase = 0 if (c, d) in _STATES else (c - 1) // 20
    found = _STATES.get((c - 20 * phase, d))
    if found is None or phase not in found[1]:
        return None
    base, _, unit, what, meaning = found
    if base.endswith("_N"):
        return Quantity(base, unit, what, base[:-2], phase="N", meaning=meaning)
    if not phase:
        return Quantity(base, unit, what, base, meaning=meaning)
    return Quantity(f"{base}_L{phase}", unit, what, base, phase=f"L{phase}", meaning=f"{meaning}, phase {phase}")


def _flow(c: int, d: int, e: int) -> Quantity | None:
    """Return the power or energy of group C, D and E."""
    phase, row = divmod(c - 1, 20)
    if row + 1 not in _FLOWS or d not in _MEASURES or phase > 3 or (e and d != 8):
        return None
    kind, direction = _FLOWS[row + 1]
    measure, period, what, of_period = _MEASURES[d]
    power, energy, word = _KINDS[kind]
    unit, noun = (power, "power") if measure == "pow" else (energy, "energy")
    base, phase_name, tariff = f"{kind}_{measure}", f"L{phase}" if phase else "", str(e) if e else ""
    parts = (base, direction, period, phase_name, f"T{e}" if e else "")
    words = (f"{word} {noun}", _DIRECTIONS[direction], of_period, phase_name.replace("L", "phase "))
    name, meaning = "_".join(filter(None, parts)), ", ".join(filter(None, words))
    return Quantity(name, unit, what, base, direction, period, phase_name, tariff, "", meaning)


@functools.cache
def _by_name() -> dict[str, Quantity]:
    known = {found.name: found for _, found in rows()}
    for kind in _SUB_METERS:
        for measure, (unit, what) in _SUB_MEASURES.items():
            known[f"{kind}_{measure}"] = Quantity(f"{kind}_{measure}", unit, what, f"{kind}_{measure}")
    return known
