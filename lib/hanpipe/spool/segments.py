"""The queue's files: lines under their offset in the stream of all lines that the queue ever held.

    DIR/00000000000000000000.jsonl   lines; the name is the offset of its first octet
    DIR/00000000000004194304.jsonl   the next ones
    DIR/taken                        offsets up to which the sink has taken them, 20 digits each; the last one holds
    DIR/intake                       what comes and is not in the files yet: see intake.py

Plain files and not SQLite: a queue is appended to at one end and deleted at the other, which is all that a file can
do well. SQLite would write each line twice (its log, then its table), sync at each commit or promise nothing either,
and cost its 1 MB of memory; and of a queue in plain text, `cat DIR/*.jsonl` shows what waits.

Offsets only grow, so whatever a power cut has kept of the files is in order and is never taken for something else: a
`taken` that is too old makes lines come twice, one beyond the lines that were kept makes nothing wait. `taken` is
appended to, and begun anew when it is long, so that a cut costs its last offset alone. A line that the cut tore is cut
off when the queue is opened. Lines are not synced: the kernel writes back when it sees fit, each 30 s as it comes
(Linux, vm.dirty_expire_centisecs), and what the sink has taken before that is mostly never written at all.
"""

import contextlib
import errno
import os
import re
from typing import Final

from hanpipe.unix.state import open_own, replace

PARTS: Final = 16  # segments that a full queue has: one is what is dropped at a time
_SMALLEST: Final = 4096  # octets of a segment
_LARGEST: Final = 4 << 20
_TAKEN_UP: Final = 65536  # octets from which on a segment goes when all of it is taken, though it could hold more
_NAME: Final = re.compile(r"(\d{20})\.jsonl")
_MARK: Final = re.compile(rb"\d{20}\n")
_MARK_SIZE: Final = 21
_MOST_MARKS: Final = 195  # offsets in `taken`, which so needs one block of the disk
_UNWRITTEN: Final = bytes(64)  # what a file goes on with whose size was written and whose content was not


