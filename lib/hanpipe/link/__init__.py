"""The link layer: pieces of octets -> Frame | Fault, a module for each kind of link."""

from collections.abc import Callable
from typing import Final, Protocol

from hanpipe.link.apdu import ApduFramer
from hanpipe.link.events import Event, Fault, Frame
from hanpipe.link.hdlc import HdlcFramer

__all__ = ["FRAMERS", "ApduFramer", "Event", "Fault", "Frame", "Framer", "HdlcFramer"]


class Framer(Protocol):
    """What cuts octets into frames and faults."""

    def feed(self, data: bytes) -> list[Event]:
        """Return what data completes, in line order. b"" means that the input has ended."""


FRAMERS: Final[dict[str, Callable[[], Framer]]] = {"auto": HdlcFramer, "hdlc": HdlcFramer, "apdu": ApduFramer}
