"""M-Bus frame -> its fields, named."""

from hanpipe.link.mbus.content import VARIABLE_HEADERS
from hanpipe.link.parts import Cut, Part
from hanpipe.unix.typed import Final

_START: Final = 0x68
# The control field of a meter that pushes: EN 13757-2, SND_UD with the frame count bit 0 or 1, or RSP_UD.
_MBUS_CONTROL: Final = {0x08: "RSP_UD", 0x53: "SND_UD", 0x73: "SND_UD"}
_BROADCAST: Final = 0xFF


def announced(octets: bytes) -> int | None:
    """Return how many octets the frame has by the length in its header."""
    if len(octets) > 3 and octets[1] == octets[2] and octets[3] == _START:
        return _length(octets) + 6
    return None


def parts_of(kind: str, octets: bytes) -> list[Part]:
    """68 | L L | 68 | control | address | CI | STSAP | DTSAP | information | checksum | 16."""
    cut = Cut(octets)
    length = len(octets) - 6 if kind == "M" else _length(octets)
    same = octets[1:2] == octets[2:3]
    cut.take(1, "start")
    cut.take(2, f"length {length}" if same else "lengths differ", wrong=not same)
    if not same or octets[3:4] != octets[:1]:  # 68 again
        return cut.rest("after the header")
    end = 4 + length
    cut.take(1, "start")
    cut.field("control", lambda octet: _MBUS_CONTROL.get(octet, "unknown code"))
    cut.field("address", lambda octet: "broadcast" if octet == _BROADCAST else str(octet))
    ci = octets[cut.at : cut.at + 1]
    cut.field("CI", _segment)
    if ci and ci[0] in VARIABLE_HEADERS:
        cut.take(VARIABLE_HEADERS[ci[0]], "variable header")
    if length > 4:
        cut.field("STSAP")
        cut.field("DTSAP")
    cut.information(end)
    if cut.at == end < len(octets):
        found, expected = octets[end], sum(octets[4:end]) & 0xFF
        verdict = "good" if found == expected else f"wrong: found {found:02x}, expected {expected:02x}"
        cut.take(1, f"checksum {verdict}", wrong=found != expected)
        stop = octets[cut.at : cut.at + 1] == b"\x16"
        cut.take(1, "stop" if stop else "no stop (16)", wrong=not stop)
    return cut.rest("after the frame")


def _length(octets: bytes) -> int:
    """Octets from control to the last of the information; one kind of meter sends a length of 257 modulo 256."""
    length = octets[1] if len(octets) > 1 else 0
    return length + 256 if length < 3 else length


def _segment(octet: int) -> str:
    if octet in VARIABLE_HEADERS:
        return "variable header"
    if octet & 0xE0:
        return "another application"
    return f"segment {octet & 15}, {'the last' if octet & 16 else 'more follow'}"
