"""Messages of one plan -> Arrow columns, each made in bulk: an object per value would cost more than the decoding.

    holes      an array per hole, holes.py          826 828 ..., 0 0 ..., 39 41 ...
    columns    an array per field: typed, scaled    act_pow_pos 826.0 828.0, curr_L1 3.9 4.1

The scaled numbers are those of the readings: a whole number of up to 15 digits and a power of ten up to 10^22 are exact
as doubles, so that their quotient is the double next to the decimal number. A column with anything else, for example a
larger number, is made value by value.
"""

import functools
from collections.abc import Callable, Mapping

from hanpipe.apdu import cosem
from hanpipe.link.octets import Malformed
from hanpipe.readings.arrow import compute, pyarrow
from hanpipe.readings.holes import Array, Holes
from hanpipe.readings.schema import cell
from hanpipe.readings.values import Clock, Fixed, Number, Sent, Sized, Source
from hanpipe.unix.typed import Any, Final

_LARGEST: Final = 10**15
_SMALLEST_SCALER: Final = -22


class _ByValueError(Exception):
    """A column cannot be made in bulk."""


def column(source: Source, kind: str, holes: Holes, arrow: Any) -> tuple[Array, Mapping[int, Any]]:
    """Return the values of a source in all rows as an array, and those that it cannot hold exactly, by their row.

    kind: as of schema.kind_of; arrow: the type of the array
    """
    if isinstance(source, Fixed):
        value = source.value(())
        one = None if value is None else cell(kind, value)
        lost = dict.fromkeys(range(len(holes)), value) if one is None and value is not None else {}
        return pyarrow.repeat(pyarrow.scalar(one, arrow), len(holes)), lost
    make = _BULK.get((type(source), kind))
    if make is not None:
        try:
            return make(source, holes), {}
        except (_ByValueError, Malformed, OverflowError, pyarrow.ArrowInvalid):
            pass  # value by value
    return by_value(kind, list(map(source.getter(), holes.all_rows())), arrow)


def by_value(kind: str, values: "list[Any] | tuple[Any, ...]", arrow: Any) -> tuple[Array, Mapping[int, Any]]:
    """Return values of readings as an array, and those that it cannot hold exactly, by their row."""
    cells = [None if value is None else cell(kind, value) for value in values]
    lost = {
        row: value
        for row, (one, value) in enumerate(zip(cells, values, strict=True))
        if one is None and value is not None
    }
    return pyarrow.array(cells, arrow), lost


def _whole(source: Number, holes: Holes) -> Array:
    """Return the numbers in a hole, times the factor and a scaler from 0 on."""
    numbers = holes.numbers(source.index)
    factor = source.factor * 10 ** max(source.scaler, 0)
    return numbers if factor == 1 else compute.multiply_checked(numbers, pyarrow.scalar(factor, pyarrow.int64()))


def _integers(source: Number, holes: Holes) -> Array:
    if source.scaler < 0:
        raise _ByValueError
    return _whole(source, holes)


def _doubles(source: Number, holes: Holes) -> Array:
    numbers = _whole(source, holes)
    extremes = compute.min_max(numbers).as_py()
    if max(abs(extremes["min"]), abs(extremes["max"])) > _LARGEST or source.scaler < _SMALLEST_SCALER:
        raise _ByValueError
    doubles = numbers.cast(pyarrow.float64())
    return compute.divide(doubles, float(10**-source.scaler)) if source.scaler < 0 else doubles


def _sized(source: Sized, holes: Holes) -> Array:
    if not (isinstance(source.below, Number) and isinstance(source.above, Number)):
        raise _ByValueError
    deciding = [holes.numbers(index) for index in source.indices]
    is_above = compute.greater(compute.max_element_wise(*deciding), source.limit)
    return compute.if_else(is_above, _doubles(source.above, holes), _doubles(source.below, holes))


def _clocks(source: Clock, holes: Holes) -> Array:
    if source.size != cosem.CLOCK_SIZE:
        raise _ByValueError
    date, time, offset = (holes.numbers(source.index + part) for part in range(3))
    time = compute.bit_wise_and(time, _TIME_OF_DAY)
    parts = _each(_date, date), _each(_time, time), _each(_offset, offset)
    return compute.binary_join_element_wise(*parts, "")


def _each(write: Callable[[int], str], numbers: Array) -> Array:
    """Return the text of each number; few of them differ."""
    known = numbers.dictionary_encode()
    return pyarrow.array(map(write, known.dictionary.to_pylist()), pyarrow.string()).take(known.indices)


def _texts(source: Sent, holes: Holes) -> Array:
    """Return the texts in a hole, which are those of the meters: few differ."""
    octets = holes.values(source.slot.at)
    known = {one: source.of_octets(one) for one in set(octets)}
    return pyarrow.array([known[one] for one in octets], pyarrow.string())


_TIME_OF_DAY: Final = 0xFFFFFF  # without the day of the week
_date: Final = functools.lru_cache(4096)(cosem.date)
_time: Final = functools.lru_cache(86400)(cosem.time)  # all seconds of a day
_offset: Final = functools.lru_cache(256)(cosem.offset)

# How a source becomes a column of a kind in bulk.
_BULK: Final[dict[tuple[type, str], Callable[[Any, Holes], Array]]] = {
    (Number, "int"): _integers,
    (Number, "double"): _doubles,
    (Sized, "double"): _sized,
    (Clock, "text"): _clocks,
    (Sent, "text"): _texts,
}
