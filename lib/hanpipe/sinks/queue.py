"""The queue between the input and a peer: values that wait to be sent, and the lines that they come from."""

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable

from hanpipe.unix.typed import Any, Final, NamedTuple

MOST_KEYS: Final = 10_000  # values that wait under a key; a hostile input has a new key in every line


class Item(NamedTuple):
    """A value that waits. number: its place in the order of all values; key: see Queue.put."""

    number: int
    key: Hashable
    value: Any


class _Group(NamedTuple):
    """The values that came together. last: number of the last one; line: their line; size: octets of all."""

    last: int
    line: bytes
    size: int


class Queue:
    """Values in the order in which they came, and their lines.

    A line is delivered once its values, and those of the lines before it, are done, replaced or given up. When more
    than `most` octets wait, the oldest lines are given up with their values.

    replaced, given_up: how many values were
    """

    def __init__(self, most: int) -> None:
        """Start empty. most: octets of lines, and of values that have no key."""
        self.replaced = 0
        self.given_up = 0
        self._most = most
        self._number = 0
        self._waiting: OrderedDict[Hashable, Item] = OrderedDict()  # by key, or by number without a key
        self._taken: OrderedDict[int, Item] = OrderedDict()  # handed out by take() and not done yet
        self._groups: deque[_Group] = deque()
        self._size = 0
        self._delivered: list[bytes] = []

    def __len__(self) -> int:
        """Return how many values are not done."""
        return len(self._waiting) + len(self._taken)

    @property
    def full(self) -> bool:
        """Return whether the input should wait, if it can."""
        return self._size > self._most // 2

    def put(self, values: Iterable[tuple[Hashable, Any]], line: bytes = b"", size: int = 0) -> None:
        """Add values, each with its key, and the line to deliver after them.

        key:  a later value of the same key replaces an earlier one that still waits; None: it is never replaced
        size: octets of the values, if they are to count
        """
        for key, value in values:
            self._number += 1
            if key is not None and key in self._waiting:
                del self._waiting[key]
                self.replaced += 1
            self._waiting[self._number if key is None else key] = Item(self._number, key, value)
        if line or size:
            self._groups.append(_Group(self._number, line, len(line) + size))
            self._size += len(line) + size
        while self._size > self._most:
            self._give_up_oldest()
        while len(self._waiting) > MOST_KEYS and next(iter(self._waiting.values())).key is not None:
            self._waiting.popitem(last=False)
            self.given_up += 1

    def _give_up_oldest(self) -> None:
        """Deliver the oldest line as it is; drop its values, except those with a key, of which the newest is wanted."""
        group = self._pop_group()
        while self._waiting:
            item = next(iter(self._waiting.values()))
            if item.key is not None or item.number > group.last:
                break
            self._waiting.popitem(last=False)
            self.given_up += 1

    def _pop_group(self) -> _Group:
        group = self._groups.popleft()
        self._size -= group.size
        self._delivered.append(group.line)
        return group

    def change(self, key: Hashable, value: Any) -> bool:
        """Give the value that waits under a key another value, in its place; return whether there is one."""
        if item := self._waiting.get(key):
            self._waiting[key] = item._replace(value=value)
        return item is not None

    def waiting(self) -> list[Item]:
        """Return the values that wait, the oldest first; they stay until done()."""
        return list(self._waiting.values())

    def take(self) -> Item | None:
        """Hand out the oldest value, which counts until done(); None if nothing waits."""
        if not self._waiting:
            return None
        item = self._waiting.popitem(last=False)[1]
        self._taken[item.number] = item
        return item

    def done(self, items: Iterable[Item]) -> None:
        """Forget values: they were sent, or refused for good."""
        for item in items:
            self._taken.pop(item.number, None)
            place = item.number if item.key is None else item.key
            if (waiting := self._waiting.get(place)) and waiting.number == item.number:
                del self._waiting[place]

    def delivered(self) -> bytes:
        """Return, once, the lines that are delivered by now."""
        oldest = self._number + 1
        for items in (self._waiting, self._taken):
            if items:
                oldest = min(oldest, next(iter(items.values())).number)
        while self._groups and self._groups[0].last < oldest:
            self._pop_group()
        lines, self._delivered = b"".join(self._delivered), []
        return lines
