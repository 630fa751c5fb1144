"""Events -> their fields, named: by the parts.py of the link on which they were met."""

from types import ModuleType

from hanpipe.link import kinds
from hanpipe.link.kinds import FAULTS, Link
from hanpipe.link.p1.parity import without_parity
from hanpipe.link.parts import WIDE, Part
from hanpipe.unix.late import imported
from hanpipe.unix.typed import Final

_SLASH_WITH_PARITY: Final = b"\xaf"


def parts_of(kind: str, octets: bytes) -> list[Part]:
    """Name the parts of an event; together they hold all its octets, in order. kind: of link/kinds.py."""
    link = link_of(kind, octets)
    if link is None:
        return [Part(octets, "", form=WIDE)]
    parts: list[Part] = _module(link).parts_of(kind, octets)
    return parts


def link_of(kind: str, octets: bytes) -> Link | None:
    """Say on which link an event was met; None for noise."""
    with_parity = kind in FAULTS and octets[:1] == _SLASH_WITH_PARITY
    return kinds.link_of(kind, without_parity(octets) if with_parity else octets)


def announced(link: Link | None, octets: bytes) -> int | None:
    """Return how many octets the frame says that it has; None if it does not, or is cut before it says so."""
    length: int | None = _module(link).announced(octets) if link else None
    return length


def _module(link: Link) -> ModuleType:
    return imported(f"link.{link.name}.parts")
