"""han-report: an archive to one page with its pictures."""

import argparse

from hanpipe.periods.peaks import rules
from hanpipe.readings.options import layouts_of, scale
from hanpipe.unix.late import late
from hanpipe.unix.options import new_parser, zone
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-report; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    layouts = layouts_of(options.layout, parser)
    from hanpipe.apdu.decoder import Decoder  # after --help
    from hanpipe.apdu.options import deciphering_of
    from hanpipe.doctor.intake import recognise
    from hanpipe.readings.naming import Naming
    from hanpipe.report.archive import Archive
    from hanpipe.report.run import report

    program = Program(options, parser.prog)
    naming = Naming(tuple(one for each in layouts.values() for one in each), options.scale, warn=program.warn)
    archive = Archive(Decoder(deciphering_of(program), program.warn), naming, recognise, program.warn)
    rule = rules()[options.rule] if options.rule else None
    return report(program, archive, rule, late("doctor.hint", "why_nothing", "han-frame"))


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-report",
        "Write one HTML page with pictures of an archive: power, energy, hours of the day,\n"
        "duration, peaks, voltage, current and gaps. It needs no script and no network.",
        "han-report --zone Europe/Oslo --rule no 2026-11-*.raw.gz > november.html",
        files="readings of han-fields, octets of han-read or han-log, or\n"
        "records of han-frame, plain or gzip; - or none: standard\ninput",
    )
    add = parser.add_argument
    add("--zone", type=zone, metavar="ZONE", help="show local times, for example of Europe/Oslo (default: UTC)")
    add(
        "--rule",
        choices=list(rules()),
        metavar="NAME",
        help=f"show the peaks that this tariff counts: {', '.join(rules())}",
    )
    time = late("report.limits", "limit")
    add("--from", dest="begin", type=time, metavar="TIME", help="leave out what is before this day, or day and time")
    add("--to", dest="end", type=time, metavar="TIME", help="leave out what is not before this day, or day and time")
    key_file = "read the keys of ciphered meters, as han-decode does"
    add("--key-file", metavar="FILE", help=key_file)
    layout = "use a layout for lists without OBIS codes (repeatable)"
    add("--layout", action="append", metavar="NAME|FILE", help=layout)
    add(
        "--scale",
        type=scale,
        metavar="UNIT=POWER,...",
        help="set scalers that the line does not send",
    )
    add("--show-ids", action="store_true", help="show the numbers of meters, which are left out by default")
    add("--png", action="store_true", help="write the pictures as one PNG, for a mail")
    return parser
