"""Octets or records -> dated files that hold whole frames, one behind the other.

Octets wait until the frame that they are part of is whole; whole frames wait until WRITE_PAUSE has passed, and are then
written in one go. Nothing is synced: an SD card would not live long. So a program that is killed loses what came in the
last WRITE_PAUSE seconds, and a power cut also what the kernel had not written back, 30 s as it comes. What a file holds
before can be read up to its last whole frame, in a gzip file too: it is flushed at each write, and one that was cut is
mended before more is written to it.
"""

import contextlib
import os
import time
import zlib
from collections.abc import Callable

from hanpipe.link import FRAMERS, records
from hanpipe.link.kinds import FAULTS
from hanpipe.unix.stderr import duration, reason
from hanpipe.unix.typed import Final, NamedTuple, Protocol

WRITE_PAUSE: Final = 10.0  # s

_MOST: Final = 1 << 20  # octets that wait for a full disk; an hour of a line at 2400 baud
_GZIP: Final = 31  # zlib's word for a gzip header and trailer, with the longest window
_PIECE: Final = 65536


class Whole(NamedTuple):
    """Octets between which a file may end: frames, faults or records.

    good: how many of them passed their checks; time: ns since 1970-01-01 UTC, 0 = unknown, then they came now
    """

    octets: bytes
    good: int
    time: int = 0


class Cutter(Protocol):
    """Finds where frames end."""

    def feed(self, data: bytes) -> list[Whole]:
        """Return what data makes whole, in order: joined, it is what came. b"" means that the input has ended."""


class OctetCutter:
    """Cuts octets of a line. A flag that ends one frame may open the next: the cut is in front of the last flag."""

    def __init__(self) -> None:
        self._framer = FRAMERS["auto"]()
        self._octets = b""  # what is not known to be whole

    def feed(self, data: bytes) -> list[Whole]:
        """Return what data makes whole."""
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


class RecordCutter:
    """Cuts records, each with its own time."""

    def __init__(self) -> None:
        self._reader = records.RecordReader()

    def feed(self, data: bytes) -> list[Whole]:
        """Return what data makes whole."""
        return [
            Whole(records.pack(kind, octets, time) if kind else octets, bool(kind) and kind not in FAULTS, time)
            for kind, octets, time in self._reader.feed(data)
        ]


def cutter_for(start: bytes) -> Cutter:
    """Return what cuts an input that begins so: records if their magic stands there, octets of a line otherwise."""
    return RecordCutter() if start.startswith(b"HAN") else OctetCutter()


