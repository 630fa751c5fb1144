"""What waits for a broker: messages, and the lines that they were made of."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from hanpipe.sinks.mqtt.topics import Message
from hanpipe.unix.typed import Final

_MOST_IN_FLIGHT: Final = 20  # messages that the broker has not acknowledged; as many as paho-mqtt sends at once
_MOST_LINES: Final = 2_000_000  # octets of lines that wait for their acknowledgement
_MOST_TOPICS: Final = 10_000  # that wait, or are remembered


class Outbox:
    """What waits for the broker: one thread puts in, another takes out.

    In order, every message is sent, and a line is dealt with once all of its messages, and the lines before it, are
    acknowledged. Otherwise a later message takes the place of an earlier one of its topic, and lines are not kept.
    Announcements go first. They are remembered, and so is the last that was sent of what the broker is to keep, so that
    they can be repeated.

    sent, dropped: how many messages were acknowledged, and given up
    """

    def __init__(self, *, in_order: bool, say: Callable[[str], None] = lambda message: None) -> None:
        """Take a way to tell the user that something is given up."""
        self.sent = 0
        self.dropped = 0
        self._in_order = in_order
        self._say = say
        self._lock = threading.Lock()
        self._announced: OrderedDict[str, Message] = OrderedDict()
        self._kept: OrderedDict[str, Message] = OrderedDict()  # registers
        self._due: OrderedDict[str, Message] = OrderedDict()  # announcements, and what is repeated
        self._waiting: OrderedDict[str | int, Message] = OrderedDict()  # by topic; in order: by number
        self._flying: dict[int, int] = {}  # message id -> its number, 0 for those without
        self._number = 0
        self._lines: deque[tuple[bytes, int]] = deque()  # and the number of their last message
        self._size = 0  # octets in there

    @property
    def left(self) -> int:
        """Return how many messages are not acknowledged."""
        with self._lock:
            return len(self._due) + len(self._waiting) + len(self._flying)

    @property
    def overfull(self) -> bool:
        """Tell whether whoever puts in should give the other one a moment."""
        return self._size > 2 * _MOST_LINES

    def put(self, announcements: list[Message], messages: list[Message], line: bytes) -> None:
        """Take what a line says."""
        with self._lock:
            for message in announcements:
                self._announced[message.topic] = self._due[message.topic] = message
            for message in messages:
                self._number += 1
                self._waiting[self._number if self._in_order else message.topic] = message
            if self._in_order:
                self._lines.append((line, self._number))
                self._size += len(line)
            self._trim()

    def _trim(self) -> None:
        """Keep in bounds what a hostile input, in which each line has a topic of its own, makes grow."""
        while len(self._announced) > _MOST_TOPICS:
            self._due.pop(self._announced.popitem(last=False)[0], None)
        while not self._in_order and len(self._waiting) > _MOST_TOPICS:
            self._waiting.popitem(last=False)
            self.dropped += 1

    def repeat(self) -> None:
        """Announce everything again, and send again what the broker is to keep."""
        with self._lock:
            self._due.update(self._announced)
            self._due.update(self._kept)

    def take(self) -> tuple[Message, int] | None:
        """Return the next message and its number, None if there is none, or too many are not acknowledged."""
        with self._lock:
            if len(self._flying) >= _MOST_IN_FLIGHT:
                return None
            if self._due:
                return self._due.popitem(last=False)[1], 0
            if not self._waiting:
                return None
            key, message = self._waiting.popitem(last=False)
            self._keep(message)
            return message, key if isinstance(key, int) else 0

    def _keep(self, message: Message) -> None:
        if message.retain:
            self._kept[message.topic] = message
        if len(self._kept) > _MOST_TOPICS:
            self._kept.popitem(last=False)

    def flies(self, mid: int, number: int) -> None:
        """A message was sent. mid: the id that its acknowledgement will have."""
        with self._lock:
            self._flying[mid] = number

    def acknowledged(self, mid: int) -> None:
        """The broker has a message."""
        with self._lock:
            self.sent += self._flying.pop(mid, None) is not None

    def dealt_with(self) -> bytes:
        """Return, once, the lines that are dealt with, and the oldest where too many wait."""
        with self._lock:
            oldest = min((number for number in self._flying.values() if number), default=self._number + 1)
            if self._in_order and self._waiting:
                oldest = min(oldest, int(next(iter(self._waiting))))
            lines = []
            while self._lines and (self._lines[0][1] < oldest or self._size > _MOST_LINES):
                line, last = self._lines.popleft()
                lines.append(line)
                self._size -= len(line)
                self._give_up(last)
        return b"".join(lines)

    def _give_up(self, last: int) -> None:
        """Drop what waits of a line that goes on without it."""
        while self._waiting and int(next(iter(self._waiting))) <= last:
            self._waiting.popitem(last=False)
            self.dropped += 1
            if self.dropped == 1:
                self._say("too much waits for the broker: the oldest values are dropped")
