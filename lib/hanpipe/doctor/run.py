"""One run of han-doctor on files or standard input."""

import json
from collections.abc import Callable

from hanpipe.apdu.keys import Keys
from hanpipe.doctor import causes, device, report
from hanpipe.doctor.case import Case
from hanpipe.doctor.causes import Finding
from hanpipe.doctor.intake import LINES, READINGS
from hanpipe.doctor.mend import LineOctets, Mender
from hanpipe.line.port import is_live
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, NOTHING, OK, USAGE, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Final

_MOST_HELD: Final = 8_388_608  # octets of a pipe that --mend holds until the cause is known


def examine(program: Program, keys: Keys | None) -> tuple[Case, list[Finding]]:
    """Read the whole input of a program; return what it holds and what is wrong with it. raise: Failure."""
    case = Case(keys)
    for data, _ in program.pieces():
        _feed(case, data)
    _feed(case, b"")
    return case, causes.findings(case)


def _feed(case: Case, data: bytes) -> None:
    """Pass a piece of the input on. raise: Failure: it is gzip data, and damaged."""
    try:
        case.feed(data)
    except OSError as error:
        raise Failure(IO, reason(error)) from error


def diagnose(program: Program, keys: Keys | None, *, as_json: bool) -> int:
    """Write the report on the input; return the exit status. raise: Failure."""
    options, heard = program.options, None
    name = (options.files or ["-"])[0]
    if is_live(name):
        case, found, heard = device.examine(program, name, keys)
    else:
        case, found = examine(program, keys)
    if as_json:
        object_ = report.as_json(case, found) | (device.as_keys(name, heard) if heard else {})
        text = json.dumps(object_, separators=(",", ":")) + "\n"
    else:
        text = report.as_text(case, found, name, options.key_file) + (device.as_text(name, heard) if heard else "")
    program.write(text.encode())
    return NOTHING if found else OK


def mend(program: Program) -> int:
    """Write the octets of the input as the meter sent them; return the exit status.

    As much of the input as fits is held until the cause is known; the rest is mended as it comes. raise: Failure
    """
    case, reader, held, mender = Case(), LineOctets(), bytearray(), None
    for data, _ in program.pieces():
        held += _octets(reader, data)
        if mender is None:
            _feed(case, data)
            if len(held) >= _MOST_HELD:
                mender, found = _mender(program, case)
        if mender and held:
            program.write(mender.feed(bytes(held)))
            held.clear()
    held += _octets(reader, b"")
    if mender is None:
        mender, found = _mender(program, case)
    if held:
        program.write(mender.feed(bytes(held)))
    program.write(mender.feed(b""))
    return OK if mender.mends or not found else NOTHING


def _octets(reader: LineOctets, data: bytes) -> bytes:
    """Return the octets of the line in a piece of the input. raise: Failure: it has none, or is damaged."""
    try:
        octets = reader.feed(data)
    except OSError as error:
        raise Failure(IO, reason(error)) from error
    if reader.kind in (LINES, READINGS):
        expected = "octets, hex text or records of han-frame"
        raise Failure(USAGE, f"--mend: expected {expected}, found {reader.kind.title}: mend what they were made of")
    return octets


def _mender(program: Program, case: Case) -> tuple[Mender, list[Finding]]:
    """Return what mends the input, and say on stderr what that is."""
    case.feed(b"")
    found = causes.findings(case)
    undo: Callable[[bytes], bytes] | None = next((each.found.mend for each in found if each.found.mend), None)
    if undo:
        program.explain(next(each.found.evidence for each in found if each.found.mend))
    elif found:
        program.warn(f"--mend cannot undo {found[0].cause.name}; the input is passed on as it is")
    return Mender(undo), found
