"""han-spool: a sink behind a queue on disk."""

import argparse
import os
from typing import Final

from hanpipe.unix.options import new_parser, non_negative, positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, Failure
from hanpipe.unix.stderr import reason

_UNITS: Final = {"k": 1000, "M": 1_000_000, "G": 1_000_000_000}
_SMALLEST: Final = 64_000  # octets


def main(argv: list[str]) -> int:
    """Run han-spool; return its exit status."""
    parser = _parser()
    own, command = _divide(argv)
    options = parser.parse_args(own)
    if not command:
        parser.error("which sink? han-spool DIR -- SINK [ARGUMENT ...]")
    if os.path.basename(command[0]).startswith("han-") and "--pass" not in command:
        parser.error(f"give {command[0]} --pass: a line that it passes on is one that it has taken")
    lock = _lock(options.dir)
    program = Program(options, parser.prog)
    from hanpipe.spool.runner import Runner  # behind --help

    try:
        return Runner(program, command).run()
    finally:
        os.close(lock)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-spool",
        "Run a sink behind a queue on disk, so that nothing is lost while the sink, or what it\n"
        "writes to, is away. The sink gets the lines of standard input; a line that it passes\n"
        "on is one that it has taken. A sink that ends is started again, and gets again what\n"
        "it had not passed on: each line at least once, in order, with its own time.\n"
        "To be killed costs no line that was read; a power cut costs what the kernel had not\n"
        "written yet, about 30 s.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields |\n"
        "    han-spool /var/lib/hanpipe/mqtt -- han-mqtt --host broker --pass",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
    )
    parser.usage = "han-spool [OPTION ...] DIR -- SINK [ARGUMENT ...]"
    add = parser.add_argument
    add("dir", metavar="DIR", help="directory of the queue; made if missing; one han-spool each")
    add("--pass", dest="pass_on", action="store_true", help="pass on what the sink passes on")
    add(
        "--max-size",
        type=_octets,
        default="64M",
        metavar="SIZE",
        help="when so much waits (k, M, G), the oldest lines are dropped (default: 64M, days of readings)",
    )
    add("--wait", action="store_true", help="let the input wait instead, as that of a regular file always does")
    add(
        "--hold",
        type=non_negative,
        default=0.0,
        metavar="SECONDS",
        help="spare an SD card: write only what the sink has not taken within so long, in one go. "
        "Costs so many seconds of readings if han-spool is killed (default: 0)",
    )
    add(
        "--drain",
        type=non_negative,
        default=10.0,
        metavar="SECONDS",
        help="when the input has ended, wait so long for the sink; what is left waits on disk for the next run "
        "(default: 10)",
    )
    return parser


def _divide(argv: list[str]) -> tuple[list[str], list[str]]:
    """Return what stands in front of the first --, and what behind it."""
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at + 1 :]


def _octets(text: str) -> int:
    """Read a size: a number of octets, or of thousands, millions or milliards of them. raise: ValueError."""
    factor = _UNITS.get(text[-1:], 1)
    octets = positive_integer(text[:-1] if factor > 1 else text) * factor
    if octets < _SMALLEST:
        raise argparse.ArgumentTypeError(f"{text} is too little for a queue: 64k or more")
    return octets


def _lock(directory: str) -> int:
    """Make the directory and lock it for this run; return the descriptor that holds the lock.

    raise: Failure: it cannot be made, or another han-spool has it
    """
    import fcntl

    try:
        os.makedirs(directory, exist_ok=True)
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Failure(IO, f"{directory}: another han-spool has this queue: give each its own DIR") from error
    except OSError as error:
        raise Failure(IO, f"{directory}: {reason(error)}") from error
    return lock
