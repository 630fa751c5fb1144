"""han-frame: octets on the line to frames."""

from hanpipe import cli, records
from hanpipe.link import FRAMERS


def main(argv: list[str]) -> int:
    """Run han-frame; return its exit status."""
    parser = cli.parser(
        "han-frame",
        "Cut the octets of a HAN port into link-layer frames, one record each;\nwhat is no frame becomes a fault.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields",
        count="stop after COUNT good frames",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="octets of the line; - or none: standard input",
    )
    parser.add_argument("--link", choices=FRAMERS, default="auto", help="link layer of the input (default: auto)")
    parser.add_argument("--no-time", action="store_true", help="write no time of arrival")
    options = parser.parse_args(argv)
    program = cli.Program(options, parser.prog)
    framer = FRAMERS[options.link]()

    def step(data: bytes, time: int) -> list[tuple[bytes, bool]]:
        when = 0 if options.no_time else time
        return [(records.pack(kind, octets, when), kind in "HMPA") for kind, octets in framer.feed(data)]

    return cli.OK if program.filter(step) else cli.NOTHING
