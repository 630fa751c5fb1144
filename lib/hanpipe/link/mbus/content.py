"""M-Bus frame -> the APDU, or numbered piece of one, that it carries.

68 | L | L | 68 | C | A | CI | variable header 0, 4 or 12 | STSAP | DTSAP | data | CS | 16
"""

from hanpipe.link.content import Content, NumberedPiece
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final

# CI of frames with a variable header before the data -> octets of the header, EN 13757-3: identification 4, maker 2,
# version 1 and medium 1 (72 and 7C alone), then access 1, status 1 and configuration 2.
VARIABLE_HEADERS: Final = {0x72: 12, 0x7A: 4, 0x7C: 12}
HEAD: Final = 7  # octets from the start to CI
SAPS: Final = 2  # STSAP and DTSAP
END: Final = 2  # checksum and stop octet

# The first octet of an APDU there: data-notification, general-glo- or general-ded-ciphering, general-block-transfer.
_PUSHED: Final = (b"\x0f", b"\xdb", b"\xdc", b"\xe0")


def read_content(octets: bytes, *, whole: bool = True) -> Content:
    """Read a long frame, as content.py of the links says.

    source: EN 13757-2, 13757-3: CI 00 to 1F is DLMS in pieces, bit 4 the last one, bits 3 to 0 the number
    """
    if len(octets) < HEAD + SAPS + END + 1:
        raise Malformed(len(octets), "the M-Bus frame is too short for a piece of an APDU")
    address, ci = octets[5:7]
    header = VARIABLE_HEADERS.get(ci, 0)
    if ci & 0xE0 and not header:
        return _refused(HEAD - 1, f"an M-Bus frame with CI {ci:02x} carries another application, not DLMS")
    begin = HEAD + header
    data = octets[begin + SAPS : -END if whole else None]
    if header and data[:1] not in _PUSHED:
        return _refused(begin, f"an M-Bus frame with CI {ci:02x} carries no DLMS after its header")
    source, destination = octets[begin : begin + SAPS]
    keys = {"address": f"{address:02x}", "destination": f"{destination:02x}", "source": f"{source:02x}"}
    piece = NumberedPiece(0, True) if header else NumberedPiece(ci & 0x0F, bool(ci & 0x10))
    return Content(keys, begin + SAPS, data, piece)


def _refused(offset: int, why: str) -> Content:
    return Content({}, 0, b"", refused=Malformed(offset, why))
