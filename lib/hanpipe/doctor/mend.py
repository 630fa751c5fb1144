"""Octets as they arrived -> as the meter sent them, in pieces of any size."""

from collections.abc import Callable

from hanpipe.doctor import intake
from hanpipe.doctor.undo import UNDOS
from hanpipe.link.hextext import HexText
from hanpipe.link.kinds import on_line
from hanpipe.link.records import RecordReader
from hanpipe.unix.gunzip import MAGIC, Gunzip
from hanpipe.unix.typed import Final

_LONGEST: Final = 4096  # octets without a flag that are held back for one


class Mender:
    """Feed it octets in pieces, b"" at the end; each returns the octets that can be given out.

    mends: whether it changes anything
    """

    def __init__(self, undo: Callable[[bytes], bytes] | None) -> None:
        """Take what undoes the change; None: nothing is changed."""
        self._undo = undo
        self._row = next((row for row in UNDOS if row.undo is undo), None)
        self._rest = b""
        self.mends = undo is not None

    def feed(self, data: bytes) -> bytes:
        """Return mended octets, all but those that may begin a changed sequence."""
        if self._undo is None or self._row is None:
            return data
        octets = self._rest + data
        cut = len(octets)
        if data and self._row.link == "escaped":
            cut = octets.rfind(b"\x7e")  # it closes a frame, or opens the next one: both sides need it
            cut = cut if cut >= 0 or len(octets) < _LONGEST else len(octets)
        elif data:
            while cut and octets[cut - 1] in self._row.begin:
                cut -= 1
        cut = max(cut, 0)
        self._rest = octets[cut:]
        return self._undo(octets[:cut])


class LineOctets:
    """Feed it an input in pieces, b"" at the end; each returns octets of the line.

    Hex text, records and gzip data are read as what they hold. All other input is passed on as it is.
    kind: of the input, None as long as it is not known
    """

    def __init__(self) -> None:
        self.kind: intake.Kind | None = None
        self._begin = b""
        self._gunzip: Gunzip | None = None
        self._hex = HexText()
        self._records = RecordReader()

    def feed(self, data: bytes) -> bytes:
        """Return the octets that data completes. raise: OSError: it is gzip data, and damaged."""
        ended = not data
        if self.kind is None and not self._begin and data[:2] == MAGIC:
            self._gunzip = Gunzip()
        data = self._gunzip.feed(data) if self._gunzip else data
        if self.kind is None:
            self._begin += data
            if len(self._begin) < intake.ENOUGH and not ended:
                return b""
            data, self._begin = self._begin, b""
            self.kind = intake.recognise(data)
        return (self._read(data) if data else b"") + (self._read(b"") if ended else b"")

    def _read(self, data: bytes) -> bytes:
        if self.kind == intake.HEX:
            return self._hex.feed(data)
        if self.kind == intake.RECORDS:
            found = self._records.feed(data)
            return b"".join(on_line(kind, octets) for kind, octets, *_ in found)
        return data
