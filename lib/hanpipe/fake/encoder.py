"""Typed values -> octets on the line: the inverse of all stages.

data         type and value            -> A-XDR                             IEC 62056-6-2
notification notification-body         -> APDU                              IEC 62056-5-3
ciphered, blocks   APDU                -> APDU, or several                  IEC 62056-5-3
hdlc, mbus, p1     APDUs or lines      -> frames with their checks          IEC 62056-46, EN 13757-2, IEC 62056-21
"""

import struct
import time

from hanpipe.apdu import cosem
from hanpipe.link.content import LLC
from hanpipe.unix.typed import Any, Final, NamedTuple

Data = tuple[str, Any]  # a type, as the Blue Book names it, and the value: a list of Data of an array or structure

_FIXED: Final = {name: (tag, form) for tag, (name, form) in cosem.FIXED.items()}
_SEQUENCES: Final = {name: tag for tag, name in cosem.SEQUENCES.items()}
_STRINGS: Final = {name: tag for tag, name in cosem.STRINGS.items()}
_EMPTY: Final = {name: tag for tag, name in cosem.EMPTY.items()}

_FLAG: Final = b"\x7e"
_LONGEST_TELEGRAM: Final = 257  # octets that an M-Bus telegram's length counts, in the longest seen in a meter
_TO_CONSUMER: Final = b"\x53\xff"  # C: SND_UD, A: broadcast
_SERVICE_ACCESS_POINTS: Final = b"\x01\x67"  # of the meter, and of consumer information
_BLOCK: Final = struct.Struct(">BBHH")  # tag, control, block number, acknowledged

# Bits of the security control, Green Book ed. 9.
_AUTHENTICATED: Final = 0x10
_ENCRYPTED: Final = 0x20


class Address(NamedTuple):
    """The fields of an HDLC frame that tell one maker's from another's.

    control: of a frame that ends an APDU; more: of one that more follow; both with or without the P/F bit
    """

    destination: bytes
    source: bytes
    control: int
    more: int


class Clock(NamedTuple):
    """The fields of a COSEM date-time besides date and time, as a meter writes them.

    weekday: False where it writes 0; hundredths: 255 = not specified
    deviation: minutes to add to local time to get UTC, -32768 = not specified; status: 255 = not specified
    """

    weekday: bool = True
    hundredths: int = 255
    deviation: int = -0x8000
    status: int = 0


class Security(NamedTuple):
    """How APDUs are ciphered.

    title:   system title, 8 octets; control: security control, which tells whether there is a tag
    key:     16 octets, or 32; authentication_key: the same, b"" where nothing is authenticated
    """

    title: bytes
    control: int
    key: bytes
    authentication_key: bytes


def length(number: int) -> bytes:
    """Write a length or count in BER: one octet below 128, else 80 plus the number of octets that hold it."""
    if number < 0x80:
        return bytes((number,))
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes((0x80 + len(octets),)) + octets


def data(typed: Data) -> bytes:
    """Write a value in A-XDR: the inverse of dlms.read_data, without compact-arrays.

    raise: KeyError: no such type; struct.error: the number does not fit its type
    """
    kind, value = typed
    if kind in _SEQUENCES:
        return bytes((_SEQUENCES[kind],)) + length(len(value)) + b"".join(map(data, value))
    if kind in _STRINGS:
        return bytes((_STRINGS[kind],)) + length(len(value)) + bytes(value)
    if kind == "bit-string":
        padded = value + "0" * (-len(value) % 8)
        octets = bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))
        return bytes((cosem.BIT_STRING,)) + length(len(value)) + octets
    if kind in _EMPTY:
        return bytes((_EMPTY[kind],))
    tag, form = _FIXED[kind]
    return bytes((tag,)) + form.pack(value)


