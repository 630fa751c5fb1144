"""P1 telegram whose text was replaced -> the same with its CRC made anew."""

import re
from collections.abc import Callable

from hanpipe.link.crc import arc, x25
from hanpipe.unix.typed import Final

_PRINTED: Final = re.compile(rb"!([0-9A-Fa-f]{1,4})(?=\s*\Z)")


def remake(before: bytes, after: bytes) -> bytes:
    """Return the telegram with its check made for its new octets. before: the telegram with its old ones.

    Its CRC is of the polynomial that gave the old one; if none did, it stays.
    """
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
