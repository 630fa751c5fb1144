"""han-top: readings to a screen in the terminal."""

import argparse
import os

from hanpipe.periods.peaks import rules
from hanpipe.sinks.options import add_pass, parser
from hanpipe.unix.options import positive_number, watts, zone


def main(argv: list[str]) -> int:
    """Run han-top; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    if options.pass_on and os.isatty(1):
        made.error("--pass: standard output is the terminal, where the screen is; pipe it into another program")
    if os.isatty(0) and (not options.files or "-" in options.files):
        made.error("standard input is the terminal; pipe readings into han-top: ... | han-fields | han-top")
    from hanpipe.sinks.top.sink import start  # after --help: a missing rich is reported now

    return start(options, made.prog)


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-top",
        "Show readings on the terminal, live: power, the last ten minutes, phases, hour and day,\n"
        "month peak, and faults. Keys: q quits, p pauses, tab shows the next meter, ? explains.",
        "... | han-fields | han-top --fuse 25 --limit 5kW",
    )
    add = made.add_argument
    add("--fuse", type=positive_number, metavar="A", help="show the currents against the main fuse of so many amperes")
    add("--limit", type=watts, metavar="POWER", help="show the power against a peak limit, for example 5kW")
    add("--rule", choices=list(rules()), metavar="NAME", help="show the peaks of this tariff: " + ", ".join(rules()))
    add("--zone", type=zone, metavar="ZONE", help="show hours and days of this zone (default: this machine's)")
    add_pass(made)
    return made
