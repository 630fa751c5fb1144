"""Damage: octets changed, lost, added or repeated."""

import random

# Octets that mean something to a reader: flags, starts, tags, lengths.
TELLING = (0, 1, 2, 9, 0x0F, 0x13, 0x2F, 0x21, 0x68, 0x7E, 0x7F, 0x80, 0x82, 0xDB, 0xE0, 0xFF)


def spoilt(octets: bytes, chance: random.Random) -> bytes:
    """Change, lose, add or repeat some octets."""
    data = bytearray(octets)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at, size = chance.randrange(len(data) + 1), chance.choice((1, 2, 20, 100))
        kind = chance.randrange(5)
        if kind == 0:
            data[at : at + 1] = bytes([chance.choice((*TELLING, chance.randrange(256)))])
        elif kind == 1:
            del data[at : at + size]
        elif kind == 2:
            data[at:at] = chance.randbytes(size)
        elif kind == 3:
            data[at:at] = data[at : at + size] * chance.choice((1, 40))
        elif at < len(data):
            data[at] ^= 1 << chance.randrange(8)
    return bytes(data[:60_000])
