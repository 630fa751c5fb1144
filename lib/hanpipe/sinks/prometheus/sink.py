"""Readings -> the last values of each meter, in a file and at an endpoint."""

import os
import threading
import time
from collections.abc import Callable

from hanpipe.sinks.errors import NotWritten
from hanpipe.sinks.meter_finder import Whose
from hanpipe.sinks.prometheus.endpoint import endpoint
from hanpipe.sinks.prometheus.metrics import Metrics
from hanpipe.sinks.readings_in import Line
from hanpipe.sinks.run import Sink
from hanpipe.unix import state
from hanpipe.unix.program import Program
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Final

_READABLE: Final = 0o666  # less the umask: the collector is another user
_FILE_PAUSE: Final = 10.0  # s between two writes of the file: it is scraped less often, and an SD card wears


class PrometheusSink(Sink):
    """Keeps the last values; writes them to the file every 10 s at most, and answers scrapes at any time."""

    def __init__(self, program: Program) -> None:
        """Take the program's options: textfile, listen, stale."""
        self._program = program
        self._whose = Whose(program.warn)
        self._metrics = Metrics(60.0 * program.options.stale)
        self._lock = threading.Lock()  # the endpoint's threads read the metrics
        self._file: str | None = program.options.textfile
        self._new = False  # the file does not have the last values
        self._readings = False
        self._next = 0.0  # when the file may be written again
        self._failing = ""

    def begin(self) -> None:
        """Start to answer scrapes. raise: NotWritten: the port cannot be used, or the file is a directory."""
        if self._file and os.path.isdir(self._file):
            raise NotWritten(f"{self._file}: expected a file, found a directory")
        if self._program.options.listen:
            host, port = self._program.options.listen
            try:
                server = endpoint(host, port, self._text)
            except OSError as error:
                raise NotWritten(f"{host}:{port}: {reason(error)}") from error
            self._program.explain(f"http://{host}:{server.port}/metrics")

    def take(self, lines: list[Line]) -> None:
        """Keep the values of readings."""
        now = time.monotonic()
        for line in lines:
            if line.reading is not None:
                with self._lock:
                    self._metrics.take(line.reading, self._whose.of(line.reading), now)
                self._new = self._readings = True

    def turn(self) -> None:
        """Write the file if it is due."""
        if self._file and self.seconds() == 0:
            self._write(self._file)

    def seconds(self) -> float | None:
        """Return the seconds until the file is due, None if it is not."""
        if not self._file:
            return None
        now = time.monotonic()
        due = 0.0 if self._new else self._metrics.until_stale(now)
        return None if due is None else max(0.0, due, self._next - now)

    def finish(self, stopping: Callable[[], bool]) -> None:
        """Write the file a last time. raise: NotWritten."""
        if self._file and self._readings:
            self._write(self._file)
        if self._failing:
            raise NotWritten(f"not written at the end: {self._failing}")

    def _write(self, file: str) -> None:
        """Write the file; a full disk does not end the program."""
        try:
            state.replace(file, self._text().encode(errors="replace"), _READABLE, durable=False)
        except OSError as error:
            message = f"{file}: {reason(error)}"
            if message != self._failing:
                self._program.report(message)
            self._failing = message
        else:
            self._failing = ""
        self._new = False
        self._next = time.monotonic() + _FILE_PAUSE

    def _text(self) -> str:
        with self._lock:
            return self._metrics.text(time.monotonic())
