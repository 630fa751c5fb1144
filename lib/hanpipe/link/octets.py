"""Shared by all readers of octets: the exception that they raise, and lengths in BER."""


class Malformed(Exception):
    """Octets that cannot be read as what they should be. The stage's edge turns it into a fault.

    offset: where, counted from the first octet that the reader was given
    what:   what is wrong there, in words for a person
    """

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(offset, what)
        self.offset = offset
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} at octet {self.offset}"


def read_length(octets: bytes, at: int) -> tuple[int, int]:
    """Read a length or count in BER: one octet below 128, else 80 plus the number of octets that hold it.

    return: the length, and the offset after it
    """
    if at >= len(octets):
        raise Malformed(at, "ends before a length")
    first, at = octets[at], at + 1
    if first < 0x80:
        return first, at
    end = at + first - 0x80
    if not at < end <= min(at + 4, len(octets)):
        raise Malformed(at - 1, f"length octet {first:02x}")
    return int.from_bytes(octets[at:end], "big"), end
