"""Frames and faults -> their octets, named, for people: as far as the octets go, whatever is wrong with them.

Each link has two functions in its parts.py:

    parts_of(kind, octets) -> list[Part]   together they hold all octets, in order; kind: of link/kinds.py
    announced(octets) -> int | None        how many octets the frame says that it has; None if it does not, or is cut
                                           before it says so
"""

from collections.abc import Callable

from hanpipe.link.crc import x25
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import NamedTuple

HEX, WIDE, TEXT = "hex", "wide", "text"  # 8 octets a row with a label; 16 with their characters; lines of a telegram


class Part(NamedTuple):
    """Octets that follow those of the part before, and what they are.

    wrong: whether the label tells of a fault; form: HEX, WIDE or TEXT
    """

    octets: bytes
    label: str
    wrong: bool = False
    form: str = HEX


class Cut:
    """Cuts octets into parts, from the front, as far as they go."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.at = 0
        self.parts: list[Part] = []

    def take(self, size: int, label: str, *, wrong: bool = False) -> None:
        """Cut off a part; where octets are missing, say so."""
        piece = self.octets[self.at : self.at + size]
        if piece:
            label += f" (cut: {len(piece)} of {size})" if len(piece) < size else ""
            self.parts.append(Part(piece, label, wrong or len(piece) < size))
            self.at += len(piece)

    def field(self, name: str, meaning: Callable[[int], str] | None = None) -> None:
        """Cut off a field of one octet."""
        piece = self.octets[self.at : self.at + 1]
        self.take(1, name + (f": {meaning(piece[0])}" if meaning and piece else ""))

    def information(self, end: int) -> None:
        """Cut off the octets up to `end`."""
        size = end - self.at
        there = min(size, len(self.octets) - self.at)
        short = counted(there, "octet", size) if there < size else counted(size, "octet")
        if there > 0:
            self.parts.append(Part(self.octets[self.at : self.at + there], f"information, {short}", there < size))
            self.at += there

    def check(self, name: str) -> bool:
        """Cut off a CRC of all octets before it; return its verdict."""
        piece = self.octets[self.at : self.at + 2]
        found, expected = int.from_bytes(piece, "little"), x25(self.octets[: self.at])
        if len(piece) < 2:
            self.take(2, name, wrong=True)
            return False
        wrong = found != expected
        self.take(
            2, f"{name} wrong: found {found:04x}, expected {expected:04x}" if wrong else f"{name} good", wrong=wrong
        )
        return not wrong

    def rest(self, label: str) -> list[Part]:
        """Cut off what is left, and return all parts."""
        left = len(self.octets) - self.at
        self.take(left, f"{label}, {left:,} octet{'s' if left > 1 else ''}", wrong=True)
        return self.parts
