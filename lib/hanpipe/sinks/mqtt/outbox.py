"""The queue of an MQTT broker: values that wait, announcements before them, and what is repeated."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from hanpipe.sinks.mqtt.topics import Message
from hanpipe.sinks.queue import Item, Queue
from hanpipe.unix.typed import Final

_MOST_IN_FLIGHT: Final = 20  # messages without an acknowledgement; paho-mqtt sends as many at once
_MOST: Final = 2_000_000  # octets of lines and of JSON that wait
_MOST_TOPICS: Final = 10_000  # that are remembered


class Outbox:
    """Messages for the broker: one thread puts them in, another takes them out.

    in_order: every message is sent, and lines are delivered after the acknowledgements of all their messages; han-spool
    bounds how many wait. Otherwise a later value replaces an earlier one of its topic that still waits; JSON is never
    replaced, and the oldest is given up if too much waits.

    Announcements go first. They are remembered, and so is the last retained message of each topic that was sent, so
    that both can be repeated. sent: how many messages were acknowledged
    """

    def __init__(self, *, in_order: bool, say: Callable[[str], None] = lambda message: None) -> None:
        """Take a way to tell the user that values are given up."""
        self.sent = 0
        self._in_order = in_order
        self._say = say
        self._lock = threading.Lock()
        self._announced: OrderedDict[str, Message] = OrderedDict()
        self._kept: OrderedDict[str, Message] = OrderedDict()  # retained messages
        self._due: OrderedDict[str, Message] = OrderedDict()  # announcements, and what is repeated
        self._queue = Queue(_MOST, lossless=in_order)
        self._flying: dict[int, Item | None] = {}  # by message id; None for announcements and repetitions

    @property
    def left(self) -> int:
        """Return how many messages are not acknowledged."""
        with self._lock:
            return len(self._due) + len(self._queue) + sum(item is None for item in self._flying.values())

    @property
    def full(self) -> bool:
        """Return whether the input should wait, if it can."""
        return self._queue.full

    @property
    def replaced(self) -> int:
        """Return how many values were replaced by later ones before they were sent."""
        return self._queue.replaced

    @property
    def dropped(self) -> int:
        """Return how many messages were given up."""
        return self._queue.given_up

    def put(self, announcements: list[Message], messages: list[Message], line: bytes) -> list[str]:
        """Add the messages of a line; return the topics whose last value will never be sent."""
        with self._lock:
            for message in announcements:
                self._announced[message.topic] = self._due[message.topic] = message
            while len(self._announced) > _MOST_TOPICS:
                self._due.pop(self._announced.popitem(last=False)[0], None)
            before = self.dropped
            values = [(None if self._in_order or one.whole else one.topic, one) for one in messages]
            size = sum(len(one.payload) for one in messages if one.whole)
            unsent = self._queue.put(values, line if self._in_order else b"", size)
            if self.dropped and not before:
                self._say("too much waits for the broker: the oldest values are dropped")
            return [str(topic) for topic in unsent]

    def repeat(self) -> None:
        """Announce everything again, and send again what the broker retains."""
        with self._lock:
            self._due.update(self._announced)
            self._due.update(self._kept)

    def take(self) -> tuple[Message, Item | None] | None:
        """Return the next message and its item for `flies`; None if nothing waits or too many are not acknowledged."""
        with self._lock:
            if len(self._flying) >= _MOST_IN_FLIGHT:
                return None
            if self._due:
                return self._due.popitem(last=False)[1], None
            item = self._queue.take()
            if item is None:
                return None
            message: Message = item.value
            if message.retain:
                self._kept[message.topic] = message
            if len(self._kept) > _MOST_TOPICS:
                self._kept.popitem(last=False)
            return message, item

    def flies(self, mid: int, item: Item | None) -> None:
        """Note that a message was sent. mid: the id of its acknowledgement; item: as take returned it."""
        with self._lock:
            self._flying[mid] = item

    def acknowledged(self, mid: int) -> None:
        """Note that the broker has a message."""
        with self._lock:
            if mid in self._flying:
                self.sent += 1
                if item := self._flying.pop(mid):
                    self._queue.done([item])

    def delivered(self) -> bytes:
        """Return, once, the lines that are delivered by now."""
        with self._lock:
            return self._queue.delivered()
