"""han-csv: readings to a table of comma-separated values."""

import argparse

from hanpipe.sinks.options import names
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-csv; return its exit status."""
    parser = _parser()
    program = Program(parser.parse_args(argv), parser.prog)
    from hanpipe.sinks.tables.csv import write  # after --help

    return write(program)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-csv",
        "Write readings as comma-separated values: a header, then a row per reading. An empty\n"
        "cell means that the meter did not send the value. Regular files are read twice, so\n"
        "that every name in them has a column. A stream is held for 10 seconds: the names in\n"
        "them have columns, and the hourly registers.",
        "... | han-fields | han-csv --fields time,act_pow_pos,act_energy_pos",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="lines of han-fields; - or none: standard input",
    )
    parser.add_argument(
        "--fields", type=names, metavar="NAMES", help="write these columns, with commas between, and no others"
    )
    parser.add_argument(
        "--raw-text",
        action="store_true",
        help="write texts that begin with =, +, - or @ as they are; by default\nan apostrophe before them tells "
        "spreadsheets that they are texts",
    )
    return parser
