"""han-fields: typed JSON to readings."""

from hanpipe import cli
from hanpipe.naming import LineReader, Naming, Plan


def main(argv: list[str]) -> int:
    """Run han-fields; return its exit status."""
    parser = cli.parser(
        "han-fields",
        "Name and scale the values of han-decode: one reading a line, in W, var, VA, Wh, varh,\nV, A and Hz.",
        "han-frame capture.raw | han-decode | han-fields --text",
        count="stop after COUNT readings",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="lines of han-decode; - or none: standard input",
    )
    parser.add_argument("--obis", action="store_true", help="by OBIS codes, with names and units beside them")
    parser.add_argument("--scale", help="UNIT=POWER,...")
    parser.add_argument("--layout")
    options = parser.parse_args(argv)
    program = cli.Program(options, parser.prog)
    scale = {u: int(p) for u, p in (x.split("=") for x in options.scale.split(","))} if options.scale else {}
    reader = LineReader(Naming(tell=program.tell, scale=scale))
    write = Plan.obis_line if options.obis else Plan.line

    def step(data: bytes, _: int) -> list[tuple[bytes, bool]]:
        return [(write(plan, values, front).encode() + b"\n", True) for plan, values, front in reader.feed(data)]

    return cli.OK if program.filter(step) else cli.NOTHING
