"""A text with holes: what all lines of a shape share, and where they differ."""

import json
from collections.abc import Iterable, Sequence

from hanpipe.unix.typed import Final, NamedTuple

OCTET_STRING: Final = "octet-string"
VISIBLE_STRING: Final = "visible-string"
quoted: Final = json.encoder.encode_basestring_ascii  # what json.dumps makes of a string, in a tenth of its time
HOLE: Final = "NaN"  # a hole in the JSON of a skeleton: no line of han-decode holds this token


class Slot(NamedTuple):
    """A hole in a skeleton. at: index of its first value; size: octets of the clock that it holds, 0 for a number."""

    at: int
    size: int = 0


class TextSlot(NamedTuple):
    """The hole of a text in a skeleton. at: index of its value, which is octets; type: of the text."""

    at: int
    type: str

    def text(self, octets: bytes) -> str:
        """Return the text as han-decode writes it: an octet-string in hex, a visible-string as Latin-1."""
        return octets.hex() if self.type == OCTET_STRING else octets.decode("latin-1")


class Text(str):
    """The text that one message has in a hole; those of other messages of the shape differ. slot: the hole."""

    __slots__ = ("slot",)
    slot: TextSlot

    @classmethod
    def of(cls, slot: TextSlot, octets: bytes) -> "Text":
        """Return the text in a slot of a message."""
        text = cls(slot.text(octets))
        text.slot = slot
        return text


def differing(these: Sequence[object], those: Sequence[object]) -> set[int]:
    """Return which texts of two shapes of a kind differ, counted from 0; None is a text that already is a hole."""
    return {at for at, (one, other) in enumerate(zip(these, those, strict=True)) if one != other}


class Template:
    """Write its text with add() and hole(), in order; fill() then gives lines.

    Pieces are joined, not formatted: a long text with few holes is copied piece by piece, where % would look at each
    character of it.
    """

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        """Begin with an empty text."""
        self._pieces = [""]  # texts, and at each odd place a hole

    def add(self, text: str) -> None:
        """Append text."""
        self._pieces[-1] += text

    def hole(self) -> None:
        """Append a hole."""
        self._pieces += ["", ""]

    def fill(self, texts: Iterable[str]) -> str:
        """Return the text with its holes filled. raise: ValueError: not as many texts as holes."""
        pieces = self._pieces.copy()
        pieces[1::2] = texts
        return "".join(pieces)
