"""A cache with a bound: a hostile line makes new things to remember for ever."""

from collections.abc import Callable

from hanpipe.unix.typed import Any, Final

MOST_PER_KEY: Final = 32  # things kept under one key: to try them all costs less than to read a message anew
_OVERHEAD: Final = 1000  # characters that count for each thing, besides its text


class BoundedCache(dict[int, list[Any]]):
    """Lists of things by their keys, with a capacity in characters of text. When it is full, it starts anew."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = self._left = capacity

    def add(self, key: int, thing: Any, size: int) -> None:
        """Keep a thing whose text has so many characters.

        It takes the place of the thing of its key that was not used for the longest time. A thing larger than the whole
        cache is not kept.
        """
        size += _OVERHEAD
        if size > self._capacity:
            return
        if size > self._left:
            self.clear()
            self._left = self._capacity
        self._left -= size
        things = self.setdefault(key, [])
        things.insert(0, thing)
        del things[MOST_PER_KEY:]

    def touch(self, key: int, thing: Any) -> None:
        """Move a thing that was used to the front of the list of its key."""
        things = self[key]
        things.remove(thing)
        things.insert(0, thing)

    def take(self, key: int, is_it: Callable[[Any], bool]) -> Any:
        """Remove the first thing of a key that a function chooses, and return it; None if it chooses nothing."""
        things = self.get(key, [])
        for at, thing in enumerate(things):
            if is_it(thing):
                return things.pop(at)
        return None
