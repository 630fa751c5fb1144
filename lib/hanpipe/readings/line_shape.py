"""Lines of han-decode -> skeleton and values: what shape.py does to octets, done to text.

The first line of a shape is cut at its numbers and clocks. That gives a pattern that steps over all between them
without a look, and a template that writes the line anew from what the pattern found; a line is of the shape if it comes
out the same:

    line       {"link":"hdlc",..."body":{"array":[{"double-long-unsigned":280},{"octet-string":"07ea0b16...
    pattern    .{66}                                                     (280) .{18}            (07ea0b16...
    template   {"link":"hdlc",..."body":{"array":[{"double-long-unsigned":%s },{"octet-string":"%s...

A line that is of no shape (a fault) is read as the JSON that it is.
"""

import json
import math
import re
from collections.abc import Callable

from hanpipe.apdu import cosem
from hanpipe.apdu.cache import BoundedCache
from hanpipe.apdu.template import HOLE, Slot, Template
from hanpipe.unix.typed import Any, Final

# The holes of a line: who sent what when, numbers, and strings that may be clocks (cosem.is_clock).
_HOLE: Final = (
    r'^\{(?P<time>"time":"[^"\\\x00-\x1f]*"),|'
    r'"(?:invoke_id|invocation_counter)":(?P<count>0|[1-9][0-9]{0,19})(?=[,}])|'
    rf'\{{"(?:{"|".join(cosem.VARYING)})"'
    r":(?P<number>0|-?[1-9][0-9]{0,19})\}|"
    rf'\{{"(?:{"|".join(cosem.CLOCK_TYPES)})"'
    r':"(?P<clock>[01ef][0-9a-f]{7}(?:[0-9a-f]{2})?|[01ef][0-9a-f]{23})"\}|'
    r'"date_time":"(?P<at>[0-9a-f]{24})"'
)
# Groups take all they can and give nothing back: a hostile line must not make the pattern try each way to cut digits.
_TIME: Final = r'("time":"[^"\\\x00-\x1f]*+")'
_NUMBER: Final = "((?>0|-?[1-9][0-9]{0,19}+))"
_LAST: Final = 3
_ROOM: Final = 8_000_000  # octets of the shapes kept
_OWN: Final = 4  # octets of a template, a skeleton and the pattern, by the character of the line


class LineShape:
    """The part that all lines of a shape share.

    skeleton: the line as JSON, without its time, with HOLE for each hole; slots: the holes, in order
    timed:    whether the line begins with a time, which is then in its first hole, with its key
    """

    __slots__ = ("_convert", "_match", "_template", "skeleton", "slots", "timed")

    def __init__(self, line: str) -> None:
        """Make the shape of a line."""
        self._convert: list[Callable[[str], int]] = []
        self._template = Template()
        self.timed = False
        slots: list[Slot] = []
        self.skeleton, pattern, at, written = "", "", 0, 0  # written: up to where the skeleton holds the line
        for hole in re.finditer(_HOLE, line):
            begin, end = hole.span(hole.lastgroup or 0)
            self._template.add(line[at:begin])
            pattern += f".{{{begin - at}}}"
            at = end
            if hole.lastgroup == "time":
                self.timed = True
                self._template.hole()
                pattern += _TIME
                self.skeleton, written = "{", end + 1  # the comma goes with it
            elif hole.lastgroup in ("number", "count"):
                self.skeleton += line[written:begin] + HOLE
                slots.append(Slot(len(self._convert)))
                pattern += self._add_holes(_NUMBER, int)
                written = end
            else:
                size = (end - begin) // 2
                self.skeleton += line[written : begin - 1] + HOLE
                slots.append(Slot(len(self._convert), size))
                pattern += self._add_holes(_clock_groups(line[begin], size), *[_hex] * ((size + 3) // 4))
                written = end + 1  # the quotes go with it
        self.skeleton += line[written:]
        self.slots = tuple(slots)
        self._template.add(line[at:])
        self._match = re.compile(f"{pattern}.{{{len(line) - at}}}", re.DOTALL).fullmatch

    def _add_holes(self, groups: str, *convert: Callable[[str], int]) -> str:
        """Add holes for values, and what makes each of its digits; return the groups of the pattern for them."""
        self._convert += convert
        for _ in convert:
            self._template.hole()
        return groups

    def holes(self, line: str) -> tuple[str, ...] | None:
        """Return the texts in the holes of a line of this shape; None of any other."""
        found = self._match(line)
        if found is None:
            return None
        holes = found.groups()
        return holes if self._template.fill(holes) == line else None

    def values(self, holes: tuple[str, ...]) -> tuple[int, ...]:
        """Return the values of the numbers and clocks among the texts in the holes."""
        digits = holes[self.timed :]
        return tuple([convert(text) for convert, text in zip(self._convert, digits, strict=True)])

    def front(self, holes: tuple[str, ...]) -> str:
        """Return the time among them as a key with its comma, "" if the line has none."""
        return holes[0] + "," if self.timed else ""


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

    def add(self, line: str, shape: LineShape) -> None:
        """Keep the shape of a line."""
        self._of_kind.add(line.count("{"), shape, _OWN * len(line))


def read_keys(skeleton: str, slots: tuple[Slot, ...] = ()) -> dict[str, Any]:
    """Read a line, or a skeleton: its slots take the places of its holes.

    raise: ValueError: it is not a JSON object, or it has another number of holes, so the line itself held a NaN
    """
    left = iter(slots)

    def fill(constant: str) -> Slot:
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


def _clock_groups(first: str, size: int) -> str:
    """Match the digits of a clock of so many octets as numbers, of four octets but the first.

    first: a digit that has the upper three bits (cosem.CLOCK_BITS) of the first digit of every clock that may match
    """
    head, digit = (size - 1) % 4 + 1, int(first, 16)
    return f"([{digit & 14:x}{digit | 1:x}][0-9a-f]{{{2 * head - 1}}})" + "([0-9a-f]{8})" * ((size - head) // 4)


def _hex(digits: str) -> int:
    return int(digits, 16)
