"""The one run of a sink: lines of the input in, the sink's turns, lines passed on, the exit status."""

from collections.abc import Callable, Iterator

from hanpipe.sinks.errors import Denied, Misconfigured, SinkError
from hanpipe.sinks.readings_in import NO_READING, Line, ReadingReader
from hanpipe.unix.program import Program
from hanpipe.unix.status import CONFIGURATION, IO, OK, REFUSED, Failure
from hanpipe.unix.typed import Final

_PAUSE: Final = 0.05  # s between two looks at a full queue


class Sink:
    """The base of every sink. `take` must be overridden, the other methods where they have something to do.

    title: the peer or file, which begins the message when the run fails; "" for none
    keeps: the sink keeps its lines until they are delivered (`keeps_lines`); else they pass as soon as they are taken
    """

    title = ""
    keeps = False

    def begin(self) -> None:
        """Start, before the input is read. raise: SinkError: something must be changed first."""

    def take(self, lines: list[Line]) -> None:
        """Take lines of the input; the reading of a line is None if it is not one."""
        raise NotImplementedError

    def turn(self) -> None:
        """Do what is due: called after every piece of the input, and when `seconds` are over. raise: SinkError."""

    def seconds(self) -> float | None:
        """Return how long the input may be silent before a turn is due; None for ever."""
        return None

    def full(self, *, patient: bool) -> bool:
        """Return whether the input has to wait. patient: it can wait for ever, as a regular file does."""
        return False

    def delivered(self) -> bytes:
        """Return, once, the lines that are delivered by now."""
        return b""

    def finish(self, stopping: Callable[[], bool]) -> None:
        """The input has ended: do what is left. stopping: whether a signal asks for haste. raise: SinkError."""

    def used(self) -> bool:
        """Return whether any of the readings could be used; if not, the exit status says so."""
        return True

    def counters(self) -> dict[str, int]:
        """Return the sink's own counters for --stats."""
        return {}


def run(program: Program, sink: Sink, pieces: Iterator[tuple[bytes, int]] | None = None) -> int:
    """Run a sink until the input ends; return the exit status.

    pieces: the octets of the input and the time of their read; by default those of the program
    raise:  Failure: the sink could not do all of it
    """
    reader = ReadingReader()
    passing = _Passing(program, sink)
    show = program.stats(lambda: {"readings": reader.readings, "bad_lines": reader.bad, **sink.counters()})
    try:
        sink.begin()
        for data, at in program.pieces(sink.seconds) if pieces is None else pieces:
            if data:
                passing.take(_lines(program, reader, data))
            sink.turn()
            passing.pass_on()
            while sink.full(patient=not at) and not program.stopping:
                program.wait(None, _PAUSE)
                sink.turn()
                passing.pass_on()
        passing.take(_lines(program, reader, b""))
        try:
            sink.finish(lambda: program.stopping)
        finally:
            passing.pass_on()
            show()
    except SinkError as error:
        raise failure(error, sink.title) from error
    return OK if reader.readings and sink.used() else program.nothing(NO_READING)


def failure(error: SinkError, title: str = "") -> Failure:
    """Return how an error of a sink ends its program."""
    words = f"{title}: {error}" if title and not isinstance(error, Misconfigured) else str(error)
    if isinstance(error, Misconfigured):
        return Failure(CONFIGURATION, words)
    return Failure(REFUSED if isinstance(error, Denied) else IO, words)


def _lines(program: Program, reader: ReadingReader, data: bytes) -> list[Line]:
    """Return the lines that octets complete; warn, once, of one that is not a reading."""
    bad = reader.bad
    lines = reader.feed(data)
    if lines:
        program.alive()
    if reader.bad > bad:
        program.warn(f"skipped a line that is not a reading; {reader.why or 'is the input from han-fields?'}")
    return lines


class _Passing:
    """--pass: each line at once, whether the peer is there or not; for han-spool each line once it is delivered."""

    def __init__(self, program: Program, sink: Sink) -> None:
        self._program = program
        self._sink = sink
        self._passes: bool = getattr(program.options, "pass_on", False)

    def take(self, lines: list[Line]) -> None:
        self._sink.take(lines)
        if self._passes and not self._sink.keeps and lines:
            self._program.write(b"".join([line.octets for line in lines]))

    def pass_on(self) -> None:
        if self._sink.keeps and (octets := self._sink.delivered()):
            self._program.write(octets)
