"""Lines of han-decode -> skeleton and values: what shape.py does to octets, done to text.

A line is matched by the pattern of its shape: the line itself, with groups in the place of numbers and clocks. The
first line of a shape gives the pattern; a line that is of no shape (a fault) is read as the JSON that it is.
"""

import json
import math
import re
from collections.abc import Callable

from hanpipe.shelf import Shelf
from hanpipe.typed import Any, Final

# The holes of a line: who sent what when, numbers, and strings as long as a clock (shape.py).
_HOLE = re.compile(
    r'^\{"time":"(?P<time>[^"\\\x00-\x1f]*)",|'
    r'"(?:invoke_id|invocation_counter)":(?P<count>0|[1-9][0-9]{0,19})(?=[,}])|'
    r'\{"(?:double-long|double-long-unsigned|long|unsigned|long-unsigned|long64|long64-unsigned)"'
    r":(?P<number>0|-?[1-9][0-9]{0,19})\}|"
    r'\{"(?:octet-string|date-time|date|time)":"(?P<clock>(?:[0-9a-f]{2}){4,5}|[0-9a-f]{24})"\}|'
    r'"date_time":"(?P<at>[0-9a-f]{24})"'
)
_MARKER = re.compile(r'"(?:[^"\\]|\\.)*"|(\[\s*-?[0-9]+\s*(?:,\s*-?[0-9]+\s*)?\])')  # or a string, to step over
_NUMBER: Final = "(0|-?[1-9][0-9]{0,19})"
_LAST: Final = 3
_MOST_COMPILED: Final = 500_000
_ROOM: Final = 8_000_000  # octets of the shapes kept
_PATTERN: Final = 10  # octets of a compiled pattern and the texts beside it, by the character of the line


class LineShape:
    """What all lines of a shape share.

    skeleton: the line as JSON, without its time, each hole as a marker (shape.py)
    match:    the whole line -> a match whose groups are the time as a key, if the line has one, then the holes
    """

    __slots__ = ("_convert", "match", "skeleton", "timed")

    def __init__(self, line: str) -> None:
        """Make the shape of a line."""
        pattern, skeleton, at = "", "", 0
        self._convert: list[Callable[[str], int]] = []
        self.timed = False
        for hole in _HOLE.finditer(line):
            begin, end = hole.span(hole.lastgroup or 0)
            pattern += re.escape(line[at:begin])
            if hole.lastgroup == "time":
                self.timed = True
                pattern = r'\{("time":"[^"\\\x00-\x1f]*",)'
                skeleton = "{"
                end = hole.end()
            elif hole.lastgroup in ("number", "count"):
                skeleton += f"{line[at:begin]}[{len(self._convert)}]"
                pattern += _NUMBER
                self._convert.append(int)
            else:
                size = (end - begin) // 2
                skeleton += f"{line[at : begin - 1]}[{len(self._convert)},{size}]"
                pattern += _clock_groups(size)
                self._convert += [_hex] * ((size + 3) // 4)
                pattern += '"'
                end += 1
            at = end
        self.skeleton = skeleton + line[at:]
        self.match = re.compile(pattern + re.escape(line[at:])).fullmatch

    def values(self, groups: tuple[str, ...]) -> tuple[int, ...]:
        """Turn the digits of the holes into their values."""
        return tuple([convert(group) for convert, group in zip(self._convert, groups, strict=True)])


class LineShapes:
    """The shapes met so far."""

    def __init__(self) -> None:
        self._last: list[LineShape] = []  # the few that a meter alternates between: a look at them is the cheapest
        self._of_kind = Shelf(_ROOM)
        self._compiled = 0  # characters of patterns that re has compiled for them

    def find(self, line: str) -> tuple[LineShape, str, tuple[str, ...]] | None:
        """Return the shape of a line if one like it was added, its time as a key, and the digits of its holes."""
        shape: LineShape
        for shape in self._last:
            if (match := shape.match(line)) is not None:
                return _found(shape, match)
        for shape in self._of_kind.get(line.count("{"), ()):
            if (match := shape.match(line)) is not None:
                self._last = [shape, *self._last[: _LAST - 1]]
                return _found(shape, match)
        return None

    def add(self, line: str, shape: LineShape) -> None:
        """Keep the shape of a line."""
        self._of_kind.put(line.count("{"), shape, _PATTERN * len(line))
        self._compiled += len(line)
        if self._compiled > _MOST_COMPILED:
            re.purge()  # it keeps patterns too, 512 of any size
            self._compiled = 0


def _found(shape: LineShape, match: "re.Match[str]") -> tuple[LineShape, str, tuple[str, ...]]:
    digits = match.groups()
    if not shape.timed:
        return shape, "", digits
    front, *rest = digits
    return shape, front, tuple(rest)


def has_marker(line: str) -> bool:
    """Tell whether a line itself holds what shape.py marks holes with: it is none of han-decode's then."""
    return any(found[1] for found in _MARKER.finditer(line))


def read_keys(skeleton: str) -> dict[str, Any]:
    """Read a line, or its skeleton. raise: ValueError: it is no JSON object."""
    keys = json.loads(skeleton, parse_float=_finite, parse_constant=_finite)
    if not isinstance(keys, dict):
        raise ValueError("no JSON object")
    return keys


def _finite(text: str) -> float:
    """Read a number with a point or an exponent; no line of han-decode holds one that is none."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number


def _clock_groups(size: int) -> str:
    head = (size - 1) % 4 + 1
    return f"([0-9a-f]{{{2 * head}}})" + "([0-9a-f]{8})" * ((size - head) // 4)


def _hex(digits: str) -> int:
    return int(digits, 16)
