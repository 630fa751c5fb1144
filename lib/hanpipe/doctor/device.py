"""A port, live: try the settings of all meters on it, until frames pass their checks under one."""

import struct
import time
from collections.abc import Callable
from contextlib import closing

from hanpipe.apdu.keys import Keys
from hanpipe.doctor import causes
from hanpipe.doctor.case import Case
from hanpipe.doctor.causes import Finding
from hanpipe.doctor.report import paragraph
from hanpipe.line.finder import LineFinder
from hanpipe.line.port import Source, open_source, port_reason
from hanpipe.line.settings import Line
from hanpipe.link import new_detector
from hanpipe.readings import layouts
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, Failure
from hanpipe.unix.stderr import counted, duration
from hanpipe.unix.typed import Any, Final, NamedTuple

_MOST: Final = 105.0  # s until the verdict
_LISTEN: Final = 12.0  # s that a good setting is listened to at most: a list or more of nearly every meter
_PLENTY: Final = 5  # pieces with good frames that are enough
_KEPT: Final = 65536  # octets of each setting
_TIOCGICOUNT: Final = 0x545D  # Linux, asm-generic/ioctls.h
_COUNTERS: Final = struct.Struct("11i")  # cts dsr rng dcd rx tx frame overrun parity brk buf_overrun
_ROOM: Final = 80  # octets of the structure: nine more numbers are reserved
_NAMES: Final = {6: "frame_errors", 7: "overruns", 8: "parity_errors", 9: "breaks"}


class Heard(NamedTuple):
    """The octets of a port, by setting. line: the one that gives good frames, or None; seconds: the time it took."""

    line: Line | None
    octets: dict[Line, bytes]
    errors: dict[str, int]
    seconds: float


def meter_lines() -> list[Line]:
    """Return the settings of all meter files, those of most meters first."""
    lines = [Line(**layouts.line_settings(name)) for name in layouts.names()]
    return sorted(dict.fromkeys(lines), key=lambda line: -lines.count(line))


def examine(program: Program, name: str, keys: Keys | None) -> tuple[Case, list[Finding], Heard]:
    """Listen to a port; return what came at the best setting, what is wrong with it, and what was heard in all.

    raise: Failure: the port cannot be opened or is lost
    """
    lines = meter_lines()
    finder = LineFinder(lines[0], time.monotonic(), new_detector, lines)

    def refused(error: OSError) -> None:
        program.warn(f"{name}: {error}")

    try:
        with program.interruptible():
            source = finder.settle(lambda line: open_source(name, line), refused)
        with closing(source):
            most = duration(_MOST)
            program.warn(f"{name}: trying {len(lines)} settings; this takes {most} at most, less if one is right")
            heard = _listen(program, source, finder, refused)
    except OSError as error:
        raise Failure(IO, f"{name}: {port_reason(name, error)}") from error
    case = Case(keys)
    best = heard.line or max(heard.octets, key=lambda line: _weight(line, heard), default=lines[0])
    case.feed(heard.octets.get(best, b""))
    case.feed(b"")
    return case, causes.findings(case), heard


def _weight(line: Line, heard: Heard) -> tuple[int, int]:
    """Return how much the octets of a setting tell: how many values they have, then how many they are."""
    octets = heard.octets[line]
    return len(set(octets)), len(octets)


def _listen(program: Program, source: Source, finder: LineFinder, refused: Callable[[OSError], None]) -> Heard:
    """Try the settings that the port has; call refused for the others. raise: OSError: the port is lost."""
    begin = now = time.monotonic()
    finder.restart(now)
    before, octets = _errors(source.descriptor), dict[Line, bytes]()
    found: Line | None = None
    detects, good = new_detector(), 0
    end = begin + _MOST
    while not program.stopping and now < end and good < _PLENTY:
        due = end if found else min(finder.due(), end)
        ready = program.wait(source.descriptor, max(0.0, due - now))
        now = time.monotonic()
        if ready and (data := _read(source)):
            line = finder.line
            octets[line] = (octets.get(line, b"") + data)[-_KEPT:]
            good += found is not None and detects(data)
            if not found and finder.feed(data, now):
                found, end = line, min(end, now + _LISTEN)
                program.warn(f"frames pass their checks at {line}; listening {duration(end - now)} more at most")
        if not found and finder.look(now):
            finder.settle(source.set_line, refused)
            finder.restart(time.monotonic())
            if finder.round == 1:
                program.warn(f"no frame yet; trying {finder.line}")
    after = _errors(source.descriptor)
    return Heard(found, octets, {key: after[key] - before.get(key, 0) for key in after}, now - begin)


def _read(source: Source) -> bytes:
    try:
        return source.read()
    except BlockingIOError:
        return b""


def _errors(descriptor: int) -> dict[str, int]:
    """Return the kernel's counters of errors of a serial port; {} where it keeps none, as of a pseudo-terminal."""
    import fcntl

    room = bytearray(_ROOM)
    try:
        fcntl.ioctl(descriptor, _TIOCGICOUNT, room)
    except OSError:
        return {}
    return read_counters(room)


def read_counters(room: bytes | bytearray) -> dict[str, int]:
    """Read what TIOCGICOUNT writes. source: struct serial_icounter_struct, Linux, uapi/linux/serial.h."""
    counters = _COUNTERS.unpack_from(room)
    return {name: counters[at] for at, name in _NAMES.items()}


def command(name: str, line: Line) -> str:
    """Return the command that reads a port at a setting."""
    return f"han-read --baud {line.baud} --parity {line.parity} --bits {line.bits} --stop {line.stop} {name}"


def as_text(name: str, heard: Heard) -> str:
    """Return the lines for people that end the report: errors of the port, and the command to use."""
    counters = [
        counted(number, key.replace("_", " ").removesuffix("s")) for key, number in heard.errors.items() if number
    ]
    words = "".join(f"{line}\n" for line in paragraph("kernel", ", ".join(counters))) if counters else ""
    if heard.line:
        return words + f"use         {command(name, heard.line)}\n"
    return words + f"settings    none gave a good frame in {duration(heard.seconds)}\n"


def as_keys(name: str, heard: Heard) -> dict[str, Any]:
    """Return the same for programs: the keys of docs/formats.md."""
    use = command(name, heard.line) if heard.line else None
    return {"setting": str(heard.line) if heard.line else None, "use": use, "errors": heard.errors}