class _Segment:
    """Where a file's lines begin and end in the stream."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


class Segments:
    """Whole lines in files. append, read and mark may raise OSError, and have then changed nothing.

    taken: offset up to which lines were taken, as far as it was written down; end: after the last line
    """

    def __init__(self, directory: str, most: int) -> None:
        """Find what is there. most: octets that the queue may hold."""
        self._directory = directory
        self._room = min(_LARGEST, max(_SMALLEST, most // PARTS))
        self._segments = self._find()
        self._writer = -1  # descriptor of the last segment, if it was begun by this run
        self._reader = -1  # descriptor of the segment that begins at _read
        self._read = -1
        self._mark = -1  # descriptor of the file taken
        self._marks = 0  # offsets in it
        self.taken = max(self._written_down(), self.start)
        self.end = max([self.taken, *(segment.end for segment in self._segments)])
        self.forget(self.taken)

    @property
    def start(self) -> int:
        """Return the offset of the first line, 0 without lines."""
        return self._segments[0].start if self._segments else 0

    @property
    def first_end(self) -> int:
        """Return the offset after the first segment, 0 without segments."""
        return self._segments[0].end if self._segments else 0

    @property
    def size(self) -> int:
        """Return how many octets the files hold."""
        return sum(segment.end - segment.start for segment in self._segments)

    def behind(self, offset: int) -> int:
        """Return how many octets of lines there are from offset on."""
        return sum(max(0, segment.end - max(segment.start, offset)) for segment in self._segments)

    def append(self, offset: int, octets: bytes) -> None:
        """Write whole lines, which begin at offset: not below end."""
        last = self._segments[-1] if self._segments else None
        if self._writer < 0 or not last or last.end != offset or last.end - last.start >= self._room:
            last = self._begin(offset)
        try:
            done = os.pwrite(self._writer, octets, last.end - last.start)
            while done < len(octets):
                done += os.pwrite(self._writer, octets[done:], last.end - last.start + done)
        except OSError:
            with contextlib.suppress(OSError):  # what stays is written over, or cut off when the queue is opened
                os.ftruncate(self._writer, last.end - last.start)
            raise
        last.end = self.end = offset + len(octets)

    def read(self, offset: int, most: int) -> tuple[int, bytes]:
        """Return whole lines from offset on and where they begin, which is later where there is a gap.

        return: at most so many octets, one line at least; b"" after the last line
        """
        segment = next((one for one in self._segments if one.end > offset), None)
        if segment is None:
            return offset, b""
        offset = max(offset, segment.start)
        if self._read != segment.start:
            self._close_reader()
            self._reader = open_own(self._path(segment.start), os.O_RDONLY)
            self._read = segment.start
        left = segment.end - offset
        octets = os.pread(self._reader, min(most, left), offset - segment.start)
        if b"\n" not in octets:
            octets = os.pread(self._reader, left, offset - segment.start)
            octets = octets[: octets.find(b"\n") + 1]
        if not octets:
            raise OSError(errno.EIO, "shorter than it was written")
        return offset, octets[: octets.rfind(b"\n") + 1]

    def mark(self, offset: int) -> None:
        """Write down that lines up to offset are taken."""
        if self._mark < 0 or self._marks >= _MOST_MARKS:
            self._begin_marks()
        os.pwrite(self._mark, b"%020d\n" % offset, self._marks * _MARK_SIZE)
        self._marks += 1
        self.taken = offset

    def _begin_marks(self) -> None:
        """Begin the file taken anew, with the last offset."""
        path = f"{self._directory}/taken"
        replace(path, b"%020d\n" % self.taken)
        if self._mark >= 0:
            os.close(self._mark)
        self._mark = -1
        self._mark = open_own(path, os.O_WRONLY)
        self._marks = 1

    def forget(self, offset: int) -> None:
        """Delete the segments whose lines all are below offset, except a short one that is written to."""
        while self._segments and (first := self._segments[0]).end <= offset:
            if len(self._segments) == 1 and self._writer >= 0 and first.end - first.start < _TAKEN_UP:
                return
            self.drop()

    def drop(self) -> int:
        """Delete the first segment; return the offset after it."""
        first = self._segments[0]
        if self._read == first.start:  # a deleted file takes its room on the disk as long as it is open
            self._close_reader()
        with contextlib.suppress(OSError):  # what stays is below taken, and goes when the queue is opened
            os.unlink(self._path(first.start))
        del self._segments[0]
        if not self._segments and self._writer >= 0:
            os.close(self._writer)
            self._writer = -1
        return first.end

    def close(self) -> None:
        """Close the files."""
        self._close_reader()
        for descriptor in (self._writer, self._mark):
            if descriptor >= 0:
                os.close(descriptor)
        self._writer = self._mark = -1

    def path(self) -> str:
        """Return the path of the first segment."""
        return self._path(self.start)

    def _path(self, start: int) -> str:
        return f"{self._directory}/{start:020d}.jsonl"

    def _close_reader(self) -> None:
        if self._reader >= 0:
            os.close(self._reader)
        self._reader = self._read = -1

    def _find(self) -> list[_Segment]:
        """Return the segments that are there; cut what a power cut has torn off the end of the last one."""
        starts = sorted(int(match[1]) for name in os.listdir(self._directory) if (match := _NAME.fullmatch(name)))
        found = [_Segment(start, start + os.lstat(self._path(start)).st_size) for start in starts]
        for segment, following in zip(found, starts[1:], strict=False):
            segment.end = min(segment.end, following)
        if found:
            last = found[-1]
            last.end = last.start + self._cut(self._path(last.start))
        return [segment for segment in found if segment.end > segment.start]

    def _cut(self, path: str) -> int:
        """Cut a file to its whole lines, up to where the file system had written no more; return their octets."""
        with open(open_own(path, os.O_RDWR), "rb") as file:
            size = written(file.read()).rfind(b"\n") + 1
            with contextlib.suppress(OSError):  # of a disk that takes nothing now: it is cut the next time
                os.truncate(file.fileno(), size) if size else os.unlink(path)
        return size

    def _written_down(self) -> int:
        try:
            with open(open_own(f"{self._directory}/taken", os.O_RDONLY), "rb") as file:
                octets = file.read(_MARK_SIZE * (_MOST_MARKS + 1))
        except FileNotFoundError:
            return 0
        marks = [octets[at : at + _MARK_SIZE] for at in range(0, len(octets), _MARK_SIZE)]
        return max((int(mark) for mark in marks if _MARK.fullmatch(mark)), default=0)

    def _begin(self, offset: int) -> _Segment:
        """Begin a segment."""
        descriptor = open_own(self._path(offset), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        if self._writer >= 0:
            os.close(self._writer)
        self._writer = descriptor
        if not self._segments or self._segments[-1].start != offset:
            self._segments.append(_Segment(offset, offset))
        return self._segments[-1]


def written(octets: bytes) -> bytes:
    """Return the content of a file up to where the file system had written no more."""
    return octets.partition(_UNWRITTEN)[0]
