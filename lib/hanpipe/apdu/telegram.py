"""P1 telegram -> identification and objects: IEC 62056-21 mode D, as DSMR, Fluvius, Luxembourg and Sweden use it.

/XXXZ ident CR LF CR LF | objects | !CRC CR LF
"""

import re

from hanpipe.apdu.message import Refusal, Telegram, refusal
from hanpipe.link.crc import arc
from hanpipe.link.octets import Malformed
from hanpipe.link.p1.parity import without_parity
from hanpipe.unix.typed import Any, Final

_LINE_END: Final = re.compile(rb"\r?\n|\r")
_END: Final = re.compile(rb"!(?<![^\r\n)]!)([0-9A-Fa-f]{0,4})[ \t]*(?:\r?\n|\r|\Z)")
_NO_CRC: Final = (b"", b"0000")  # some meters print zeros and compute no CRC
# A bracket may hold brackets of its own. A line of brackets alone goes on with the object before it (DSMR 3).
_CONTENT: Final = r"[^()]*(?:\([^()]*\)[^()]*)*"
_BRACKET: Final = re.compile(rf"\(({_CONTENT})\)")
_OBJECT: Final = re.compile(rf"([^()]*)((?:\({_CONTENT}\))+)")
_CODE: Final = re.compile(r"[0-9]+-[0-9]+:[0-9.]+")
_BROKEN: Final = re.compile(r"\(([^()\n]*\n[^()]*)\)")
_NUMBER: Final = re.compile(r"-?[0-9.]*(?:\*.*|[A-Za-z][A-Za-z0-9]{0,5})|[0-9.]{0,9}")
_MOST_LINES: Final = 32  # over which a text is broken: the longest, of 2,048 hex digits, in lines of 64
_TEXT: Final = re.compile(rb"[\r\n -~]*")  # the characters that telegrams have
_BODY: Final = re.compile(rb"[\r\n]*[0-9]+-[0-9]+:[0-9.]+[(*]")  # the beginning of one without its first line


def read_telegram(octets: bytes) -> tuple[str, list[list[str]]]:
    """Read a telegram without checking its CRC. Octets beyond ASCII are read as Latin-1.

    return: identification, the first line with its slash; and the objects, as read_objects gives them
    raise:  Malformed: the first octet is not a slash, or the first line does not end
    """
    text = without_parity(octets)
    if text[:1] != b"/":
        raise Malformed(0, "expected a telegram, which begins with /")
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


def read_objects(octets: bytes) -> list[list[str]]:
    """Read the objects of a telegram: the lines between its first line and the CRC.

    return: a list each: the code, then the content of each bracket. A text that is broken over lines is joined; a line
            that is not an object is the only entry of its list
    """
    end = _END.search(octets)
    text = octets[: end.start() if end else len(octets)]
    lines = [raw.decode("latin-1").strip(" \t") for raw in _LINE_END.split(text)]
    objects: list[list[str]] = []
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        found = _OBJECT.fullmatch(line)
        if found is None and _unclosed(line) > 0:
            line, at = _joined(lines, at)
            found = _OBJECT.fullmatch(line)
        if found is None:
            objects += [[line]] if line else []
        elif found[1] or not objects:
            objects.append([found[1].rstrip(), *_BRACKET.findall(found[2])])
        else:
            objects[-1] += _BRACKET.findall(found[2])
    return objects


def _joined(lines: list[str], at: int) -> tuple[str, int]:
    """Join the line before `at`, whose bracket does not close, with those that follow, to the one that closes it.

    return: the text, and where to go on: `at` if the line is a damaged one, because the next object begins first, or
            because the bracket holds a number or a time, which meters do not break over lines
    """
    parts = [lines[at - 1]]
    unclosed = _unclosed(lines[at - 1])
    for end in range(at, min(at + _MOST_LINES, len(lines))):
        if _CODE.match(lines[end]):
            break
        parts.append(lines[end])
        unclosed += _unclosed(lines[end])
        if unclosed <= 0:
            text = "\n".join(parts)
            if any(_NUMBER.fullmatch(content.replace("\n", "")) for content in _BROKEN.findall(text)):
                break
            return "".join(parts), end + 1
    return lines[at - 1], at


def _unclosed(line: str) -> int:
    """Return how many brackets a line opens more than it closes."""
    return line.count("(") - line.count(")")


def split_telegrams(octets: bytes) -> tuple[list[bytes], bytes]:
    """Split a text into the telegrams that it begins with, and the rest without line ends and padding (00 or FF)."""
    telegrams = []
    while octets[:1] == b"/" and (end := _END.search(octets)):
        telegrams.append(octets[: end.end()])
        octets = octets[end.end() :].lstrip(b"\r\n\0\xff")
    return telegrams, octets


def crc_fault(octets: bytes) -> str:
    """Check the CRC that a telegram prints. Return what is wrong, "" if it is right or not printed."""
    end = _END.search(octets)
    if end is None or end[1] in _NO_CRC:
        return ""
    found, expected = int(end[1], 16), arc(octets[: end.start() + 1])
    return "" if found == expected else f"its CRC is wrong: expected {expected:04X}, found {found:04X}"


def is_telegram(octets: bytes) -> bool:
    """Tell whether octets are telegrams to their exact end, which a wrong key never gives."""
    telegrams, rest = split_telegrams(octets)
    return bool(telegrams) and not rest and all(_TEXT.fullmatch(each) for each in telegrams)


def is_body(octets: bytes) -> bool:
    """Tell whether octets are a telegram without its first line."""
    return _BODY.match(octets) is not None and _TEXT.fullmatch(octets) is not None


def split_ciphered(octets: bytes) -> tuple[bytes, bytes]:
    """Split a Polish telegram before its ciphered block. Return two b"" for any other telegram.

    source: seen: the blank line, then 00, the length of a system title that is not sent
    """
    head, blank, rest = octets.partition(b"\r\n\r\n")
    return (head + blank, rest) if rest[:1] == b"\0" and head[:1] == b"/" else (b"", b"")
