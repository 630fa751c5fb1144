"""Frames whose check failed -> the APDU or telegram that they seem to hold: for people who look for the fault."""

from hanpipe.apdu import cosem, telegram
from hanpipe.apdu.message import Apdu, Opened, Telegram
from hanpipe.link import mbus
from hanpipe.link.header import read_header
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Any, Final

_PUSHED: Final = (cosem.DATA_NOTIFICATION, cosem.EVENT_NOTIFICATION, cosem.INFORMATION_REPORT)


def open_unchecked(link: str, kind: str, octets: bytes, time: int) -> list[Opened]:
    """Return the APDU that begins in a frame whose check failed, or its telegram; [] without either.

    Later pieces of an APDU are not read, and nothing is deciphered: damage would spread.
    link: hdlc, mbus or p1; kind: as in link/kinds.py
    """
    try:
        if link == "p1":
            identification, objects = telegram.read_telegram(octets)
            keys = {"checked": False, "link": link, "identification": identification, "objects": objects}
            return [Telegram(time, keys)]
        keys, apdu = _mbus(octets) if link == "mbus" else _hdlc(kind, octets)
    except Malformed:
        return []
    return [Apdu(time, {"checked": False, "link": link} | keys, apdu)] if apdu and apdu[0] in _PUSHED else []


def _hdlc(kind: str, octets: bytes) -> tuple[dict[str, Any], bytes]:
    header = read_header(octets)
    information = octets[header.information : -2 if kind == "c" else None]
    keys = {"destination": header.destination.hex(), "source": header.source.hex()}
    return keys, information[3:] if information[:3] in cosem.LLCS else information


def _mbus(octets: bytes) -> tuple[dict[str, Any], bytes]:
    address, source, destination, number, _, data = mbus.read_fields(octets)
    keys = {"address": f"{address:02x}", "destination": f"{destination:02x}", "source": f"{source:02x}"}
    return keys, b"" if number else data
