"""The queue: lines that the sink has not taken yet, on disk, or in memory while the disk takes nothing."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from hanpipe.spool.segments import PARTS, Segments
from hanpipe.unix.stderr import counted, duration, reason

PIECE: Final = 65536  # octets that are written or sent in one go
MOST_MEMORY: Final = (
    4_000_000  # octets of lines that wait for a full disk: half a day of a meter that speaks each 2.5 s
)
DISK_PAUSE: Final = 10.0  # s between two tries of a disk that takes nothing


class Backlog:
    """Lines in the order in which they came: put at the end, sent from the front, gone when they are acknowledged.

    Every line is written before it is sent, unless it is held: then what the sink takes in time is never written.
    If there is too much, the oldest lines are dropped and reported.

    dropped: lines that no sink has seen the end of
    """

    def __init__(
        self,
        directory: str,
        most: int,
        say: Callable[[str], None],
        hold: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the queue in a directory that is there.

        most:  octets on disk; say: a line for the user
        hold:  s that lines may be in memory alone: what they cost when the program is killed
        raise: OSError
        """
        self.dropped = 0
        self._directory = directory
        self._most = most
        self._most_memory = min(most, MOST_MEMORY)
        self._part = min(PIECE, most // PARTS)  # octets that are written in one go: no segment is much of the queue
        self._say = say
        self._hold = hold
        self._clock = clock
        self._segments = Segments(directory, most)
        self._taken = self._segments.taken  # offsets in the stream of all lines: see segments.py
        self._sent = self._taken
        self._kept = self._segments.end  # where the lines in memory begin
        self._memory = bytearray()  # lines that are not written
        self._came: deque[tuple[float, int]] = deque()  # when lines came that are in memory, and the offset after them
        self._flight: deque[tuple[int, int]] = deque()  # begin and end of what was sent and not acknowledged
        self._unmarked: float | None = None  # since when the file does not say what is taken
        self._refused: float | None = None  # since when the disk takes nothing
        self._again = 0.0  # when it is tried again
        self._full = 0  # lines dropped since the queue was last empty

    @property
    def waiting(self) -> int:
        """Return how many octets of lines are not acknowledged."""
        return self._segments.behind(self._taken) + len(self._memory)

    @property
    def unwritten(self) -> bool:
        """Tell whether lines are in memory alone."""
        return bool(self._memory)

    @property
    def full(self) -> bool:
        """Return whether the input should wait, if it can: the queue, or its part in memory, is half full."""
        return self.waiting > self._most // 2 or len(self._memory) > self._most_memory // 2

    @property
    def unsent(self) -> bool:
        """Tell whether there are lines to be sent."""
        return self._segments.behind(self._sent) + len(self._memory) > max(0, self._sent - self._kept)

    def put(self, octets: bytes) -> None:
        """Take whole lines, one or more."""
        self._memory += octets
        self._came.append((self._clock(), self._kept + len(self._memory)))
        self.write_due()
        self._make_room()

    def next(self, most: int = PIECE) -> bytes:
        """Return the next lines to send, so many octets at most but one line at least; b"" if nothing waits."""
        begin, octets = self._from_disk(most)
        if not octets:
            begin = max(self._sent, self._kept)
            octets = self._from_memory(begin - self._kept, most)
        if octets:
            self._sent = begin + len(octets)
            self._flight.append((begin, self._sent))
        return octets

    def acknowledge(self, count: int) -> None:
        """Forget the first so many octets of what was sent, which are whole lines."""
        while count:
            begin, end = self._flight.popleft()
            part = min(count, end - begin)
            count -= part
            if begin + part < end:
                self._flight.appendleft((begin + part, end))
            self._taken = max(self._taken, begin + part)
        self._forget_taken()
        if self._unmarked is None:
            self._unmarked = self._clock()
        self.write_due()
        if self._full and not self.waiting:
            self._say(f"{self._directory}: empty again; meanwhile it dropped {counted(self._full, 'line')}")
            self._full = 0

    def rewind(self) -> None:
        """Send again what was sent and not acknowledged: the sink is another one."""
        self._sent = self._taken
        self._flight.clear()

    def due(self) -> float | None:
        """Return the seconds until something is to be written, None if nothing is."""
        since = [self._came[0][0]] if self._came else []
        if self._unmarked is not None and self._segments.size:
            since.append(self._unmarked)
        if not since:
            return None
        at = min(since) + self._hold if self._refused is None else self._again
        return max(0.0, at - self._clock())

    def write_due(self) -> None:
        """Write what is due."""
        due = self.due()
        if due == 0.0 or (due and self._refused is None and len(self._memory) >= PIECE):
            self.write()

    def write(self) -> None:
        """Write what is not written, as far as the disk takes it."""
        try:
            while self._memory:
                octets = self._from_memory(0, self._part)
                self._segments.append(self._kept, octets)
                self._cut_memory(self._kept + len(octets))
                self._report_taken()
            if self._segments.size:
                self._segments.mark(self._taken)
            self._unmarked = None
        except OSError as error:
            self._report_refused(error)

    def close(self) -> int:
        """Write what is not written and close the files; return how many octets of lines the disk did not take.

        They are lost, and reported.
        """
        self.write()
        if self._memory:
            lost = self._memory.count(b"\n")
            self.dropped += lost
            self._say(f"{self._directory}: {counted(lost, 'line')} could not be written and will be missing")
        self._segments.close()
        self._segments.forget(self._taken)
        return len(self._memory)

    def _from_disk(self, most: int) -> tuple[int, bytes]:
        """Return what Segments.read does; a segment that cannot be read is skipped and reported."""
        while True:
            try:
                return self._segments.read(self._sent, most)
            except OSError as error:
                self._say(f"{self._segments.path()}: {reason(error)}; its lines are lost")
                self._forget_first()

    def _from_memory(self, at: int, most: int) -> bytes:
        octets = bytes(self._memory[at : at + most])
        end = octets.rfind(b"\n") + 1
        return octets[:end] if end else bytes(self._memory[at : self._memory.find(b"\n", at) + 1])

    def _forget_taken(self) -> None:
        """Let go of what is taken, in memory and on disk."""
        if self._taken > self._kept:
            self._cut_memory(self._taken)
        self._segments.forget(self._taken)

    def _cut_memory(self, offset: int) -> None:
        del self._memory[: offset - self._kept]
        self._kept = offset
        while self._came and self._came[0][1] <= offset:
            self._came.popleft()

    def _make_room(self) -> None:
        """Drop the oldest lines where there are too many."""
        while self._segments.size and self._segments.size + len(self._memory) > self._most and self._refused is None:
            self._drop_segment()
        if len(self._memory) > self._most_memory:
            cut = self._memory.find(b"\n", len(self._memory) // 8) + 1
            self._report_dropped(bytes(self._memory[max(0, self._taken - self._kept) : cut]))
            self._cut_memory(self._kept + cut)
        self._sent = max(self._sent, self._taken)

    def _drop_segment(self) -> None:
        lines = []
        try:
            at, end = self._taken, self._segments.first_end
            while at < end:
                begin, octets = self._segments.read(at, PIECE)
                at = begin + len(octets)
                lines.append(octets)
        except OSError as error:
            self._report_refused(error)
        self._forget_first()
        self._report_dropped(b"".join(lines))

    def _forget_first(self) -> None:
        """Let go of the first segment."""
        self._taken = max(self._taken, self._segments.drop())
        self._sent = max(self._sent, self._taken)

    def _report_dropped(self, octets: bytes) -> None:
        lines = octets.count(b"\n")
        if lines and not self._full:
            self._say(f"{self._directory}: full; the oldest lines are dropped from here on")
        self.dropped += lines
        self._full += lines

    def _report_refused(self, error: OSError) -> None:
        now = self._clock()
        self._again = now + DISK_PAUSE
        if self._refused is None:
            self._refused = now
            self._say(f"{self._directory}: {reason(error)}; going on in memory, for {MOST_MEMORY // 1_000_000} MB")

    def _report_taken(self) -> None:
        if self._refused is not None:
            self._say(f"{self._directory}: written again after {duration(self._clock() - self._refused)}")
            self._refused = None
