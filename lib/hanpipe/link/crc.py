"""CRC-16/X-25, the frame check of HDLC."""

import sys

import crcmod.predefined

# Made once: making it costs as much as a hundred frames. ISO/IEC 13239, "123456789" -> 906E.
x25 = crcmod.predefined.mkPredefinedCrcFun("x-25")

# What x25 gives over octets and their own check behind them, low octet first.
GOOD = 0x0F47


def compiled() -> bool:
    """Tell whether crcmod runs its C extension; without it a CRC costs fifteen times as much."""
    return bool(sys.modules["crcmod.crcmod"]._usingExtension)  # the package hides its module behind a name
