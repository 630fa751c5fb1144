"""The link layer: pieces of octets -> Frame | Fault, a module for each kind of link."""

import importlib
from collections.abc import Callable

from hanpipe.link.kinds import Event, Fault, Frame
from hanpipe.unix.typed import Final, Protocol

__all__ = ["FRAMERS", "Event", "Fault", "Frame", "Framer"]


class Framer(Protocol):
    """What cuts octets into frames and faults."""

    def feed(self, data: bytes) -> list[Event]:
        """Return what data completes, in line order. b"" means that the input has ended."""


def _made_by(module: str, name: str) -> Callable[[], Framer]:
    """Return what makes a framer. Its module is read only then: each costs a start of a program some ms."""

    def make() -> Framer:
        framer: Framer = getattr(importlib.import_module(f"hanpipe.link.{module}"), name)()
        return framer

    return make


# By the words of --link; escaped is HDLC with octet transparency, which cannot be told from the octets.
FRAMERS: Final[dict[str, Callable[[], Framer]]] = {
    "auto": _made_by("auto", "AutoFramer"),
    "hdlc": _made_by("hdlc", "HdlcFramer"),
    "mbus": _made_by("mbus", "MbusFramer"),
    "p1": _made_by("p1", "P1Framer"),
    "apdu": _made_by("apdu", "ApduFramer"),
    "escaped": _made_by("escaped", "EscapedFramer"),
}
