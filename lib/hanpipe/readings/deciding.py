"""Texts of a message -> the choices that follow from them: which layout fits, and who made the meter.

Meters that share a shape, with their texts as holes, need not share a plan: a meter's number decides nothing, but the
name of its list may decide the layout. So a plan is that of all messages of a shape whose texts decide the same:

- the text of an item decides whether the item is a text, or octets that cannot be printed
- it decides which patterns of the meter files it is like: of those for its code or position, if the list needs a layout
- the name of a list, and the name or number of a device, decide the maker

All else in a plan follows from types, codes and positions, which belong to the shape, and from the first octets of the
system title, which do so too.
"""

from collections.abc import Callable, Hashable
from fnmatch import fnmatchcase
from operator import call, itemgetter

from hanpipe.readings import makers, quantities
from hanpipe.readings.items import Item, printable
from hanpipe.unix.typed import Any, Final

_DEVICE_NAME: Final = "42.0.0"  # the end of its code
_FEW: Final = 64  # texts of an item that are remembered, if they are short
_SHORT: Final = 64  # characters


Deciding = Callable[[tuple[Any, ...]], Hashable]


def deciding(decided: "list[Decided]", indices: list[int]) -> Deciding:
    """Return what makes a key of the holes of a message: messages of a shape with equal keys share a plan.

    decided: what the text of each item decides; indices: of their holes
    """
    if not indices:
        return lambda holes: ()
    if len(indices) == 1:
        (one,), (index,) = decided, indices
        return lambda holes: one[holes[index]]
    pick, each = itemgetter(*indices), [one.__getitem__ for one in decided]
    return lambda holes: tuple(map(call, each, pick(holes)))


class Decided(dict[Any, Hashable]):
    """The content of an item's hole -> what its text decides."""

    __slots__ = ("_is_device", "_is_version", "_item", "_number", "_octets", "_patterns")

    def __init__(self, item: Item, needs_layout: bool, octets: Callable[[Any], bytes]) -> None:
        """Take an item with a slot for a value.

        needs_layout: whether its list has to be recognised; octets: what makes the octets of the text in a hole
        """
        self._item, self._octets = item, octets
        self._patterns = _patterns(item.key) if needs_layout else ()
        unnamed = item.key.startswith("#")
        self._is_version = unnamed or item.key in quantities.LIST_VERSION
        self._is_device = unnamed or item.key in quantities.METER_ID or item.key.endswith(_DEVICE_NAME)
        # All numbers decide the same, since no maker's name begins with a digit.
        self._number = None if self._patterns else self._decide(b"0")

    def __missing__(self, hole: Any) -> Hashable:
        octets = self._octets(hole)
        if self._number is not None and octets.isdigit():
            return self._number
        decided = self._decide(octets)
        if len(octets) <= _SHORT:
            if len(self) == _FEW:
                self.clear()
            self[hole] = decided
        return decided

    def _decide(self, octets: bytes) -> Hashable:
        text = self._item.value.text(octets)
        shown = printable(self._item.type, text)
        name = text if shown is None else shown
        return (
            shown is not None and tuple([fnmatchcase(shown, pattern) for pattern in self._patterns]),
            self._is_version and makers.of_list(name),
            self._is_device and makers.of_device(name),
        )


def _patterns(key: str) -> tuple[str, ...]:
    """Return the patterns that the meter files have for the text of a code or position."""
    from hanpipe.readings.layouts import shipped

    texts = [layout.texts for layout in shipped() if layout.proof]
    return tuple({of_key[key] for of_key in texts if key in of_key})
