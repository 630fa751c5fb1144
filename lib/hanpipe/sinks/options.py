"""Options that the programs of the sinks share."""

import argparse

from hanpipe.unix.options import new_parser
from hanpipe.unix.typed import Any


def parser(name: str, purpose: str, example: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every live sink. purpose, example: see new_parser."""
    return new_parser(
        name,
        purpose,
        example,
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="lines of han-fields; - or none: standard input",
    )


def add_pass(made: Any) -> None:
    """Add --pass to a parser or group."""
    made.add_argument("--pass", dest="pass_on", action="store_true", help="also write each line to standard output")


def add_tls(made: Any) -> None:
    """Add the options for the certificates of https."""
    trust = made.add_mutually_exclusive_group()
    trust.add_argument("--ca", metavar="FILE", help="trust this certificate over https, whatever host it names")
    trust.add_argument("--insecure", action="store_true", help="trust any certificate over https")


def tls_clash(options: argparse.Namespace) -> str:
    """Return why the options for certificates do not go with --url, "" if they do."""
    plain = options.url.lower().startswith("http://")
    return "--ca and --insecure need --url https://..." if plain and (options.ca or options.insecure) else ""


def names(text: str) -> list[str]:
    """Read names with commas between. raise: ArgumentTypeError."""
    made = [name for name in text.split(",") if name]
    if not made or len(set(made)) != len(made):
        raise argparse.ArgumentTypeError("expected names with commas between, each once")
    return made
