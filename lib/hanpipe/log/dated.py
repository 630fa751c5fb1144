"""Whole frames -> files named by the date, whatever happens to the disk.

Frames wait until WRITE_PAUSE has passed, and are then written together. The files are not synced, because that would
wear out an SD card. So a program that is killed loses what came in the last WRITE_PAUSE seconds, and a power cut also
what the kernel had not yet written, by default 30 s. Everything before that can be read, in a gzip file too: it is
flushed at each write, and a file that was cut is mended before more is written to it.
"""

import os
import time
from collections.abc import Callable

from hanpipe.log.file import File
from hanpipe.log.wholes import Whole
from hanpipe.unix.state import make_directory
from hanpipe.unix.stderr import counted, duration, reason
from hanpipe.unix.typed import Final

WRITE_PAUSE: Final = 10.0  # s

_MOST: Final = 1 << 20  # octets that wait for a full disk; an hour of a line at 2400 baud
_UNSET: Final = 737_425  # the first day of 2020, as day_of counts
_MUCH: Final = 65536  # octets that do not wait: a replay brings them


class DatedFiles:
    """The files of a directory whose names are dates. A disk that is full or away ends nothing."""

    def __init__(
        self,
        directory: str,
        pattern: str,
        report: Callable[[str], None],
        *,
        gzip: bool = False,
        keep: int | None = None,
    ) -> None:
        """Set where to write; write nothing yet.

        pattern: of the names, for strftime, in local time
        report:  called with a message for the user when the disk refuses or takes octets again
        keep:    days after which files of this pattern are deleted; None: never
        """
        self._directory = directory
        self._pattern = pattern
        self._report = report
        self._gzip = gzip
        self._keep = keep
        self._made = False  # whether the directory was there once: it then comes and goes with its disk
        self._path = ""
        self._file: File | None = None
        self._waiting: list[bytes] = []  # for the file of that path
        self._size = 0  # octets in them
        self._since = 0.0  # when the oldest of them came, or the disk was last tried
        self._refused: float | None = None  # when the disk began to refuse
        self._lost = 0  # octets that were dropped since then

    def add(self, wholes: list[Whole]) -> None:
        """Take frames, to write them later."""
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
        """Return when to write, by time.monotonic(); None: there is nothing to write."""
        if not self._unwritten():
            return None
        much = self._size >= _MUCH and self._refused is None
        return self._since if much else self._since + WRITE_PAUSE

    def write_due(self) -> None:
        """Write, if it is time."""
        due = self.due()
        if due is not None and time.monotonic() >= due:
            self.write()

    def write(self) -> None:
        """Write what waits, as much as the disk takes."""
        if not self._unwritten():
            return
        self._since = time.monotonic()
        try:
            if not self._made:
                make_directory(self._directory)  # the disk may have refused it before
                self._made = True
            if self._file is None:
                self._file = File(self._path, gzip=self._gzip)
            self._file.take(b"".join(self._waiting))
            self._waiting, self._size = [], 0
            self._file.write()
        except OSError as error:
            self._note_refused(error)
        else:
            self._note_taken()

    def close(self) -> None:
        """Write what waits and close the file."""
        self.write()
        self._lost += self._unwritten()
        self._waiting, self._size = [], 0
        if self._file:
            try:
                self._file.close()
            except OSError as error:
                self._note_refused(error)
            self._file = None

    def _change(self, path: str) -> None:
        """Continue in another file."""
        if self._keep is not None:
            self._delete_old(self._keep)  # first, because it may make room for the last octets
        if self._path:
            self.close()
        self._path = path

    def _unwritten(self) -> int:
        return self._size + (len(self._file.pending) if self._file else 0)

    def _note_refused(self, error: OSError) -> None:
        if self._refused is None:
            self._refused = time.monotonic()
            self._report(f"{self._path}: {reason(error)}; going on without it")

    def _note_taken(self) -> None:
        if self._refused is not None:
            lost = f"; it lacks {counted(self._lost, 'octet')}" if self._lost else ""
            self._report(f"{self._path}: written again after {duration(time.monotonic() - self._refused)}{lost}")
            self._refused, self._lost = None, 0

    def _delete_old(self, days: int) -> None:
        """Delete the files of this pattern that are more days old, counted from the day after the last before today.

        Mostly that is today. After a clock was set to a wrong day it is not, so that no file is lost if the clock is
        right again before the next file begins. A day before 2020 is that of a clock that was not set.
        """
        today = day_of(time.strftime(self._pattern), self._pattern)
        try:
            found = [(self._day(name), name) for name in os.listdir(self._directory)]
        except OSError as error:
            self._report(f"{self._directory}: {reason(error)}; old files stay")
            return
        before = [day for day, _ in found if day is not None and today is not None and day < today]
        for day, name in found:
            if day is not None and _UNSET <= day < max(before, default=0) + 1 - days:
                self._delete(f"{self._directory}/{name}")

    def _day(self, name: str) -> int | None:
        """Return the day of a file of this pattern, compressed or not; None of any other file."""
        day = day_of(name, self._pattern)
        return day_of(name.removesuffix(".gz"), self._pattern) if day is None else day

    def _delete(self, path: str) -> None:
        try:
            os.unlink(path)
        except OSError as error:
            self._report(f"{path}: {reason(error)}; it stays")


def day_of(name: str, pattern: str) -> int | None:
    """Return the day in a name of this pattern, as a count of days; None if the name does not fit the pattern."""
    import datetime  # only a log that deletes files needs it

    try:
        day = time.strptime(name, pattern)
    except ValueError:
        return None
    return datetime.date(*day[:3]).toordinal() if time.strftime(pattern, day) == name else None
