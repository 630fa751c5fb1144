"""What is written to InfluxDB when, and what becomes of the lines that it came from."""

import time
from collections import deque
from collections.abc import Callable

from hanpipe.sinks.peer.http import Away, Denied, Refused, Wrong
from hanpipe.sinks.retry import Waiting
from hanpipe.unix.typed import Final

BATCH: Final = 5000  # points a write, as InfluxDB's own pages advise
_TURN: Final = 10.0  # s for writing, before the input is looked at again
_MOST: Final = 8_000_000  # octets that wait: about a day of a meter that speaks every 2.5 s


class Posting:
    """Points in the order in which they came, written in batches, and again until they are taken or refused.

    A line is dealt with once its point was; where too many wait, the oldest are given up.

    taken, refused, lost: how many points were
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        waiting: Waiting,
        say: Callable[[str], None],
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what writes lines of points, or raises one of the client's exceptions.

        interval: s that a point waits for others, at most
        """
        self.taken = self.refused = self.lost = 0
        self.trouble: Denied | Wrong | None = None  # of the last try: no wait helps, somebody must change something
        self._write = write
        self._waiting = waiting
        self._say = say
        self._interval = interval
        self._clock = clock
        self._queue: deque[tuple[bytes, bytes]] = deque()  # a point, or b"", and its line
        self._size = 0  # octets in there
        self._due = 0.0
        self._done = bytearray()
        self._full = False
        self._unwelcome = False  # the last batch was refused

    def take(self, point: bytes, line: bytes) -> None:
        """Take a point, b"" if there is none, with the line to pass on once it is dealt with."""
        if not self._queue:
            self._due = self._clock() + self._interval
        self._queue.append((point, line))
        self._size += len(point) + len(line)
        while self._size > _MOST:
            self._give_up()

    def _give_up(self) -> None:
        self.lost += 1
        if not self._full:
            self._say("too many readings wait: the oldest are given up")
        self._full = True
        self._drop(1)

    def _drop(self, count: int) -> None:
        """The first so many are dealt with."""
        for _ in range(count):
            point, line = self._queue.popleft()
            self._size -= len(point) + len(line)
            self._done += line

    def dealt_with(self) -> bytes:
        """Return, once, the lines that are dealt with."""
        done = bytes(self._done)
        self._done.clear()
        return done

    @property
    def left(self) -> int:
        """Return how many points are not written."""
        return sum(bool(point) for point, _ in self._queue)

    def seconds(self) -> float | None:
        """Return the seconds until there is something to try, None if there is nothing."""
        if not self._queue:
            return None
        due = 0.0 if len(self._queue) >= BATCH else max(0.0, self._due - self._clock())
        return max(due, self._waiting.seconds())

    def post(self, *, all_of_it: bool = False) -> None:
        """Write what is due, unless it is too early to try again; never for long.

        raise: Denied, Wrong: nothing was ever taken, and no wait would help
        """
        end = self._clock() + _TURN
        while self._queue and not self._waiting.seconds() and self._clock() < end:
            if not all_of_it and self.seconds():
                return
            batch = [self._queue[number] for number in range(min(BATCH, len(self._queue)))]
            if not self._post(b"".join(point for point, _ in batch), sum(bool(point) for point, _ in batch)):
                return
            self._drop(len(batch))
            self._due = self._clock() + self._interval

    def _post(self, points: bytes, count: int) -> bool:
        """Write points, if there are any; tell whether they are dealt with."""
        try:
            if points:
                self._write(points)
        except (Away, Denied, Wrong) as error:
            self.trouble = None if isinstance(error, Away) else error
            if self.trouble and not self.taken + self.refused:
                raise
            self._waiting.failed(str(error))
            return False
        except Refused as refusal:
            self.refused += count
            if not self._unwelcome:
                self._say(f"refused, and given up, {_readings(count)} (all, or some of them): {refusal}")
            self._unwelcome = True
        else:
            self.taken += count
            self._unwelcome = False
        if points:
            self._waiting.worked()
            self.trouble = None
            self._full = False
        return True


def _readings(count: int) -> str:
    return "a reading" if count == 1 else f"{count} readings"
