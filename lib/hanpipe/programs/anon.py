"""han-anon: octets of a meter to octets that may be published."""

import argparse
import secrets

from hanpipe.anon.inventing import NoNameLeftError, left_in
from hanpipe.anon.rewriting import Capture, Sealed, anonymize
from hanpipe.apdu.options import keys_of
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, NOTHING, OK, REFUSED, Failure
from hanpipe.unix.stderr import counted, reason

_KEY_HINT = "han-anon needs the key of a ciphered meter (--key-file), or the capture without its ciphered messages"


def main(argv: list[str]) -> int:
    """Run han-anon; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    program = Program(options, parser.prog)
    keys = keys_of(program)
    octets = b"".join(data for data, _ in program.pieces())
    if options.check:
        return _check(program, Capture(_read(options.check), keys, options.link), octets)
    capture = Capture(octets, keys, options.link)
    if not capture.good:
        return program.nothing(f"{_found(octets)}, so no name is known and nothing was written; han-doctor says why")
    try:
        program.write(anonymize(capture, options.seed or secrets.token_hex(8)))
    except NoNameLeftError as error:
        raise Failure(REFUSED, str(error)) from error
    except Sealed as error:
        raise Failure(REFUSED, f"{error}; {_KEY_HINT}") from error
    program.explain(f"replaced {counted(len(capture.names), 'name')} in {counted(capture.good, 'good frame')}")
    return OK


def _found(octets: bytes) -> str:
    """Return what was found in the place of good frames."""
    from hanpipe.doctor.intake import ENOUGH, OCTETS, recognise

    kind = recognise(octets[:ENOUGH])
    return "found no good frame" if kind == OCTETS else f"expected octets of a meter, found {kind.title}"


def _check(program: Program, original: Capture, octets: bytes) -> int:
    """Say whether a name of the original is left."""
    path = program.options.check
    if not original.good:
        return program.nothing(f"{path}: {_found(original.octets)}, so nothing was checked; expected what han-anon read")
    if not octets:
        return program.nothing("found no octets in the input, so nothing was checked")
    left = left_in(octets, original.names)
    for name in left:
        program.write(f"{name} is still there\n".encode())
    if not left:
        program.write(f"none of {counted(len(original.names), 'name')} in {path} is left\n".encode())
    return NOTHING if left else OK


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failure(IO, f"{path}: {reason(error)}") from error


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
