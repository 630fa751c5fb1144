"""Things worked out before, kept by a key; bounded, since a hostile line makes new ones for ever."""

from hanpipe.unix.typed import Any, Final

FEW: Final = 8  # things kept under one key, the last used first
_OWN_SIZE: Final = 1000  # octets that a thing takes beside its text, about


class Shelf(dict[int, list[Any]]):
    """Lists of things by their keys, with room for so many characters in all; where it is full, it starts anew."""

    def __init__(self, room: int) -> None:
        """Take the characters that there is room for."""
        super().__init__()
        self._room = self._left = room

    def put(self, key: int, thing: Any, size: int) -> None:
        """Keep a thing of so many characters. The one longest unused of its key goes; one too large stays out."""
        size += _OWN_SIZE
        if size > self._room:
            return
        if size > self._left:
            self.clear()
            self._left = self._room
        self._left -= size
        things = self.setdefault(key, [])
        things.insert(0, thing)
        del things[FEW:]

    def use(self, key: int, thing: Any) -> None:
        """Let a thing be the first to look at the next time."""
        things = self[key]
        things.remove(thing)
        things.insert(0, thing)
