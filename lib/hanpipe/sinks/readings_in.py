"""Lines of han-fields -> readings, the input of every sink."""

import json
from decimal import Decimal

from hanpipe.unix.typed import Any, Final, NamedTuple

LONGEST_LINE: Final = 1_000_000  # octets: more than any reading has
_MOST_DIGITS: Final = 31  # of a whole number, and its sign; no register has more than 20
_DEEPEST: Final = 200  # levels of what han-fields passes on as typed JSON


class Line(NamedTuple):
    """A line of the input.

    octets:  as it came, with its line end: what --pass passes on
    reading: its keys and values, numbers exact (int or Decimal); None if the line is no reading
    """

    octets: bytes
    reading: dict[str, Any] | None


class ReadingReader:
    """Feed it octets in pieces of any size; the lines do not depend on the pieces, and hold every octet.

    readings: how many there were so far; bad: lines that were none (no JSON object, NaN, an endless line or number)
    """

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.readings = 0
        self.bad = 0
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Line]:
        """Return the lines that data completes. b"" means that the input has ended."""
        self._rest += data
        if data and b"\n" not in data and len(self._rest) <= LONGEST_LINE:
            return []
        *whole, rest = bytes(self._rest).split(b"\n")
        lines = [line + b"\n" for line in whole]
        if rest and (not data or len(rest) > LONGEST_LINE):
            lines.append(rest)
            rest = b""
        self._rest = bytearray(rest)
        return [self._line(octets) for octets in lines]

    def _line(self, octets: bytes) -> Line:
        if not octets.strip():
            return Line(octets, None)
        try:
            reading = _read(octets)
        except (ValueError, RecursionError):
            reading = None
        if not isinstance(reading, dict):
            self.bad += 1
            return Line(octets, None)
        self.readings += 1
        return Line(octets, reading)


def _finite(text: str) -> Decimal:
    """Read a number with fraction or exponent; one that no meter sends (1e999999) would fill the memory as text."""
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


def _read(octets: bytes) -> Any:
    """Read a line. raise: ValueError: no JSON, or nested too deeply, or with a number that no meter sends."""
    nesting = octets.count(b"[") + octets.count(b"{")
    if nesting > 1:
        reading = _decode_nested(octets.decode())
        if nesting > _DEEPEST and _is_deep(reading, _DEEPEST):
            raise ValueError("nested too deeply")
        return reading
    reading = _decode_flat(octets.decode())
    if isinstance(reading, dict):
        for value in reading.values():
            if type(value) is int and not -_LARGEST < value < 10 * _LARGEST:
                raise ValueError("a number of too many digits")
    return reading


# Made once: json.loads makes a decoder for each call that has options. A callback for each integer costs a third.
_decode_nested = json.JSONDecoder(parse_float=_finite, parse_int=_whole, parse_constant=_refuse).decode
_decode_flat = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse).decode
_LARGEST: Final = 10 ** (_MOST_DIGITS - 1)


def _is_deep(value: Any, left: int) -> bool:
    """Tell whether a value is nested deeper than so many levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not left or any(_is_deep(one, left - 1) for one in inner)
