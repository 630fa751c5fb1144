"""han-doctor: what is wrong with the octets of a meter, and how to mend it."""

import argparse

from hanpipe.line.port import check_name, is_live
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-doctor; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        for file in options.files:
            check_name(file)
    except ValueError as error:
        parser.error(str(error))
    live = [file for file in options.files if is_live(file)]
    if live and (options.mend or len(options.files) > 1):
        parser.error(f"{live[0]} is a port: give it alone, without --mend")
    from hanpipe.apdu.options import keys_of
    from hanpipe.doctor import run

    program = Program(options, parser.prog)
    if options.mend:
        return run.mend(program)
    return run.diagnose(program, keys_of(program), as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-doctor",
        "Find out why nothing decodes: name the cause, the evidence for it and what to do.",
        "han-doctor house.log\n  han-doctor /dev/ttyUSB0\n  han-doctor --mend house.log > mended.raw",
        files="a port, or octets, hex text, records of han-frame or\nlines of han-decode; - or none: standard input",
    )
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--json", action="store_true", help="write one JSON object")
    view.add_argument("--mend", action="store_true", help="write the octets as the meter sent them")
    keys = "read the keys of ciphered meters, as han-decode does; also\nreport which key opens which title"
    parser.add_argument("--key-file", metavar="FILE", help=keys)
    return parser