def date_time(local_ms: int, clock: Clock) -> bytes:
    """Write the 12 octets of a COSEM date-time. local_ms: ms since 1970-01-01 on the meter's clock."""
    at = time.gmtime(local_ms // 1000)
    weekday = at.tm_wday + 1 if clock.weekday else 0
    date = struct.pack(">HBBB", at.tm_year, at.tm_mon, at.tm_mday, weekday)
    rest = struct.pack(">BBBBhB", at.tm_hour, at.tm_min, at.tm_sec, clock.hundredths, clock.deviation, clock.status)
    return date + rest


def notification(invoke_id: int, sent: bytes, body: Data, *, tagged: bool = False) -> bytes:
    """Write a data-notification.

    invoke_id: long-invoke-id-and-priority; sent: the date-time's 12 octets, or none
    tagged:    with the tag of an octet-string in front of the date-time, which the standard has not: seen in meters
    """
    return b"\x0f" + struct.pack(">I", invoke_id) + b"\x09" * tagged + length(len(sent)) + sent + data(body)


def ciphered(apdu: bytes, security: Security, counter: int) -> bytes:
    """Write a general-glo-ciphering around an APDU.

        DB | system title, its length in front | length | security control | invocation counter 4 | text | tag 12

    counter: invocation counter, never the same twice under a key
    raise:   ModuleNotFoundError: the package cryptography is missing
    source:  IEC 62056-5-3, general-glo-ciphering; security suite 0 and 1: AES-GCM, the tag cut to 12 octets
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    header = struct.pack(">BI", security.control, counter)
    initial = security.title + header[1:]
    associated = header[:1] + security.authentication_key if security.control & _AUTHENTICATED else b""
    plain = apdu
    if not security.control & _ENCRYPTED:
        associated, plain = associated + apdu, b""
    secret = AESGCM(security.key).encrypt(initial, plain, associated)
    text, tag = secret[:-16] or apdu, secret[-16:-4]
    content = header + text + (tag if associated else b"")
    return b"\xdb" + length(len(security.title)) + security.title + length(len(content)) + content


def blocks(apdu: bytes, information: int) -> list[bytes]:
    """Cut an APDU into general-block-transfers, each with an LLC header where it is the first.

        E0 | control: last, streaming, window | block number 2 | acknowledged 2 | length | data

    information: octets that a frame may hold, LLC header included
    """
    made: list[bytes] = []
    while apdu or not made:
        head = b"" if made else LLC
        room = information - len(head) - _BLOCK.size - 1
        piece, apdu = apdu[:room], apdu[room:]
        control = 0x40 if apdu else 0xC0
        made.append(head + _BLOCK.pack(0xE0, control, len(made) + 1, 0) + length(len(piece)) + piece)
    return made


def hdlc(information: bytes, address: Address, *, segmented: bool = False) -> bytes:
    """Write an HDLC frame with its flags; segmented: more frames follow that carry the same APDU."""
    control = address.more if segmented else address.control
    head = address.destination + address.source + bytes((control,))
    size = 2 + len(head) + 2 + len(information) + 2
    if size > 0x7FF:
        raise ValueError(f"{len(information)} octets of information are too long for an HDLC frame")
    head = struct.pack(">H", 0xA000 | segmented << 11 | size) + head
    frame = head + _check(head) + information
    return _FLAG + frame + _check(frame) + _FLAG


def segments(information: bytes, size: int, address: Address) -> list[bytes]:
    """Write HDLC frames that hold at most size octets of the information each."""
    pieces = _pieces(information, size)
    return [hdlc(piece, address, segmented=number < len(pieces)) for number, piece in enumerate(pieces, 1)]


def mbus(apdu: bytes, most: int) -> list[bytes]:
    """Write M-Bus telegrams: 68 L L 68 | C A CI | STSAP DTSAP | data | CS 16.

    most: octets that L counts; from 256 on, L holds what is left of them: seen in meters
    """
    if not 5 < most <= _LONGEST_TELEGRAM:
        raise ValueError(f"no M-Bus telegram counts {most} octets")
    pieces = _pieces(apdu, most - 5)
    return [_telegram(piece, number, last=number == len(pieces) - 1) for number, piece in enumerate(pieces)]


def _telegram(piece: bytes, number: int, *, last: bool) -> bytes:
    control_information = bytes(((number & 0x0F) | (0x10 if last else 0),))
    counted = _TO_CONSUMER + control_information + _SERVICE_ACCESS_POINTS + piece
    size = len(counted) % 256
    return bytes((0x68, size, size, 0x68)) + counted + bytes((sum(counted) % 256, 0x16))


def p1(identification: str, objects: list[str], *, check: bool = True) -> bytes:
    """Write a P1 telegram: /identification, an empty line, the objects, ! and its CRC. Lines end in CR LF."""
    telegram = "\r\n".join(["/" + identification, "", *objects, "!"]).encode("ascii")
    return telegram + (b"%04X\r\n" % _arc(telegram) if check else b"\r\n")


def p1_time(local_ms: int) -> str:
    """Write the meter's clock as P1 does, YYMMDDhhmmss, without the letter of the season."""
    return time.strftime("%y%m%d%H%M%S", time.gmtime(local_ms // 1000))


def _check(octets: bytes) -> bytes:
    from hanpipe.link.crc import x25  # crcmod: han-fake --help does without it

    return struct.pack("<H", x25(octets))  # low octet first


def _arc(octets: bytes) -> int:
    from hanpipe.link.crc import arc

    return arc(octets)


def _pieces(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]
