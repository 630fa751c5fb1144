"""Meters at work: each list is sent when it is due, to stdout or to a port."""

import argparse
import heapq
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from hanpipe.fake.faults import Faults
from hanpipe.fake.household import Household
from hanpipe.fake.meters import Meter
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.fake.port import Port

START: Final = "2026-06-21T11:59:50"  # with --seed: the sun is high, and the hourly list is close
_HOURLY: Final = 3_600_000  # ms between two lists of an hourly kind, at least


def send(meters: list[Meter], program: Program, options: argparse.Namespace) -> None:
    """Send the lists of all meters until there have been enough of them or a signal comes.

    options: seed, start (ms on the meters' clock), count, speed, fault, lines, pty; meter and number name a source
    raise:   Failure: the port cannot be made; as Program.write
    """
    seed = random.randrange(1 << 32) if options.seed is None else options.seed  # noqa: S311
    start = _start(options)
    sent = turns(meters, seed, start, options.fault)
    port = _open_port(options.pty) if options.pty else None
    write = _writer(program, port)
    try:
        began = time.monotonic()
        for count, (when, place, octets) in enumerate(sent):
            if count == options.count or not _wait(program, began, when - start, options.speed):
                return
            source = f"{options.meter}/{options.number + place}"
            write(f"{source} {octets.hex()}\n".encode() if options.lines else octets)
    finally:
        if port:
            port.close()


def turns(meters: list[Meter], seed: int, start: int, wanted: dict[str, Any]) -> Iterator[tuple[int, int, bytes]]:
    """Yield when a list is sent, in ms on the clock of the meters, the place of its meter among them, and its octets.

    The meters are spread over the interval of one, so that no two send at one time. seed: of the first one's house;
    start: ms on the clock; wanted: the faults, as faults.read gives them
    """
    phase = min(each.every for each in meters[0].lists) / len(meters)
    return heapq.merge(
        *[_lists(meter, place, seed, start, round(place * phase), wanted) for place, meter in enumerate(meters)]
    )


def _lists(
    meter: Meter, place: int, seed: int, start: int, phase: int, wanted: dict[str, Any]
) -> Iterator[tuple[int, int, bytes]]:
    """Yield the same for one meter. phase: ms by which it sends later than its clock says."""
    seed += place
    house, faults = Household(seed, start, meter.phases), Faults(wanted, seed, meter.line)
    for when, due in meter.instants(start):
        house.advance(when)
        frames = meter.frames(due, house.values, when)
        yield when + phase, place, faults.damage(frames, when - start, hourly=due.every >= _HOURLY)


def _start(options: argparse.Namespace) -> int:
    if options.start is not None:
        return int(options.start)
    if options.seed is not None:
        return local_ms(START)
    return local_ms(datetime.now().isoformat())


def local_ms(text: str) -> int:
    """Return the ms since 1970-01-01 of a local time in ISO 8601, of 2000 to 2099. raise: ValueError."""
    time = datetime.fromisoformat(text)
    if not 2000 <= time.year <= 2099:
        raise ValueError(text)
    return round(time.replace(tzinfo=UTC).timestamp() * 1000)


def _wait(program: Program, began: float, elapsed_ms: int, speed: float) -> bool:
    """Wait until so many ms of the meter's time have passed since it began; return False if a signal came."""
    deadline = began + elapsed_ms / 1000 / speed if speed else 0.0
    while not program.stopping:
        left = deadline - time.monotonic()
        if left <= 0:
            return True
        program.wait(None, left)
    return False


def _open_port(path: str) -> "Port":
    from hanpipe.fake.port import Port

    try:
        return Port(path)
    except OSError as error:
        raise Failure(IO, f"{path}: {reason(error)}") from error


def _writer(program: Program, port: "Port | None") -> Callable[[bytes], None]:
    if port is None:
        return program.write

    def write(octets: bytes) -> None:
        sent = port.write(octets)
        program.explain("nobody listens" if sent is None else f"sent {sent} of {len(octets)} octets")

    return write
