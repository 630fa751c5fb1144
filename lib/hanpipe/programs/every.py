"""han-every: readings to one reading per period."""

import argparse
from datetime import UTC

from hanpipe.periods.calendar import Calendar
from hanpipe.periods.dating import Dating
from hanpipe.periods.every import Every, Line
from hanpipe.periods.lines import text_of
from hanpipe.sinks.readings_in import NO_READING, ReadingReader
from hanpipe.unix.options import new_parser, positive_integer, zone
from hanpipe.unix.program import Program
from hanpipe.unix.status import OK


def main(argv: list[str]) -> int:
    """Run han-every; return its exit status."""
    parser = _parser()
    options = parser.parse_intermixed_args(argv)
    local = options.zone or UTC
    try:
        every = Every(Calendar(options.period, local), options.running * 1_000_000_000)
    except ValueError as error:
        parser.error(str(error))
    program, reader, dating = Program(options, parser.prog), ReadingReader(), Dating(local)
    show = program.stats(lambda: {"readings": reader.readings, "bad_lines": reader.bad, "undated": dating.undated})

    def lines(data: bytes, _: int) -> list[Line]:
        came = reader.feed(data)
        if came:
            program.heard()
        dated = [pair for one in came if one.reading for pair in dating.add(one.reading)]
        if not data:
            dated += dating.finish()
        made = every.add_all(dated)
        return made if data else made + every.finish()

    found = program.stream(lines, lambda made, _: "".join(text_of(line) for line in made).encode(), lambda line: True)
    show()
    if reader.bad:
        program.warn(reader.skipped())
    for warning in dating.warnings():
        program.warn(warning)
    return OK if found else program.nothing(NO_READING)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-every",
        "Write one reading per period: mean and highest power, registers at its end, and the energy that flowed in it.",
        "... | han-fields | han-every 1h --zone Europe/Oslo",
        count="stop after COUNT periods",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        follow="wait for more when a regular file ends",
    )
    parser.add_argument("period", metavar="PERIOD", help="10s, 1m, 15m, 1h, 1d or 1mo, for example")
    parser.add_argument(
        "files", nargs="*", default=[], metavar="FILE", help="lines of han-fields; - or none: standard input"
    )
    parser.add_argument("--zone", type=zone, metavar="ZONE", help="cut local hours and days, for example Europe/Oslo")
    parser.add_argument(
        "--running",
        type=positive_integer,
        default=0,
        metavar="SECONDS",
        help="also write the period that is still open",
    )
    return parser
