"""Where a reading's values come from: the holes of a shape, and what is fixed in it. Exact, never through a float.

Each source gives its value out of the values of a message's holes. A value that is unknown (a clock that is not set) is
None. The JSON of a line follows from the value; parts() gives it in pieces, which is quicker.
"""

import functools
import json
from collections.abc import Callable
from operator import itemgetter

from hanpipe.apdu import cosem
from hanpipe.apdu.template import OCTET_STRING, VISIBLE_STRING, Slot, Text, quoted
from hanpipe.link.octets import Malformed
from hanpipe.readings.items import printable
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, Protocol, Union

if TYPE_CHECKING:
    from decimal import Decimal

_MOST_TEXTS: Final = 512  # kept of each power of ten, of which a hostile line has 256
_NO_OFFSET: Final = b"\x80\x00\xff"  # deviation and clock status, not specified

_ESCAPE: Final = "\\"
_DEEPEST: Final = 200  # levels of JSON; an APDU makes 64, and a compact-array in it as many more

Value = Union[int, "Decimal", str, float, bool, dict[str, Any], list[Any], None]


def decimal_text(raw: int, scaler: int) -> str:
    """Write raw x 10^scaler in its shortest decimal form: 236.2, never 236.20, 3E+1 or 236.20000000000002."""
    return _point_put_in(str(raw), -scaler) if scaler < 0 else str(raw * 10**scaler)


def _point_put_in(digits: str, places: int) -> str:
    """Write a whole number with so many places after a decimal point, in its shortest form."""
    digits = digits.zfill(places + (2 if digits[0] == "-" else 1))
    fraction = digits[-places:].rstrip("0")
    return f"{digits[:-places]}.{fraction}" if fraction else digits[:-places]


def scaled(raw: int, scaler: int) -> "int | Decimal":
    """Return raw x 10^scaler, exact: an int where the scaler makes it one, else a Decimal."""
    if scaler >= 0:
        return raw * int(10**scaler)
    from decimal import Decimal  # costs a Raspberry Pi's start-up: only who looks at such a value needs it

    return Decimal(decimal_text(raw, scaler))


def json_of(value: Value) -> str:
    """Return a value as JSON, numbers in their shortest decimal form; "" for None."""
    if value is None:
        return ""
    return f"{value:f}" if type(value).__name__ == "Decimal" else json.dumps(value, separators=(",", ":"))


class Values(Protocol):
    """The values of the holes, by their index: mostly a tuple. Those of texts are octets, all others are numbers."""

    def __getitem__(self, index: int, /) -> Any: ...


# A part of a JSON text: the index of its hole, and what makes it out of the digits there.
Part = tuple[int, Callable[[str], str]]


class Source:
    """Where a value comes from."""

    __slots__ = ()

    def value(self, values: Values) -> Value:
        """Return the value, None if it is unknown."""
        raise NotImplementedError

    def json(self, values: Values) -> str:
        """Return it as JSON, empty if it is unknown."""
        return json_of(self.value(values))

    def getter(self) -> Callable[[Values], Value]:
        """Return what value() is, as quick as can be."""
        return self.value

    def parts(self) -> list[Part] | None:
        """Return its JSON in parts, which may raise Malformed if it is unknown; None if it has no such parts."""
        return None


class Fixed(Source):
    """A value that the shape holds itself."""

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        """Take the value, None if the meter sent that it has none."""
        self._value = value

    def value(self, values: Values) -> Value:
        """Return it."""
        return self._value

    def parts(self) -> list[Part]:
        """Return none: no message changes it."""
        return []


