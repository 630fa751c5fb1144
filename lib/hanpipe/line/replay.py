"""A file or stdin to stdout, at the pace of a line if that is wanted."""

import time
from collections.abc import Iterator

from hanpipe.unix.program import Program
from hanpipe.unix.typed import Final

_STEP: Final = 0.05  # s between two writes


def replay(program: Program, octets_per_second: float | None) -> None:
    """Write the input of a program at the pace of a line; None: at once. raise: Failure, BrokenPipeError."""
    if octets_per_second is None:
        for data, _ in program.pieces():
            program.write(data)
        return
    for data, due in paced(program.pieces(), octets_per_second):
        program.wait(None, due - time.monotonic())
        program.write(data)


def paced(pieces: Iterator[tuple[bytes, int]], octets_per_second: float) -> Iterator[tuple[bytes, float]]:
    """Cut octets into small steps, each with the time at which a line would have brought it. The pace does not drift.

    pieces: octets, and the time of their read, which is not used
    yield:  octets, and a time of time.monotonic(), in s
    """
    begin = time.monotonic()
    done = 0
    step = max(1, round(octets_per_second * _STEP))
    for data, _ in pieces:
        if time.monotonic() > begin + done / octets_per_second + 1:  # the input came late: do not hurry after it
            begin, done = time.monotonic(), 0
        for at in range(0, len(data), step):
            part = data[at : at + step]
            done += len(part)
            yield part, begin + done / octets_per_second
