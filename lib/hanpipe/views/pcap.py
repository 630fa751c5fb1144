"""Events -> a capture file for Wireshark: pcapng, with each APDU that had to be put together or deciphered beside them.

A packet is the letter of a kind and the octets of the event, with the header of Wireshark's exported PDUs before them,
which names the dissector (wireshark/hanpipe.lua). So nothing needs to be set in Wireshark.

source: draft-ietf-opsawg-pcapng: section header, interface description and enhanced packet block; LINKTYPE 252
"""

import struct

from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Apdu, Opened, Refusal
from hanpipe.link.kinds import GOOD, Event
from hanpipe.unix.typed import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hanpipe.apdu.deciphering import Deciphering

# Kinds in addition to those of link/kinds.py: what was not on the line like this.
PUT_TOGETHER, DECIPHERED_TELEGRAM = "a", "p"

_LINKTYPE: Final = 252  # WIRESHARK_UPPER_PDU
# Tag 12, the name of the dissector, padded to 8 octets; tag 0, the end: big-endian.
_HEADER: Final = struct.pack(">HH8sHH", 12, 8, b"hanpipe", 0, 0)
_COMMENT, _NAME, _RESOLUTION, _END = 1, 2, 9, 0  # options of a block
_NS: Final = 9  # times are in units of 10^-9 s


class Pcap:
    """Feed it the events of each read; it returns the blocks of the file, its header first."""

    def __init__(self, deciphering: "Deciphering | None" = None) -> None:
        """Take the keys of ciphered meters, None without any."""
        self._decoder = Decoder(deciphering)
        self._begun = False

    def feed(self, events: list[Event], time: int, source: str = "") -> bytes:
        """Return the packets of events.

        time: ns since 1970-01-01 UTC, 0 = unknown; source: of their octets, which becomes the comment of each packet
        """
        blocks = [] if self._begun else [_section(), _interface()]
        self._begun = True
        for kind, octets in events:
            blocks.append(_packet(kind, octets, time, source))
            opened = self._decoder.open_each(kind, octets, time, source)
            more = [made for one in opened if (made := _beside(kind, octets, one))]
            blocks += [_packet(*made, time, source) for made in more]
        return b"".join(blocks)


def _beside(kind: str, octets: bytes, opened: Opened) -> tuple[str, bytes] | None:
    """Return kind and octets of what was opened, None if the event shows it as it is."""
    if kind not in GOOD or isinstance(opened, Refusal):
        return None
    if isinstance(opened, Apdu):
        return None if opened.octets in octets else (PUT_TOGETHER, opened.octets)
    if "system_title" not in opened.keys:
        return None
    objects = ["".join([each[0], *(f"({text})" for text in each[1:])]) for each in opened.keys["objects"]]
    text = "\r\n".join([opened.keys["identification"], "", *objects, "!", ""])
    return DECIPHERED_TELEGRAM, text.encode("latin-1", "replace")


def _section() -> bytes:
    return _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def _interface() -> bytes:
    return _block(1, struct.pack("<HHI", _LINKTYPE, 0, 0) + _options({_NAME: b"HAN port", _RESOLUTION: bytes([_NS])}))


def _packet(kind: str, octets: bytes, time: int, source: str) -> bytes:
    data = _HEADER + kind.encode() + octets
    head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
    return _block(6, head + _padded(data) + (_options({_COMMENT: source.encode()}) if source else b""))


def _options(options: dict[int, bytes]) -> bytes:
    written = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options.items()]
    return b"".join(written) + struct.pack("<HH", _END, 0)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def _block(kind: int, body: bytes) -> bytes:
    """Write a block: kind and length, its body, and its length once more."""
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length
