"""han-fields: typed JSON to readings."""

import argparse

from hanpipe.readings.names import tables
from hanpipe.readings.naming import Naming
from hanpipe.readings.options import layouts_of, listed, names_of, ratio, scale
from hanpipe.readings.reading import Plan
from hanpipe.readings.run import View, learn, to_readings
from hanpipe.unix.late import late
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import NOTHING, OK

_NO_LIST = "found no list in the input; han-decode writes the lines to read"


def main(argv: list[str]) -> int:
    """Run han-fields; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.learn and _of_readings(options):
        parser.error("--learn proposes a meter file: leave out the options for readings")
    if options.names and options.obis:
        parser.error("--obis shows our names: leave out --names")
    layouts, names = layouts_of(options.layout, parser), names_of(options.names, parser)
    program = Program(options, parser.prog)
    if options.learn:
        return OK if learn(program) else NOTHING
    known = tuple(layout for each in layouts.values() for layout in each)
    naming = Naming(known, options.scale, options.ct, names, options.only, program.warn)
    wrong_kind = late("doctor.hint", "wrong_kind", "han-fields")
    return OK if to_readings(program, naming, layouts, _view(options), wrong_kind) else program.nothing(_NO_LIST)


def _of_readings(options: argparse.Namespace) -> bool:
    asked = (options.obis, options.layout, options.scale, options.ct, options.only, options.names, options.count)
    return options.stats or any(option not in (None, False) for option in asked)


def _view(options: argparse.Namespace) -> View | None:
    if not options.text:
        return Plan.obis_line if options.obis else None
    from hanpipe.views import text  # for people: no other run needs it

    show = text.obis_text if options.obis else text.text
    return lambda plan, values, _: show(plan, values)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-fields",
        "Name and scale the values of han-decode: one reading per line, in W, var, VA, Wh,\nvarh, V, A and Hz.",
        "han-frame capture.raw | han-decode | han-fields --text",
        count="stop after COUNT readings",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="lines of han-decode; - or none: standard input",
    )
    add, view = parser.add_argument, parser.add_mutually_exclusive_group()
    view.add_argument("--text", action="store_true", help="show name = value, sorted, a blank line between readings")
    view.add_argument("--learn", action="store_true", help="propose a meter file for the lists that no file knows")
    add("--obis", action="store_true", help="show OBIS codes, with names and units beside them")
    add("--layout", action="append", metavar="NAME|FILE", help="use a layout for lists without OBIS codes (repeatable)")
    add(
        "--scale",
        type=scale,
        metavar="UNIT=POWER,...",
        help="set scalers that the line does not send (pf: power factor)",
    )
    add(
        "--ct",
        type=ratio,
        metavar="RATIO",
        help="multiply current, power and energy by the ratio of current\ntransformers, 40 or 200/5",
    )
    add("--only", type=listed, metavar="NAMES", help="keep these names or codes, with commas between; * globs")
    add("--names", metavar="TABLE|FILE", help="use other names: " + ", ".join(tables()))
    return parser