class Number(Source):
    """The number in a hole, times factor x 10^scaler."""

    __slots__ = ("factor", "index", "scaler")

    def __init__(self, index: int, scaler: int = 0, factor: int = 1) -> None:
        """Take the hole's index, and what its number is to be multiplied with."""
        self.index, self.scaler, self.factor = index, scaler, factor

    def value(self, values: Values) -> Value:
        """Return it, exact."""
        return scaled(values[self.index] * self.factor, self.scaler)

    def getter(self) -> Callable[[Values], Value]:
        """Return what value() is: mostly a number as it is in its hole."""
        return itemgetter(self.index) if self.scaler == 0 and self.factor == 1 else self.value

    def parts(self) -> list[Part]:
        """Return its only part: the digits, mostly as they are."""
        changed = self.scaler or self.factor != 1
        return [(self.index, _texts(self.scaler, self.factor).__getitem__ if changed else str)]


class _Texts(dict[str, str]):
    """Digits -> their JSON, scaled. Voltages and currents come again and again; energies do not, so it is bounded."""

    __slots__ = ("_factor", "_scaler")

    def __init__(self, scaler: int, factor: int) -> None:
        self._scaler, self._factor = scaler, factor

    def __missing__(self, digits: str) -> str:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        if self._factor == 1 and self._scaler < 0:
            text = self[digits] = _point_put_in(digits, -self._scaler)
        else:
            text = self[digits] = decimal_text(int(digits) * self._factor, self._scaler)
        return text


@functools.cache
def _texts(scaler: int, factor: int) -> _Texts:
    return _Texts(scaler, factor)


class Sized(Source):
    """A number whose power of ten its size tells, or that of others of its unit in the same message.

    below, above: the number with either power of ten
    indices:      of the holes that tell which; limit: if one of their numbers is larger, it is above
    """

    __slots__ = ("above", "below", "indices", "limit")

    def __init__(self, below: Source, above: Source, indices: tuple[int, ...], limit: int) -> None:
        """Take the number as it is with either power of ten."""
        self.below, self.above, self.indices, self.limit = below, above, indices, limit

    def chosen(self, values: Values) -> Source:
        """Return the number as it is in a message."""
        return self.above if max([values[index] for index in self.indices]) > self.limit else self.below

    def value(self, values: Values) -> Value:
        """Return it, exact."""
        return self.chosen(values).value(values)


class Digits(Number):
    """The number in a hole as text: a meter's number is a name."""

    __slots__ = ()

    def getter(self) -> Callable[[Values], Value]:
        """Return what value() is."""
        return self.value

    def parts(self) -> list[Part]:
        """Return its only part: the digits, quoted."""
        return [(self.index, '"{}"'.format)]

    def value(self, values: Values) -> Value:
        """Return its digits."""
        return decimal_text(values[self.index] * self.factor, self.scaler)


class Sent(Source):
    """The text in a hole, or its hex if it cannot be printed. here: that of the message that the plan was made for."""

    __slots__ = ("_type", "here", "slot")

    def __init__(self, kind: str, text: Text) -> None:
        """Take the type of the value, and the text of one message."""
        self.slot, self._type = text.slot, kind
        self.here = self._shown(text)

    def _shown(self, text: str) -> str:
        shown = printable(self._type, text)
        return str(text) if shown is None else shown

    def value(self, values: Values) -> Value:
        """Return the text."""
        return self.of_octets(values[self.slot.at])

    def of_octets(self, octets: bytes) -> str:
        """Return the text that octets in the hole are."""
        return self._shown(self.slot.text(octets))

    def parts(self) -> list[Part] | None:
        """Return its only part, made of the text as it is in a line."""
        write = {OCTET_STRING: _shown_octets, VISIBLE_STRING: _shown_characters}.get(self._type)
        return [(self.slot.at, write)] if write else None


def _shown_octets(digits: str) -> str:
    text = printable(OCTET_STRING, digits)
    return f'"{digits}"' if text is None else quoted(text)


def _shown_characters(text: str) -> str:
    """Quote a text in the hole of a line, whose only escapes are the NULs that pad it."""
    return f'"{text}"' if _ESCAPE not in text else f'"{text.partition(_ESCAPE)[0]}"'


