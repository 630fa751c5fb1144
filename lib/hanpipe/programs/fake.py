"""han-fake: a meter made of software."""

import argparse
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from hanpipe.fake import meters
from hanpipe.fake.faults import Faults
from hanpipe.fake.faults import read as read_faults
from hanpipe.fake.household import Household
from hanpipe.unix.options import new_parser, non_negative
from hanpipe.unix.program import Program
from hanpipe.unix.status import CONFIGURATION, IO, OK, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from hanpipe.fake.port import Port

_START = "2026-06-21T11:59:50"  # with --seed alone: the sun is high, and the list of the hour close


def main(argv: list[str]) -> int:
    """Run han-fake; return its exit status."""
    known = meters.names()
    parser = new_parser(
        "han-fake",
        "Send what the meter of a believable house sends, when it sends it:\noctets on stdout or on a pseudo-terminal.",
        "han-fake -n 20 --speed 0 | han-frame | han-decode | han-fields --text",
        count="stop after COUNT lists",
    )
    parser.add_argument(
        "--meter",
        choices=known,
        default=known[0],
        metavar="NAME",
        help=", ".join(known) + " (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="same seed, same octets: the house, from --start on")
    parser.add_argument(
        "--start",
        type=_local_ms,
        metavar="TIME",
        help=f"what the meter's clock shows at first (default: now; with --seed: {_START})",
    )
    parser.add_argument(
        "--speed",
        type=non_negative,
        default=1.0,
        metavar="N",
        help="times real time (default: 1); 0: as fast as it can",
    )
    parser.add_argument("--key-file", metavar="FILE", help="keys of meters that cipher; a line: TITLE KEY [AUTH-KEY]")
    parser.add_argument("--pty", metavar="PATH", help="send to a new port at PATH, instead of stdout")
    parser.add_argument(
        "--fault",
        type=_faults,
        default={},
        metavar="LIST",
        help="drop:RATE, flip:RATE, insert:RATE (of octets), cut:RATE (of "
        "lists), shared-flag, crlf, silence:SECONDS; several by commas",
    )
    options = parser.parse_args(argv)
    meter = meters.meter(options.meter)
    if "shared-flag" in options.fault and meter.link != "hdlc":
        parser.error(f"--fault shared-flag: {options.meter} sends no HDLC frames")
    program = Program(options, parser.prog)
    _use_key(meter, options)
    return _send(meter, program, options)


def _send(meter: meters.Meter, program: Program, options: argparse.Namespace) -> int:
    """Send list after list, each when it is due."""
    seed = random.randrange(1 << 32) if options.seed is None else options.seed  # noqa: S311
    start = _start(options)
    house, faults = Household(seed, start, meter.phases), Faults(options.fault, seed)
    port = _open_port(options.pty) if options.pty else None
    write = _writer(program, port)
    try:
        began = time.monotonic()
        for number, (when, due) in enumerate(meter.instants(start)):
            if number == options.count or not _wait(program, began, when - start, options.speed):
                return OK
            house.advance(when)
            write(faults.damage(meter.frames(due, house.values, when), when - start))
    finally:
        if port:
            port.close()
    return OK


def _wait(program: Program, began: float, elapsed_ms: int, speed: float) -> bool:
    """Wait until so many ms of the meter's time have passed since it began; tell whether no signal came."""
    deadline = began + elapsed_ms / 1000 / speed if speed else 0.0
    while not program.stopping:
        left = deadline - time.monotonic()
        if left <= 0:
            return True
        program.wait(None, left)
    return False


def _writer(program: Program, port: "Port | None") -> Callable[[bytes], None]:
    if port is None:
        return program.write

    def write(octets: bytes) -> None:
        sent = port.write(octets)
        program.explain("nobody listens" if sent is None else f"sent {sent} of {len(octets)} octets")

    return write


def _open_port(path: str) -> "Port":
    from hanpipe.fake.port import Port

    try:
        return Port(path)
    except OSError as error:
        raise Failure(IO, f"{path}: {reason(error)}") from error


def _use_key(meter: meters.Meter, options: argparse.Namespace) -> None:
    """Give a meter that ciphers its key."""
    if not meter.needed:
        return
    import importlib.util
    import os

    from hanpipe.apdu import keys

    path = options.key_file or keys.find_key_file(os.environ)
    title = meter.needed.hex().upper()
    if path is None:
        raise Failure(CONFIGURATION, f"{options.meter} ciphers: --key-file with a line {title} KEY [AUTH-KEY]")
    try:
        fitting = keys.read_key_file(path)[0].candidates(meter.needed)
    except keys.KeyFileError as error:
        raise Failure(CONFIGURATION, str(error)) from error
    if not fitting:
        raise Failure(CONFIGURATION, f"{path}: no line for {title}")
    if importlib.util.find_spec("cryptography") is None:
        raise ModuleNotFoundError(name="cryptography")
    meter.use(fitting[0].key, fitting[0].authentication_key)


def _start(options: argparse.Namespace) -> int:
    """Return what the meter's clock shows at first, in ms since 1970-01-01."""
    if options.start is not None:
        return int(options.start)
    if options.seed is not None:
        return _local_ms(_START)
    now = datetime.now()
    return round(now.replace(tzinfo=UTC).timestamp() * 1000)


def _local_ms(text: str) -> int:
    try:
        return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as {_START}") from error


def _faults(text: str) -> dict[str, float]:
    try:
        return read_faults(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
