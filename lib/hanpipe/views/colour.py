"""Colours of a terminal: dim offsets and structure, bold values, red where something is wrong."""

import os


class Colour:
    """Paints text, or leaves it as it is."""

    __slots__ = ("_on",)

    def __init__(self, *, on: bool) -> None:
        """Paint only if on."""
        self._on = on

    def dim(self, text: str) -> str:
        """Paint offsets and structure."""
        return self._paint("2", text)

    def bold(self, text: str) -> str:
        """Paint values."""
        return self._paint("1", text)

    def red(self, text: str) -> str:
        """Paint what is wrong."""
        return self._paint("31", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and text else text


def colour_of_stdout() -> Colour:
    """Return colour for a terminal, none for a file or pipe, or where NO_COLOR is set (no-color.org)."""
    return Colour(on=os.isatty(1) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")
