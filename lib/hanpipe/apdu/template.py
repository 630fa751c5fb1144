"""A text with holes: what all lines of a shape share, and where they differ."""

from collections.abc import Iterable

from hanpipe.unix.typed import Final, NamedTuple

HOLE: Final = "NaN"  # a hole in the JSON of a skeleton: no line of han-decode holds this token


class Slot(NamedTuple):
    """A hole in a skeleton. at: index of its first value; size: octets of the clock that it holds, 0 for a number."""

    at: int
    size: int = 0


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
