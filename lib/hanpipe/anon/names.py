"""The names in a capture: numbers and texts that tell whose meter it is."""

import re
from collections.abc import Iterator

from hanpipe.apdu.message import Message, Result, Telegram
from hanpipe.readings.naming import Naming
from hanpipe.readings.reading import Reading
from hanpipe.unix.typed import Final

SHORTEST: Final = 5  # characters; a shorter name would be found by chance
_MOST_DIGITS: Final = 20  # of a number: a long64-unsigned has no more

# C.D.E of the objects that name a meter, a device or a household, IEC 62056-6-1: equipment numbers 0.0.x and 96.1.x
# (96.1.7 is the model), the logical device name 42.0.0, free texts 96.13.x and 96.53.x.
NAMING: Final = re.compile(r"0\.0\.\d+|96\.1\.(?!7$)\d+|42\.0\.0|96\.13\.\d+|96\.53\.\d+")
# A text without a code that is a device name all the same: the FLAG id of a maker, then a serial number.
_DEVICE: Final = re.compile(r"[A-Z]{3}\d{8,}")
_CODE: Final = re.compile(r"\d+-\d+:([\d.]+)(?:\*\d+)?(?:#\d+)?")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_SAID: Final = ("obis_list_version", "meter_model", "meter_maker")  # names of a product, not of a meter


def names_in(result: Result, naming: Naming) -> set[str]:
    """Return the names in a result of decoding, as readings show them; system titles in hex."""
    names = _title(result)
    if isinstance(result, Message):
        names |= set(_in_reading(naming.reading(result)))
    elif isinstance(result, Telegram):
        names |= set(_in_reading(naming.telegram(result.keys, 0)))
    return names


def is_name(text: str) -> bool:
    """Return whether a name is long enough to be found, and is not zeros alone."""
    return len(text.strip("0 ")) >= SHORTEST


def _title(result: Result) -> set[str]:
    envelope = getattr(result, "envelope", "")
    found = re.search(r'"system_title":"([0-9a-f]+)"', envelope)
    title = found[1] if found else getattr(result, "keys", {}).get("system_title") if not envelope else None
    return {title} if isinstance(title, str) else set()


def _in_reading(reading: Reading) -> Iterator[str]:
    """Yield the values of a reading that name somebody."""
    for key in reading:
        field = reading.field(key)
        value, found = str(reading[key]), _CODE.fullmatch(field.code)
        naming = NAMING.fullmatch(found[1]) if found else _DEVICE.fullmatch(value)
        if key not in _SAID and (key == "meter_ID" or naming):
            yield value


def spellings(name: str) -> dict[str, bytes]:
    """Return every way in which octets may hold a name, by form: as text, hex, packed digits, or a number."""
    text = name.encode("latin-1", "replace")
    ways = {"text": text, "hex": text.hex().encode(), "HEX": text.hex().upper().encode(), "reversed": text[::-1]}
    if _HEX.fullmatch(name):
        octets = bytes.fromhex(name)
        ways |= {"octets": octets, "reversed octets": octets[::-1]}
        ways |= {"upper": name.upper().encode(), "lower": name.lower().encode()}
        printable = octets.rstrip(b"\0")
        if printable.isascii() and printable.decode().isprintable():
            ways["printable"] = printable
    if name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS and int(name) > 0xFFFF:
        size = (int(name).bit_length() + 7) // 8
        size = max(size, 4)
        ways |= {"big": int(name).to_bytes(size, "big"), "little": int(name).to_bytes(size, "little")}
    return ways
