"""The values in the holes of messages of one plan, by hole: columns, made without an object for each value.

Messages that were read one by one give a tuple of values each. Of those read in bulk, only the octets of the holes are
kept. Each hole gets the octets of its numbers one after the other, in the order in which Arrow has them:

    frames     a02a... 00000118 ... a02a... 00000119 ...
    hole       18010000 19010000
"""

import struct
import sys

from hanpipe.apdu.shape import Shape
from hanpipe.readings.arrow import pyarrow
from hanpipe.readings.values import Values
from hanpipe.unix.typed import Any, Final

Array = Any  # of pyarrow, which has no types

# The numbers of holes, by their code of struct.
_TYPES: Final = {
    "B": pyarrow.uint8(),
    "H": pyarrow.uint16(),
    "I": pyarrow.uint32(),
    "Q": pyarrow.uint64(),
    "b": pyarrow.int8(),
    "h": pyarrow.int16(),
    "i": pyarrow.int32(),
    "q": pyarrow.int64(),
}
_WIDTHS: Final = {code: struct.calcsize(code) for code in _TYPES}


class Holes:
    """Rows of values, in order.

    rows: those added one by one since the last frames; a row may be appended to it
    """

    __slots__ = ("_chunks", "rows")

    def __init__(self) -> None:
        self._chunks: list[_Rows | _Frames] = []  # those before rows
        self.rows: list[Values] = []

    def add_frames(self, shape: Shape, octets: bytes) -> None:
        """Add messages of a shape, whose holes are all numbers. octets: of all, one after the other."""
        self._end_rows()
        last = self._chunks[-1] if self._chunks else None
        if not isinstance(last, _Frames) or last.shape is not shape:
            last = _Frames(shape)
            self._chunks.append(last)
        last.add(octets)

    def __len__(self) -> int:
        return sum(map(len, self._chunks)) + len(self.rows)

    def numbers(self, index: int) -> Array:
        """Return the numbers in a hole as int64. raise: OverflowError, ArrowInvalid: one is larger."""
        self._end_rows()
        parts = [chunk.numbers(index).cast(pyarrow.int64()) for chunk in self._chunks]
        return parts[0] if len(parts) == 1 else pyarrow.concat_arrays(parts)

    def values(self, index: int) -> list[Any]:
        """Return the values in a hole."""
        self._end_rows()
        return [value for chunk in self._chunks for value in chunk.values(index)]

    def all_rows(self) -> list[Values]:
        """Return the values of each message."""
        self._end_rows()
        return [row for chunk in self._chunks for row in chunk.rows()]

    def _end_rows(self) -> None:
        if self.rows:
            self._chunks.append(_Rows(self.rows))
            self.rows = []


class _Rows:
    """Rows that were added one by one."""

    def __init__(self, rows: list[Values]) -> None:
        self._rows = rows
        self._transposed: list[Values] = list(zip(*rows, strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def numbers(self, index: int) -> Array:
        return pyarrow.array(self._transposed[index], pyarrow.int64())

    def values(self, index: int) -> Any:
        return self._transposed[index]

    def rows(self) -> list[Values]:
        return self._rows


class _Frames:
    """The holes of frames of a shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._count = 0
        self._rows: list[Values] = []  # as many as were asked for
        self._columns = [bytearray() for _ in shape.places]

    def __len__(self) -> int:
        return self._count

    def add(self, octets: bytes) -> None:
        """Add the holes of frames: each octet of a number in all frames at once."""
        size = self.shape.size
        count = len(octets) // size
        self._count += count
        for (offset, code), column in zip(self.shape.places, self._columns, strict=True):
            width = _WIDTHS[code]
            numbers = bytearray(count * width)
            for at in range(width):
                numbers[width - 1 - at if sys.byteorder == "little" else at :: width] = octets[offset + at :: size]
            column += numbers

    def numbers(self, index: int) -> Array:
        kind = _TYPES[self.shape.places[index][1]]
        return pyarrow.Array.from_buffers(kind, self._count, [None, pyarrow.py_buffer(bytes(self._columns[index]))])

    def values(self, index: int) -> list[int]:
        values: list[int] = self.numbers(index).to_pylist()
        return values

    def rows(self) -> list[Values]:
        if len(self._rows) < self._count:  # many fields may ask
            self._rows = list(zip(*map(self.values, range(len(self._columns))), strict=True))
        return self._rows
