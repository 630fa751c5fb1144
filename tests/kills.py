"""Every program of a pipe is killed with SIGKILL at random moments, and started again: no reading may be lost.

    python3 tests/kills.py [--rounds 1000] [--seed 1]

    octets -> han-log -> han-frame -> han-decode -> han-fields -> han-spool -- han-mqtt -> han-spool -- han-influx

with a real mosquitto and a real InfluxDB. The pipes between the programs are held open, so that what waits in them
outlives the programs. Each reading has a number of its own. In each round one program is killed; han-log, which holds
octets for 10 s before it writes them, twice a minute. In the end each reading must

    have reached the broker, and InfluxDB too if it reached the broker, at least once;
    else be in the files of han-log, from which it can be replayed: a program that is killed loses what it had read and
    not yet written, and half a line or record in a pipe may cost the next one;
    else have come in the last seconds before han-log was killed.

Exit status: 0: all held; 1: something did not.
"""

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "lib"))

from broker import Mosquitto  # noqa: E402 - tests is where this script is
from hanpipe.fake import encoder  # noqa: E402
from influx_server import InfluxServer  # noqa: E402
from programs import BIN, environment, run  # noqa: E402

ADDRESS = encoder.Address(b"\x41", b"\x08\x83", 0x13, 0x13)
RHYTHM = 0.01  # s between two readings
HELD = 12.0  # s for which han-log may hold octets, with the time that they wait in the first pipe
BETWEEN = 30.0  # s between two kills of han-log
LONGEST = 0.3  # s between two kills
PATIENCE = 300.0  # s for the rest at the end


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill every program of a pipe again and again.")
    parser.add_argument("--rounds", type=int, default=1000, help="kill so often (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="other moments with another seed (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        influx = InfluxServer(directory)
        try:
            influx.ask("CREATE DATABASE han")
            with Mosquitto(directory) as broker:
                return _judge(*_rounds(directory, broker, influx, options), directory)
        finally:
            influx.stop()


def frame(number: int) -> bytes:
    """Return a frame whose reading has this number as that of its meter."""
    meter = ("structure", [("octet-string", bytes.fromhex("0000600100ff")), ("visible-string", b"%08d" % number)])
    power = ("structure", [("octet-string", bytes.fromhex("0100010700ff")), ("double-long-unsigned", number)])
    return b"\x7e" + encoder.hdlc(encoder.notification(number, b"", ("array", [meter, power])), ADDRESS) + b"\x7e"


def number_of(reading: bytes) -> int:
    """Return the number of a reading, -1 without one."""
    return int(json.loads(reading).get("meter_ID", -1))


class Pipe:
    """The programs, the pipes between them, and what feeds them."""

    def __init__(self, commands: list[list[str]]) -> None:
        self.commands = commands
        self.pipes = [os.pipe() for _ in commands]
        self.processes = [self._start(at) for at in range(len(commands))]
        self.sent = 0
        self._going = True
        self._feeder = threading.Thread(target=self._feed)
        self._feeder.start()

    def _start(self, at: int) -> subprocess.Popen:
        out = self.pipes[at + 1][1] if at + 1 < len(self.pipes) else subprocess.DEVNULL
        return subprocess.Popen(
            [os.path.join(BIN, self.commands[at][0]), *self.commands[at][1:]],
            stdin=self.pipes[at][0],
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )

    def _feed(self) -> None:
        while self._going:
            octets = frame(self.sent)
            while octets:
                octets = octets[os.write(self.pipes[0][1], octets) :]
            self.sent += 1
            time.sleep(RHYTHM)

    def kill(self, at: int) -> None:
        """Kill a program, and start it again."""
        self.processes[at].kill()
        self.processes[at].wait()
        self.processes[at] = self._start(at)

    def kill_sink(self, at: int) -> bool:
        """Kill the sink that a han-spool runs; return whether it had one."""
        with open(f"/proc/{self.processes[at].pid}/task/{self.processes[at].pid}/children") as file:
            children = file.read().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        return bool(children)

    def end(self) -> None:
        """End the input, and let each program end after the one before it."""
        self._going = False
        self._feeder.join()
        for (_, inlet), process in zip(self.pipes, self.processes, strict=True):
            os.close(inlet)
            process.wait(PATIENCE)


def _rounds(directory: Path, broker: Mosquitto, influx: InfluxServer, options: argparse.Namespace) -> tuple:
    """Kill programs until it is enough; return the numbers that were sent, and those that arrived at each peer."""
    import paho.mqtt.client as mqtt

    heard: collections.Counter = collections.Counter()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda client, userdata, message: heard.update([number_of(message.payload)])
    client.on_connect = lambda client, *_: client.subscribe("hanpipe/+/reading", 1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    mqtt_sink = [
        f"{BIN}/han-mqtt",
        "--port",
        str(broker.port),
        "--json",
        "--no-discovery",
        "--client-id",
        "k",
        "--pass",
    ]
    influx_sink = [f"{BIN}/han-influx", "--url", influx.url, "--interval", "1", "--pass"]
    spool = ["han-spool", "--drain", "120"]
    pipe = Pipe([
        ["han-log", "--dir", str(directory / "log")],
        ["han-frame", "--link", "hdlc"],
        ["han-decode"],
        ["han-fields"],
        [*spool, "--pass", str(directory / "mqtt"), "--", *mqtt_sink],
        [*spool, str(directory / "influx"), "--", *influx_sink],
    ])  # fmt: skip
    chance, kills = random.Random(options.seed), collections.Counter()
    history, unsaved, due = [], set(), time.monotonic() + BETWEEN
    for _ in range(options.rounds):
        time.sleep(chance.uniform(0, LONGEST))
        now = time.monotonic()
        history.append((now, pipe.sent))
        at = 0 if now >= due else chance.randrange(1, 8)
        if at == 0:
            due = now + BETWEEN
            first = next(sent for when, sent in history if when >= now - HELD)
            unsaved.update(range(first, pipe.sent + 1))
        if at < 6:
            pipe.kill(at)
            kills[pipe.commands[at][0]] += 1
        elif pipe.kill_sink(at - 2):
            kills[("han-mqtt", "han-influx")[at - 6]] += 1
    pipe.end()
    client.disconnect()
    client.loop_stop()
    print(f"{sum(kills.values())} kills: " + ", ".join(f"{name} {count}" for name, count in sorted(kills.items())))
    stored = {int(row[1]) for row in influx.ask("SHOW TAG VALUES WITH KEY = meter_id")}
    return pipe.sent, heard, stored, unsaved


def _judge(sent: int, heard: collections.Counter, stored: set[int], unsaved: set[int], directory: Path) -> int:
    """Print what became of the readings; return the exit status. unsaved: those that han-log may have held."""
    octets = b"".join(path.read_bytes() for path in sorted((directory / "log").iterdir()))
    frames = run("han-frame", "--link", "hdlc", given=octets).out
    lines = run("han-fields", given=run("han-decode", given=frames).out).out.splitlines()
    logged = {number_of(line) for line in lines}
    numbers = set(range(sent))
    replayable = numbers - set(heard)
    lost = replayable - logged
    between = set(heard) - stored
    print(f"{sent:,} readings sent; {len(heard):,} reached the broker ({heard.total() - len(heard):,} came again)")
    print(f"{len(stored):,} reached InfluxDB, {len(between)} of those that the broker has did not")
    print(
        f"{len(replayable - lost)} are in the log alone, {len(lost & unsaved)} came shortly before han-log was killed"
    )
    print(f"{len(lost - unsaved)} are lost otherwise")
    return 1 if between or lost - unsaved or not set(heard) <= numbers else 0


if __name__ == "__main__":
    sys.exit(main())
