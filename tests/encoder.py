"""Typed JSON -> octets of a value -> APDU -> HDLC frames: the way back, for tests alone.

Written after docs/protocol.md, and sharing nothing with the library, so that an error in its tables shows.
"""

import struct
from typing import Any

# name: tag, octets, signed
_INTEGERS = {
    "double-long": (0x05, 4, True), "double-long-unsigned": (0x06, 4, False),
    "bcd": (0x0D, 1, False), "integer": (0x0F, 1, True), "long": (0x10, 2, True),
    "unsigned": (0x11, 1, False), "long-unsigned": (0x12, 2, False),
    "long64": (0x14, 8, True), "long64-unsigned": (0x15, 8, False), "enum": (0x16, 1, False),
    "delta-integer": (0x1C, 1, True), "delta-long": (0x1D, 2, True), "delta-double-long": (0x1E, 4, True),
    "delta-unsigned": (0x1F, 1, False), "delta-long-unsigned": (0x20, 2, False),
    "delta-double-long-unsigned": (0x21, 4, False),
}  # fmt: skip
_OTHERS = {
    "null-data": 0x00, "array": 0x01, "structure": 0x02, "boolean": 0x03, "bit-string": 0x04, "octet-string": 0x09,
    "visible-string": 0x0A, "utf8-string": 0x0C, "compact-array": 0x13, "float32": 0x17, "float64": 0x18,
    "date-time": 0x19, "date": 0x1A, "time": 0x1B, "do-not-care": 0xFF,
}  # fmt: skip
TAGS = _OTHERS | {name: tag for name, (tag, _, _) in _INTEGERS.items()}

Typed = dict[str, Any]


def length(number: int) -> bytes:
    """Write a length or count in BER, as short as it can be."""
    if number < 0x80:
        return bytes([number])
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([0x80 + len(octets)]) + octets


def data(typed: Typed) -> bytes:
    """Write a value with its tag."""
    ((name, value),) = typed.items()
    if name == "cosem-attribute-descriptor":  # has no tag
        return struct.pack(">H6sb", value["class_id"], bytes.fromhex(value["logical_name"]), value["attribute_id"])
    if name == "compact-array":
        contents = b"".join(_untagged(element) for element in value["contents"])
        return bytes([TAGS[name]]) + _description(value["type"]) + length(len(contents)) + contents
    if name in ("array", "structure"):
        return bytes([TAGS[name]]) + length(len(value)) + b"".join(map(data, value))
    return bytes([TAGS[name]]) + _content(name, value)


def _untagged(typed: Typed) -> bytes:
    ((name, value),) = typed.items()
    return b"".join(map(_untagged, value)) if name in ("array", "structure") else _content(name, value)


def _description(described: Any) -> bytes:
    if isinstance(described, str):
        return bytes([TAGS[described]])
    ((name, inner),) = described.items()
    if name == "array":
        return bytes([TAGS[name]]) + inner[0].to_bytes(2, "big") + _description(inner[1])
    return bytes([TAGS[name]]) + length(len(inner)) + b"".join(map(_description, inner))


def _content(name: str, value: Any) -> bytes:
    if name in _INTEGERS:
        _, size, signed = _INTEGERS[name]
        return int(value).to_bytes(size, "big", signed=signed)
    if name == "boolean":
        return bytes([value])
    if name in ("float32", "float64") and not isinstance(value, str):
        return struct.pack(">f" if name == "float32" else ">d", value)
    if name == "bit-string":
        return length(len(value)) + int("0" + value + "0" * (-len(value) % 8), 2).to_bytes((len(value) + 7) // 8, "big")
    if name == "visible-string":
        return length(len(value)) + value.encode("latin-1")
    if name == "utf8-string":
        return length(len(value.encode())) + value.encode()
    if name == "octet-string":
        return length(len(value) // 2) + bytes.fromhex(value)
    return bytes.fromhex(value or "")


def notification(body: Typed, invoke_id: int = 0x40000000, date_time: bytes = b"", tagged: bool = False) -> bytes:
    """Write a data-notification. tagged: with the 09 in front of the date-time that some meters send."""
    return b"\x0f" + invoke_id.to_bytes(4, "big") + b"\x09" * tagged + length(len(date_time)) + date_time + data(body)


def event(descriptor: Typed, value: Typed, date_time: bytes = b"", flagged: bool = True) -> bytes:
    """Write an event-notification. flagged: with the octet 01 that says that a date-time follows."""
    time = (b"\x01" * flagged + length(len(date_time)) + date_time) if date_time else b"\x00"
    return b"\xc2" + time + data(descriptor) + data(value)


def report(names: list[int], values: list[Typed], date_time: bytes = b"") -> bytes:
    """Write an information-report, each value under its short name."""
    named = length(len(names)) + b"".join(b"\x02" + name.to_bytes(2, "big") for name in names)
    return b"\x18" + length(len(date_time)) + date_time + named + length(len(values)) + b"".join(map(data, values))


def x25(octets: bytes) -> bytes:
    """Return the HCS or FCS of octets, as sent."""
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return struct.pack("<H", crc ^ 0xFFFF)


def arc(octets: bytes) -> int:
    """Return the CRC-16/ARC of a telegram from / to !."""
    crc = 0
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def with_even_parity(octets: bytes) -> bytes:
    """Set bit 7 where the other bits have odd parity."""
    return bytes(octet | 0x80 * (octet.bit_count() & 1) for octet in octets)


def header(size: int, addresses: bytes = b"\x41\x08\x83", control: int = 0x13, segmented: bool = False) -> bytes:
    """Write the octets before HCS or FCS, of a frame of size octets between its flags."""
    return struct.pack(">H", 0xA000 | segmented << 11 | size) + addresses + bytes([control])


def frame(
    information: bytes, addresses: bytes = b"\x41\x08\x83", control: int = 0x13, segmented: bool = False
) -> bytes:
    """Write an HDLC frame without its flags; addresses: destination and source."""
    around = 2 + len(addresses) + 1 + 2
    size = around + len(information) + 2 if information else around
    front = header(size, addresses, control, segmented)
    octets = front + x25(front) + information if information else front
    return octets + x25(octets)


def pushed(apdu: bytes, **fields: Any) -> bytes:
    """Write the frame that pushes an APDU."""
    return frame(b"\xe6\xe7\x00" + apdu, **fields)


def pushed_in_pieces(apdu: bytes, size: int) -> list[bytes]:
    """Write the segmented frames that push an APDU, size octets of information each."""
    information = b"\xe6\xe7\x00" + apdu
    pieces = [information[at : at + size] for at in range(0, len(information), size)]
    return [frame(piece, segmented=piece is not pieces[-1]) for piece in pieces]
