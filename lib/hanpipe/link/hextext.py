r"""Hex text -> octets: what people paste and programs log, line by line.

The first rule that fits a line decides which octets are read:

1. An offset of four or more hex digits, a colon, and groups of hex up to two spaces: xxd.
2. An offset of four or more hex digits, two spaces, and octets (of two digits) up to the next two spaces: han-frame
   --hex, whose headings ("frame 1  octets 0-43  hdlc  good") hold no octets. A line that ends in |text| is of hexdump
   -C: eight octets, two spaces, eight octets. A line that is nothing but the offset where the last line ended is the
   last one of hexdump -C, and holds no octets. Before single octets an offset with one space after it (od -Ax) counts
   only if the last line ended there, or if it is 0; after a line * it is any.
3. Any other line: a time of day, with its date and in brackets or not, is not hex. Of the rest the longest run of
   octets counts, of several as long the first: an even number of hex digits, or several such items with spaces, tabs, a
   comma, a colon, a semicolon or a hyphen in between, each with 0x or \x in front or without, not inside a word. A run
   of one or two octets counts only if only signs come before it and no word follows after one space, so that "7e <--
   flag" and "[12:00:01] 7e" are octets and "42 octets read" is not.

4. Also read: octets with dots (7E.A0.37), decimal octets in [] or {} of which one has not two digits, a Python literal
   (b'~\xa0'), and hex with ** around parts of it. A number alone among words (--- Start 374880 ---) is not octets.

All other text holds no octets. Lines that hexdump replaces by a * are missing: use hexdump -v.
"""

import re

from hanpipe.unix.typed import Final

LONGEST_LINE: Final = 65520  # characters; a longer line is read in parts of so many: whole items of 2 to 6

_XXD: Final = re.compile(rb"[ \t]*[0-9A-Fa-f]{4,16}: {1,2}((?:[0-9A-Fa-f]{2})+(?: (?:[0-9A-Fa-f]{2})+)*)(?:  .*)?")
_DUMP: Final = re.compile(
    rb"([0-9A-Fa-f]{4,16})  ([0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})*)"
    rb"(?:(?:  ([0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})*))? +\|.*\|| +| {2}.*)?"
)
_COLUMN: Final = re.compile(rb"([0-9A-Fa-f]{4,16})[ \t]((?: ?[0-9A-Fa-f]{2})(?: [0-9A-Fa-f]{2})*)")
_HEADING: Final = re.compile(rb"[a-z]+ [0-9]+  octets [0-9]+-[0-9]+  ")
_OFFSET: Final = re.compile(rb"[0-9A-Fa-f]{4,16}")
_TIME: Final = re.compile(
    rb"(?<![0-9A-Za-z:])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T _])?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]+)?"
    rb"(?:Z|[+-][0-9]{2}:?[0-9]{2})?(?![0-9A-Za-z:])"
)
_ITEM: Final = rb"(?:0[xX]|\\x)?(?:[0-9A-Fa-f]{2})+(?:\\x[0-9A-Fa-f]{2})*(?![0-9A-Za-z])"
_RUN: Final = re.compile(rb"(?<![0-9A-Za-z!])(?<![0-9]\.)%b(?:(?:[ \t]*[,:;-][ \t]*|[ \t]+)%b)*" % (_ITEM, _ITEM))
_DOTTED: Final = re.compile(rb"(?<![0-9A-Za-z.])[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f]{2}){2,}(?![0-9A-Za-z.])")
_DECIMAL: Final = re.compile(rb"[\[{(]\s*([0-9]{1,3}(?:\s*,\s*[0-9]{1,3})+)\s*,?\s*[\]})]")
_LITERAL: Final = re.compile(rb"\bb(?:'((?:[^'\\]|\\.)*\\x(?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*\\x(?:[^\"\\]|\\.)*)\")")
_ODD: Final = re.compile(rb"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}){6,}[0-9A-Fa-f](?![0-9A-Za-z])")
_MARKS: Final = re.compile(rb"0[xX]|[^0-9A-Fa-f]")
_LETTER: Final = re.compile(rb"[0-9A-Za-z]")
_WORD: Final = re.compile(rb"[ \t]?[0-9A-Za-z_.]")
_SURE: Final = 3  # octets in a row that words and numbers do not make by chance
_LONG_NUMBER: Final = 6  # octets of decimal digits alone, in a row, that are not a number among words
# A first line, an object or the last line of a P1 telegram, which is text too.
_TELEGRAM: Final = re.compile(rb"/[A-Za-z]{3}|[0-9]:[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|^!", re.MULTILINE)
# How octets begin that are clearly a meter's: a flag and a header, M-Bus, an LLC, a ciphered APDU, a data-notification.
_BEGINNING: Final = re.compile(
    rb"\x7e+[\xa0-\xaf].{6}|h(.)\1h[\x08\x53\x73]|\xe6[\xe6\xe7]\0|\xdb\x08[A-Z]{3}|\x0f.{4}[\x00\x09\x0c]", re.DOTALL
)


