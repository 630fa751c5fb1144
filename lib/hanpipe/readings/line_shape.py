"""Lines of han-decode -> skeleton and values: what shape.py does to octets, done to text.

The first line of a shape is cut at its numbers and clocks. That gives a pattern that steps over all between them
without a look, and a template that writes the line anew from what the pattern found; a line is of the shape if it comes
out the same:

    line       {"link":"hdlc",..."body":{"array":[{"double-long-unsigned":280},{"octet-string":"07ea0b16...
    pattern    .{66}                                                     (280) .{18}            (07ea0b16...
    template   {"link":"hdlc",..."body":{"array":[{"double-long-unsigned":%s },{"octet-string":"%s...

A text belongs to the shape until a line differs from one before in texts alone; then those texts are holes, as in
shape.py. A line that is of no shape (a fault) is read as the JSON that it is.
"""

import json
import math
import re
from collections.abc import Callable, Container, Iterable

from hanpipe.apdu import cosem
from hanpipe.apdu.cache import BoundedCache
from hanpipe.apdu.template import HOLE, OCTET_STRING, VISIBLE_STRING, Slot, Template, Text, TextSlot, differing
from hanpipe.readings.makers import FLAG_SIZE
from hanpipe.unix.typed import Any, Final

# The first keys of a line, when and from where: arrival.front.
_WHEN: Final = r'"time":"[^"\\\x00-\x1f]*+"'
_WHERE: Final = r'"source":"(?:[ !#-\[\]-~]|\\(?:[\\"bfnrt]|u[0-9a-f]{4}))*"'
_FRONT: Final = rf"(?:{_WHEN}(?:,{_WHERE}(?=,\"link\"))?|{_WHERE}(?=,\"link\"))"
# The holes of a line: who sent what when, numbers, and strings that may be clocks (cosem.is_clock).
_HOLE: Final = (
    rf"^\{{(?P<front>{_FRONT}),|"
    r'"(?:invoke_id|invocation_counter)":(?P<count>0|[1-9][0-9]{0,19})(?=[,}])|'
    rf'\{{"(?:{"|".join(cosem.VARYING)})"'
    r":(?P<number>0|-?[1-9][0-9]{0,19})\}|"
    rf'\{{"(?:{"|".join(cosem.CLOCK_TYPES)})"'
    r':"(?P<clock>[01ef][0-9a-f]{7}(?:[0-9a-f]{2})?|[01ef][0-9a-f]{23})"\}|'
    r'"date_time":"(?P<at>[0-9a-f]{24})"|'
    # Texts that differ from meter to meter: strings that begin with a printable character of ASCII, and the system
    # title, whose first three octets are the maker's.
    r'\{"octet-string":"(?P<octets>[2-7][0-9a-f](?:[0-9a-f]{2})*)"\}|'
    r'\{"visible-string":"(?P<characters>[ !#-\[\]-~]+(?:\\u0000)*)"\}|'
    r'"system_title":"(?P<title>[0-9a-f]{16})"'
)
# The types of texts that are holes: their group above -> what the text is.
_TEXT_TYPES: Final = {"octets": OCTET_STRING, "characters": VISIBLE_STRING, "title": OCTET_STRING}
# Groups take all they can and give nothing back: a hostile line must not make the pattern try each way to cut digits.
_NUMBER: Final = "((?>0|-?[1-9][0-9]{0,19}+))"
_NUL: Final = "\\u0000"  # as JSON writes it
_MAKER: Final = 2 * FLAG_SIZE  # digits of a system title
_LAST: Final = 3
_ROOM: Final = 8_000_000  # octets of the shapes kept
_OWN: Final = 5  # octets of a template, a skeleton, a kind and the pattern, by the character of the line


class LineShape:
    """The part that all lines of a shape share.

    skeleton:    the line as JSON, without its front, with HOLE for each hole; slots: the holes, in order
    fronted:     whether the line begins with time or source, which are then in its first hole, with their keys
    texts:       those of the slots that hold a text
    fixed_texts: the texts of the line, in order, None where a text is a hole
    kind:        the line with a pattern for each hole and text: lines of a kind differ in nothing but these
    """

    __slots__ = ("_convert", "_match", "_template", "fixed_texts", "fronted", "kind", "skeleton", "slots", "texts")

    def __init__(self, line: str, varying: Container[int] = frozenset()) -> None:
        """Make the shape of a line. varying: which of its texts are holes, counted from 0."""
        self._convert: list[Callable[[str], Any]] = []
        self._template = Template()
        self.fronted = False
        self.skeleton = self.kind = pattern = ""
        at = written = passed = 0  # up to where pattern, skeleton and kind hold the line
        slots: list[Slot | TextSlot] = []
        fixed_texts: list[str | None] = []
        for hole in re.finditer(_HOLE, line):
            name = hole.lastgroup or ""
            begin, end = hole.span(name)
            groups, convert = _groups(name, line[begin:end])
            self.kind += line[passed:begin] + groups
            passed = end
            if name in _TEXT_TYPES:
                fixed_texts.append(None if len(fixed_texts) in varying else line[begin:end])
                if fixed_texts[-1] is not None:
                    continue
            pattern += f".{{{begin - at}}}{groups}"
            self._template.add(line[at:begin])
            at = end
            if name == "front":
                self._template.hole()
                self.fronted = True
                self.skeleton, written = "{", end + 1  # the comma goes with it
                continue
            for _ in convert:
                self._template.hole()
            quotes = name not in ("number", "count")  # they go with it
            self.skeleton += line[written : begin - quotes] + HOLE
            written = end + quotes
            size = (end - begin) // 2 if name in ("clock", "at") else 0
            index = len(self._convert)
            slots.append(TextSlot(index, _TEXT_TYPES[name]) if name in _TEXT_TYPES else Slot(index, size))
            self._convert += convert
        self.kind += line[passed:]
        self.skeleton += line[written:]
        self._template.add(line[at:])
        self._match = re.compile(f"{pattern}.{{{len(line) - at}}}", re.DOTALL).fullmatch
        self.slots = tuple(slots)
        self.fixed_texts = tuple(fixed_texts)
        self.texts = tuple([slot for slot in slots if isinstance(slot, TextSlot)])

    def holes(self, line: str) -> tuple[str, ...] | None:
        """Return the texts in the holes of a line of this shape; None of any other."""
        found = self._match(line)
        if found is None:
            return None
        holes = found.groups()
        return holes if self._template.fill(holes) == line else None

    def values(self, holes: tuple[str, ...]) -> tuple[Any, ...]:
        """Return what is in the holes: the numbers, a number per four octets of a clock, the octets of a text."""
        digits = holes[self.fronted :]
        return tuple([convert(text) for convert, text in zip(self._convert, digits, strict=True)])

    def octets_of(self, slot: TextSlot) -> Callable[[str], bytes]:
        """Return what makes the octets of a text of what is in its hole."""
        return self._convert[slot.at]

    def front(self, holes: tuple[str, ...]) -> str:
        """Return time and source among them as keys, each with its comma; "" if the line has neither."""
        return holes[0] + "," if self.fronted else ""


