"""P1 telegram -> identification and objects: IEC 62056-21 mode D, as DSMR, Fluvius, Luxembourg and Sweden use it.

/XXXZ ident CR LF CR LF  objects  !CRC CR LF
"""

import re

from hanpipe.apdu.message import Refusal, Telegram, refusal
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Any, Final

_LINE_END: Final = re.compile(rb"\r?\n|\r")
# A code and its brackets; a line of brackets alone goes on with the object above it (DSMR 3).
_OBJECT: Final = re.compile(r"([^()]*)((?:\([^()]*\))+)")
_BRACKET: Final = re.compile(r"\(([^()]*)\)")
_TEXT: Final = re.compile(rb"[\r\n -~]*")  # the characters that telegrams have
_BODY: Final = re.compile(rb"[\r\n]*[0-9]+-[0-9]+:[0-9.]+[(*]")  # what one without its first line begins with


def without_parity(octets: bytes) -> bytes:
    """Return the octets of a 7-bit line that was read with 8 bits, without the parity bits; all others as they are."""
    if octets.isascii():
        return octets
    parities = {octet.bit_count() & 1 for octet in octets}
    return bytes(octet & 0x7F for octet in octets) if len(parities) == 1 else octets


def read_telegram(octets: bytes) -> tuple[str, list[list[str]]]:
    """Read a telegram without checking its CRC. Octets beyond ASCII are read as Latin-1.

    return: identification, the first line with its slash; and the objects, as read_objects gives them
    raise:  Malformed: the first octet is not a slash, or the first line does not end
    """
    text = without_parity(octets)
    if text[:1] != b"/":
        raise Malformed(0, "a telegram begins with /")
    end = _LINE_END.search(text)
    if end is None:
        raise Malformed(len(text), "the first line of the telegram does not end")
    return text[: end.start()].decode("latin-1"), read_objects(text[end.end() :])


def telegram_or_refusal(octets: bytes, keys: dict[str, Any], time: int) -> Telegram | Refusal:
    """Read a telegram. keys: the first ones of its line."""
    try:
        identification, objects = read_telegram(octets)
    except Malformed as malformed:
        return refusal("telegram", malformed, octets, keys, time)
    return Telegram(time, keys | {"identification": identification, "objects": objects})


def split_ciphered(octets: bytes) -> tuple[bytes, bytes]:
    """Return what stands in front of the ciphered block of a Polish telegram, and the rest; two b"" if it has none.

    source: seen in capture kaifa/pl-p1-overflow-gh986: the blank line, then 00, the length of a system title not sent
    """
    head, blank, rest = octets.partition(b"\r\n\r\n")
    return (head + blank, rest) if rest[:1] == b"\0" and head[:1] == b"/" else (b"", b"")


def read_objects(octets: bytes) -> list[list[str]]:
    """Read the objects of a telegram: what stands between its first line and the CRC."""
    text = octets[: octets.rindex(b"!")] if b"!" in octets else octets
    objects: list[list[str]] = []
    for raw in _LINE_END.split(text):
        line = raw.decode("latin-1").strip(" \t")
        found = _OBJECT.fullmatch(line)
        if found is None:
            objects += [[line]] if line else []
        elif found[1] or not objects:
            objects.append([found[1].rstrip(), *_BRACKET.findall(found[2])])
        else:
            objects[-1] += _BRACKET.findall(found[2])
    return objects


def is_telegram(octets: bytes) -> bool:
    """Tell whether octets are a whole telegram and nothing else: what a wrong key would never give."""
    return octets[:1] == b"/" and b"!" in octets and _LINE_END.search(octets) is not None and _is_text(octets)


def is_body(octets: bytes) -> bool:
    """Tell whether octets are a telegram without its first line."""
    return _BODY.match(octets) is not None and _is_text(octets)


def _is_text(octets: bytes) -> bool:
    return _TEXT.fullmatch(octets) is not None
