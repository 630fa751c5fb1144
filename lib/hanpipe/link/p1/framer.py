"""Octets -> P1 telegrams and faults.

    /XXXZ ident CR LF CR LF | objects | !CRC CR LF

The CRC is CRC-16/ARC over all from / to !, in hex. Telegrams of these forms were seen, and are good too:

- without a CRC, as in DSMR 2.2 and 3: only CR LF after the !
- without a CRC, and with the ! after the last object on its line (Sweden); such a telegram may also end with the !
- with a CRC that is always 0000 (some Slovenian meters)
- with a CRC without its leading zeros
- with CRC-16/X-25 (some Hungarian meters)
- with a ciphered block in the place of the objects, binary, which ends where its length says (Poland):

    /XXXZ ident CR LF CR LF | 00 | length | security control 1 | counter 4 | ciphertext | tag 12 | !CRC CR LF

- with LF in the place of CR LF, and no CRC or one over these octets
- with even parity in bit 7: a line of 7 bits and parity that was read as one of 8 bits
- with any octets in the identification and in brackets, if the CRC agrees (some Hungarian meters)

Any other octet that is not printable ends a telegram, so that a telegram cut short does not hold back the frame of
another link that follows.
"""

import functools
import re

from hanpipe.link.crc import arc, x25
from hanpipe.link.octets import Malformed, read_length
from hanpipe.link.search import Search, Start
from hanpipe.unix.typed import Final

# A telegram a second at 115,200 baud, 8N1, cannot be longer. The longest seen has 1.1 KB.
LONGEST = 11520
LONGEST_LINE = 96  # octets of the first line; IEC 62056-21 has 21, the longest seen 22
_BEHIND = 16  # octets after LONGEST that are looked at: ! and CRC and line end

_BANG: Final = 0x21
_PLACEHOLDER: Final = b"0000"  # sent by meters that do not compute a CRC

_IDENTIFICATION = LONGEST_LINE - 6
_FIRST_LINE: Final = rb"/[A-Za-z]{3}[^!\n]{0,%d}+(\n|\Z)" % _IDENTIFICATION
# A / that does not begin the next telegram, and a ! that does not end this one.
_INNER: Final = rb"/(?![A-Za-z]{3}[^!()\x00-\x1f\x7f-\xff]{0,%d}+\r?\n)|(?<![\n)])!" % _IDENTIFICATION
# The text of a telegram: printable, and in brackets any octets. Its loops are not possessive: before Python 3.11.5 that
# gives wrong matches where the loop holds alternatives. Nothing follows them, so they never give anything back.
_TEXT: Final = rb"(?:[\t\n\r \x22-\x27\x29-.0-\x7e]++|%b|\((?:[^)!/]++|%b)*)*" % (_INNER, _INNER)
_NOT_PRINTABLE: Final = rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]"
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
    """Say what the telegram is whose / is at begin (Judge in search.py)."""
    first = _pattern(_FIRST_LINE).match(octets, begin)
    if first is None or (ended and not first[1].endswith(b"\n")):
        return "n", 0
    size, latest = len(octets), begin + LONGEST
    if not first[1].endswith(b"\n"):
        return "", size + 1
    text = _pattern(_TEXT).match(octets, first.end(), latest)
    at = text.end() if text else first.end()
    if at == min(size, latest):
        return ("t", latest) if ended or size >= latest else ("", size + 1)
    if octets[at] == _BANG:
        return _judge_crc(octets, begin, at, ended)
    if octets[at] == 0 and octets[first.end() : at] in (b"\r\n", b"\n"):
        return _judge_block(octets, begin, at, ended)
    return "t", latest


def judge_even(octets: bytes, begin: int, ended: bool) -> tuple[str, int]:
    """Say what the telegram is whose / is at begin, with even parity in bit 7."""
    line = octets[begin : begin + LONGEST_LINE].translate(_EVEN)
    if _pattern(_FIRST_LINE).match(line) is None:
        return "n", 0
    text = octets[begin : begin + LONGEST + _BEHIND].translate(_EVEN)
    kind, end = judge(text, 0, ended)
    return kind, begin + end


def _judge_crc(octets: bytes, begin: int, at: int, ended: bool) -> tuple[str, int]:
    """Say what the telegram is whose ! is at `at`."""
    found = _pattern(_CRC).match(octets, at)
    inline = octets[at - 1 : at] == b")"
    if found is None:
        return "t", begin + LONGEST
    printed, line_end = found.groups()
    whole = line_end.endswith(b"\n")
    if not (whole or ended) and found.end() == len(octets):
        return "", len(octets) + 1
    if printed:
        good = agrees(printed, octets[begin : at + 1])
    else:
        good = (whole or inline) and _pattern(_NOT_PRINTABLE).search(octets, begin, at) is None
    if good:
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
    if bang >= 0 and printed != b"!" and agrees(printed[1:], octets[begin : bang + 1]):
        return "P", found.end()
    return "c" if whole and bang >= 0 else "t", found.end()


def agrees(printed: bytes, octets: bytes) -> bool:
    """Return whether a telegram's CRC, 1 to 4 hex digits, fits its octets from / to !.

    0000 fits all printable text.
    """
    if printed == _PLACEHOLDER and _pattern(_NOT_PRINTABLE).search(octets) is None:
        return True
    return int(printed, 16) in (arc(octets), x25(octets))


STARTS: Final = (
    Start((b"/", *[b"[A-Za-z]"] * 3), judge),
    Start((rb"\xaf", *[b"[%b]" % _EVEN_LETTERS] * 3), judge_even),
)


class P1Framer(Search):
    """Finds P1 telegrams: feed() it octets in pieces of any size.

    A telegram whose CRC is wrong is a fault of kind c. A telegram is a fault of kind t if it is longer than LONGEST,
    or cut short by the first line of the next one or by an octet that is not text. A / without a first line is noise.
    """

    def __init__(self) -> None:
        super().__init__(*STARTS)
