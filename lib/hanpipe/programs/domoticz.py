"""han-domoticz: readings to Domoticz."""

import argparse

from hanpipe.sinks.domoticz.options import CREATED, clash, idx, idx_or_computed, indices, to_create
from hanpipe.sinks.options import add_pass, add_tls, parser
from hanpipe.unix.options import positive_integer
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-domoticz; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    if words := clash(options):
        made.error(words)
    from hanpipe.sinks.domoticz.start import start  # after --help

    try:
        return start(Program(options, made.prog))
    except ValueError as error:
        made.error(f"--url {options.url}: {error}")


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-domoticz",
        "Post readings to Domoticz: power averaged over an interval, energy from the registers.\n"
        "IDX is the number of a device in Domoticz (Setup > Devices); 0 leaves one out.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields |\n    han-domoticz --login FILE --power 1938",
    )
    add = made.add_argument_group("devices").add_argument
    add("--power", type=idx, default=0, metavar="IDX", help="post imported power (and energy) to a kWh or Usage device")
    add(
        "--energy",
        type=idx_or_computed,
        action="append",
        default=[],
        metavar="IDX|computed",
        help="post imported energy to a Counter; computed: let Domoticz compute the energy of --power from the power",
    )
    add("--p1", type=idx, default=0, metavar="IDX", help="post import and export to a P1 smart meter")
    add("--voltage", type=indices, default=[], metavar="IDX[,IDX,IDX]", help="post voltages, one device per phase")
    add("--current", type=indices, default=[], metavar="IDX[,IDX,IDX]", help="post currents, to one device or three")
    add("--map", metavar="FILE", help='post to devices of a TOML file: [[device]], idx = 7, svalue = "{frequency}"')
    add(
        "--interval",
        type=positive_integer,
        metavar="SECONDS",
        help="post at this interval (default: 60); Domoticz's history keeps the last post of every 5 minutes, so 300 "
        "gives it the mean of all",
    )
    group = made.add_argument_group("Domoticz")
    add = group.add_argument
    add("--url", default="http://127.0.0.1:8080", help="post to this Domoticz (default: %(default)s)")
    add("--login", metavar="FILE", help="read USER:PASSWORD from FILE (else $HAN_DOMOTICZ_USER and _PASSWORD)")
    add_tls(group)
    add(
        "--create",
        nargs="?",
        const=CREATED,
        type=to_create,
        metavar="WHAT,...",
        help=f"make devices (default: {CREATED}), print the options to use, and end; with readings on standard input "
        "each device gets its first value at once",
    )
    group = made.add_argument_group("output")
    group.add_argument("--dry-run", action="store_true", help="print the URLs, and post nothing")
    add_pass(group)
    return made
