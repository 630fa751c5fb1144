"""Options that the programs of the sinks share."""

import argparse
from collections.abc import Callable

from hanpipe.unix.options import new_parser
from hanpipe.unix.stderr import say
from hanpipe.unix.typed import Any


def parser(name: str, purpose: str, example: str) -> argparse.ArgumentParser:
    """Return a parser with what all sinks have. purpose, example: see new_parser."""
    return new_parser(
        name,
        purpose,
        example,
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="lines of han-fields; - or none: standard input",
    )


def add_pass(made: Any, when: str = " once it is dealt with") -> None:
    """Add --pass to a parser or group."""
    made.add_argument("--pass", dest="pass_on", action="store_true", help=f"pass each line on{when}")


def add_tls(made: Any) -> None:
    """Add what https is told to trust."""
    made.add_argument("--ca", metavar="FILE", help="https: trust this certificate, whatever host it names")
    made.add_argument("--insecure", action="store_true", help="https: trust any certificate")


def sayer(options: argparse.Namespace, name: str) -> Callable[[str], None]:
    """Return what tells the user something, each time; nothing with -q."""

    def say_here(message: str) -> None:
        if not options.quiet:
            say(name, message)

    return say_here
