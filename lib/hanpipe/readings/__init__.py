"""Typed data -> readings: named, scaled, exact. The room can be called: hanpipe.readings(stream), see stream.py."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hanpipe.readings.reading import Reading


class _Room(type(sys)):  # type: ignore[misc]  # the type of modules
    """The public function and the room have one name, so the room is callable."""

    def __call__(self, *arguments: "Any", **options: "Any") -> "Iterator[Reading]":
        from hanpipe.readings.stream import readings

        return readings(*arguments, **options)


sys.modules[__name__].__class__ = _Room
