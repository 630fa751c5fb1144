"""One run of han-anon: a capture is rewritten, or compared with its original."""

import secrets
from collections.abc import Callable

from hanpipe.anon.inventing import Inventor, NoNameLeftError
from hanpipe.anon.rewriting import Capture, Sealed, anonymize
from hanpipe.apdu.keys import Keys
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, NOTHING, OK, REFUSED, Failure
from hanpipe.unix.stderr import counted, reason

_KEY_HINT = "han-anon needs the key of a ciphered meter (--key-file), or the capture without its ciphered messages"


Found = Callable[[bytes], str]  # octets -> what they are if they are not octets of a line, else ""


def rewrite(program: Program, keys: Keys | None, found: Found) -> int:
    """Write the octets of the input under invented names; return the exit status.

    Names are found in good frames. So without one, nothing is written: there may be names that nobody knows.
    raise: Failure
    """
    options = program.options
    capture = Capture(_input(program), keys, options.link)
    if not capture.good:
        words = _words(found(capture.octets))
        return program.nothing(f"{words}, so no name is known and nothing was written; han-doctor says why")
    try:
        program.write(anonymize(capture, options.seed or secrets.token_hex(8)))
    except NoNameLeftError as error:
        raise Failure(REFUSED, str(error)) from error
    except Sealed as error:
        raise Failure(REFUSED, f"{error}; {_KEY_HINT}") from error
    if not capture.names:
        others = f", only {counted(len(capture.damaged), 'name')} in damaged ones" if capture.damaged else ""
        program.warn(f"{_no_name(capture)}{others}; look at the output before you publish it")
    names = len(capture.names) + len(capture.damaged)
    program.explain(f"replaced {counted(names, 'name')} in {counted(capture.good, 'good frame')}")
    return OK


def check(program: Program, keys: Keys | None, found: Found) -> int:
    """Write whether a name of the original is left in the input; return the exit status. raise: Failure."""
    path: str = program.options.check
    octets, original = _input(program), Capture(_read(path), keys, program.options.link)
    if not original.good:
        words = _words(found(original.octets))
        return program.nothing(f"{path}: {words}, so nothing was checked: give what han-anon read")
    if not octets:
        return program.nothing("found no octets in the input, so nothing was checked")
    names = len(original.names) + len(original.damaged)
    if not names:
        return program.nothing(f"{path}: {_no_name(original)}, so nothing was checked: look at the file itself")
    try:
        inventor = Inventor(original.names, "", original.damaged)
    except NoNameLeftError as error:
        raise Failure(REFUSED, str(error)) from error
    left = Capture(octets, None, program.options.link).names_left(inventor)
    for name in sorted(left):
        program.write(f"{name} is still there\n".encode())
    if not left:
        program.write(f"none of {counted(names, 'name')} in {path} is left\n".encode())
    return NOTHING if left else OK


def _no_name(capture: Capture) -> str:
    return f"found no name in {counted(capture.good, 'good frame')}"


def _input(program: Program) -> bytes:
    return b"".join(data for data, _ in program.pieces())


def _words(title: str) -> str:
    return f"expected octets of a line, found {title}" if title else "found no good frame"


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failure(IO, f"{path}: {reason(error)}") from error
