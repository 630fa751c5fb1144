"""CRC-16/X-25, the frame check of HDLC, and CRC-16/ARC, that of P1."""

import functools
import sys
from collections.abc import Callable

import crcmod.predefined

# Octets -> the register of the FCS after them, ISO/IEC 13239. Made once: making it costs as much as a hundred frames.
# Each frame goes through it, so nothing is around it.
residue = crcmod.mkCrcFun(0x11021, initCrc=0xFFFF, rev=True, xorOut=0)

# The residue of octets followed by their own check, low octet first: RFC 1662, appendix C.2.
GOOD = 0xF0B8


def x25(octets: bytes) -> int:
    """Return the CRC-16/X-25 of octets, what an HCS or FCS must be: ISO/IEC 13239, "123456789" -> 906E."""
    return int(residue(octets)) ^ 0xFFFF


def arc(octets: bytes) -> int:
    """Return the CRC-16/ARC of octets: DSMR P1 5.0.2, 6.2, "123456789" -> BB3D."""
    return _arc()(octets)


@functools.cache
def _arc() -> Callable[[bytes], int]:
    """Make the function only where a telegram is met: it costs a start of 0.2 ms."""
    made: Callable[[bytes], int] = crcmod.predefined.mkPredefinedCrcFun("crc-16")
    return made


def compiled() -> bool:
    """Tell whether crcmod runs its C extension; without it a CRC costs fifteen times as much."""
    return bool(sys.modules["crcmod.crcmod"]._usingExtension)  # the package gives its module another name
