"""How a serial line is set, and the settings that meters use."""

from hanpipe.unix.typed import Final, NamedTuple

PARITIES: Final = {"none": "N", "even": "E", "odd": "O"}


class Line(NamedTuple):
    """How a serial line is set. parity: none, even or odd; bits: of data; stop: stop bits.

    As it comes: wired M-Bus (EN 13757-2), which most HAN ports with 2400 baud are.
    """

    baud: int = 2400
    parity: str = "even"
    bits: int = 8
    stop: int = 1

    def __str__(self) -> str:
        return f"{self.baud} {self.bits}{PARITIES[self.parity]}{self.stop}"

    @property
    def octets_per_second(self) -> float:
        """How many octets pass in a second, one behind the other."""
        return self.baud / (1 + self.bits + (self.parity != "none") + self.stop)


# What meters use, the most frequent first; protocol-facts.md, section 9
LINES: Final = (
    Line(2400, "even"),  # wired M-Bus
    Line(2400, "none"),
    Line(115200, "none"),  # P1
    Line(9600, "none"),
    Line(9600, "even", 7),  # P1 of DSMR 2 and 3
    Line(38400, "none"),
)
