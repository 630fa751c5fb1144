"""han-fields: typed JSON to readings."""

import argparse
from collections.abc import Callable

from hanpipe.readings.names import Names, tables
from hanpipe.readings.naming import Naming, decimal_ratio
from hanpipe.readings.reader import LineReader
from hanpipe.readings.reading import Plan
from hanpipe.readings.values import Values
from hanpipe.unix.late import late
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import CONFIGURATION, NOTHING, OK, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hanpipe.readings.layouts import Layout

_BEGINNING: Final = 4096  # octets that show which kind of input this is
_SCALABLE: Final = ("W", "var", "VA", "Wh", "varh", "VAh", "V", "A", "Hz", "pf")

Step = Callable[[bytes, int], list[str]]


def main(argv: list[str]) -> int:
    """Run han-fields; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.learn and _of_readings(options):
        parser.error("--learn proposes a meter file: it goes with none of the options for readings")
    if options.names and options.obis:
        parser.error("--obis shows our names: leave out --names")
    layouts = _layouts(options.layout, parser)
    names = _names(options.names, parser)
    program = Program(options, parser.prog)
    if options.learn:
        return _learn(program)
    known = tuple(layout for of in layouts.values() for layout in of)
    naming = Naming(known, options.scale, options.ct, names, options.only, program.tell)
    reader = LineReader(naming)
    written = 0  # reader.read counts those behind the last of -n too

    def write(told: list[str], _: int) -> bytes:
        nonlocal written
        written += len(told)
        return "".join(told).encode()

    show_stats = program.stats(lambda: reader.counters() | {"readings": written})
    read, begin = _step(reader, options), b""

    def step(data: bytes, time: int) -> list[str]:
        nonlocal begin
        begin = begin or data[:_BEGINNING]
        return read(data, time)

    found = program.stream(step, write, lambda reading: True)
    show_stats()
    if reader.wrong and not (found or reader.passed):
        wrong_kind = late("doctor.hint", "wrong_kind", "han-fields")(begin)
        program.tell(wrong_kind or "found no line of han-decode in the input; run han-decode first")
    if found and naming.unmet:
        program.tell(f"--only: no reading has {', '.join(sorted(naming.unmet))}")
    if unfit := [
        name for name, of in layouts.items() if found and naming.unfit.issuperset(layout.name for layout in of)
    ]:
        program.tell(f"--layout: no list has the elements of {', '.join(unfit)}; han-fields --learn shows what is sent")
    program.explain(f"{written:,} readings, {reader.passed:,} lines without a list, {reader.wrong:,} wrong lines")
    return OK if found else NOTHING


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-fields",
        "Name and scale the values of han-decode: one reading a line, in W, var, VA, Wh, varh,\nV, A and Hz.",
        "han-frame capture.raw | han-decode | han-fields --text",
        count="stop after COUNT readings",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="lines of han-decode; - or none: standard input",
    )
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--text", action="store_true", help="name = value, sorted, a blank line between readings")
    view.add_argument("--learn", action="store_true", help="propose a meter file for the lists that no file knows")
    parser.add_argument("--obis", action="store_true", help="by OBIS codes, with names and units beside them")
    parser.add_argument(
        "--layout", action="append", metavar="NAME|FILE", help="what a list without codes is; may repeat"
    )
    parser.add_argument(
        "--scale",
        type=_scale,
        metavar="UNIT=POWER,...",
        help="powers of ten that the line does not say (pf: power\nfactor)",
    )
    parser.add_argument(
        "--ct",
        type=_ratio,
        metavar="RATIO",
        help="of current transformers, 40 or 200/5: current, power,\nenergy",
    )
    parser.add_argument(
        "--only", type=_listed, metavar="NAMES", help="keep these: names or codes, comma between; * globs"
    )
    parser.add_argument("--names", metavar="TABLE|FILE", help="other names: " + ", ".join(tables()))
    return parser


def _of_readings(options: argparse.Namespace) -> bool:
    asked = (options.obis, options.scale, options.ct, options.only, options.names, options.count)
    return any(option not in (None, False) for option in asked)


def _step(reader: LineReader, options: argparse.Namespace) -> Step:
    """Return what turns lines into readings, in the form that the user asked for."""
    if not (options.text or options.obis):
        return lambda data, _: [line + "\n" for line in reader.lines(data)]
    write: Callable[[Plan, Values, str], str] = Plan.obis_line
    if options.text:
        from hanpipe.views import text  # for people: no other run needs it

        show = text.obis_text if options.obis else text.text
        write = lambda plan, values, _: show(plan, values)  # noqa: E731  one line says it

    return lambda data, _: [write(plan, values, front) + "\n" for plan, values, front in reader.feed(data)]


def _learn(program: Program) -> int:
    from hanpipe.readings.learn import Learner

    learner = Learner()
    for data, _ in program.pieces():
        learner.feed(data)
    learner.feed(b"")
    if learner.left_out:
        program.tell(f"{learner.left_out:,} lists left out: there are too many kinds of unknown list")
    for known in learner.known():
        program.explain(known)
    proposal = learner.proposal()
    program.write(proposal.encode())
    if not proposal:
        program.tell("no list here that needs a meter file")
    return OK if learner.lists else NOTHING


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _ratio(text: str) -> tuple[int, int]:
    """Read 40 or 200/5. raise: ArgumentTypeError."""
    try:
        return decimal_ratio(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no ratio such as 40 or 200/5 that a decimal says exactly"
        ) from None


def _scale(text: str) -> dict[str, int]:
    """Read V=-1,A=-2. raise: ArgumentTypeError."""
    scale: dict[str, int] = {}
    for pair in text.split(","):
        unit, _, power = pair.partition("=")
        if unit not in _SCALABLE:
            raise argparse.ArgumentTypeError(f"{unit!r} is none of {', '.join(_SCALABLE)}")
        try:
            scale[unit] = int(power)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{pair!r} is not UNIT=POWER") from None
        if abs(scale[unit]) > 9:
            raise argparse.ArgumentTypeError(f"{pair!r}: a power of ten from -9 to 9")
    return scale


def _layouts(wanted: list[str] | None, parser: argparse.ArgumentParser) -> "dict[str, list[Layout]]":
    """Return the layouts that the user names, and those in the files that they name, each under that name."""
    if not wanted:
        return {}
    from hanpipe.readings import layouts

    known = {layout.name: layout for layout in layouts.shipped()}
    found: dict[str, list[Layout]] = {}
    for name in wanted:
        if name.endswith(".toml"):
            try:
                found[name] = layouts.read_layouts(name, _read(name))
            except layouts.WrongMeterFile as error:
                raise Failure(CONFIGURATION, str(error)) from error
            if not found[name]:
                raise Failure(CONFIGURATION, f"{name}: no list in it")
        elif name in known:
            found[name] = [known[name]]
        else:
            parser.error(f"--layout: no layout {name!r}; there are {', '.join(sorted(known))}")
    return found


def _names(wanted: str | None, parser: argparse.ArgumentParser) -> Names | None:
    """Return the table of names that the user names, or whose file they name."""
    if wanted is None:
        return None
    shipped = tables()
    if not wanted.endswith(".toml") and wanted not in shipped:
        parser.error(f"--names: no table {wanted!r}; there are {', '.join(shipped)}")
    try:
        return Names.read(_read(shipped.get(wanted, wanted)))
    except ValueError as error:
        raise Failure(CONFIGURATION, f"{wanted}: {error}") from error


def _read(name: str) -> str:
    """Return the text of a configuration file. raise: Failure."""
    try:
        with open(name, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Failure(CONFIGURATION, f"{name}: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise Failure(CONFIGURATION, f"{name}: no UTF-8 text") from error
