"""han-doctor: what is wrong with the octets of a meter, and how to mend it."""

import argparse
import os

from hanpipe.line.port import is_live
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import CONFIGURATION, Failure
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from hanpipe.apdu.keys import Keys


def main(argv: list[str]) -> int:
    """Run han-doctor; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    live = [file for file in options.files if is_live(file)]
    if live and (options.mend or len(options.files) > 1):
        parser.error(f"{live[0]} is a port: give it alone, without --mend")
    from hanpipe.doctor import run

    program = Program(options, parser.prog)
    if options.mend:
        return run.mend(program)
    return run.diagnose(program, _keys(program), as_json=options.json)


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


def _keys(program: Program) -> "Keys | None":
    """Read the key file, if there is one. raise: Failure."""
    from hanpipe.apdu.keys import KeyFileError, find_key_file, read_key_file

    path = program.options.key_file or find_key_file(os.environ)
    try:
        keys, exposed = read_key_file(path) if path else (None, False)
    except KeyFileError as error:
        raise Failure(CONFIGURATION, str(error)) from error
    if exposed:
        program.warn(f"{path}: everybody on this machine may read these keys: chmod o-rwx {path}")
    return keys
