"""HDLC frame whose information was replaced -> the same with its FCS made anew."""

import struct

from hanpipe.link.crc import x25
from hanpipe.link.hdlc.header import FCS


def remake(before: bytes, after: bytes) -> bytes:
    """Return the frame with its check made for its new octets. before: the frame with its old ones."""
    return after[:-FCS] + struct.pack("<H", x25(after[:-FCS]))
