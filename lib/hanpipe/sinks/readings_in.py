"""Lines of han-fields -> readings: the input of every sink."""

import functools
import json
from collections.abc import Callable, Iterator
from decimal import Decimal

from hanpipe.periods.kinds import kind_of
from hanpipe.unix.lines import Lines
from hanpipe.unix.typed import Any, Final, NamedTuple

NO_READING: Final = "found no reading in the input; run han-fields first"
_MOST_DIGITS: Final = 31  # of an integer, with its sign; registers have at most 20
_LONGEST: Final = 100  # characters of a number with a fraction or exponent
_DEEPEST: Final = 200  # levels of the typed JSON that han-fields passes on
# Lines that are read but are not readings.
_DECODED: Final = "found lines of han-decode: run han-fields first"
_UNCHECKED: Final = "found readings of frames whose check failed: use them only for a search (han-decode --unchecked)"


class Line(NamedTuple):
    """A line of the input.

    octets:  the line as it came, with its line end; --pass writes them
    reading: its keys and values, numbers exact (int or Decimal); None if the line is not a reading
    """

    octets: bytes
    reading: dict[str, Any] | None


class ReadingReader:
    """Feed it octets in pieces of any size; the lines do not depend on the pieces and hold every octet.

    readings: how many there were so far; bad: lines that are not readings (not a JSON object, NaN, an endless number, a
              line of han-decode, a reading of a frame whose check failed)
    why:      what the last of those was, as a warning; "" if it cannot be said
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self.readings = 0
        self.bad = 0
        self.why = ""
        self._lines = Lines()

    def feed(self, data: bytes) -> list[Line]:
        """Return the lines that data completes. b"" means that the input has ended."""
        return [self._line(octets) for octets in self._lines.feed(data)]

    def _line(self, octets: bytes) -> Line:
        try:
            reading = _read(octets)
        except (ValueError, RecursionError):
            if not octets.strip():
                return Line(octets, None)
            reading = None
        if type(reading) is not dict or "link" in reading or ("checked" in reading and reading["checked"] is False):
            self.bad += 1
            self.why = "" if type(reading) is not dict else _DECODED if "link" in reading else _UNCHECKED
            return Line(octets, None)
        self.readings += 1
        return _made(Line, (octets, reading))

    def skipped(self) -> str:
        """Return a warning about all lines that are not readings."""
        return skipped(self.bad, "reading", "han-fields", self.why)


_made = tuple.__new__  # Line(...), in half the time


@functools.lru_cache(4096)  # a meter sends the same voltages and currents again and again
def _finite(text: str) -> Decimal:
    """Read a number with fraction or exponent. raise: ValueError: as text it would fill the memory (1e999999)."""
    if len(text) > _LONGEST:
        raise ValueError(text)
    value = Decimal(text)
    if value and not -30 <= value.adjusted() <= 30:
        raise ValueError(text)
    return value


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(text)
    return int(text)


def _refuse(text: str) -> None:
    raise ValueError(text)


def readings_only(lines: list[Line], warn: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield the readings of lines, without periods and peaks; warn of these."""
    for line in lines:
        if line.reading is not None and kind_of(line.reading):
            warn("skipped lines of han-every or han-peaks; expected the readings of han-fields")
        elif line.reading is not None:
            yield line.reading


def skipped(count: int, noun: str, program: str, why: str = "") -> str:
    """Return a warning about lines of another kind.

    noun: the kind expected; program: the one that writes it; why: what was found, "" if that cannot be said
    """
    lines = f"1 line that is not a {noun}" if count == 1 else f"{count:,} lines that are not {noun}s"
    return f"skipped {lines}; {why or f'is the input from {program}?'}"


def _read(octets: bytes) -> Any:
    """Read a line. raise: ValueError: it is not JSON, is nested too deeply, or has a number longer than any meter's."""
    nesting = octets.count(b"[") + octets.count(b"{")
    if nesting <= 1 and _MANY_DIGITS not in octets.translate(_DIGITS):
        return _decode(_FLAT, octets)
    reading = _decode(_NESTED, octets)
    if nesting > _DEEPEST and _is_deep(reading, _DEEPEST):
        raise ValueError("nested too deeply")
    return reading


def _decode(decoder: json.JSONDecoder, octets: bytes) -> Any:
    """Read JSON. raise: ValueError: it is not JSON, or more follows it."""
    text = octets.decode().strip(" \t\r\n")
    value, end = decoder.raw_decode(text)
    if end != len(text):
        raise ValueError("more than one JSON value")
    return value


# Made once, because json.loads makes a decoder for each call that has options. A callback per integer costs a third, so
# flat lines have none: first their digits are looked at.
_NESTED: Final = json.JSONDecoder(parse_float=_finite, parse_int=_whole, parse_constant=_refuse)
_FLAT: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_MANY_DIGITS: Final = b"0" * _MOST_DIGITS


def _is_deep(value: Any, left: int) -> bool:
    """Return whether a value is nested deeper than so many levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not left or any(_is_deep(one, left - 1) for one in inner)
