"""Which meter a reading is of, and what is kept of each: most lists leave the number of the meter out."""

from collections import OrderedDict
from collections.abc import Callable

from hanpipe.readings.flat import source_of
from hanpipe.unix.typed import Any, Final, Generic, TypeVar

T = TypeVar("T")

MOST_METERS: Final = 20_000  # whose state a program keeps

Key = tuple[str, str | int | None]  # source, "" for none, and number of a meter


class Meters(Generic[T]):
    """Keeps a state for each meter.

    known: the states by source and number, the one longest silent first
    """

    def __init__(self, new: Callable[[], T]) -> None:
        """Take what makes the state of a meter that was not heard before."""
        self.known: OrderedDict[Key, T] = OrderedDict()
        self._new = new
        self._last: dict[str, Key] = {}  # of the meter heard last, by source

    def of(self, reading: dict[str, Any]) -> T:
        """Return the state of a reading's meter; one without a number is of the meter that its source sent last."""
        source, number = source_of(reading), reading.get("meter_ID")
        has_number = isinstance(number, str | int)
        key = (source, number) if has_number else self._last.get(source, (source, None))
        if key not in self.known:
            self.known[key] = self._first(key)
        if has_number:
            self._last[source] = key
        self.known.move_to_end(key)
        return self.known[key]

    def forget(self, key: Key) -> None:
        """Drop the state of a meter."""
        del self.known[key]
        if self._last.get(key[0]) == key:
            del self._last[key[0]]

    def _first(self, key: Key) -> T:
        """Return the state for a meter that was not heard before."""
        source = key[0]
        if source not in self._last and (source, None) in self.known:
            return self.known.pop((source, None))  # the first readings of a meter had no number
        return self._new()
