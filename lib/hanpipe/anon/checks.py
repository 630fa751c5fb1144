"""The checks of frames, remade after octets inside were replaced by as many others."""

import re
import struct
from collections.abc import Callable

from hanpipe.apdu.telegram import without_parity
from hanpipe.link.crc import arc, x25
from hanpipe.unix.typed import Final

_FCS: Final = 2
_PRINTED: Final = re.compile(rb"!([0-9A-Fa-f]{1,4})(?=\s*\Z)")


def remake(kind: str, before: bytes, after: bytes) -> bytes:
    """Return a good frame with its check made for its new octets. before: the same frame with its old ones."""
    if kind == "H":
        return after[:-_FCS] + struct.pack("<H", x25(after[:-_FCS]))
    if kind == "M":
        return after[:-2] + bytes([sum(after[4:-2]) & 0xFF]) + after[-1:]
    return remake_telegram(before, after) if kind == "P" else after


def remake_telegram(before: bytes, after: bytes) -> bytes:
    """Return a P1 telegram with its CRC made anew, by the polynomial that gave the old one; none if none did."""
    printed = _PRINTED.search(before)
    if printed is None:
        return after
    for crc in (arc, x25):
        if int(printed[1], 16) == crc(before[: printed.start() + 1]):
            return _with_crc(after, printed, crc)
    return after


def _with_crc(after: bytes, printed: "re.Match[bytes]", crc: Callable[[bytes], int]) -> bytes:
    begin, end = printed.span(1)
    text = b"%0*X" % (end - begin, crc(after[:begin]))
    return after[:begin] + (text.lower() if printed[1].islower() else text) + after[end:]


def strip_parity(octets: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Return a telegram without the parity bits of a 7-bit line, and what puts them back."""
    text = without_parity(octets)
    if text == octets:
        return octets, lambda changed: changed
    odd = octets[0].bit_count() & 1
    return text, lambda changed: bytes(octet | 0x80 * (octet.bit_count() & 1 ^ odd) for octet in changed)
