"""Octets -> lines of bounded length, for every program that reads lines of JSON."""

from hanpipe.unix.typed import Final

LONGEST: Final = 1_000_000  # octets; a longer line is cut, so that a line without an end cannot fill the memory


class Lines:
    """Feed it octets in pieces of any size; the lines do not depend on the pieces and hold every octet."""

    def __init__(self, longest: int = LONGEST) -> None:
        """Start with an empty line. longest: octets of a line."""
        self._longest = longest
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that data completes, each with its line end. b"" means that the input has ended."""
        self._rest += data
        if data and b"\n" not in data and len(self._rest) <= self._longest:
            return []
        *whole, rest = bytes(self._rest).split(b"\n")
        lines = [line + b"\n" for line in whole]
        if rest and (not data or len(rest) > self._longest):
            lines.append(rest)
            rest = b""
        self._rest = bytearray(rest)
        return lines