class HexText:
    """Feed it text in pieces of any size; the octets do not depend on the pieces."""

    def __init__(self) -> None:
        self._rest = b""  # a line that has not ended
        self._next = -1  # the offset where the last line of a dump ended
        self._left_out = False  # whether a dump has left out lines like the last one
        self._lines = 0
        self.doubt = ""  # why the last line with an odd number of hex digits was left out

    def feed(self, data: bytes) -> bytes:
        """Return the octets of the lines that data completes. b"" means that the input has ended."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data:
            lines, self._rest = [self._rest], b""
        octets = [self._read(part) for line in lines for part in _parts(line)]
        *whole, self._rest = _parts(self._rest)
        return b"".join(octets + [self._read(part) for part in whole])

    def _read(self, line: bytes) -> bytes:
        """Return the octets of a line."""
        line = line.rstrip()
        self._lines += 1
        self._left_out |= line == b"*"
        if found := _XXD.fullmatch(line):
            return bytes.fromhex(found[1].decode())
        if found := _DUMP.fullmatch(line):
            octets = bytes.fromhex((found[2] + (found[3] or b"")).decode())
            self._next = int(found[1], 16) + len(octets)
            return octets
        if (found := _COLUMN.fullmatch(line)) and (octets := self._after_offset(found)):
            return octets
        if _HEADING.match(line) or (_OFFSET.fullmatch(line) and int(line, 16) == self._next):
            return b""
        octets = _other_form(line) or _longest_run(_TIME.sub(b"\t", line.replace(b"**", b"")))
        if not octets and (odd := _ODD.search(line)):
            digits = f"{len(odd[0])} hex digits from character {odd.start() + 1} on"
            self.doubt = (
                f"line {self._lines}: {digits}, an odd number: one is missing or too many, so the line is left out"
            )
        return octets

    def _after_offset(self, found: "re.Match[bytes]") -> bytes:
        """Return the octets after what may be an offset; b"" if it does not count up, so that it is octets too."""
        offset, octets = int(found[1], 16), bytes.fromhex(found[2].decode())
        counts = offset in (0, self._next) or (self._left_out and offset > self._next)
        self._next = offset + len(octets)
        self._left_out = False
        return octets if counts else b""


def looks_like_hex_text(text: bytes) -> bool:
    """Return whether text is printable, and what it holds as hex text begins like a frame or an APDU."""
    if (
        not text.isascii()
        or not text.replace(b"\n", b"").replace(b"\r", b"").replace(b"\t", b"").decode().isprintable()
    ):
        return False
    if _TELEGRAM.search(text):
        return False
    reader = HexText()
    octets = reader.feed(text) + reader.feed(b"")
    return _BEGINNING.match(octets) is not None


def _other_form(line: bytes) -> bytes:
    """Return the octets of a line with dots, in decimal or in a Python literal; b"" if it has none of these forms."""
    if found := _DOTTED.search(line):
        return bytes.fromhex(found[0].replace(b".", b"").decode())
    if found := _LITERAL.search(line):
        try:
            return (found[1] or found[2]).decode("unicode_escape").encode("latin-1")
        except UnicodeError:
            return b""
    if found := _DECIMAL.search(line):
        items = [item.strip() for item in found[1].split(b",")]
        if any(len(item) != 2 for item in items) and all(int(item) < 256 for item in items):
            return bytes(int(item) for item in items)
    return b""


def _parts(line: bytes) -> list[bytes]:
    """Return a line, or the parts that it is read in."""
    return [line[at : at + LONGEST_LINE] for at in range(0, max(1, len(line)), LONGEST_LINE)]


def _longest_run(line: bytes) -> bytes:
    """Return the octets of the longest run of hex in a line that is not a dump."""
    longest = b""
    for run in _RUN.finditer(line):
        octets = bytes.fromhex(_MARKS.sub(b"", run[0]).decode())
        sure = len(octets) >= _SURE and not (run[0].isdigit() and len(octets) < _LONG_NUMBER)
        if len(octets) > len(longest) and (sure or _stands_alone(line, run)):
            longest = octets
    return longest


def _stands_alone(line: bytes, run: re.Match[bytes]) -> bool:
    """Tell whether no words are around a run."""
    return _LETTER.search(line, 0, run.start()) is None and _WORD.match(line, run.end()) is None
