"""Lines of text, each with octets of one of many sources -> source, time and octets: what a broker's client prints.

    SOURCE HEX              mosquitto_sub -F '%t %x'
    SOURCE TIME HEX         mosquitto_sub -F '%t %U %x'

Tabs between them let a source hold spaces. A time is RFC 3339 with an offset, or the time since 1970-01-01 UTC in s
(with or without a fraction), ms, us or ns, which its size tells.
"""

from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final, NamedTuple

LONGEST_LINE: Final = 1_000_000  # octets: a record of the most octets has 131,070 digits
LONGEST_SOURCE: Final = 1000  # octets
_EXPECTED: Final = "expected SOURCE HEX or SOURCE TIME HEX, with tabs between if a source holds spaces"
_NS: Final = 1_000_000_000
_LATEST: Final = 1 << 64  # a record has 8 octets for a time
# A whole number below the first of each pair is a time in units of so many ns: s, ms, us, ns.
_UNITS: Final = ((10**11, _NS), (10**14, 10**6), (10**17, 10**3), (_LATEST, 1))


class Sent(NamedTuple):
    """Octets that a source sent.

    source: its name, "" for a line that could not be read, whose own octets follow
    time:   ns since 1970-01-01 UTC, 0 = the line has none
    """

    source: str
    time: int
    octets: bytes


class Lines:
    """Feed it text in pieces of any size.

    wrong: the number of lines that could not be read; why: what is wrong with the first one, "" without any
    """

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0  # of the last line
        self.wrong = 0
        self.why = ""

    def feed(self, text: bytes) -> list[Sent]:
        """Return what the lines that text completes sent. b"" means that the input has ended."""
        *lines, self._rest = (self._rest + text).split(b"\n")
        if self._rest and (not text or len(self._rest) > LONGEST_LINE):
            lines.append(self._rest)
            self._rest = b""
        sent: list[Sent] = []
        for line in lines:
            self._number += 1
            if line.strip():
                sent.append(self._read(line))
        return sent

    def _read(self, line: bytes) -> Sent:
        try:
            return read_line(line)
        except Malformed as malformed:
            self.wrong += 1
            self.why = self.why or f"line {self._number:,}: {malformed.what}"
            return Sent("", 0, line)


def read_line(line: bytes) -> Sent:
    """Read a line with or without its end. raise: Malformed."""
    line = line.rstrip(b"\r\n")
    between = b"\t" if b"\t" in line else b" "
    name, found, rest = line.partition(between)
    *times, digits = rest.split(between)
    if not (name and found) or len(times) > 1 or len(name) > LONGEST_SOURCE or len(line) > LONGEST_LINE:
        raise Malformed(0, f"{_EXPECTED}, found {_shown(line)}")
    try:
        source, octets = name.decode(), bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        raise Malformed(0, f"{_EXPECTED}, found {_shown(line)}") from None
    return Sent(source, _time(times[0]) if times else 0, octets)


def _time(octets: bytes) -> int:
    """Read a time, in ns since 1970-01-01 UTC. raise: Malformed."""
    whole, point, fraction = octets.partition(b".")
    if not (whole.isdigit() and len(whole) <= 20):
        since = _date_time(octets)
    elif point:
        since = int(whole) * _NS + int(fraction[:9].ljust(9, b"0")) if fraction.isdigit() else 0
    else:
        since = int(whole) * next((ns for most, ns in _UNITS if int(whole) < most), 0)
    if not 0 < since < _LATEST:
        raise Malformed(0, f"expected a time such as 2026-01-31T10:15:00Z or 1769854500.25, found {_shown(octets)}")
    return since


def _date_time(octets: bytes) -> int:
    """Read a date and time with an offset, in ns since 1970-01-01 UTC; 0 if it is not one."""
    from datetime import UTC, datetime, timedelta  # the clients of brokers print numbers

    try:
        then = datetime.fromisoformat(octets.decode("ascii"))
        return (then - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    except (ValueError, TypeError, OverflowError):
        return 0


def _shown(octets: bytes) -> str:
    text = octets[:40].decode("ascii", "backslashreplace")
    return repr(text) + ("..." if len(octets) > len(text) else "")
