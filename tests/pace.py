"""han-mqtt at the pace of a slow reader: a meter that sends every second, and a subscriber of ten messages a second.

    python3 tests/pace.py [--seconds 600] [--interval 5] [--pause 0.1]

han-fake --meter p1-nl | han-frame | han-decode | han-fields | han-mqtt --interval 5, in real time, into a mosquitto
with its own limits. The reader sleeps after each message, as Domoticz's gateway does. Held:

- no message is handled more than two intervals after the end of the interval that it is about;
- the reader gets the power of every interval;
- mosquitto drops nothing ($SYS/broker/publish/messages/dropped).

Exit status: 0: all held; 1: something did not. The tests replay ten minutes in no time instead: they show how many
messages a reader gets, not when.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

from broker import Listener, Mosquitto

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
METER = "E0000000000000001"
DROPPED = "$SYS/broker/publish/messages/dropped"
QUEUE = 1000  # messages that mosquitto keeps for a slow reader by default
SYS_INTERVAL = 10  # s between two looks of mosquitto at its counters, by default; it publishes those that changed


def main():
    parser = argparse.ArgumentParser(description="Read a meter that sends every second, slowly.")
    parser.add_argument("--seconds", type=int, default=600, help="run for so long (default: %(default)s)")
    parser.add_argument("--interval", type=int, default=5, help="interval of han-mqtt, s (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=0.1, help="sleep after each message, s (default: %(default)s)")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Mosquitto(folder, queue=QUEUE) as broker,
        Listener(broker, DROPPED) as counter,
    ):
        reader = Reader(broker, options.interval, options.pause)
        run(broker, options)
        reader.ended.wait(10 * options.interval)
        time.sleep(SYS_INTERVAL + 1)
        dropped = [int(payload) for _, payload, _ in counter.so_far()]
    return report(reader, dropped[-1], options)


def run(broker, options):
    """Run the pipe for so long, then end it as Ctrl-C does."""
    pipe = (
        "han-fake --meter p1-nl --seed 1 | han-frame | han-decode | han-fields | "
        f"han-mqtt --port {broker.port} --client-id pace --no-discovery --interval {options.interval}"
    ).replace("han-", f"{ROOT}/bin/han-")
    process = subprocess.Popen(["sh", "-c", pipe], start_new_session=True)
    try:
        time.sleep(options.seconds)  # the meter's own time
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


class Reader:
    """A subscriber that sleeps after each message.

    late: topic -> s by which its latest message was late; ended: han-mqtt has published that it is offline
    """

    def __init__(self, broker, interval, pause):
        import paho.mqtt.client as mqtt

        self.late = {}
        self.counts = Counter()
        self.ended = threading.Event()
        self._interval = interval
        self._pause = pause
        self._first = 0  # number of the interval that the first messages are about
        version = [mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []
        client = mqtt.Client(*version, client_id="slow")
        client.on_message = self._handle
        client.connect("127.0.0.1", broker.port)
        client.subscribe("hanpipe/#", 1)
        client.loop_start()

    def _handle(self, client, userdata, message):
        """Note how late a message is, by its place among those of its topic: measurements come in every interval."""
        time.sleep(self._pause)
        topic = message.topic.rpartition("/")[2]
        if topic == "status":
            if message.payload == b"offline":
                self.ended.set()
            return
        now = time.time()
        if not self._first:
            self._first = int((now - self._pause) // self._interval)
        self.counts[topic] += 1
        if topic.endswith("power") or topic.startswith(("voltage", "current", "date_time")):
            end = (self._first + self.counts[topic] - 1) * self._interval
            self.late[topic] = max(self.late.get(topic, 0), now - end)


def report(reader, dropped, options):
    """Print the figures; return the exit status."""
    latest = max(reader.late.values(), default=float("inf"))
    intervals = options.seconds // options.interval
    print(
        f"messages handled: {sum(reader.counts.values())}, {sum(reader.counts.values()) / options.seconds:.2f} a second"
    )
    print(f"intervals: {reader.counts['import_power']} of {intervals}, each of {options.interval} s")
    print(f"latest message: {latest:.1f} s after the end of its interval; allowed {2 * options.interval} s")
    print(f"dropped by mosquitto: {dropped}")
    held = latest <= 2 * options.interval and dropped == 0 and reader.counts["import_power"] >= intervals
    print("held" if held else "FAILED")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
