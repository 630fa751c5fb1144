"""Readings -> batches of points for InfluxDB, or points on standard output."""

import time
from collections.abc import Callable

from hanpipe.readings.flat import nanoseconds
from hanpipe.sinks.errors import Refused
from hanpipe.sinks.influx.line_protocol import point
from hanpipe.sinks.influx.server import Influx
from hanpipe.sinks.meter_finder import Whose
from hanpipe.sinks.passing import keeps_lines
from hanpipe.sinks.peer.delivery import Batches, Delivery
from hanpipe.sinks.queue import Queue
from hanpipe.sinks.readings_in import Line
from hanpipe.sinks.retry import Waiting
from hanpipe.sinks.run import Sink
from hanpipe.unix.program import Program
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Any, Final

_INTERVAL: Final = 10  # s between two posts, by default
BATCH: Final = 5000  # points a request, as InfluxDB's documentation advises
_LARGEST: Final = 500_000  # octets a request: a proxy such as nginx refuses more than 1 MiB by default
_MOST: Final = 8_000_000  # octets that wait: about a day of a meter that sends every 2.5 s


class InfluxSink(Sink):
    """Points in the order in which they came, posted every `interval` seconds, or when many wait."""

    def __init__(self, program: Program, server: Influx, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the program's options (measurement, interval, pass_on) and the server."""
        self.title = server.title
        self._program = program
        self._server = server
        self._clock = clock
        self._interval: int = program.options.interval or _INTERVAL
        self.keeps = keeps_lines(program.options)
        self._waiting = Waiting(server.title, program.report, clock)
        self._queue = Queue(_MOST, lossless=self.keeps)
        batches = Batches(BATCH, _LARGEST)
        self._delivery = Delivery(self._queue, self._send, self._waiting, program.report, batches, clock)
        self._whose = Whose(program.warn)
        self._taken = self._undated = 0
        self._due = 0.0

    def take(self, lines: list[Line]) -> None:
        """Queue the point of each reading."""
        for line in lines:
            made = b"" if line.reading is None else self._point(line.reading)
            if made and not len(self._queue):
                self._due = self._clock() + self._interval
            given_up = self._queue.given_up
            self._queue.put([(None, made)] if made else [], line.octets if self.keeps else b"", len(made))
            if self._queue.given_up > given_up:
                self._program.warn("too many readings wait for the server: the oldest are given up")

    def _point(self, reading: dict[str, Any]) -> bytes:
        """Return the point of a reading; b"" if it has no number or no time: InfluxDB would date it now."""
        text = point(self._program.options.measurement, self._whose.of(reading), reading)
        self._taken += 1
        if text and nanoseconds(reading) is None:
            self._undated += 1
            self._program.warn("skipped a reading without a time: InfluxDB would date it now")
            return b""
        return f"{text}\n".encode() if text else b""

    def _send(self, points: list[bytes]) -> None:
        try:
            self._server.write(b"".join(points))
        except Refused as refusal:
            some = counted(len(points), "reading")
            raise type(refusal)(f"the server refused {some}, or a part of that: {refusal}") from refusal

    def turn(self) -> None:
        """Post what is due."""
        if not self.seconds() and len(self._queue):
            self._delivery.deliver()
            self._due = self._clock() + self._interval

    def seconds(self) -> float | None:
        """Return the seconds until there is something to post, None if nothing waits."""
        if not len(self._queue):
            return None
        at_once = len(self._queue) >= BATCH or self._queue.full
        due = 0.0 if at_once else max(0.0, self._due - self._clock())
        return max(due, self._waiting.seconds())

    def full(self, *, patient: bool) -> bool:
        """Let the input wait while the server takes what is queued; a file's even while it is away."""
        return self._queue.full and (patient or not self._waiting.away)

    def delivered(self) -> bytes:
        """Return the lines whose points were taken or refused."""
        return self._queue.delivered()

    def finish(self, stopping: Callable[[], bool]) -> None:
        """Post what is left."""
        if self._undated:
            undated = counted(self._undated, "reading", self._taken)
            self._program.report(f"skipped {undated}, as they have no time; records of han-frame have one")
        self._delivery.finish("reading")

    def used(self) -> bool:
        """Return whether a reading had a time."""
        return self._taken > self._undated

    def counters(self) -> dict[str, int]:
        """Return the counters of --stats."""
        return {
            "undated": self._undated,
            "posted": self._delivery.taken,
            "refused": self._delivery.refused,
            "given_up": self._queue.given_up,
            "retries": self._waiting.retries,
        }


class Printing(Sink):
    """Writes a point for each reading to standard output."""

    def __init__(self, program: Program) -> None:
        """Take the program, whose options have the measurement."""
        self._program = program
        self._whose = Whose(program.warn)

    def take(self, lines: list[Line]) -> None:
        """Write the points of readings that have a number."""
        readings = [line.reading for line in lines if line.reading is not None]
        points = [point(self._program.options.measurement, self._whose.of(one), one) for one in readings]
        if text := "".join([f"{made}\n" for made in points if made]):
            self._program.write(text.encode())
