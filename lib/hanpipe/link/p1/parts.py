"""P1 telegram -> its lines, and the verdict on its CRC."""

import re

from hanpipe.link.crc import arc
from hanpipe.link.p1.framer import agrees
from hanpipe.link.p1.parity import without_parity
from hanpipe.link.parts import TEXT, Part

_CRC_LINE = re.compile(rb"!([0-9A-Fa-f]{0,4})[ \t]*\r?\n?\Z")


def announced(octets: bytes) -> int | None:
    """Return None: a telegram does not say how long it is."""
    return None


def parts_of(kind: str, octets: bytes) -> list[Part]:
    """Cut a telegram into its lines, the last of which holds the CRC of all octets to its exclamation mark."""
    text = without_parity(octets)
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    parts = [Part(line, "", form=TEXT) for line in lines if line]
    found = _CRC_LINE.search(text) if kind in "Pc" else None
    if found:
        label, wrong = _crc_verdict(found[1], text[: found.start() + 1])
        parts[-1] = parts[-1]._replace(label=label, wrong=wrong)
    if text != octets:
        parts[0] = parts[0]._replace(label="7 bits with parity")
    return parts


def _crc_verdict(digits: bytes, covered: bytes) -> tuple[str, bool]:
    """Return the verdict on a CRC printed after the octets that it covers, and whether it is wrong."""
    if not digits:
        return "no CRC", False
    found, expected = int(digits, 16), arc(covered)
    if not agrees(digits, covered):
        return f"CRC wrong: found {found:04X}, expected {expected:04X}", True
    return ("no CRC: 0000" if found == 0 != expected else "CRC good"), False
