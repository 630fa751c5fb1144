"""han-p1: readings to DSMR P1 telegrams."""

import argparse
from collections.abc import Callable

from hanpipe.periods.intervals import Timeline
from hanpipe.sinks.p1.telegram import Telegrams, dialects
from hanpipe.sinks.readings_in import NO_READING, ReadingReader, readings_only
from hanpipe.unix.options import address, new_parser, positive_integer, zone
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, OK, Failure
from hanpipe.unix.stderr import reason


def main(argv: list[str]) -> int:
    """Run han-p1; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    from hanpipe.link.crc import arc  # crcmod, which --help does without

    program = Program(options, parser.prog)
    reader, timeline = ReadingReader(), Timeline(zone=options.zone)
    telegrams = Telegrams(dialects()[options.dialect], arc, options.zone, program.warn)
    (write, close), pause, due = _outlet(program), (options.interval or 0) * 1_000_000_000, 0
    for data, _ in program.pieces():
        for reading in readings_only(reader.feed(data), program.warn):
            program.alive()
            at = timeline.of(reading)
            if telegrams.add(reading, at) and (at >= due or due - at > pause):  # the clock may run backwards
                due = at - at % pause + pause if pause else at
                write(telegrams.telegram(at))
    close()
    if reader.bad:
        program.warn(reader.skipped())
    return OK if reader.readings else program.nothing(NO_READING)


def _outlet(program: Program) -> tuple[Callable[[bytes], object], Callable[[], object]]:
    """Return what writes a telegram, and what ends it. raise: Failure: the port or the address cannot be had."""
    options = program.options
    try:
        if options.listen:
            from hanpipe.sinks.peer.listener import Listener

            listener = Listener(*options.listen)
            program.explain(f"{options.listen[0]}:{listener.port}")
            return listener.send, listener.close
        if options.pty:
            from hanpipe.fake.port import Port

            port = Port(options.pty)
            return port.write, port.close
    except OSError as error:
        raise Failure(IO, f"{options.pty or '{}:{}'.format(*options.listen)}: {reason(error)}") from error
    return program.write, lambda: None


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-p1",
        "Write readings as DSMR P1 telegrams, for programs and chargers that read P1.",
        "... | han-fields | han-p1 --listen 2001",
        follow="wait for more when a regular file ends",
        files="lines of han-fields; - or none: standard input",
    )
    parser.add_argument(
        "--dialect", choices=list(dialects()), default="nl", help="write the telegrams of this country (default: nl)"
    )
    parser.add_argument(
        "--interval", type=positive_integer, metavar="SECONDS", help="write one telegram per interval, not per reading"
    )
    parser.add_argument("--zone", type=zone, metavar="ZONE", help="set the zone of the clock (default: this machine's)")
    outlet = parser.add_mutually_exclusive_group()
    outlet.add_argument(
        "--listen", type=address, metavar="[HOST:]PORT", help="send to all who connect (HOST: 127.0.0.1 by default)"
    )
    outlet.add_argument("--pty", metavar="PATH", help="send to a new serial port at PATH")
    return parser
