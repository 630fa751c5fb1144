"""han-influx: readings to InfluxDB, or to whatever reads its line protocol."""

import argparse

from hanpipe.sinks.options import add_pass, add_tls, parser, sayer
from hanpipe.unix.options import positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, NOTHING, OK, REFUSED, Failure
from hanpipe.unix.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hanpipe.sinks.influx.server import Influx


def main(argv: list[str]) -> int:
    """Run han-influx; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    _check(options, made)
    if not options.url:
        return _print(Program(options, made.prog))
    try:
        server = _server(options, made.prog)
    except ValueError as error:
        made.error(f"--url {options.url}: {error}")
    return _Run(Program(options, made.prog), server).run()


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-influx",
        "Write readings as InfluxDB's line protocol, or post them to InfluxDB 1 or 2.\n"
        "A point's time is when its frame came, else the meter's clock if that tells its\n"
        "offset; else it has none, and only a live reading is dated right by who takes it.\n"
        "Every number is a float field; the meter's number is a tag, other texts are left out.",
        "... | han-fields | han-influx --url http://127.0.0.1:8086 --database han",
    )
    made.add_argument("--measurement", default="han", metavar="NAME", help="of all points (default: han)")
    group = made.add_argument_group("InfluxDB")
    add = group.add_argument
    add("--url", help="post there, in the place of standard output")
    add("--database", metavar="NAME", help="of version 1 (default: han)")
    add("--org", metavar="NAME", help="of version 2, with --bucket")
    add("--bucket", metavar="NAME", help="of version 2, with --org")
    add(
        "--login",
        metavar="FILE",
        help="one line: USER:PASSWORD (else $HAN_INFLUX_USER and _PASSWORD), of version 2 the token (else "
        "$HAN_INFLUX_TOKEN)",
    )
    add_tls(group)
    add("--interval", type=positive_integer, default=10, metavar="SECONDS", help="between two posts (default: 10)")
    add_pass(group)
    return made


def _check(options: argparse.Namespace, made: argparse.ArgumentParser) -> None:
    """End with a word if the options do not go together."""
    of_server = (options.database, options.org, options.bucket, options.login, options.ca)
    if not options.url and (any(of_server) or options.insecure):
        made.error("--database, --org, --bucket, --login, --ca and --insecure go with --url")
    if not options.url and options.pass_on:
        made.error("--pass goes with --url: else standard output has the points")
    if bool(options.org) != bool(options.bucket):
        made.error("--org and --bucket go together")
    if options.database and options.bucket:
        made.error("--database is of version 1, --org and --bucket are of version 2")
    if not options.measurement.strip():
        made.error("--measurement wants a name")


def _server(options: argparse.Namespace, name: str) -> "Influx":
    """Return the client that the options ask for. raise: ValueError: the URL is none; Failure."""
    from hanpipe.sinks.influx.server import Influx
    from hanpipe.sinks.peer.login import find_login, find_token
    from hanpipe.sinks.peer.tls import tls_context

    say = sayer(options, name)
    query = {"org": options.org, "bucket": options.bucket} if options.bucket else {"db": options.database or "han"}
    if options.bucket:
        token = find_token(options.login, name, say)
        authorization = f"Token {token}" if token else ""
    else:
        login = find_login(options.login, name, say)
        authorization = login.basic if login else ""
    own_trust = options.ca or options.insecure
    tls = tls_context(options.ca, options.insecure, any_host=True) if own_trust else None
    return Influx(options.url, query, authorization, tls)


def _print(program: Program) -> int:
    """Write points to standard output."""
    from hanpipe.sinks.influx.line_protocol import point
    from hanpipe.sinks.meter_finder import Whose
    from hanpipe.sinks.readings_in import ReadingReader
    from hanpipe.sinks.run import tell_bad

    reader, whose = ReadingReader(), Whose(program.tell)
    measurement = program.options.measurement

    def step(data: bytes, _: int) -> list[str]:
        readings = [line.reading for line in reader.feed(data) if line.reading is not None]
        points = [point(measurement, whose.of(reading), reading) for reading in readings]
        return [text for text in points if text]

    show = program.stats(lambda: {"readings": reader.readings, "bad_lines": reader.bad})
    found = program.stream(step, lambda told, _: "".join([f"{text}\n" for text in told]).encode(), bool)
    show()
    tell_bad(program, reader)
    return OK if found else NOTHING


class _Run:
    """One run: readings in, batches of points out."""

    def __init__(self, program: Program, server: "Influx") -> None:
        from hanpipe.sinks.influx.posting import Posting
        from hanpipe.sinks.meter_finder import Whose
        from hanpipe.sinks.retry import Waiting
        from hanpipe.sinks.run import Running

        say = sayer(program.options, program.name)
        self._program = program
        self._running = Running(program)
        self._title = server.title
        self._waiting = Waiting(server.title, say)
        self._posting = Posting(server.write, self._waiting, say, program.options.interval)
        self._whose = Whose(program.tell)
        self._undated = 0

    def run(self) -> int:
        """Run until the input ends; return the exit status."""
        show = self._program.stats(self._counters)
        for data, _ in self._program.pieces(self._posting.seconds):
            if data:
                self._take(data)
            self._deliver()
        self._end()
        show()
        if left := self._posting.left:
            status = REFUSED if self._denied() else IO
            raise Failure(status, f"{self._title}: at the end {left} readings were not posted")
        return self._running.ended()

    def _take(self, data: bytes) -> None:
        """Take octets of the input; b"" is its end."""
        for line in self._running.lines(data):
            made = b"" if line.reading is None else self._point(line.reading)
            if made or self._program.options.pass_on:
                self._posting.take(made, line.octets if self._program.options.pass_on else b"")

    def _point(self, reading: dict[str, Any]) -> bytes:
        """Return the point of a reading, b"" if there is none, or none with a time: a batch of these would be one."""
        from hanpipe.readings.flat import nanoseconds
        from hanpipe.sinks.influx.line_protocol import point

        text = point(self._program.options.measurement, self._whose.of(reading), reading)
        if text and nanoseconds(reading) is None:
            self._undated += 1
            self._program.tell("a reading without a time is not posted: InfluxDB would date it now")
            return b""
        return f"{text}\n".encode() if text else b""

    def _deliver(self, *, all_of_it: bool = False) -> None:
        """Post what is due, pass on what is dealt with.

        raise: Failure: nothing was ever taken, and no wait would help
        """
        from hanpipe.sinks.peer.http import Denied, Wrong, failure

        try:
            self._posting.post(all_of_it=all_of_it)
        except (Denied, Wrong) as error:
            raise failure(self._title, error) from error
        self._running.pass_on(self._posting.dealt_with())

    def _end(self) -> None:
        from hanpipe.sinks.run import last_tries

        self._take(b"")
        last_tries(lambda: self._deliver(all_of_it=True), lambda: self._posting.left, self._waiting)

    def _denied(self) -> bool:
        from hanpipe.sinks.peer.http import Denied

        return isinstance(self._posting.trouble, Denied)

    def _counters(self) -> dict[str, Any]:
        posting = self._posting
        return self._running.counted(
            undated=self._undated,
            posted=posting.taken,
            refused=posting.refused,
            given_up=posting.lost,
            retries=self._waiting.retries,
        )
