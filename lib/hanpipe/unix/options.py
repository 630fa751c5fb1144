"""Command-line options: the parser that all programs share, and the numbers that options take."""

import argparse
import os
import sys

from hanpipe import __version__
from hanpipe.unix.status import IO, Failure
from hanpipe.unix.stderr import reason, write
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import tzinfo

_EXAMPLE: Final = "example:\n  "
_UNITS: Final = {"k": 1000, "M": 1_000_000, "G": 1_000_000_000}
_SMALLEST: Final = 64_000  # octets of a queue


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Folds the description, and leaves the examples as they are."""

    def __init__(self, prog: str) -> None:
        # Always 80 columns, because to ask for the width of the terminal costs every start of a program 2 ms.
        super().__init__(prog, width=80)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(_EXAMPLE):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


class _Parser(argparse.ArgumentParser):
    """Reports in the programs' own way that help cannot be written."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is None or file is sys.stderr:  # None: the caller has closed it
            write(message.encode(errors="backslashreplace"))
            return
        try:
            file.write(message)  # from Python 3.11.4 on, argparse ignores the errors here
            file.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries again at its end
            if isinstance(error, BrokenPipeError):
                raise
            raise Failure(IO, f"standard output: {reason(error)}") from error


def new_parser(name: str, purpose: str, example: str = "", **features: str) -> argparse.ArgumentParser:
    """Return a parser with the options of all programs.

    purpose:  one or two sentences; example: command lines, shown after the options
    features: the help of those shared options that the program has: count (-n), follow, stats, files
    """
    made = _Parser(
        prog=name,
        description=purpose,
        epilog=_EXAMPLE + example if example else None,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"%(prog)s (hanpipe) {__version__}")
    chatter = made.add_mutually_exclusive_group()
    chatter.add_argument("-v", "--verbose", action="store_true", help="report on stderr what is happening")
    chatter.add_argument("-q", "--quiet", action="store_true", help="print only fatal errors")
    if "count" in features:
        made.add_argument("-n", dest="count", type=positive_integer, metavar="COUNT", help=features["count"])
    if "follow" in features:
        made.add_argument("--follow", action="store_true", help=features["follow"])
    if "stats" in features:
        made.add_argument("--stats", action="store_true", help=features["stats"])
    if "files" in features:
        made.add_argument("files", nargs="*", metavar="FILE", help=features["files"])
    return made


def positive_integer(text: str) -> int:
    """Read an integer from 1 on. raise: ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return int(text)


def non_negative(text: str) -> float:
    """Read a number from 0 to 1e9. raise: ArgumentTypeError."""
    return _number(text, "a number from 0 to 1e9")


def _number(text: str, what: str) -> float:
    """Read a number from 0 to 1e9. what: is expected. raise: ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"expected {what}, got {text!r}")
    return value


def positive_number(text: str) -> float:
    """Read a number above 0, up to 1e9. raise: ArgumentTypeError."""
    value = _number(text, "a number above 0, at most 1e9")
    if not value:
        raise argparse.ArgumentTypeError("expected a number above 0, got 0")
    return value


def octets(text: str) -> int:
    """Read a size in octets; with k, M or G in thousands, millions or billions. raise: ArgumentTypeError."""
    factor = _UNITS.get(text[-1:], 1)
    number = text[:-1] if factor > 1 else text
    if not (number.isascii() and number.isdigit()):
        raise argparse.ArgumentTypeError(f"expected a size such as 64M, got {text!r}")
    size = int(number) * factor
    if size < _SMALLEST:
        raise argparse.ArgumentTypeError(f"expected a size of 64k or more, got {text}")
    return size


def watts(text: str) -> int:
    """Read a power such as 5kW, or 5000 or 5000W, as W from 1 on. raise: ArgumentTypeError."""
    number, factor = text.removesuffix("W").rstrip(), 1
    if number.endswith("k"):
        number, factor = number.removesuffix("k").rstrip(), 1000
    is_number = number.isascii() and number.replace(".", "", 1).isdigit() and len(number) < 10
    if not (is_number and (power := round(float(number) * factor))):
        raise argparse.ArgumentTypeError(f"expected a power such as 5kW or 5000W, got {text!r}")
    return power


def is_host(text: str) -> bool:
    """Return whether text has the form of a host name or address, so that socket would look it up."""
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False


def address(text: str) -> tuple[str, int]:
    """Read [HOST:]PORT; the host is 127.0.0.1 by default. raise: ArgumentTypeError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else "127.0.0.1"
    if not (is_host(host) and port.isascii() and port.isdigit() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"expected PORT or HOST:PORT, got {text!r}")
    return host, int(port)


def zone(name: str) -> "tzinfo":
    """Read the name of a time zone. raise: ArgumentTypeError."""
    from zoneinfo import ZoneInfo  # 10 ms that few programs need

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"expected a time zone such as Europe/Oslo, got {name!r}") from error