class LineShapes:
    """The shapes met so far."""

    def __init__(self) -> None:
        self._last: list[LineShape] = []  # the few that a meter alternates between: a look at them is the cheapest
        self._of_kind = BoundedCache(_ROOM)

    def find(self, line: str) -> tuple[LineShape, tuple[str, ...]] | None:
        """Return the shape of a line if one like it was added, and the texts in its holes."""
        shape: LineShape
        for shape in self._last:
            if (holes := shape.holes(line)) is not None:
                return shape, holes
        for shape in self._of_kind.get(line.count("{"), ()):
            if (holes := shape.holes(line)) is not None:
                self._last = [shape, *self._last[: _LAST - 1]]
                return shape, holes
        return None

    def make(self, line: str) -> LineShape:
        """Return the shape of a line that find() does not know; texts that differ from a known shape's are holes."""
        shape = LineShape(line)
        for other in self._of_kind.get(line.count("{"), ()):
            if other.kind == shape.kind:
                return LineShape(line, differing(shape.fixed_texts, other.fixed_texts))
        return shape

    def add(self, line: str, shape: LineShape) -> None:
        """Keep the shape of a line, in the place of one of the same kind, which has fewer holes."""
        replaced = self._of_kind.take(line.count("{"), lambda other: other.kind == shape.kind)
        self._last = [last for last in self._last if last is not replaced]
        self._of_kind.add(line.count("{"), shape, _OWN * len(line))


def read_keys(skeleton: str, slots: Iterable[Slot | TextSlot | Text] = ()) -> dict[str, Any]:
    """Read a line, or a skeleton: its slots take the places of its holes.

    raise: ValueError: it is not a JSON object, or it has another number of holes, so the line itself held a NaN
    """
    left = iter(slots)

    def fill(constant: str) -> Slot | TextSlot | Text:
        slot = next(left, None)
        if slot is None or constant != HOLE:
            raise ValueError(f"{constant} in a line")
        return slot

    keys = json.loads(skeleton, parse_float=_finite, parse_constant=fill)
    if not isinstance(keys, dict):
        raise ValueError("no JSON object")
    return keys


def _finite(text: str) -> float:
    """Read a number with a point or an exponent; no line of han-decode holds NaN or infinity."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"expected a number, got {text}")
    return number


def _groups(name: str, text: str) -> tuple[str, list[Callable[[str], Any]]]:
    """Return the groups of a pattern that match what may be in a hole, and what makes a value of each.

    name: of the group of _HOLE; text: in the hole of one line
    """
    if name == "front":
        return f"({_FRONT})", []
    if name in ("number", "count"):
        return _NUMBER, [int]
    if name == "octets":
        return f"([2-7][0-9a-f]{{{len(text) - 1}}})", [bytes.fromhex]
    if name == "title":
        return f"({text[:_MAKER]}[0-9a-f]{{{len(text) - _MAKER}}})", [bytes.fromhex]
    if name == "characters":
        count = len(text.partition("\\")[0])
        nuls = (len(text) - count) // len(_NUL)
        return rf"([ !#-\[\]-~]{{{count}}}(?:\\u0000){{{nuls}}})", [_characters if nuls else str.encode]
    size = len(text) // 2
    return _clock_groups(text[0], size), [_hex] * ((size + 3) // 4)


def _clock_groups(first: str, size: int) -> str:
    """Match the digits of a clock of so many octets as numbers, of four octets but the first.

    first: a digit that has the upper three bits (cosem.CLOCK_BITS) of the first digit of every clock that may match
    """
    head, digit = (size - 1) % 4 + 1, int(first, 16)
    return f"([{digit & 14:x}{digit | 1:x}][0-9a-f]{{{2 * head - 1}}})" + "([0-9a-f]{8})" * ((size - head) // 4)


def _characters(text: str) -> bytes:
    return text.replace(_NUL, "\0").encode("ascii")


def _hex(digits: str) -> int:
    return int(digits, 16)
