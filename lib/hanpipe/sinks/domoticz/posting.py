"""What is posted when, and what becomes of the lines that it came from."""

import time
from collections import deque
from collections.abc import Callable

from hanpipe.periods.intervals import Figures
from hanpipe.sinks.domoticz.devices import Device
from hanpipe.sinks.peer.http import Away, Denied, Refused, Wrong
from hanpipe.sinks.retry import Waiting
from hanpipe.unix.typed import Final

_TURN: Final = 10.0  # s for posting, before the input is looked at again
_MOST_LINES: Final = 4_000_000  # octets of lines that wait for their posts


class Posting:
    """The latest svalue of each device, posted when its interval has ended, and again until it is taken.

    A line is dealt with once each value of its interval was taken, or refused for good, or replaced by a later one:
    energy is cumulative, and Domoticz keeps no more of power than what stands when it looks. Lines stay in order.

    taken, refused: how many posts were
    """

    def __init__(
        self,
        devices: list[Device],
        post: Callable[[int, str], None],
        waiting: Waiting,
        say: Callable[[str], None],
    ) -> None:
        """Take the devices.

        post: idx, svalue -> nothing, or one of the client's exceptions; say: a line for the user
        """
        self.taken = 0
        self.refused = 0
        self.denied = False  # the last try failed for want of rights
        self._devices = devices
        self._post = post
        self._waiting = waiting
        self._say = say
        self._pending: dict[int, tuple[str, int]] = {}  # idx -> svalue, number of its interval
        self._number = 0  # of the interval that is open
        self._open = bytearray()  # its lines
        self._closed: deque[tuple[bytes, int]] = deque()  # lines of an interval that has ended, and its number
        self._size = 0  # octets in there
        self._unwelcome: set[int] = set()  # what was refused when last posted

    def take(self, line: bytes) -> None:
        """Take a line of the interval that is open."""
        self._open += line

    def close(self, figures: Figures) -> None:
        """The interval has ended: post what it says as soon as possible."""
        for device in self._devices:
            if (svalue := device.post(figures)) is not None:
                self._pending.pop(device.idx, None)  # so that the longest waiting is posted first
                self._pending[device.idx] = (svalue, self._number)
        self._closed.append((bytes(self._open), self._number))
        self._size += len(self._open)
        self._open.clear()
        self._number += 1

    def dealt_with(self) -> bytes:
        """Return, once, the lines that are dealt with; the oldest too where too many wait."""
        oldest = min((number for _, number in self._pending.values()), default=self._number)
        lines = []
        while self._closed and (self._closed[0][1] < oldest or self._size > _MOST_LINES):
            lines.append(self._closed.popleft()[0])
            self._size -= len(lines[-1])
        return b"".join(lines)

    @property
    def left(self) -> int:
        """Return how many values are not posted."""
        return len(self._pending)

    def seconds(self) -> float | None:
        """Return the seconds until there is something to try, None if there is nothing."""
        return self._waiting.seconds() if self._pending else None

    def post(self) -> None:
        """Post what is pending, unless it is too early to try again; never for long."""
        if not self._pending or self._waiting.seconds():
            return
        end = time.monotonic() + _TURN
        for idx, (svalue, _) in list(self._pending.items()):
            try:
                self._post_one(idx, svalue)
            except (Away, Denied, Wrong) as error:
                self.denied = isinstance(error, Denied)
                self._pending[idx] = self._pending.pop(idx)  # the others come first when it is tried again
                self._waiting.failed(str(error))
                return
            if time.monotonic() >= end:
                return

    def _post_one(self, idx: int, svalue: str) -> None:
        try:
            self._post(idx, svalue)
        except Refused as refusal:
            self.refused += 1
            if idx not in self._unwelcome:
                self._say(f"idx {idx}: refused ({refusal}): is the device still there?")
                self._unwelcome.add(idx)
        else:
            self.taken += 1
            if idx in self._unwelcome:
                self._say(f"idx {idx}: taken again")
                self._unwelcome.discard(idx)
        self._waiting.worked()
        self.denied = False
        del self._pending[idx]
