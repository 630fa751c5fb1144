"""The tables of DLMS/COSEM: APDUs, data types and units; and how to read its date-time."""

import struct

from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final

# APDUs that meters push, and those that wrap others; IEC 62056-5-3 (Green Book ed. 9).
DATA_NOTIFICATION, INFORMATION_REPORT, EVENT_NOTIFICATION = 0x0F, 0x18, 0xC2
GLO_CIPHERING, DED_CIPHERING, BLOCK_TRANSFER = 0xDB, 0xDC, 0xE0
APDUS: Final = {
    DATA_NOTIFICATION:  "data-notification",
    INFORMATION_REPORT: "information-report",
    EVENT_NOTIFICATION: "event-notification",
    GLO_CIPHERING:      "general-glo-ciphering",
    DED_CIPHERING:      "general-ded-ciphering",
    0xDD:               "general-ciphering",
    0xDF:               "general-signing",
    BLOCK_TRANSFER:     "general-block-transfer",
}  # fmt: skip

# Common data types of fixed length, IEC 62056-6-2 (Blue Book ed. 13). A-XDR is big-endian.
FIXED: Final[dict[int, tuple[str, struct.Struct]]] = {
    # tag name                     octets
    3:  ("boolean",                struct.Struct(">B")),
    5:  ("double-long",            struct.Struct(">i")),
    6:  ("double-long-unsigned",   struct.Struct(">I")),
    13: ("bcd",                    struct.Struct(">B")),
    15: ("integer",                struct.Struct(">b")),
    16: ("long",                   struct.Struct(">h")),
    17: ("unsigned",               struct.Struct(">B")),
    18: ("long-unsigned",          struct.Struct(">H")),
    20: ("long64",                 struct.Struct(">q")),
    21: ("long64-unsigned",        struct.Struct(">Q")),
    22: ("enum",                   struct.Struct(">B")),
    23: ("float32",                struct.Struct(">f")),
    24: ("float64",                struct.Struct(">d")),
    25: ("date-time",              struct.Struct(">12s")),
    26: ("date",                   struct.Struct(">5s")),
    27: ("time",                   struct.Struct(">4s")),
    28: ("delta-integer",          struct.Struct(">b")),
    29: ("delta-long",             struct.Struct(">h")),
    30: ("delta-double-long",      struct.Struct(">i")),
    31: ("delta-unsigned",         struct.Struct(">B")),
    32: ("delta-long-unsigned",    struct.Struct(">H")),
    33: ("delta-double-long-unsigned", struct.Struct(">I")),
}  # fmt: skip

# Types whose values differ from message to message of a list. An integer is nearly always a scaler, which does not.
VARYING: Final = (
    "double-long",
    "double-long-unsigned",
    "long",
    "unsigned",
    "long-unsigned",
    "long64",
    "long64-unsigned",
)
CLOCK_TYPES: Final = ("octet-string", "date-time", "date", "time")  # may hold a COSEM date-time, date or time

# Types without content: the tag is all.
EMPTY: Final = {0: "null-data", 255: "do-not-care"}

# Types that begin with their length (BER): in elements, in bits, in octets.
SEQUENCES: Final = {1: "array", 2: "structure"}
BIT_STRING: Final = 4
STRINGS: Final = {9: "octet-string", 10: "visible-string", 12: "utf8-string"}
COMPACT_ARRAY: Final = 19

# The address of an attribute (IEC 62056-5-3), which some APDUs hold before its value; not a data type, it has no tag.
DESCRIPTOR: Final = "cosem-attribute-descriptor"