class DatedFiles:
    """Files of a directory that are named by a date, written to whatever happens to the disk."""

    def __init__(
        self, directory: str, pattern: str, say: Callable[[str], None], *, gzip: bool = False, keep: int | None = None
    ) -> None:
        """Take what is to be written where; nothing is written yet.

        pattern: of the names, for strftime, in local time
        say:     tells the user how the disk does
        keep:    days after which files of this pattern are deleted, None for never
        """
        self._directory = directory
        self._pattern = pattern
        self._say = say
        self._gzip = gzip
        self._keep = keep
        self._path = ""
        self._file: _File | None = None
        self._waiting: list[bytes] = []  # for the file of that path
        self._size = 0  # octets in them
        self._since = 0.0  # the oldest of them waits, or the disk was tried
        self._refused: float | None = None  # since when the disk takes nothing
        self._lost = 0  # octets that it will never have

    def add(self, wholes: list[Whole]) -> None:
        """Take whole frames, to be written later."""
        for octets, _, time_ns in wholes:
            named = time.strftime(self._pattern, time.localtime(time_ns // 1_000_000_000 if time_ns else None))
            path = f"{self._directory}/{named}" + (".gz" if self._gzip else "")
            if path != self._path:
                self._change(path)
            if self._unwritten() > _MOST:
                self._lost += len(octets)
                continue
            if not self._unwritten():
                self._since = time.monotonic()
            self._waiting.append(octets)
            self._size += len(octets)

    def due(self) -> float | None:
        """Return when to write, by time.monotonic(); None: there is nothing."""
        if not self._unwritten():
            return None
        much = self._size >= _PIECE and self._refused is None  # a replay
        return self._since if much else self._since + WRITE_PAUSE

    def write_due(self) -> None:
        """Write, if it is time to."""
        due = self.due()
        if due is not None and time.monotonic() >= due:
            self.write()

    def write(self) -> None:
        """Write what waits, as far as the disk takes it."""
        if not self._unwritten():
            return
        self._since = time.monotonic()
        try:
            if self._file is None:
                self._file = _File(self._path, gzip=self._gzip)
            self._file.take(b"".join(self._waiting))
            self._waiting, self._size = [], 0
            self._file.write()
        except OSError as error:
            self._tell_refused(error)
        else:
            self._tell_taken()

    def close(self) -> None:
        """Write what waits and close the file."""
        self.write()
        self._lost += self._unwritten()
        self._waiting, self._size = [], 0
        if self._file:
            try:
                self._file.close()
            except OSError as error:
                self._tell_refused(error)
            self._file = None

    def _change(self, path: str) -> None:
        """Go on with another file."""
        if self._keep is not None:
            self._delete_old(self._keep)  # first: it may make the room that the last octets need
        if self._path:
            self.close()
        self._path = path

    def _unwritten(self) -> int:
        return self._size + (len(self._file.pending) if self._file else 0)

    def _tell_refused(self, error: OSError) -> None:
        if self._refused is None:
            self._refused = time.monotonic()
            self._say(f"{self._path}: {reason(error)}; going on without it")

    def _tell_taken(self) -> None:
        if self._refused is not None:
            lost = f"; {self._lost:,} octets are missing" if self._lost else ""
            self._say(f"{self._path}: written again after {duration(time.monotonic() - self._refused)}{lost}")
            self._refused, self._lost = None, 0

    def _delete_old(self, days: int) -> None:
        """Delete the files of this pattern whose day is longer ago."""
        today = day_of(time.strftime(self._pattern), self._pattern)
        try:
            for name in os.listdir(self._directory):
                day = day_of(name.removesuffix(".gz"), self._pattern)
                if day is not None and today is not None and day < today - days:
                    os.unlink(f"{self._directory}/{name}")
        except OSError as error:
            self._say(f"{self._directory}: {reason(error)}; old files stay")


def day_of(name: str, pattern: str) -> int | None:
    """Return the day that a name of this pattern tells, counted from some day on; None if it is not of this pattern."""
    import datetime  # what a log that keeps everything does not need

    try:
        told = time.strptime(name, pattern)
    except ValueError:
        return None
    return datetime.date(*told[:3]).toordinal() if time.strftime(pattern, told) == name else None


class _File:
    """One open file. pending: octets that it has taken and the disk has not."""

    def __init__(self, path: str, *, gzip: bool) -> None:
        if gzip:
            _mend(path)
        self._zip = zlib.compressobj(wbits=_GZIP) if gzip else None
        self.pending = b""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def take(self, octets: bytes) -> None:
        """Take octets in, without writing them."""
        if self._zip and octets:
            octets = self._zip.compress(octets) + self._zip.flush(zlib.Z_SYNC_FLUSH)
        self.pending += octets

    def write(self) -> None:
        """Write what is pending. raise: OSError: the disk does not take it all."""
        while self.pending:
            self.pending = self.pending[os.write(self._descriptor, self.pending) :]

    def close(self) -> None:
        """Write the end and close. raise: OSError."""
        try:
            if self._zip:
                self.pending += self._zip.flush(zlib.Z_FINISH)
            self.write()
        finally:
            os.close(self._descriptor)


def _mend(path: str) -> None:
    """Give a gzip file that was cut an end, so that more can follow; what cannot be read of it is left out."""
    if not os.path.exists(path) or _copy_readable(path, lambda octets: None):
        return
    packed = zlib.compressobj(wbits=_GZIP)
    try:
        with open(f"{path}.part", "wb") as mended:
            _copy_readable(path, lambda octets: mended.write(packed.compress(octets)))
            mended.write(packed.flush())
        os.replace(f"{path}.part", path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(f"{path}.part")
        raise


def _copy_readable(path: str, write: Callable[[bytes], object]) -> bool:
    """Copy what can be read of a gzip file; tell whether that is all of it."""
    import gzip  # what most runs do not need

    try:
        with gzip.open(path) as packed:
            while octets := packed.read1(_PIECE):
                write(octets)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return True
