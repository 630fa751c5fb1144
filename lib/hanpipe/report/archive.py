"""An archive -> readings: lines of han-fields or han-decode, octets of a line, or records of han-frame."""

from collections.abc import Callable, Iterable

from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Refusal
from hanpipe.link import FRAMERS
from hanpipe.link.kinds import FAULTS
from hanpipe.link.records import RecordReader
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from hanpipe.readings.stream import named
from hanpipe.sinks.readings_in import NO_READING, ReadingReader, readings_only
from hanpipe.unix.gunzip import MAGIC, Gunzip
from hanpipe.unix.typed import Any, Final

Reading = dict[str, Any]
Kind = tuple[str, str, str]  # of an input: a word, what it is, and which program reads it

ENOUGH: Final = 4096  # octets that show which kind of input a file is
_KINDS: Final = ("readings", "lines", "octets", "records")  # words of the kinds that can be read
_BAD_LINES: Final = "line that is not a reading"
_PERIODS: Final = "line of han-every or han-peaks"


class Archive:
    """Feed it the octets of one file after the other; it returns the readings that they complete.

    Where a file is cut does not matter; a file may also be of another kind than the one before it.

    faults: what could not be read, and how often
    """

    def __init__(
        self,
        decoder: Decoder,
        naming: Naming,
        recognise: Callable[[bytes], Kind],
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Take what decodes and names octets, what recognises an input by its first octets, and a way to warn."""
        self.faults: dict[str, int] = {}
        self.sample = b""  # the first octets
        self.kind: Kind = ("", "", "")
        self._recognise = recognise
        self._warn = warn
        self._readings = ReadingReader()
        self._used = 0  # of its readings
        self._decoder = decoder
        self._naming = naming
        self._read: Callable[[bytes], bytes] = bytes  # octets of this kind -> lines of han-fields
        self._unpack: Callable[[bytes], bytes] = bytes
        self._file: str | None = None
        self._held: bytearray | None = None  # the first octets of a file, until its kind is known

    def feed(self, data: bytes, file: str) -> list[Reading]:
        """Return the readings that data completes. b"" means that the last file has ended. raise: OSError: bad gzip."""
        found = []
        if file != self._file or not data:
            found += self._begin()
            self._unpack(b"")  # raises what it found to be damaged
            self._file, self._held, self._unpack = file, bytearray(), bytes
        if not data:
            return found + self._end()
        if self._held is None:
            return found + self._lines(self._read(self._unpack(data)))
        self._held += data
        return found + (self._begin() if len(self._held) >= ENOUGH else [])

    def _begin(self) -> list[Reading]:
        """Read the first octets of a file, now that there are enough to recognise its kind."""
        octets, self._held = bytes(self._held or b""), None
        if octets[:2] == MAGIC:
            self._unpack = Gunzip().feed
            octets = self._unpack(octets)
        if not octets.strip():
            return self._lines(self._read(octets)) if octets else []
        kind, found = self._recognise(octets[:ENOUGH]), []
        self.sample = self.sample or octets
        if not self.kind[0] or (kind[0] in _KINDS and kind[0] != self.kind[0]):
            found += self._end() if self.kind[0] else []
            self.kind, self._read = kind, self._reader(kind[0])
        return found + self._lines(self._read(octets))

    def _end(self) -> list[Reading]:
        """Return what is left of a kind of input that has ended."""
        return self._lines(self._read(b"")) + self._lines(b"", ended=True)

    def _reader(self, kind: str) -> Callable[[bytes], bytes]:
        """Return what makes lines of han-fields of a kind of input."""
        if kind == "octets":
            framer = FRAMERS["auto"]()
            return lambda data: self._name([(*event, 0, "") for event in framer.feed(data)])
        if kind == "records":
            records = RecordReader()
            return lambda data: self._name(records.feed(data))
        if kind == "lines":
            lines = LineReader(self._naming)
            return lambda data: _joined(lines.lines(data))
        return bytes

    def _name(self, frames: Iterable[tuple[str, bytes, int, str]]) -> bytes:
        results = self._decoder.feed_all(frames)
        return _joined(reading.line() for reading in named(results, self._naming, self._refuse))

    def _refuse(self, refusal: Refusal) -> None:
        fault = refusal.keys["fault"]
        self.faults[fault] = self.faults.get(fault, 0) + 1

    def _lines(self, lines: bytes, *, ended: bool = False) -> list[Reading]:
        """Return the readings in lines of han-fields."""
        if not lines and not ended:
            return []
        found = list(readings_only(self._readings.feed(lines), self._warn))
        self._used += len(found)
        if periods := self._readings.readings - self._used:
            self.faults[_PERIODS] = periods
        if self._readings.bad:
            self.faults[_BAD_LINES] = self._readings.bad
        return found

    def why_nothing(self, why_no_frame: Callable[[bytes], str]) -> str:
        """Return why no reading was found. why_no_frame: returns it for octets that hold no frame."""
        word, title, program = self.kind
        if word and word not in _KINDS:
            read_it = f": read it with {program} first" if program else ""
            return f"expected readings or octets of a line, found {title}{read_it}"
        if word == "octets" and not self._decoded():
            return why_no_frame(self.sample)
        return NO_READING

    def all_refused(self) -> bool:
        """Return whether ciphered messages came, and not one could be opened."""
        deciphering = self._decoder.opener.deciphering
        return deciphering is not None and bool(deciphering.met) and not deciphering.opened

    def _decoded(self) -> bool:
        """Return whether there were frames, though none gave a reading."""
        return any(fault not in FAULTS.values() for fault in self.faults)


def _joined(lines: Iterable[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode()