# Physical units, IEC 62056-6-2, enum of the scaler-unit structure. 255 (no unit, a count) is None; gaps are reserved.
UNITS: Final[dict[int, str | None]] = {
    1: "a", 2: "month", 3: "week", 4: "d", 5: "h", 6: "min", 7: "s", 8: "deg", 9: "degC", 10: "currency",
    11: "m", 12: "m/s", 13: "m3", 14: "m3", 15: "m3/h", 16: "m3/h", 17: "m3/d", 18: "m3/d", 19: "l", 20: "kg",
    21: "N", 22: "Nm", 23: "Pa", 24: "bar", 25: "J", 26: "J/h", 27: "W", 28: "VA", 29: "var", 30: "Wh",
    31: "VAh", 32: "varh", 33: "A", 34: "C", 35: "V", 36: "V/m", 37: "F", 38: "ohm", 39: "ohm m2/m", 40: "Wb",
    41: "T", 42: "A/m", 43: "H", 44: "Hz", 45: "1/Wh", 46: "1/varh", 47: "1/VAh", 48: "V2h", 49: "A2h", 50: "kg/s",
    51: "S", 52: "K", 53: "1/(V2h)", 54: "1/(A2h)", 55: "1/m3", 56: "%", 57: "Ah",
    60: "Wh/m3", 61: "J/m3", 62: "mol %", 63: "g/m3", 64: "Pa s", 65: "J/kg", 66: "g/cm2", 67: "atm",
    70: "dBm", 71: "dBuV", 72: "dB",
    128: "in", 129: "ft", 130: "lb", 131: "degF", 132: "degR", 133: "sq in", 134: "sq ft", 135: "acre",
    136: "cu in", 137: "cu ft", 138: "acre ft", 139: "gal (imp)", 140: "gal (US)", 141: "lbf", 142: "psi",
    143: "lb/cu ft", 144: "lb/(ft s)", 145: "sq ft/s", 146: "Btu", 147: "therm EC", 148: "therm US", 149: "Btu/lb",
    150: "Btu/cu ft", 151: "cu ft", 152: "ft/s", 153: "cu ft/s", 154: "cu ft/min", 155: "cu ft/h", 156: "cu ft/d",
    157: "acre ft/s", 158: "acre ft/min", 159: "acre ft/h", 160: "acre ft/d", 161: "gal (imp)",
    162: "gal (imp)/s", 163: "gal (imp)/min", 164: "gal (imp)/h", 165: "gal (imp)/d", 166: "gal (US)",
    167: "gal (US)/s", 168: "gal (US)/min", 169: "gal (US)/h", 170: "gal (US)/d",
    254: "other", 255: None,
}  # fmt: skip

CLOCK_SIZE: Final = 12  # octets of a date-time
CLOCK_SIZES: Final = (4, 5, CLOCK_SIZE)  # octets of a time, a date and a date-time
CLOCK_BITS: Final = 0xE0  # of the first octet: 000 in an hour and in the year, 111 if not specified, neither in a text
_CLOCK: Final = struct.Struct(">III")
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NO_DEVIATION: Final = 0x8000


def is_clock(octets: bytes) -> bool:
    """Return whether octets may be a COSEM time, date or date-time: their number and CLOCK_BITS of the first are right.

    Printable text never may, whatever its length. So a meter's number is never taken for a clock, nor a clock for it.
    """
    return len(octets) in CLOCK_SIZES and octets[0] & CLOCK_BITS in (0, CLOCK_BITS)


def read_clock(octets: bytes) -> str:
    """Read a COSEM date-time.

    octets: its 12 octets
    return: local time as the meter keeps it, ISO 8601 to the second, with its offset from UTC if the deviation is sent.
            COSEM's deviation is UTC minus local time: the sign is turned here, and only here.
    raise:  Malformed: not 12 octets, or a field that is not specified or outside its range
    source: IEC 62056-6-2, date and time formats
    """
    if len(octets) != CLOCK_SIZE:
        raise Malformed(0, f"a date-time has {CLOCK_SIZE} octets, not {len(octets)}")
    return clock(*_CLOCK.unpack(octets))


def clock(date_part: int, time_part: int, offset_part: int) -> str:
    """Read a COSEM date-time given as three numbers of four octets each. raise: Malformed, as read_clock does.

    date, time and offset read one number each, so that a caller can remember the parts that rarely change.
    """
    return date(date_part) + time(time_part) + offset(offset_part)


def date(part: int) -> str:
    """Write the first four octets of a date-time, year 2, month and day, as "2026-11-22"."""
    year, month, day = part >> 16, part >> 8 & 0xFF, part & 0xFF
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not (1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1] - (month == 2 and not leap)):
        raise Malformed(0, f"no such date: {year}-{month}-{day}")
    return f"{year:04}-{month:02}-{day:02}"


def time(part: int) -> str:
    """Write the next four octets, day of week, hour, minute and second, as "T10:15:04"."""
    hour, minute, second = part >> 16 & 0xFF, part >> 8 & 0xFF, part & 0xFF
    if hour > 23 or minute > 59 or second > 59:
        raise Malformed(5, f"no such time: {hour}:{minute}:{second}")
    return f"T{hour:02}:{minute:02}:{second:02}"


def offset(part: int) -> str:
    """Write the last four octets, hundredths, deviation 2 and clock status, as "+01:00"; "" without a deviation."""
    deviation = part >> 8 & 0xFFFF
    if deviation == _NO_DEVIATION:
        return ""
    deviation -= (deviation & 0x8000) << 1
    if not -720 <= deviation <= 720:
        raise Malformed(9, f"deviation of {deviation} minutes")
    hours, minutes = divmod(abs(deviation), 60)
    return f"{'-' if deviation > 0 else '+'}{hours:02}:{minutes:02}"
