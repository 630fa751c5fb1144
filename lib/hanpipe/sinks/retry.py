"""Patience with a peer that is away: growing pauses; each reason is reported once, and the return too."""

import time
from collections.abc import Callable

from hanpipe.unix.stderr import duration
from hanpipe.unix.typed import Final

FIRST_PAUSE: Final = 1.0  # s
LONGEST_PAUSE: Final = 60.0  # s
_MOST_REASONS: Final = 10  # that are reported of one absence


class Waiting:
    """When to try a peer again, and what the user hears of it.

    It does not wait itself: ask `seconds`, do something else meanwhile, and report how the next try went.
    """

    def __init__(self, peer: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Take the peer's name, which begins each message, and a clock in seconds."""
        self.retries = 0  # tries that failed
        self._peer = peer
        self._say = say
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._next = 0.0
        self._since: float | None = None
        self._reported: set[str] = set()  # of this absence: a peer that starts may fail in two ways in turn

    @property
    def away(self) -> bool:
        """Return whether the last try failed."""
        return self._since is not None

    def seconds(self) -> float:
        """Return how long to wait until the next try, 0 if it may be now."""
        return max(0.0, self._next - self._clock()) if self.away else 0.0

    def failed(self, why: str) -> None:
        """Note that a try failed. why: the reason, and what to do if something can be done."""
        now = self._clock()
        self.retries += 1
        if self._since is None:
            self._since = now
        if why not in self._reported and len(self._reported) < _MOST_REASONS:
            self._say(f"{self._peer}: {why}; trying again")
            self._reported.add(why)
        self._next = now + self._pause
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)

    def worked(self) -> None:
        """Note that a try worked."""
        if self._since is not None:
            self._say(f"{self._peer}: back after {duration(self._clock() - self._since)}")
        self._since = None
        self._reported.clear()
        self._pause = FIRST_PAUSE
