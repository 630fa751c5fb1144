"""The settings of a serial line: those that meters use, and the options that ask for them."""

import argparse

from hanpipe.unix.options import positive_integer
from hanpipe.unix.typed import Any, Final, NamedTuple

PARITIES: Final = {"none": "N", "even": "E", "odd": "O"}


class Line(NamedTuple):
    """The settings of a serial line. parity: none, even or odd; bits: data bits; stop: stop bits.

    The defaults are those of wired M-Bus (EN 13757-2), which most HAN ports with 2400 baud use.
    """

    baud: int = 2400
    parity: str = "even"
    bits: int = 8
    stop: int = 1

    def __str__(self) -> str:
        return f"{self.baud} {self.bits}{PARITIES[self.parity]}{self.stop}"

    @property
    def octets_per_second(self) -> float:
        """The number of octets that the line carries in a second, without pauses between them."""
        return self.baud / (1 + self.bits + (self.parity != "none") + self.stop)


# The settings that meters use, the most frequent first: docs/protocol.md
LINES: Final = (
    Line(2400, "even"),  # wired M-Bus
    Line(2400, "none"),
    Line(115200, "none"),  # P1
    Line(9600, "none"),
    Line(9600, "even", 7),  # P1 of DSMR 2 and 3
    Line(38400, "none"),
)


def add_settings(parser: Any) -> None:
    """Add an option for each setting to a parser or to a group of its options."""
    parser.add_argument("--baud", type=positive_integer, metavar="RATE", help="set the baud rate")
    parser.add_argument("--parity", choices=list(PARITIES), help="set the parity")
    parser.add_argument("--bits", type=positive_integer, choices=(7, 8), help="set the data bits per octet")
    parser.add_argument("--stop", type=positive_integer, choices=(1, 2), help="set the stop bits per octet")


def chosen(options: argparse.Namespace, line: Line) -> Line:
    """Return the line with those settings changed that the options give."""
    given = {name: value for name in Line._fields if (value := getattr(options, name)) is not None}
    return line._replace(**given)
