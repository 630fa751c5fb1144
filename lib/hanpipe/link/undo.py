"""Text that is not the octets of a line any more -> those octets: what pasting does to a telegram, undone."""

import re

from hanpipe.link.p1.framer import agrees
from hanpipe.unix.typed import Final

_QUOTE: Final = re.compile(rb"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_OBJECT: Final = re.compile(rb"\s+(?=\d{1,3}-\d{1,3}:\d)|(?<=\))(?=\d{1,3}-\d{1,3}:\d)|\s*(?=![0-9A-Fa-f]{0,4}\s*$)")
_TELEGRAM: Final = re.compile(rb"/[A-Za-z]{3}[^!]*?!([0-9A-Fa-f]{1,4})(?=\s|$)")


def restored_telegrams(text: bytes) -> bytes:
    """Return the P1 telegrams in pasted text as a meter sends them; b"" if the CRC of none agrees.

    Quote marks (>) before lines are removed, LF becomes CR LF, and telegrams on one line get their lines again. A CRC
    has to agree, so that no telegram is invented.
    """
    unquoted = _QUOTE.sub(b"", text).replace(b"\r", b"")
    found = b""
    for telegram in _TELEGRAM.finditer(unquoted):
        for lines in (telegram[0], _on_lines(telegram[0])):
            octets = lines.replace(b"\n", b"\r\n")
            if agrees(telegram[1], octets[: octets.rindex(b"!") + 1]):
                found += octets + b"\r\n"
                break
    return found


def why_not_restored(text: bytes) -> str:
    """Return the reason for which text that looks like a P1 telegram cannot be restored; "" if it does not look so."""
    if len(re.findall(rb"\d-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}\(", text)) < 2:
        return ""
    if not re.search(rb"/[A-Za-z]{3}", text):
        return "the text looks like a P1 telegram without its first line (/XXX...): copy the line with the / too"
    if not re.search(rb"![0-9A-Fa-f]{1,4}", text):
        return "the text looks like a P1 telegram without its last line (!XXXX): copy the line with the ! too"
    return "the text looks like a P1 telegram, but its CRC is wrong: a line or character is missing or changed"


def _on_lines(telegram: bytes) -> bytes:
    """Put each object of a telegram on a line of its own, and an empty line after the first one."""
    first, *objects = _OBJECT.split(telegram)
    return b"\n".join([first.strip(), b"", *(each.strip() for each in objects if each.strip())])
