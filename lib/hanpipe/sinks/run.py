"""What the programs of the sinks do alike: the lines of the input, what the user hears of them, and the end."""

import time
from collections.abc import Callable

from hanpipe.sinks.readings_in import Line, ReadingReader
from hanpipe.sinks.retry import Waiting
from hanpipe.unix.program import Program
from hanpipe.unix.status import NOTHING, OK
from hanpipe.unix.typed import Any, Final

_LAST_PATIENCE: Final = 2.0  # s for what is left when the input has ended


class Running:
    """One run of a sink, as far as it is that of any."""

    def __init__(self, program: Program) -> None:
        """Take the run."""
        self.reader = ReadingReader()
        self._program = program
        self._passes_on: bool = program.options.pass_on

    def lines(self, data: bytes) -> list[Line]:
        """Return the lines that octets of the input complete; b"" is its end. What is no reading is told, once."""
        lines = self.reader.feed(data)
        for line in lines:
            if line.reading is not None:
                self._program.alive()
            elif line.octets.strip():
                self._program.tell("a line of the input is no reading: is han-fields in front?")
        return lines

    def pass_on(self, octets: bytes) -> None:
        """Write lines that are dealt with, where --pass asks for them."""
        if self._passes_on and octets:
            self._program.write(octets)

    def counted(self, **more: int) -> dict[str, Any]:
        """Return the counters of --stats, in front of a sink's own."""
        return {"readings": self.reader.readings, "bad_lines": self.reader.bad, **more}

    def ended(self) -> int:
        """Return the exit status of a run in which nothing was left undone."""
        return OK if self.reader.readings else NOTHING


def tell_bad(program: Program, reader: ReadingReader) -> None:
    """Tell, at the end, how many lines were no readings: of sinks that read archives."""
    if reader.bad:
        program.tell(f"{reader.bad:,} lines of the input were no readings: is han-fields in front?")


def last_tries(deliver: Callable[[], None], left: Callable[[], int], waiting: Waiting) -> None:
    """Deliver what is left when the input has ended, again after the pauses that are short."""
    end = time.monotonic() + _LAST_PATIENCE
    deliver()
    while left() and (pause := waiting.seconds()) < end - time.monotonic():
        time.sleep(pause)
        deliver()
