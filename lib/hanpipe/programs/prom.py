"""han-prom: readings to Prometheus."""

import argparse
import threading
import time

from hanpipe.sinks.options import add_pass, parser, sayer
from hanpipe.unix.options import is_host, positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Final

_FILE_PAUSE: Final = 10.0  # s between two writes of the file: it is scraped less often, and an SD card wears


def main(argv: list[str]) -> int:
    """Run han-prom; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    if not options.textfile and not options.listen:
        made.error("where to? --textfile FILE or --listen PORT, or both")
    return _Run(Program(options, made.prog)).run()


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-prom",
        "Show the last values of readings to Prometheus: as a file for node_exporter, or as an\n"
        "endpoint to scrape, which lasts as long as the input. Base units: energy in joules.",
        "... | han-fields | han-prom --listen 9842",
    )
    made.add_argument(
        "--textfile",
        metavar="FILE",
        help="written every 10 s, at once or not at all; name it\n/var/lib/prometheus/node-exporter/NAME.prom",
    )
    made.add_argument(
        "--listen", type=_address, metavar="[HOST:]PORT", help="http://HOST:PORT/metrics (HOST: 127.0.0.1)"
    )
    made.add_argument(
        "--stale",
        type=positive_integer,
        default=5,
        metavar="MINUTES",
        help="leave out what is no register and was not sent for\nso long (default: 5)",
    )
    add_pass(made, "")
    return made


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not (is_host(host) and port.isascii() and port.isdigit() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"'{text}' is not HOST:PORT")
    return host, int(port)


class _Run:
    """One run: readings in, the last values out."""

    def __init__(self, program: Program) -> None:
        from hanpipe.sinks.meter_finder import Whose
        from hanpipe.sinks.prometheus.metrics import Metrics
        from hanpipe.sinks.run import Running

        self._program = program
        self._running = Running(program)
        self._say = sayer(program.options, program.name)
        self._whose = Whose(program.tell)
        self._metrics = Metrics(60.0 * program.options.stale)
        self._lock = threading.Lock()  # the endpoint's threads look at the metrics
        self._file: str | None = program.options.textfile
        self._new = False  # there is something that the file does not show
        self._next = 0.0  # when it may be written again
        self._failing = ""

    def run(self) -> int:
        """Run until the input ends; return the exit status."""
        show = self._program.stats(self._running.counted)
        if self._program.options.listen:
            self._listen(*self._program.options.listen)
        for data, _ in self._program.pieces(self._patience):
            self._take(data)
            if self._file and (self._new or not data) and time.monotonic() >= self._next:
                self._write(self._file)
        self._take(b"", ended=True)
        if self._file and self._running.reader.readings:
            self._write(self._file)
        show()
        if self._failing:
            raise Failure(IO, self._failing)
        return self._running.ended()

    def _listen(self, host: str, port: int) -> None:
        """Begin to answer scrapes, until the program ends. raise: Failure: it cannot listen there."""
        from hanpipe.sinks.prometheus.http import Endpoint

        try:
            endpoint = Endpoint(host, port, self._text)
        except OSError as error:
            raise Failure(IO, f"{host}:{port}: {reason(error)}") from error
        self._program.explain(f"http://{host}:{endpoint.server_port}/metrics")

    def _take(self, data: bytes, *, ended: bool = False) -> None:
        """Take octets of the input, none where its patience is over."""
        lines = self._running.lines(data) if data or ended else []
        now = time.monotonic()
        for line in lines:
            if line.reading is not None:
                with self._lock:
                    self._metrics.take(line.reading, self._whose.of(line.reading), now)
                self._new = True
        self._running.pass_on(b"".join([line.octets for line in lines]))

    def _patience(self) -> float | None:
        """Return in how many seconds the file is to be written though nothing comes; None: it is not."""
        if not self._file:
            return None
        now = time.monotonic()
        due = 0.0 if self._new else self._metrics.until_stale(now)
        return None if due is None else max(0.0, due, self._next - now)

    def _write(self, file: str) -> None:
        """Write the file; a full disk is no reason to end."""
        from hanpipe.sinks.prometheus.metrics import write_textfile

        try:
            write_textfile(file, self._text())
        except OSError as error:
            message = f"{file}: {reason(error)}"
            if message != self._failing:
                self._say(message)
            self._failing = message
        else:
            self._failing = ""
        self._new = False
        self._next = time.monotonic() + _FILE_PAUSE

    def _text(self) -> str:
        with self._lock:
            return self._metrics.text(time.monotonic())
