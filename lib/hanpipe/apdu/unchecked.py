"""Frames whose check failed -> the APDU or telegram that they seem to hold: for people who look for the fault."""

from hanpipe.apdu import cosem, telegram
from hanpipe.apdu.message import Apdu, Opened, Telegram
from hanpipe.link.content import NumberedPiece, reader, without_llc
from hanpipe.link.kinds import Link
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final

_PUSHED: Final = (cosem.DATA_NOTIFICATION, cosem.EVENT_NOTIFICATION, cosem.INFORMATION_REPORT)


def open_unchecked(link: Link, kind: str, octets: bytes, time: int) -> list[Opened]:
    """Return the APDU that begins in a frame whose check failed, or its telegram; [] without either.

    Later pieces of an APDU are not read, and nothing is deciphered: damage would spread.
    kind: of the fault, as in link/kinds.py
    """
    try:
        content = reader(link.letter)(octets, whole=kind == "c")
        keys = {"checked": False, "link": link.name, **content.keys}
        if content.telegram:
            identification, objects = telegram.read_telegram(content.data)
            return [Telegram(time, keys | {"identification": identification, "objects": objects})]
    except Malformed:
        return []
    later = isinstance(content.piece, NumberedPiece) and content.piece.number > 0
    apdu = b"" if later else without_llc(content.data)
    return [Apdu(time, keys, apdu)] if apdu and apdu[0] in _PUSHED else []
