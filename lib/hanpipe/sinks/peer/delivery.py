"""Values of a queue -> an HTTP peer, again and again until it takes or refuses them."""

import time
from collections.abc import Callable

from hanpipe.sinks.errors import Away, Denied, Refused, TooLarge, Wrong
from hanpipe.sinks.queue import Item, Queue
from hanpipe.sinks.retry import Waiting
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Any, Final

_TURN: Final = 10.0  # s for sending, before the input is read again
LAST_PATIENCE: Final = 2.0  # s for what is left when the input has ended


class Batches:
    """Cuts values into batches, each of so many values and octets at most, and of one value at least."""

    def __init__(self, most: int = 1, largest: int | None = None) -> None:
        """Take how many values a batch may have, and how many octets if they are octets."""
        self._most = most
        self._largest = largest

    def next(self, items: list[Item], first: int) -> list[Item]:
        """Return the batch that begins with this item."""
        batch = items[first : first + self._most]
        if self._largest is None:
            return batch
        room = self._largest - len(batch[0].value)
        for number, item in enumerate(batch[1:], 1):
            room -= len(item.value)
            if room < 0:
                return batch[:number]
        return batch

    def shrink(self, batch: list[Item]) -> bool:
        """Cut smaller batches from here on; return whether this one, which was too large, can be cut."""
        if self._largest is None or len(batch) == 1:
            return False
        self._largest = sum(len(item.value) for item in batch) // 2
        return True


class Delivery:
    """Sends the values of a queue, oldest first, a batch in one request.

    taken, refused: how many values were; denied: the last try failed because of the login
    """

    def __init__(
        self,
        queue: Queue,
        send: Callable[[list[Any]], None],
        waiting: Waiting,
        say: Callable[[str], None],
        batches: Batches | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what sends values, or raises an error of `errors.py`; a Refused says which values it is about."""
        self.taken = self.refused = 0
        self.trouble: Denied | Wrong | None = None  # of the last try: somebody must change something
        self._queue = queue
        self._send = send
        self._waiting = waiting
        self._say = say
        self._batches = batches or Batches()
        self._clock = clock
        self._unwelcome: set[object] = set()  # keys of what was refused when last sent

    def deliver(self) -> None:
        """Send what waits, unless it is too early to try again; never for long.

        raise: Denied, Wrong: nothing was ever taken, so that waiting would not help
        """
        if self._waiting.seconds():
            return
        end = self._clock() + _TURN
        items = self._queue.waiting()
        trouble: Denied | Wrong | None = None
        done = 0
        while done < len(items):
            batch = self._batches.next(items, done)
            try:
                done += self._deliver(batch)
            except Away as away:
                self.trouble = None
                self._waiting.failed(str(away))
                return
            except (Denied, Wrong) as error:
                trouble = error
                done += len(batch)
            if self._clock() >= end:
                break
        if items:
            self._judge(trouble)

    def _judge(self, trouble: Denied | Wrong | None) -> None:
        self.trouble = trouble
        if trouble is None:
            self._waiting.worked()
            return
        if not self.taken + self.refused:
            raise trouble
        self._waiting.failed(str(trouble))

    def _deliver(self, items: list[Item]) -> int:
        """Send a batch; return how many of its values need no more care, 0 if it is to be cut."""
        key = items[0].key
        try:
            self._send([item.value for item in items])
        except Refused as refusal:
            if isinstance(refusal, TooLarge) and self._batches.shrink(items):
                return 0
            self.refused += len(items)
            if key not in self._unwelcome:
                self._say(str(refusal))
            self._unwelcome.add(key)
        else:
            self.taken += len(items)
            if key in self._unwelcome:
                self._unwelcome.discard(key)
                self._say("taken again" if key is None else f"{key}: taken again")
        self._queue.done(items)
        return len(items)

    def finish(self, what: str, deliver: Callable[[], None] | None = None) -> None:
        """Send what is left, again after the pauses that are short.

        what: a value, in the singular; deliver: what sends them if more is to be done
        raise: Away, Denied: something is left
        """
        deliver = deliver or self.deliver
        end = self._clock() + LAST_PATIENCE
        deliver()
        while len(self._queue) and (pause := self._waiting.seconds()) < end - self._clock():
            time.sleep(pause)
            deliver()
        if left := len(self._queue):
            words = f"not posted at the end: {counted(left, what)}"
            raise Denied(words) if isinstance(self.trouble, Denied) else Away(words)
