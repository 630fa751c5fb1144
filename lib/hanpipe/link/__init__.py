"""The link layer: pieces of octets -> Frame | Fault. Each link is a row of kinds.LINKS and a room of that name."""

from collections.abc import Callable

from hanpipe.link.kinds import GOOD, LINKS, Event, Fault, Frame
from hanpipe.unix.late import imported
from hanpipe.unix.typed import Final, Protocol

__all__ = ["FRAMERS", "Event", "Fault", "Frame", "Framer", "new_detector"]


class Framer(Protocol):
    """Finds the frames in the octets of a line."""

    def feed(self, data: bytes) -> list[Event]:
        """Return the frames and faults that data completes, in line order. b"" means that the input has ended."""


def _made_by(module: str, name: str) -> Callable[[], Framer]:
    """Return a function that makes the framer NameFramer of a module.

    It imports the module when it is called, because each import delays the start of a program by some ms.
    """

    def make() -> Framer:
        framer: Framer = getattr(imported(f"link.{module}"), f"{name.capitalize()}Framer")()
        return framer

    return make


# By the words of --link. escaped is HDLC with octet transparency, which cannot be recognised from the octets.
FRAMERS: Final[dict[str, Callable[[], Framer]]] = {
    "auto": _made_by("auto", "auto"),
    **{link.name: _made_by(f"{link.name}.framer", link.name) for link in LINKS},
    "escaped": _made_by("hdlc.escaped", "escaped"),
}


def new_detector() -> Callable[[bytes], bool]:
    """Return a function that takes a line's octets piece by piece, and returns whether a piece completes a good frame.

    The frame may be of any link whose frames have a check of their own.
    """
    framer = FRAMERS["auto"]()
    return lambda data: any(kind in GOOD and GOOD[kind].checked for kind, _ in framer.feed(data))
