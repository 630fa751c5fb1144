"""han-web: readings to a page in the browser."""

import argparse

from hanpipe.periods.peaks import rules
from hanpipe.sinks.options import add_pass, parser
from hanpipe.unix.options import address, zone
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-web; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    from hanpipe.sinks.web.start import start  # after --help

    try:
        return start(Program(options, made.prog))
    except ValueError as error:
        made.error(str(error))


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-web",
        "Show readings in the browser: live figures, and the history of hours, days and months.\n"
        "The page ends with the input; the history stays, in a file.",
        "... | han-fields | han-web",
    )
    add = made.add_argument
    add(
        "--listen",
        type=address,
        default="8089",
        metavar="[HOST:]PORT",
        help="show the page at this address (default: 127.0.0.1:8089)",
    )
    add(
        "--store",
        metavar="FILE",
        help="keep the history in FILE (default: han-web.db in\n$STATE_DIRECTORY or ~/.local/state/hanpipe)",
    )
    add("--zone", type=zone, metavar="ZONE", help="cut hours and days of this zone (default: this machine's)")
    add("--rule", choices=list(rules()), help="show the peaks that set this tariff; han-peaks(1) explains each")
    add("--show-ids", action="store_true", help="show the number of the meter")
    group = made.add_argument_group("other machines")
    add = group.add_argument
    add("--login", metavar="FILE", help="ask for USER:PASSWORD, which is read from FILE")
    add("--cert", metavar="FILE", help="speak https with this certificate")
    add("--key", metavar="FILE", help="read the key of the certificate from FILE")
    add(
        "--proxied-as",
        action="append",
        default=[],
        type=str.lower,
        metavar="NAME",
        help="answer to this host name: that of a proxy before the page,\nwhich does TLS and the login (repeatable)",
    )
    add_pass(made)
    return made
