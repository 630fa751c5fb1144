"""Lines that the sink was given and has not passed on yet: it acknowledges a line by passing it on."""

from typing import NamedTuple


class Passed(NamedTuple):
    """The meaning of the sink's output.

    taken:   octets from the front of the flight that need no more care
    lines:   those of them that were passed on, joined
    skipped: how many of them were not
    strange: a line that the sink was never given, or b""
    """

    taken: int
    lines: bytes
    skipped: int
    strange: bytes


class Flight:
    """Lines on their way, in order. A sink takes them in order, so a line passed on speaks for those before it."""

    def __init__(self) -> None:
        """Begin with nothing on its way."""
        self._octets = bytearray()
        self._rest = bytearray()  # of the sink's output: a line that is not whole

    def __len__(self) -> int:
        return len(self._octets)

    def add(self, octets: bytes) -> None:
        """Take whole lines that the sink is given."""
        self._octets += octets

    def passed(self, data: bytes) -> Passed:
        """Take octets of the sink's output."""
        self._rest += data
        whole = bytes(self._rest[: self._rest.rfind(b"\n") + 1])
        del self._rest[: max(len(whole), len(self._rest) - len(self._octets) - 1)]  # more than any line on its way
        if self._octets.startswith(whole):
            del self._octets[: len(whole)]
            return Passed(len(whole), whole, 0, b"")
        return self._line_by_line(whole)

    def _line_by_line(self, whole: bytes) -> Passed:
        taken = skipped = 0
        lines = []
        strange = b""
        for line in [part + b"\n" for part in whole.split(b"\n")[:-1]]:
            at = self._find(line)
            if at < 0:
                strange = strange or line
                continue
            skipped += self._octets.count(b"\n", 0, at)
            taken += at + len(line)
            del self._octets[: at + len(line)]
            lines.append(line)
        return Passed(taken, b"".join(lines), skipped, strange)

    def _find(self, line: bytes) -> int:
        """Return the first place of a whole line, -1 if it is not there."""
        if self._octets.startswith(line):
            return 0
        at = self._octets.find(b"\n" + line)
        return at if at < 0 else at + 1
