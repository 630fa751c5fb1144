"""Publish lines SOURCE HEX or SOURCE TIME HEX, as han-fake --lines writes them, to an MQTT broker.

    han-fake --meters 10000 --lines | publish.py [--host HOST] [--port PORT] [--partitions 4] [--keep 30]

The topic of a line is meters/PARTITION/SOURCE, and its payload TIME HEX: the time in ms at which the line was read, if
it has none. The CRC-32 of a source chooses its partition, so that all lists of a meter are in one.

Each message arrives at least once, in the order of its meter. A broker acknowledges a message before it is on disk, and
a broker that is killed loses it. So a message is kept here until it was acknowledged --keep seconds ago: two or three
times the interval at which the broker saves. After each new connection, all that is kept is sent again, in order. The
same is done when an acknowledgement of MQTT 5 says that a message had no subscriber: mosquitto 2.0.11 does not save
shared subscriptions, so one that was started again drops messages until the consumer is back.
"""

import argparse
import collections
import queue
import sys
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

MOST_READ = 100_000  # lines that wait for the broker; then the input waits
MOST_OPEN = 200  # messages that the broker has not acknowledged; paho-mqtt walks through all of them each time
PAUSE = 0.005  # s until it may have acknowledged more
AWAY = 0.2  # s between two attempts to connect


def main() -> int:
    """Publish the input; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--keep", type=float, default=30.0, help="seconds after which the broker has saved a message")
    options = parser.parse_args()
    lines: queue.Queue[tuple[str, bytes] | None] = queue.Queue(MOST_READ)
    threading.Thread(target=read, args=[sys.stdin.buffer, options.partitions, lines], daemon=True).start()
    publisher = Publisher(options.host, options.port, options.keep)
    while (message := lines.get()) is not None:
        publisher.publish(message)
    publisher.finish()
    return 0


def read(stream: BinaryIO, partitions: int, lines: "queue.Queue[tuple[str, bytes] | None]") -> None:
    """Put the message of each line into the queue, and None at the end."""
    for line in stream:
        source, *rest = line.rstrip(b"\r\n").split(b"\t" if b"\t" in line else b" ")
        if len(rest) == 1:
            rest.insert(0, b"%d" % (time.time_ns() // 1_000_000))
        name = source.decode(errors="replace").translate({ord(mark): "_" for mark in "+#\0"})
        lines.put((f"meters/{zlib.crc32(source) % partitions}/{name}", b" ".join(rest)))
    lines.put(None)


class Publisher:
    """A connection to the broker, and the messages that it may still lose."""

    def __init__(self, host: str, port: int, keep: float) -> None:
        """Take the address of the broker, and the seconds for which an acknowledged message is kept."""
        self._address = (host, port)
        self._keep = keep
        self._unsent: collections.deque[tuple[str, bytes]] = collections.deque()
        self._sent: collections.deque[tuple[str, bytes]] = collections.deque()  # over this connection
        self._acknowledged: collections.deque[float] = collections.deque()  # when, for each of the first ones sent
        self._client = self._connect()

    def publish(self, message: tuple[str, bytes]) -> None:
        """Send a message, (topic, payload), and all before it."""
        self._unsent.append(message)
        while self._turn():
            time.sleep(PAUSE)

    def finish(self) -> None:
        """Wait until the broker has saved everything."""
        while self._turn() or self._sent:
            time.sleep(PAUSE)
        self._client.disconnect()
        self._client.loop_stop()

    def _turn(self) -> bool:
        """Forget what is saved, connect anew if needed, send as much as may be open; return whether some is unsent."""
        while self._acknowledged and time.monotonic() - self._acknowledged[0] > self._keep:
            self._acknowledged.popleft()
            self._sent.popleft()
        if not self._client.is_connected():
            self._unsent.extendleft(reversed(self._sent))
            self._sent.clear()
            self._client.loop_stop()
            time.sleep(AWAY)
            self._client = self._connect()
        while self._unsent and len(self._sent) - len(self._acknowledged) < MOST_OPEN:
            self._sent.append(self._unsent.popleft())
            self._client.publish(*self._sent[-1], qos=1)
        return bool(self._unsent)

    def _connect(self) -> mqtt.Client:
        """Return a new client, which has nothing in flight: what it would send again itself would be out of order."""
        while True:
            decided = threading.Event()
            acknowledged: collections.deque[float] = collections.deque()
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
            client.max_inflight_messages_set(MOST_OPEN)
            client.on_connect = client.on_disconnect = lambda *_, decided=decided: decided.set()
            client.on_publish = acknowledger(acknowledged)
            try:
                client.connect(*self._address)
            except OSError:
                time.sleep(AWAY)
                continue
            client.loop_start()
            decided.wait(10)
            if client.is_connected():
                self._acknowledged = acknowledged
                return client
            client.loop_stop()


def acknowledger(times: collections.deque[float]) -> Callable[..., None]:
    """Return what notes the time of each acknowledgement, and leaves the broker if a message had no subscriber.

    A broker acknowledges in the order in which it received: MQTT 5, 4.6.
    """
    refused = False

    def acknowledge(client: mqtt.Client, _data: Any, _number: int, reason: ReasonCode, _properties: Any) -> None:
        nonlocal refused
        if reason == "No matching subscribers" and not refused:
            refused = True
            client.disconnect()
        if not refused:
            times.append(time.monotonic())

    return acknowledge


if __name__ == "__main__":
    sys.exit(main())
