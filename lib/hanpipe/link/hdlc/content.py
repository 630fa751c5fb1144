"""HDLC frame -> the APDU, or segment of one, that it carries."""

from hanpipe.link.content import Content, Segment
from hanpipe.link.hdlc.header import FCS, read_header
from hanpipe.link.octets import Malformed

_UI, _FINAL = 0x03, 0x10  # control field: unnumbered information; the P/F bit


def read_content(octets: bytes, *, whole: bool = True) -> Content:
    """Read a frame without its flags, as content.py of the links says."""
    header = read_header(octets)
    keys = {"destination": header.destination.hex(), "source": header.source.hex()}
    if header.control & 1 and header.control & ~_FINAL != _UI:
        why = f"an HDLC frame with control {header.control:02x} manages the connection: it carries no APDU"
        return Content(keys, 0, b"", refused=Malformed(header.information - 3, why))
    begin = header.information
    return Content(keys, begin, octets[begin : -FCS if whole else None], Segment(header.segmented))
