"""han-peaks: periods to the peaks that set a capacity tariff."""

import argparse

from hanpipe.periods.lines import text_of
from hanpipe.periods.peaks import Line, Peaks, PeaksOfMeters, WrongPeriod, rules
from hanpipe.sinks.readings_in import ReadingReader, skipped
from hanpipe.unix.options import new_parser, watts
from hanpipe.unix.program import Program
from hanpipe.unix.status import CONFIGURATION, OK, Failure


def main(argv: list[str]) -> int:
    """Run han-peaks; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    program, reader = Program(options, parser.prog), ReadingReader()
    meters = PeaksOfMeters(
        lambda: Peaks(
            rules()[options.rule], options.limit, changes=options.changes, estimated=not options.without_estimated
        )
    )
    wrong = 0

    def lines(data: bytes, _: int) -> list[Line]:
        nonlocal wrong
        made: list[Line] = []
        came = reader.feed(data)
        if came:
            program.heard()
        for period in (one.reading for one in came if one.reading):
            try:
                made += meters.add(period)
            except WrongPeriod as error:
                program.write(_octets(made))  # months that ended before, of the same read
                raise Failure(CONFIGURATION, str(error)) from error
            except (KeyError, TypeError, ValueError):
                wrong += 1
        return made if data else made + meters.finish()

    found = program.stream(lines, lambda made, _: _octets(made), lambda line: True)
    if bad := reader.bad + wrong:
        program.warn(skipped(bad, "period", "han-every", reader.why))
    return OK if found else program.nothing("found no period in the input; run han-every first")


def _octets(lines: list[Line]) -> bytes:
    return "".join(map(text_of, lines)).encode()


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-peaks",
        "Write the peaks of each month that set a capacity tariff, and their mean.",
        "... | han-every 1h --zone Europe/Oslo | han-peaks --rule no",
        follow="wait for more when a regular file ends",
        files="lines of han-every; - or none: standard input",
    )
    parser.add_argument(
        "--rule", required=True, choices=list(rules()), help="use this tariff; han-peaks(1) explains each"
    )
    parser.add_argument("--changes", action="store_true", help="also write a line when the peaks of the month change")
    parser.add_argument("--without-estimated", action="store_true", help="leave out periods whose energy is estimated")
    parser.add_argument(
        "--limit",
        type=watts,
        metavar="POWER",
        help="also write when the open period heads above this power, for\nexample 5kW, and when it no longer does",
    )
    return parser
