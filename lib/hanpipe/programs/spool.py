"""han-spool: a sink after a queue on disk."""

import argparse
import os

from hanpipe.unix.options import new_parser, non_negative, octets
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-spool; return its exit status."""
    parser = _parser()
    end = argv.index("--") if "--" in argv else len(argv)
    options, command = parser.parse_args(argv[:end]), argv[end + 1 :]
    if not command:
        parser.error("the sink is missing: han-spool DIR -- SINK [ARGUMENT ...]")
    if os.path.basename(command[0]).startswith("han-") and "--pass" not in command:
        parser.error(f"{command[0]} needs --pass: han-spool takes a line as delivered when the sink passes it on")
    from hanpipe.spool.runner import run  # after --help

    return run(Program(options, parser.prog), command)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-spool",
        "Run a sink after a queue on disk, so that no line is lost while the sink or its peer is\n"
        "away. The sink gets the lines of standard input; a line that it passes on is delivered.\n"
        "A sink that ends is started again and gets what it had not passed on: each line at\n"
        "least once, in order, with its own time. A kill loses no line of the queue; a power\n"
        "cut loses what the kernel has not written yet, about 30 s.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields |\n"
        "    han-spool /var/lib/hanpipe/mqtt -- han-mqtt --host broker --pass",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
    )
    parser.usage = "han-spool [OPTION ...] DIR -- SINK [ARGUMENT ...]"
    add = parser.add_argument
    add("dir", metavar="DIR", help="directory of the queue, made if missing; one per han-spool")
    add("--pass", dest="pass_on", action="store_true", help="also write the lines that the sink passes on")
    add(
        "--max-size",
        type=octets,
        default="64M",
        metavar="SIZE",
        help="drop the oldest lines when so much waits (k, M, G; default: 64M, days of readings)",
    )
    add("--wait", action="store_true", help="let the input wait instead, as a regular file always does")
    add(
        "--hold",
        type=non_negative,
        default=0.0,
        metavar="SECONDS",
        help="spare an SD card: write only what the sink has not taken within so long, at once. "
        "A kill loses so many seconds of readings (default: 0)",
    )
    add(
        "--drain",
        type=non_negative,
        default=10.0,
        metavar="SECONDS",
        help="wait so long for the sink at the end; the rest stays on disk for the next run (default: 10)",
    )
    return parser
