"""The times for which an archive knows nothing of a meter."""

import heapq
from collections.abc import Sequence
from itertools import pairwise

from hanpipe.periods.averages import HOLD
from hanpipe.unix.typed import Final

MOST_LISTED: Final = 10


class Gaps:
    """Feed it the times of readings; it keeps the longest gaps, and the sum of all.

    count, total: of all gaps, and their ns
    backwards:    how often the time ran backwards further than a clock that is set
    """

    def __init__(self) -> None:
        """Begin before the first reading."""
        self.count = 0
        self.total = 0
        self.backwards = 0
        self._last = 0
        self._longest: list[tuple[int, int]] = []  # length and begin

    def add(self, times: Sequence[int]) -> None:
        """Take the times of readings, ns, in their order."""
        for before, at in pairwise([self._last or times[0], *times]):
            length = at - before
            if length > HOLD:
                self._add_gap(before, length)
            elif length < -HOLD:
                self.backwards += 1
        self._last = times[-1]

    def _add_gap(self, begin: int, length: int) -> None:
        self.count += 1
        self.total += length
        heapq.heappush(self._longest, (length, begin))
        if len(self._longest) > MOST_LISTED:
            heapq.heappop(self._longest)

    def longest(self) -> list[tuple[int, int]]:
        """Return begin and length of the longest gaps, ns, in the order of their times."""
        return sorted((begin, length) for length, begin in self._longest)
