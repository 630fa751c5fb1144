"""Octets or records -> pieces between which a file may end: whole frames, faults and records."""

from hanpipe.link import FRAMERS, records
from hanpipe.link.kinds import FAULTS
from hanpipe.unix.typed import NamedTuple, Protocol


class Whole(NamedTuple):
    """Octets before and after which a file may end.

    good: the number of frames in them whose checks agree
    time: ns since 1970-01-01 UTC; 0: unknown, which counts as now
    """

    octets: bytes
    good: int
    time: int = 0


class Scanner(Protocol):
    """Finds where frames or records end."""

    def feed(self, data: bytes) -> list[Whole]:
        """Return the pieces that data completes; joined, they are the input. b"" means that the input has ended."""


class OctetScanner:
    """Scans the octets of a line.

    A piece ends before its last flag, because the flag that ends one frame may open the next.
    """

    def __init__(self) -> None:
        self._framer = FRAMERS["auto"]()
        self._octets = b""  # octets of which no piece has been made

    def feed(self, data: bytes) -> list[Whole]:
        """Return the pieces that data completes."""
        self._octets += data
        events = self._framer.feed(data)
        at = 0
        for _, octets in events:
            at = self._octets.index(octets, at) + len(octets)  # framers leave out nothing but flags
        while self._octets[at : at + 2] == b"\x7e\x7e":
            at += 1
        whole, self._octets = (self._octets[:at], self._octets[at:]) if data else (self._octets, b"")
        good = sum(kind not in FAULTS for kind, _ in events)
        return [Whole(whole, good)] if whole else []


class RecordScanner:
    """Scans records. Each piece is one record, after that of its source, and has its time."""

    def __init__(self) -> None:
        self._reader = records.RecordReader()

    def feed(self, data: bytes) -> list[Whole]:
        """Return the pieces that data completes."""
        return [
            Whole(records.pack(kind, octets, time, source) if kind else octets, bool(kind) and kind not in FAULTS, time)
            for kind, octets, time, source in self._reader.feed(data)
        ]


def scanner_for(start: bytes) -> Scanner:
    """Return the scanner for an input that begins so: of records if they begin with the magic, else of octets."""
    return RecordScanner() if start.startswith(b"HAN") else OctetScanner()
