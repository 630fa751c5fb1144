"""APDU without a frame -> one part."""

from hanpipe.link.parts import Part
from hanpipe.unix.stderr import counted


def announced(octets: bytes) -> int | None:
    """Return None: nothing around the APDU says how long it is."""
    return None


def parts_of(kind: str, octets: bytes) -> list[Part]:
    """Name all octets."""
    return [Part(octets, f"information, {counted(len(octets), 'octet')}")]
