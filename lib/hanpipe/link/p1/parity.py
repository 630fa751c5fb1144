"""A line of 7 bits and parity that was read as one of 8 bits."""

from collections.abc import Callable


def without_parity(octets: bytes) -> bytes:
    """Return the octets of a 7-bit line that was read with 8 bits, without the parity bits; all others as they are."""
    if octets.isascii():
        return octets
    parities = {octet.bit_count() & 1 for octet in octets}
    return bytes(octet & 0x7F for octet in octets) if len(parities) == 1 else octets


def strip_parity(octets: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Return a telegram without the parity bits of a 7-bit line, and what puts them back."""
    text = without_parity(octets)
    if text == octets:
        return octets, lambda changed: changed
    odd = octets[0].bit_count() & 1
    return text, lambda changed: bytes(octet | 0x80 * (octet.bit_count() & 1 ^ odd) for octet in changed)
