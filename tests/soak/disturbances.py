"""The things that go wrong in years, each with a begin and an end: the clock, the disk, the broker, the sink.

When a disturbance has ended, everything is again as it was before. count: how often it has happened.
"""

import contextlib
import os
import queue
import resource
import signal
from itertools import cycle

from clock import DAY, HOUR, NOON
from programs import PATIENCE, wait_until

ROOM = 1000  # octets that a disk takes before it is full


class ClockJumps:
    """The clock leaps a day ahead, the next time an hour back, then to 1970; and back again."""

    name = "clock jumps"

    def __init__(self, clock):
        self.count = 0
        self._clock, self._jumps = clock, cycle((NOON + DAY, NOON - HOUR, 10))

    def begin(self):
        self.count += 1
        self._clock.set(next(self._jumps))

    def end(self):
        self._clock.set(NOON)


class FullDisk:
    """A program can write no more to files than ROOM octets: a limit of the kernel, which pipes do not have.

    It lasts until the program has reported it. folder: of the program's files; grown: whether it appends to files that
    already have a size; reports: a file with the messages of the program
    """

    def __init__(self, pid, folder, reports, *, grown):
        self.name, self.count = f"full disks under {os.path.basename(folder)}", 0
        self._pid, self._folder, self._reports, self._grown = pid, folder, reports, grown
        self._before = 0

    def begin(self):
        self.count += 1
        self._before = self._reported()
        sizes = [entry.stat().st_size for entry in os.scandir(self._folder)] if self._grown else []
        self._limit(ROOM + max(sizes, default=0))

    def end(self):
        wait_until(lambda: self._reported() > self._before)
        self._limit(resource.RLIM_INFINITY)

    def _reported(self):
        with open(self._reports) as reports:
            return sum(self._folder in line and "too large" in line for line in reports)

    def _limit(self, octets):
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


class StoppedProgram:
    """A program is stopped, and continued."""

    name = "stopped sinks"

    def __init__(self, pid):
        self.count = 0
        self._pid = pid

    def begin(self):
        self.count += 1
        os.kill(self._pid, signal.SIGSTOP)

    def end(self):
        os.kill(self._pid, signal.SIGCONT)


class BrokerAway:
    """The broker is killed, and started again with nothing that it knew.

    mosquitto writes a message to a reader without a bound on what is in flight before it acknowledges it to the sender,
    so that our reader gets all that a broker had acknowledged when it was killed. If the broker drops the reader, as on
    a machine that stood still for longer than the keep-alive, it keeps the reader's session.

    sink: returns the process that publishes; it is held while the new broker has no reader yet
    """

    name = "killed brokers"

    def __init__(self, broker, sink):
        self.count = 0
        self._broker, self._sink = broker, sink
        self._payloads = []
        self._listen()

    def begin(self):
        self.count += 1
        self._until_gone(self._broker.kill)

    def end(self):
        with held(self._sink()):
            self._broker.start()
            self._listen()

    def heard(self):
        """Return all readings that the brokers passed on; leave the last one."""
        self._until_gone(self._client.disconnect)
        return self._payloads

    def _until_gone(self, leave):
        """Part from the broker so, and wait until all that had come from it has been read."""
        while not self._gone.empty():  # it had dropped us before
            self._gone.get()
        leave()
        self._gone.get(timeout=PATIENCE)
        self._client.loop_stop()

    def _listen(self):
        """Read what the broker gets from now on."""
        import paho.mqtt.client as mqtt

        there, self._gone = queue.Queue(), queue.Queue()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="soak", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe("hanpipe/+/reading", 1)
        self._client.on_subscribe = lambda *_, there=there: there.put(True)
        self._client.on_disconnect = lambda *_, gone=self._gone: gone.put(True)
        self._client.on_message = lambda client, userdata, message: self._payloads.append(message.payload)
        self._client.connect("127.0.0.1", self._broker.port)
        self._client.loop_start()
        there.get(timeout=PATIENCE)


@contextlib.contextmanager
def held(pid):
    """Stop a process meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
