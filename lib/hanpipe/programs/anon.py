"""han-anon: octets of a meter to octets that may be published."""

import argparse

from hanpipe.unix.late import late
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-anon; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    from hanpipe.anon.run import check, rewrite  # after --help
    from hanpipe.apdu.options import keys_of

    program = Program(options, parser.prog)
    return (check if options.check else rewrite)(program, keys_of(program), late("doctor.intake", "other_kind"))


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-anon",
        "Replace the numbers and names in a capture by invented ones, so that it may be published.",
        "han-anon mine.raw > published.raw\n  han-anon --check mine.raw published.raw",
        files="octets of a meter; - or none: standard input",
    )
    parser.add_argument("--seed", metavar="TEXT", help="invent the same names again (default: others each time)")
    parser.add_argument("--key-file", metavar="FILE", help="read keys of ciphered meters; a line: TITLE KEY [AUTH-KEY]")
    parser.add_argument(
        "--link",
        choices=["auto", "hdlc", "mbus", "p1", "apdu"],
        default="auto",
        help="expect this link (default: auto)",
    )
    parser.add_argument("--check", metavar="ORIGINAL", help="say whether a name of ORIGINAL is left in FILE")
    return parser
