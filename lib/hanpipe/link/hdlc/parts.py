"""HDLC frame -> its fields, named."""

from hanpipe.link.content import LLCS
from hanpipe.link.parts import Cut, Part
from hanpipe.unix.typed import Final

# The control field without its P/F bit, of frames without information numbers; IEC 62056-46, 6.4.3.
_CONTROL: Final = {0x03: "UI", 0x83: "SNRM", 0x63: "UA", 0x43: "DISC", 0x0F: "DM", 0x87: "FRMR"}
_FINAL: Final = 0x10


def announced(octets: bytes) -> int | None:
    """Return the length in the frame format."""
    return (octets[0] & 7) << 8 | octets[1] if len(octets) > 1 else None


def parts_of(kind: str, octets: bytes) -> list[Part]:
    """Format 2 | destination 1..4 | source 1..4 | control 1 | HCS 2 | LLC 3, information | FCS 2."""
    cut = Cut(octets)
    length = announced(octets) or 0
    segmented = ", segmented" if octets[0] & 8 else ""
    cut.take(2, f"frame format: type 3, length {length}{segmented}" if len(octets) > 1 else "frame format")
    for name in ("destination", "source"):
        cut.take(_address_size(octets, cut.at), name)
    cut.field("control", _control)
    if length == cut.at + 2:  # no information, no HCS
        cut.check("FCS")
        return cut.rest("after the frame")
    if not cut.check("HCS") and length != len(octets):
        return cut.rest("after the header")  # its length is not to be believed
    if octets[cut.at : cut.at + 3] in LLCS and cut.at + 5 <= length:
        cut.take(3, "LLC")
    cut.information(length - 2)
    if cut.at <= length - 2:
        cut.check("FCS")
    return cut.rest("after the announced end")


def _address_size(octets: bytes, at: int) -> int:
    """An address ends with its first odd octet."""
    return next((size for size, octet in enumerate(octets[at : at + 4], 1) if octet & 1), 4)


def _control(octet: int) -> str:
    final = ", final" if octet & _FINAL else ""
    if not octet & 1:
        return f"I {octet >> 1 & 7}, next {octet >> 5}{final}"
    if octet & 2 == 0:
        return f"{'RNR' if octet & 4 else 'RR'} {octet >> 5}{final}"
    return _CONTROL.get(octet & ~_FINAL, "unknown code") + final
