"""Frames and faults -> their fields, named: as far as the octets go, whatever is wrong with them."""

import re
from collections.abc import Callable

from hanpipe.apdu.cosem import LLCS
from hanpipe.apdu.telegram import without_parity
from hanpipe.link import kinds, p1
from hanpipe.link.crc import arc, x25
from hanpipe.link.kinds import FAULTS
from hanpipe.link.mbus import VARIABLE_HEADERS
from hanpipe.unix.typed import Final, NamedTuple

HEX, WIDE, TEXT = "hex", "wide", "text"  # 8 octets a row with a label; 16 with their characters; lines of a telegram


_START: Final = 0x68  # of M-Bus
_SLASH_WITH_PARITY: Final = b"\xaf"


class Part(NamedTuple):
    """Octets that follow those of the part before, and what they are.

    wrong: whether the label tells of a fault; form: HEX, WIDE or TEXT
    """

    octets: bytes
    label: str
    wrong: bool = False
    form: str = HEX


# The control field without its P/F bit, of frames without information numbers; IEC 62056-46, 6.4.3.
_CONTROL: Final = {0x03: "UI", 0x83: "SNRM", 0x63: "UA", 0x43: "DISC", 0x0F: "DM", 0x87: "FRMR"}
_FINAL: Final = 0x10
# The control field of a meter that pushes: EN 13757-2, SND_UD with the frame count bit 0 or 1, or RSP_UD.
_MBUS_CONTROL: Final = {0x08: "RSP_UD", 0x53: "SND_UD", 0x73: "SND_UD"}
_BROADCAST: Final = 0xFF


def parts_of(kind: str, octets: bytes) -> list[Part]:
    """Name the parts of an event; together they hold all its octets, in order. kind: of link/kinds.py."""
    link = link_of(kind, octets)
    if link == "hdlc":
        return _hdlc(octets)
    if link == "mbus":
        return _mbus(octets, whole=kind == "M")
    if link == "p1":
        return _p1(octets, checked=kind in "Pc")
    if link == "apdu":
        return [Part(octets, f"information, {len(octets):,} octets")]
    return [Part(octets, "", form=WIDE)]


def link_of(kind: str, octets: bytes) -> str:
    """Say on which link an event was met, "" of noise."""
    with_parity = kind in FAULTS and octets[:1] == _SLASH_WITH_PARITY
    return kinds.link_of(kind, without_parity(octets) if with_parity else octets)


def announced(link: str, octets: bytes) -> int | None:
    """Return how many octets the frame says that it has; None if it does not, or is cut before it says so."""
    if link == "hdlc" and len(octets) > 1:
        return (octets[0] & 7) << 8 | octets[1]
    if link == "mbus" and len(octets) > 3 and octets[1] == octets[2] and octets[3] == _START:
        return _mbus_length(octets) + 6
    return None


class _Cut:
    """Cuts octets into parts, from the front, as far as they go."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = 0
        self.parts: list[Part] = []

    def take(self, size: int, label: str, *, wrong: bool = False) -> None:
        """Cut off a part; where octets are missing, say so."""
        piece = self.octets[self.at : self.at + size]
        if piece:
            label += f" (cut: {len(piece)} of {size})" if len(piece) < size else ""
            self.parts.append(Part(piece, label, wrong or len(piece) < size))
            self.at += len(piece)

    def field(self, name: str, meaning: Callable[[int], str] | None = None) -> None:
        """Cut off a field of one octet."""
        piece = self.octets[self.at : self.at + 1]
        self.take(1, name + (f": {meaning(piece[0])}" if meaning and piece else ""))

    def information(self, end: int) -> None:
        """Cut off the octets up to `end`."""
        size = end - self.at
        there = min(size, len(self.octets) - self.at)
        short = f"{there:,} of {size:,}" if there < size else f"{size:,}"
        if there > 0:
            self.parts.append(
                Part(self.octets[self.at : self.at + there], f"information, {short} octets", there < size)
            )
            self.at += there

    def check(self, name: str) -> bool:
        """Cut off a CRC of all octets before it; return its verdict."""
        piece = self.octets[self.at : self.at + 2]
        found, expected = int.from_bytes(piece, "little"), x25(self.octets[: self.at])
        if len(piece) < 2:
            self.take(2, name, wrong=True)
            return False
        wrong = found != expected
        self.take(
            2, f"{name} wrong: found {found:04x}, expected {expected:04x}" if wrong else f"{name} good", wrong=wrong
        )
        return not wrong

    def rest(self, label: str) -> list[Part]:
        """Cut off what is left, and return all parts."""
        left = len(self.octets) - self.at
        self.take(left, f"{label}, {left:,} octet{'s' if left > 1 else ''}", wrong=True)
        return self.parts


def _hdlc(octets: bytes) -> list[Part]:
    """Format 2 | destination 1..4 | source 1..4 | control 1 | HCS 2 | LLC 3, information | FCS 2."""
    cut = _Cut(octets)
    length = announced("hdlc", octets) or 0
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


def _mbus(octets: bytes, *, whole: bool) -> list[Part]:
    """68 | L L | 68 | control | address | CI | STSAP | DTSAP | information | checksum | 16."""
    cut = _Cut(octets)
    length = len(octets) - 6 if whole else _mbus_length(octets)
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


def _mbus_length(octets: bytes) -> int:
    """Octets from control to the last of the information; one kind of meter sends a length of 257 modulo 256."""
    length = octets[1] if len(octets) > 1 else 0
    return length + 256 if length < 3 else length


def _segment(octet: int) -> str:
    if octet in VARIABLE_HEADERS:
        return "variable header"
    if octet & 0xE0:
        return "another application"
    return f"segment {octet & 15}, {'the last' if octet & 16 else 'more follow'}"


_CRC_LINE = re.compile(rb"!([0-9A-Fa-f]{0,4})[ \t]*\r?\n?\Z")


def _p1(octets: bytes, *, checked: bool) -> list[Part]:
    """Cut a telegram into its lines, the last of which holds the CRC of all octets to its exclamation mark."""
    text = without_parity(octets)
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    parts = [Part(line, "", form=TEXT) for line in lines if line]
    found = _CRC_LINE.search(text) if checked else None
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
    if not p1.agrees(digits, covered):
        return f"CRC wrong: found {found:04X}, expected {expected:04X}", True
    return ("no CRC: 0000" if found == 0 != expected else "CRC good"), False