class Octets(Source):
    """The octets of a clock's hole, where no clock is expected: a clock, a text or hex, as they turn out."""

    __slots__ = ("index", "size")

    def __init__(self, index: int, size: int) -> None:
        """Take the index of the hole's first value, and how many octets it holds."""
        self.index, self.size = index, size

    def octets(self, values: Values) -> bytes:
        """Return the octets."""
        return clock_octets(values, self.index, self.size)

    def value(self, values: Values) -> Value:
        """Return the text that they are."""
        octets = self.octets(values)
        try:
            return cosem.read_clock(octets)
        except Malformed:
            text = octets.rstrip(b"\0")
            return text.decode("ascii") if all(0x20 <= octet < 0x7F for octet in text) else octets.hex()


class Clock(Octets):
    """The meter's clock in a hole: ISO 8601, an offset only if it was sent; nothing if the clock is not set."""

    __slots__ = ()

    def value(self, values: Values) -> Value:
        """Return the time, None if it is not a time."""
        at = self.index
        try:
            if self.size == cosem.CLOCK_SIZE:
                return cosem.clock(values[at], values[at + 1], values[at + 2])
        except Malformed:
            pass
        return None

    def parts(self) -> list[Part] | None:
        """Return date, time and offset: mostly, only the time changes."""
        if self.size != cosem.CLOCK_SIZE:
            return None
        return list(zip(range(self.index, self.index + 3), (_quoted_date, _time, _quoted_offset), strict=True))


@functools.lru_cache(256)
def _quoted_date(digits: str) -> str:
    return f'"{cosem.date(int(digits, 16))}'


def _time(digits: str) -> str:
    return cosem.time(int(digits, 16))


@functools.lru_cache(256)
def _quoted_offset(digits: str) -> str:
    return f'{cosem.offset(int(digits, 16))}"'


class Joined(Source):
    """A clock in two holes, its date and its time."""

    __slots__ = ("_date", "_time")

    def __init__(self, date: Octets, time: Octets) -> None:
        """Take the holes: 5 and 4 octets."""
        self._date, self._time = date, time

    def value(self, values: Values) -> Value:
        """Return the time, which has no offset; None if it is not a time."""
        try:
            return cosem.read_clock(self._date.octets(values) + self._time.octets(values) + _NO_OFFSET)
        except Malformed:
            return None


class Nested(Source):
    """Typed JSON with holes inside."""

    __slots__ = ("_typed",)

    def __init__(self, typed: Any) -> None:
        """Take a value with a Slot in each of its holes. raise: Malformed: it is nested deeper than any APDU."""
        _check_depth(typed, _DEEPEST)
        self._typed = typed

    def value(self, values: Values) -> Value:
        """Return it with the holes filled."""
        filled: Value = _fill(self._typed, values)
        return filled


def clock_octets(values: Values, index: int, size: int) -> bytes:
    """Return the octets of a clock's hole: its values are numbers of four octets, the first of what is left over."""
    count = (size + 3) // 4
    head = size - 4 * (count - 1)
    numbers: list[int] = [values[at] for at in range(index, index + count)]
    sizes = [head] + [4] * (count - 1)
    return b"".join([number.to_bytes(size, "big") for number, size in zip(numbers, sizes, strict=True)])


def _check_depth(typed: Any, left: int) -> None:
    if not left:
        raise Malformed(0, "nested deeper than any APDU")
    for inner in typed.values() if isinstance(typed, dict) else typed if isinstance(typed, list) else ():
        _check_depth(inner, left - 1)


def _fill(typed: Any, values: Values) -> Any:
    if isinstance(typed, dict):
        return {key: _fill(inner, values) for key, inner in typed.items()}
    if type(typed) is Text:
        octets: bytes = values[typed.slot.at]
        return typed.slot.text(octets)
    if type(typed) is Slot:
        return clock_octets(values, *typed).hex() if typed.size else values[typed.at]
    if isinstance(typed, list):
        return [_fill(inner, values) for inner in typed]
    return typed
