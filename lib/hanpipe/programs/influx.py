"""han-influx: readings to InfluxDB, or to whatever reads its line protocol."""

import argparse
import os
import stat
import time
from collections.abc import Callable

from hanpipe import cli
from hanpipe.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.sinks.influx import Influx

_LAST_PATIENCE: Final = 2.0  # s for what is left to write when the input has ended


def main(argv: list[str]) -> int:
    """Run han-influx; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    _check(options, parser)
    if not options.url:
        return _print(cli.Program(options, parser.prog))
    try:
        server = _server(options, parser.prog)
    except ValueError as error:
        parser.error(f"--url {options.url}: {error}")
    return _Run(cli.Program(options, parser.prog), server).run()


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(
        "han-influx",
        "Write readings as InfluxDB's line protocol, or post them to InfluxDB 1 or 2.\n"
        "A point's time is when its frame came, else the meter's clock if that tells its\n"
        "offset; else it has none, and only a live reading is dated right by who takes it.\n"
        "Every number is a float field; the meter's number is a tag, other texts are left out.",
        "... | han-fields | han-influx --url http://127.0.0.1:8086 --database han",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="lines of han-fields; - or none: standard input",
    )
    parser.add_argument("--measurement", default="han", metavar="NAME", help="of all points (default: han)")
    add = parser.add_argument_group("InfluxDB").add_argument
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
    add("--ca", metavar="FILE", help="https: trust this certificate, whatever host it names")
    add("--insecure", action="store_true", help="https: trust any certificate")
    add("--interval", type=cli.count, default=10, metavar="SECONDS", help="between two posts (default: 10)")
    add("--pass", dest="pass_on", action="store_true", help="pass each line on once it is dealt with")
    return parser


def _check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """End with a word if the options do not go together."""
    of_server = (options.database, options.org, options.bucket, options.login, options.ca)
    if not options.url and (any(of_server) or options.insecure):
        parser.error("--database, --org, --bucket, --login, --ca and --insecure go with --url")
    if not options.url and options.pass_on:
        parser.error("--pass goes with --url: else standard output has the points")
    if bool(options.org) != bool(options.bucket):
        parser.error("--org and --bucket go together")
    if options.database and options.bucket:
        parser.error("--database is of version 1, --org and --bucket are of version 2")
    if not options.measurement.strip():
        parser.error("--measurement wants a name")


def _server(options: argparse.Namespace, name: str) -> "Influx":
    """Return the client that the options ask for. raise: ValueError: the URL is none; cli.Failure."""
    from hanpipe.sinks.influx import Influx, basic
    from hanpipe.sinks.login import find_login

    def tell(message: str) -> None:
        if not options.quiet:
            cli.say(name, message)

    if options.bucket:
        query = {"org": options.org, "bucket": options.bucket}
        token = _find_token(options.login, tell)
        server = Influx(options.url, query, f"Token {token}" if token else "")
    else:
        login = find_login(options.login, name, tell)
        server = Influx(options.url, {"db": options.database or "han"}, basic(login) if login else "")
    if options.ca or options.insecure:
        from hanpipe.sinks.domoticz import tls_context

        server.tls = tls_context(options.ca, options.insecure)
    return server


def _find_token(file: str | None, tell: Callable[[str], None]) -> str | None:
    """Find the token of version 2: in the file, in $HAN_INFLUX_TOKEN, or in the credential han-influx.

    raise: cli.Failure: the file cannot be read, or holds no token
    """
    if file is None and (token := os.environ.get("HAN_INFLUX_TOKEN")):
        return token
    credential = f"{os.environ.get('CREDENTIALS_DIRECTORY', '')}/han-influx"
    if file is None and not os.path.isfile(credential):
        return None
    try:
        with open(file or credential, encoding="ascii") as opened:
            token = opened.read().strip()
            others = os.fstat(opened.fileno()).st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except (OSError, UnicodeDecodeError) as error:
        why = cli.reason(error) if isinstance(error, OSError) else "no token in it"
        raise cli.Failure(cli.CONFIGURATION, f"{file or credential}: {why}") from error
    if len(token.split()) != 1:
        raise cli.Failure(cli.CONFIGURATION, f"{file or credential}: one line is wanted, the token")
    if file and others:
        tell(f"{file}: others may read it; chmod 600 {file}")
    return token


def _print(program: cli.Program) -> int:
    """Write points to standard output."""
    from hanpipe.sinks.influx import point
    from hanpipe.sinks.readings_in import ReadingReader
    from hanpipe.sinks.whose import Whose

    reader, whose = ReadingReader(), Whose(program.tell)
    measurement = program.options.measurement

    def step(data: bytes, _: int) -> list[str]:
        readings = [line.reading for line in reader.feed(data) if line.reading is not None]
        points = [point(measurement, whose.of(reading), reading) for reading in readings]
        return [text for text in points if text]

    show = program.stats(lambda: {"readings": reader.readings, "bad_lines": reader.bad})
    found = program.stream(step, lambda told, _: "".join([f"{text}\n" for text in told]).encode(), bool)
    show()
    if reader.bad:
        program.tell(f"{reader.bad:,} lines of the input were no readings: is han-fields in front?")
    return cli.OK if found else cli.NOTHING


class _Run:
    """One run: readings in, batches of points out."""

    def __init__(self, program: cli.Program, server: "Influx") -> None:
        from hanpipe.sinks.influx_posting import Posting
        from hanpipe.sinks.readings_in import ReadingReader
        from hanpipe.sinks.waiting import Waiting
        from hanpipe.sinks.whose import Whose

        self._program = program
        self._title = server.title
        self._waiting = Waiting(server.title, self._say)
        self._posting = Posting(server.write, self._waiting, self._say, program.options.interval)
        self._reader = ReadingReader()
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
            status = cli.REFUSED if self._denied() else cli.IO
            raise cli.Failure(status, f"{self._title}: at the end {left} readings were not posted")
        return cli.OK if self._reader.readings else cli.NOTHING

    def _take(self, data: bytes) -> None:
        """Take octets of the input; b"" is its end."""
        for line in self._reader.feed(data):
            made = b""
            if line.reading is not None:
                self._program.alive()
                made = self._point(line.reading)
            elif line.octets.strip():
                self._program.tell("a line of the input is no reading: is han-fields in front?")
            if made or self._program.options.pass_on:
                self._posting.take(made, line.octets if self._program.options.pass_on else b"")

    def _point(self, reading: dict[str, Any]) -> bytes:
        """Return the point of a reading, b"" if there is none, or none with a time: a batch of these would be one."""
        from hanpipe.sinks.influx import nanoseconds, point

        text = point(self._program.options.measurement, self._whose.of(reading), reading)
        if text and nanoseconds(reading) is None:
            self._undated += 1
            self._program.tell("a reading without a time is not posted: InfluxDB would date it now")
            return b""
        return f"{text}\n".encode() if text else b""

    def _deliver(self, *, all_of_it: bool = False) -> None:
        """Post what is due, pass on what is dealt with.

        raise: cli.Failure: nothing was ever taken, and no wait would help
        """
        from hanpipe.sinks.influx import Denied, Wrong

        try:
            self._posting.post(all_of_it=all_of_it)
        except Denied as denied:
            raise cli.Failure(cli.REFUSED, f"{self._title}: {denied}") from denied
        except Wrong as wrong:
            raise cli.Failure(cli.IO, f"{self._title}: {wrong}") from wrong
        lines = self._posting.dealt_with()
        if self._program.options.pass_on and lines:
            self._program.write(lines)

    def _end(self) -> None:
        self._take(b"")
        end = time.monotonic() + _LAST_PATIENCE
        self._deliver(all_of_it=True)
        while self._posting.left and (pause := self._waiting.seconds()) < end - time.monotonic():
            time.sleep(pause)
            self._deliver(all_of_it=True)

    def _denied(self) -> bool:
        from hanpipe.sinks.influx import Denied

        return isinstance(self._posting.trouble, Denied)

    def _say(self, message: str) -> None:
        if not self._program.options.quiet:
            cli.say(self._program.name, message)

    def _counters(self) -> dict[str, Any]:
        return {
            "readings": self._reader.readings,
            "bad_lines": self._reader.bad,
            "undated": self._undated,
            "posted": self._posting.taken,
            "refused": self._posting.refused,
            "given_up": self._posting.lost,
            "retries": self._waiting.retries,
        }
