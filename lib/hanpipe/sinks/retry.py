"""Patience with a peer that is away: growing pauses, said once, and said again when it is back."""

import time
from collections.abc import Callable

from hanpipe.unix.typed import Final

FIRST_PAUSE: Final = 1.0  # s
LONGEST_PAUSE: Final = 60.0  # s
_MOST_WORDS: Final = 10  # reasons that are told of one absence


class Waiting:
    """When to try a peer again, and what the user hears of it.

    Nobody waits in here: ask `seconds`, do something else meanwhile, and tell how the next try went.
    """

    def __init__(self, peer: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Take the peer's name, which begins each line for the user, and a clock in seconds."""
        self.retries = 0  # tries that failed
        self._peer = peer
        self._say = say
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._next = 0.0
        self._since: float | None = None
        self._told: set[str] = set()  # of this absence: a peer that comes up may fail now in one way, now in another

    @property
    def away(self) -> bool:
        """Tell whether the last try failed."""
        return self._since is not None

    def seconds(self) -> float:
        """Return how long to wait until the next try, 0 if it may be now."""
        return max(0.0, self._next - self._clock()) if self.away else 0.0

    def failed(self, why: str) -> None:
        """A try failed; say so unless it was said. why: with what to do, where something can be done."""
        now = self._clock()
        self.retries += 1
        if self._since is None:
            self._since = now
        if why not in self._told and len(self._told) < _MOST_WORDS:
            self._say(f"{self._peer}: {why}; trying again")
            self._told.add(why)
        self._next = now + self._pause
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)

    def worked(self) -> None:
        """A try worked; say so if it was away."""
        if self._since is not None:
            self._say(f"{self._peer}: back after {duration(self._clock() - self._since)}")
        self._since = None
        self._told.clear()
        self._pause = FIRST_PAUSE


def duration(seconds: float) -> str:
    """Say a duration as people do: 45 s, 4 min, 3 h, 2 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"
