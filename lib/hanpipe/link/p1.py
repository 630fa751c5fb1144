"""P1 telegrams, IEC 62056-21 mode D as DSMR 2.2 to 5, Fluvius, Luxembourg, Sweden and others use it.

    /XXXZ ident CR LF CR LF | objects | !CRC CR LF

The CRC is CRC-16/ARC over all from / to !, in hex. What else is seen and taken for good:

- no CRC, as in DSMR 2.2 and 3: only CR LF behind the !
- no CRC, and the ! behind the last object on its line (sent in Sweden); there a telegram may also end with the !
- a CRC that is always 0000 (some Slovenian ones)
- a CRC without its leading zeros
- a ciphered block in the place of the objects, binary, which ends where its length says (Poland):

    /XXXZ ident CR LF CR LF | 00 | length | security control 1 | counter 4 | ciphertext | tag 12 | !CRC CR LF

- LF alone in the place of CR LF, where there is no CRC to tell that a program has changed the line ends
- even parity in bit 7: a line of 7 bits and parity read as one of 8. All other octets beyond ASCII, and control
  characters, end the hope for a telegram: so none holds back the frame of another link that cuts it short.
"""

import functools
import re

from hanpipe.link.crc import arc
from hanpipe.link.octets import Malformed, read_length
from hanpipe.link.search import Search, Start
from hanpipe.unix.typed import Final

# A telegram a second at 115,200 baud, 8N1, cannot be longer. The longest seen has 1.1 KB.
LONGEST = 11520
LONGEST_LINE = 96  # octets of the first line; IEC 62056-21 has 21, the longest seen 22
_BEHIND = 16  # octets behind LONGEST that are looked at: ! and CRC and line end

_PLACEHOLDER = b"0000"  # a CRC that says nothing

_TEXT = rb"[^/!\x00-\x1f\x7f-\xff]"
_FIRST_LINE: Final = rb"/[A-Za-z]{3}%b{0,%d}(\r?\n|\r?\Z)" % (_TEXT, LONGEST_LINE - 6)
# What ends a telegram's text, well or badly: the !, what no text holds, or the first line of the next telegram.
_END: Final = (
    rb"[!/\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]"
    rb"(?:(?<=[\n)]!)|(?<=[^!/])|(?<=/)(?=[A-Za-z]{3}%b{0,%d}\r?\n))" % (_TEXT, LONGEST_LINE - 6)
)
_CRC: Final = rb"!([0-9A-Fa-f]{0,4})(\r?\n|(?=/)|\r?\Z)"
_BLOCK_END: Final = rb"(?:\r?\n)?(!?[0-9A-Fa-f]{0,4})(\r?\n|\r?\Z)"

# Octets of 7 bits and even parity -> ASCII; NUL, which ends a telegram, where the parity is wrong.
_EVEN = bytes(octet & 0x7F if octet.bit_count() % 2 == 0 else 0 for octet in range(256))
_EVEN_LETTERS = b"".join(
    b"\\x%02x" % octet for octet in range(256) if octet.bit_count() % 2 == 0 and chr(octet & 0x7F).isalpha()
)


@functools.cache
def _pattern(text: bytes) -> "re.Pattern[bytes]":
    """Compile a pattern when a telegram is met: all four cost each start 0.5 ms, and most lines have none."""
    return re.compile(text)


def judge(octets: bytes, begin: int, ended: bool) -> tuple[str, int]:
    """Say what the telegram is whose / stands at begin (Judge in search.py)."""
    first = _pattern(_FIRST_LINE).match(octets, begin)
    if first is None or (ended and not first[1].endswith(b"\n")):
        return "n", 0
    size, latest = len(octets), begin + LONGEST
    if not first[1].endswith(b"\n"):
        return "", size + 1
    found = _pattern(_END).search(octets, first.end(), latest)
    if found is None:
        return ("t", latest) if ended or size >= latest else ("", size + 1)
    at = found.start()
    if found[0] == b"!":
        return _judge_crc(octets, begin, at, ended)
    if found[0] == b"\0" and octets[first.end() : at] in (b"\r\n", b"\n"):
        return _judge_block(octets, begin, at, ended)
    return "t", latest


def judge_even(octets: bytes, begin: int, ended: bool) -> tuple[str, int]:
    """Say what the telegram is whose / stands at begin, with even parity in bit 7."""
    line = octets[begin : begin + LONGEST_LINE].translate(_EVEN)
    if _pattern(_FIRST_LINE).match(line) is None:
        return "n", 0
    text = octets[begin : begin + LONGEST + _BEHIND].translate(_EVEN)
    kind, end = judge(text, 0, ended)
    return kind, begin + end


def _judge_crc(octets: bytes, begin: int, at: int, ended: bool) -> tuple[str, int]:
    """Say what the telegram is whose ! stands at `at`."""
    found = _pattern(_CRC).match(octets, at)
    inline = octets[at - 1 : at] == b")"
    if found is None:
        return "t", begin + LONGEST
    printed, line_end = found.groups()
    whole = line_end.endswith(b"\n")
    if not (whole or ended) and found.end() == len(octets):
        return "", len(octets) + 1
    if _agrees(printed, octets[begin : at + 1]) if printed else whole or inline:
        return "P", found.end()
    return "c" if whole else "t", found.end()


def _judge_block(octets: bytes, begin: int, at: int, ended: bool) -> tuple[str, int]:
    """Say what the telegram is whose ciphered block begins at `at`, with a system title of no octets."""
    size, latest = len(octets), begin + LONGEST
    if size < at + 5 and not ended:
        return "", at + 5
    try:
        length, end = read_length(octets[: at + 5], at + 1)
    except Malformed:
        return "t", latest
    end += length
    if end > latest:
        return "t", latest
    if size <= end:
        return ("t", latest) if ended else ("", end + 1)
    found = _pattern(_BLOCK_END).match(octets, end)
    if found is None:
        return "t", latest
    printed, line_end = found.groups()
    whole = line_end.endswith(b"\n")
    if not (whole or ended):
        return "", size + 1
    bang = octets.find(b"!", end, found.end())
    if bang >= 0 and printed != b"!" and _agrees(printed[1:], octets[begin : bang + 1]):
        return "P", found.end()
    return "c" if whole and bang >= 0 else "t", found.end()


def _agrees(printed: bytes, octets: bytes) -> bool:
    """Tell whether a CRC in hex is that of octets, / to !, or says nothing."""
    return printed == _PLACEHOLDER or int(printed, 16) == arc(octets)


STARTS: Final = (
    Start((b"/", *[b"[A-Za-z]"] * 3), judge),
    Start((rb"\xaf", *[b"[%b]" % _EVEN_LETTERS] * 3), judge_even),
)


class P1Framer(Search):
    """Finds P1 telegrams: feed() it octets in pieces of any size.

    A telegram of the wrong CRC is a fault of kind c. One that the next one's first line cuts short, that holds what no
    text holds, or that is longer than LONGEST, is one of kind t; a / without a first line behind it is noise.
    """

    def __init__(self) -> None:
        super().__init__(*STARTS)
