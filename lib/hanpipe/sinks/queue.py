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
    than `most` octets wait, the oldest lines are given up with those of their values that have no key: a value with a
    key is replaced by a later one, so that at most MOST_KEYS of them wait.

    replaced, given_up: how many values were
    """

    def __init__(self, most: int, *, lossless: bool = False) -> None:
        """Start empty.

        most:     octets of lines, and of values that have no key
        lossless: never give up a line: han-spool has it, and bounds how many wait
        """
        self.replaced = 0
        self.given_up = 0
        self._most = most
        self._lossless = lossless
        self._number = 0
        self._keyed: OrderedDict[Hashable, Item] = OrderedDict()  # values that wait, by key; the oldest first
        self._keyless: OrderedDict[int, Item] = OrderedDict()  # those without a key, by number
        self._taken: OrderedDict[int, Item] = OrderedDict()  # handed out by take() and not done yet
        self._groups: deque[_Group] = deque()  # of which a value, or one before it, is not done
        self._size = 0  # octets in them
        self._delivered: list[bytes] = []

    def __len__(self) -> int:
        """Return how many values are not done."""
        return len(self._keyed) + len(self._keyless) + len(self._taken)

    @property
    def full(self) -> bool:
        """Return whether the input should wait, if it can."""
        return self._size > self._most // 2

    def put(self, values: Iterable[tuple[Hashable, Any]], line: bytes = b"", size: int = 0) -> list[Hashable]:
        """Add values, each with its key, and the line to deliver after them; return the keys that are given up.

        key:  a later value of the same key replaces an earlier one that still waits; None: it is never replaced
        size: octets of the values, if they are to count
        """
        for key, value in values:
            self._number += 1
            if key is None:
                self._keyless[self._number] = Item(self._number, None, value)
                continue
            if self._keyed.pop(key, None):
                self.replaced += 1
            self._keyed[key] = Item(self._number, key, value)
        if line or size:
            self._groups.append(_Group(self._number, line, len(line) + size))
            self._size += len(line) + size
        self._settle()
        while self._size > self._most and not self._lossless:
            self._give_up_oldest()
        return self._give_up_keys()

    def _give_up_oldest(self) -> None:
        """Deliver the oldest line as it is; drop its values, except those with a key, of which the newest is wanted."""
        last = self._pop_group().last
        while (item := _first(self._keyless)) and item.number <= last:
            del self._keyless[item.number]
            self.given_up += 1

    def _give_up_keys(self) -> list[Hashable]:
        """Drop the oldest values with a key where there are too many; return their keys."""
        dropped = [self._keyed.popitem(last=False)[0] for _ in range(len(self._keyed) - MOST_KEYS)]
        self.given_up += len(dropped)
        return dropped

    def _settle(self) -> None:
        """Deliver the lines of which nothing waits."""
        first = [_first(self._keyed), _first(self._keyless), _first(self._taken)]
        oldest = min((item.number for item in first if item), default=0)
        while self._groups and (not oldest or self._groups[0].last < oldest):
            self._pop_group()

    def _pop_group(self) -> _Group:
        group = self._groups.popleft()
        self._size -= group.size
        if group.line:
            self._delivered.append(group.line)
        return group

    def change(self, key: Hashable, value: Any) -> bool:
        """Give the value that waits under a key another value, in its place; return whether there is one."""
        if item := self._keyed.get(key):
            self._keyed[key] = item._replace(value=value)
        return item is not None

    def waiting(self) -> list[Item]:
        """Return the values that wait, the oldest first; they stay until done()."""
        return sorted([*self._keyed.values(), *self._keyless.values()], key=lambda item: item.number)

    def take(self) -> Item | None:
        """Hand out the oldest value, which counts until done(); None if nothing waits."""
        keyed, keyless = _first(self._keyed), _first(self._keyless)
        if keyed and (keyless is None or keyed.number < keyless.number):
            item = self._keyed.pop(keyed.key)
        elif keyless:
            item = self._keyless.pop(keyless.number)
        else:
            return None
        self._taken[item.number] = item
        return item

    def done(self, items: Iterable[Item]) -> None:
        """Forget values: they were sent, or refused for good."""
        for item in items:
            self._taken.pop(item.number, None)
            self._keyless.pop(item.number, None)
            if (waiting := self._keyed.get(item.key)) and waiting.number == item.number:
                del self._keyed[item.key]
        self._settle()

    def delivered(self) -> bytes:
        """Return, once, the lines that are delivered by now."""
        lines, self._delivered = b"".join(self._delivered), []
        return lines


def _first(items: OrderedDict[Any, Item]) -> Item | None:
    """Return the oldest of some values."""
    return next(iter(items.values()), None)
