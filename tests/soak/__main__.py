"""A soak: a simulated meter on a port, the whole pipe that reads it, and everything that goes wrong in years.

    python3 tests/soak [--seconds 600] [--opens 8] [--speed 400]

    han-fake on a pseudo-terminal | han-read | han-log | han-frame | han-decode | han-fields | tee FILE | han-domoticz
                                                                                           tee | han-spool -- han-mqtt

with a Domoticz of the tests and a real mosquitto. The port is pulled out and plugged in again, with another house each
time; octets are dropped and bits turned at 0.3 %. With each house all of disturbances.py happens in turn: the clock of
all programs jumps, the disk under han-log and that under han-spool fill up, the broker is killed, and han-domoticz is
stopped until the pipes (made as small as they get) are full up to the port, or nearly. At the end the meter sends at
its own pace, without faults, and the CPU time of the programs is counted.

The expected lines are exact. Each house has a seed and a day of its own, and Kaifa's lists all hold the meter's clock,
so that no two lists of a run are equal. The octets of the meter, and those that the faults left, are made here once
more from the same seed; the lengths that han-fake -v reports must agree. han-fake and han-read append their messages to
one file, so the order shows what was sent while the port was open. A list is

    due       undamaged, and all of its octets were taken by a port that was open: it must come out once
    possible  damaged, cut by a full port, or sent while the port was being opened (up to the first one that han-fake
              reports after han-read's "open", and the one that it had no time to report): it may come out once
              (what is lost of it may have been a flag that its neighbour has as well)

Each reading must be what the undamaged list gives in a run of its own, apart from the time of arrival. Then

    FILE          has each reading once, in the order of sending; han-domoticz has read what it has
    the archive   replayed from the files of han-log, has each of these readings once; if the disk was full for so long
                  that more than han-log keeps in memory was lost, han-log must have reported the octets
    the broker    got each of these readings at least once

Before the port is pulled out, the meter is held until nothing more comes, because octets in an adapter that is pulled
out are lost. Exit status: 0: all held; 1: something did not.
"""

import argparse
import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "lib"), os.path.join(ROOT, "tests")]

from disturbances import BrokerAway, ClockJumps, FullDisk, StoppedProgram  # noqa: E402
from judging import Growth, compare, cpu_seconds, read_once, resident, without_time  # noqa: E402
from meter import KINDS, House, due  # noqa: E402

from broker import Mosquitto, needed  # noqa: E402
from clock import Clock  # noqa: E402
from domoticz_server import KWH, DomoticzServer  # noqa: E402
from programs import BIN, environment, unread  # noqa: E402

FAULT = "drop:0.3%,flip:0.3%"
BROKER = ["persistence false", "max_queued_messages 0", "max_inflight_messages 0"]
PIPE = 4096  # octets that a pipe holds
LEAST = 4.0  # s for which a disturbance lasts, and the pause after it, at least
QUIET = 0.7  # s without a reading: all that was sent has come
PATIENCE = 150.0  # s for anything that has to happen; han-read opens a port again after at most 60 s
DRAIN = 120  # s for what han-spool has at the end
IDLE_CPU = 0.5  # % of a core for the programs of the pipe
SETTLING = 3.0  # s at the live rhythm before CPU time is counted
NAMES = ("han-read", "han-log", "han-frame", "han-decode", "han-fields", "han-domoticz")


def main():
    parser = argparse.ArgumentParser(description="Soak the whole pipe.")
    parser.add_argument("--seconds", type=float, default=600, help="how long, about (default: %(default)s)")
    parser.add_argument(
        "--opens", type=int, default=8, help="how often the port is opened again (default: %(default)s)"
    )
    parser.add_argument("--speed", type=float, default=400, help="times real time: 400 is 200 lists a second (default)")
    options = parser.parse_args()
    needed()
    with (
        tempfile.TemporaryDirectory() as folder,
        DomoticzServer({1: KWH}, one_meter=False) as domoticz,
        Mosquitto(folder, settings=BROKER) as broker,
    ):
        return Soak(Path(folder), options, domoticz, broker).run()


class Soak:
    def __init__(self, folder, options, domoticz, broker):
        self.path, self.log, self.out, self.stats, self.words = (
            str(folder / name) for name in ("port", "log", "out", "stats", "words")
        )
        self.archive, self.queue = str(folder / "archive"), str(folder / "queue")
        self.opens, self.speed, self.domoticz, self.broker = options.opens, options.speed, domoticz, broker
        self.clock = Clock(folder)
        # the file is read once a second, not at each look at the clock
        self.environment = environment(
            self.clock.environment | {"FAKETIME_NO_CACHE": None, "FAKETIME_CACHE_DURATION": "1"}
        )
        self.live = max(20.0, options.seconds / 4)  # s at the live rhythm
        self.each = (options.seconds - self.live) / options.opens - 2.5  # s with a house; 2.5 to plug in and drain
        self.houses, self.pipe, self.tee, self.fake, self.spool, self.scribe = [], [], None, None, None, None
        self.disturbances, self.away, self.heard = [], None, []
        self.growth, self.failed = Growth(), []

    def run(self):
        try:
            for number in range(self.opens):
                self.plug_in(House(number, self.speed, FAULT))
                self.let_it_run()
                self.pull_out()
                self.growth.warm = True
            self.plug_in(House(self.opens, 1, ""))
            cpu = self.live_cpu()
            self.pull_out()
            self.end()
            self.heard = self.away.heard()
        finally:
            self.kill()
        self.judge(cpu)
        return self.report()

    def plug_in(self, house):
        """Start a meter, and the pipe with the first one; wait until han-read has opened the port."""
        before = self.said().count(b": open\n")
        with open(self.log, "ab", buffering=0) as log:
            log.write(b"soak: plugged in\n")
            command = [program("han-fake"), *house.options(self.path)]
            self.fake = subprocess.Popen(command, stderr=log)
            self.houses.append(house)
            if not self.pipe:
                wait_for(lambda: os.path.exists(self.path), "a port")
                self.start_pipe(log)
        wait_for(lambda: self.said().count(b": open\n") > before, "han-read to open the port")

    def start_pipe(self, log):
        """Start the programs, and tee before the last ones."""
        # han-log and han-spool report a full disk through cat, which can still write
        with open(self.words, "wb") as words:
            self.scribe = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=words)
        with open(self.stats, "wb") as stats, self.scribe.stdin as words:
            reads = self.start(["han-read", "-v", self.path], subprocess.DEVNULL, log)
            reads = self.start(["han-log", "--dir", self.archive], reads, words)
            for name in NAMES[2:5]:
                reads = self.start([name], reads)
            entry, inlet = os.pipe()
            self.tee = subprocess.Popen(
                ["tee", self.out, f"/dev/fd/{inlet}"], stdin=reads, stdout=subprocess.PIPE, pass_fds=[inlet]
            )
            reads.close()
            os.close(inlet)
            fcntl.fcntl(self.tee.stdout, fcntl.F_SETPIPE_SZ, PIPE)
            self.start([NAMES[5], "--url", self.domoticz.url, "--power", "1", "--stats", "-q"], self.tee.stdout, stats)
            self.spool = self.start_spool(entry, words)
        wait_for(lambda: children(self.spool.pid), "han-spool to start its sink")
        self.away = BrokerAway(self.broker, self.sink)
        self.disturbances = [
            ClockJumps(self.clock),
            FullDisk(self.pipe[1].pid, self.archive, self.words, grown=True),
            FullDisk(self.spool.pid, self.queue, self.words, grown=False),
            self.away,
            StoppedProgram(self.pipe[-1].pid),
        ]

    def start(self, command, reads, said=None):
        """Start a program of the pipe that reads so; return what the next one reads: a pipe as small as it gets."""
        child = subprocess.Popen(
            [program(command[0]), *command[1:]],
            stdin=reads,
            stdout=subprocess.PIPE,
            stderr=said,
            env=self.environment,
        )
        fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, PIPE)
        if self.pipe:
            reads.close()
        self.pipe.append(child)
        return child.stdout

    def start_spool(self, entry, words):
        """Start han-spool with han-mqtt, which reads from a descriptor and reports to a file."""
        sink = f"han-mqtt --port {self.broker.port} --one-topic --json --no-discovery --pass".split()
        command = [program("han-spool"), "--drain", str(DRAIN), self.queue, "--", *sink]
        spool = subprocess.Popen(command, stdin=entry, stdout=subprocess.DEVNULL, stderr=words, env=self.environment)
        os.close(entry)
        return spool

    def sink(self):
        """Return the process of han-mqtt."""
        return children(self.spool.pid)[0]

    def let_it_run(self):
        """Let the meter talk; disturb it."""
        lasting = max(LEAST, self.each / 2 / len(self.disturbances))
        for disturbance in self.disturbances:
            self.watch(lasting)
            disturbance.begin()
            self.watch(lasting)
            disturbance.end()

    def watch(self, seconds):
        """Look at the programs once a second."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            for name, child in [*zip(NAMES, self.pipe, strict=True), ("han-spool", self.spool)]:
                if child.poll() is not None:
                    raise SystemExit(f"soak: {name} ended with status {child.returncode}")
                self.growth.add(name, resident(child.pid))
            self.growth.add("han-mqtt", resident(self.sink()))

    def live_cpu(self):
        """Return the CPU time of the programs of the pipe at the live rhythm: name -> % of a core."""
        self.watch(SETTLING)
        began, before = time.monotonic(), [cpu_seconds(child.pid) for child in self.pipe]
        self.watch(self.live - SETTLING)
        used = [cpu_seconds(child.pid) - first for child, first in zip(self.pipe, before, strict=True)]
        took = time.monotonic() - began
        return {name: 100 * seconds / took for name, seconds in zip(NAMES, used, strict=True)}

    def pull_out(self):
        """Hold the meter, wait until all it has sent has come, and take the port away."""
        self.fake.send_signal(signal.SIGSTOP)
        port = os.open(self.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        size, since = -1, time.monotonic()
        while time.monotonic() < since + QUIET:
            if os.path.getsize(self.out) != size or unread(port):
                size, since = os.path.getsize(self.out), time.monotonic()
            time.sleep(0.02)
        os.close(port)
        before = self.said().count(b"hung up")
        self.fake.kill()
        self.fake.wait()
        wait_for(lambda: self.said().count(b"hung up") > before, "han-read to see the hang-up")

    def end(self):
        """End han-read as systemd does; the others end with their input."""
        self.pipe[0].terminate()
        for name, child in zip(NAMES, self.pipe, strict=True):
            if child.wait(PATIENCE):
                self.failed.append(f"{name} ended with status {child.returncode}")
        self.tee.wait(PATIENCE)
        if self.spool.wait(2 * DRAIN):
            self.failed.append(f"han-spool ended with status {self.spool.returncode}")
        self.scribe.wait(PATIENCE)

    def kill(self):
        for child in [*self.pipe, self.tee, self.fake, self.spool, self.scribe]:
            if child and child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.kill()
                child.wait()

    def said(self):
        with contextlib.suppress(FileNotFoundError), open(self.log, "rb") as log:
            return log.read()
        return b""

    def judge(self, cpu):
        """Say what was measured, and what of it is wrong."""
        expected = [
            entry for house, lines in zip(self.houses, self.outages(), strict=True) for entry in due(house, lines)
        ]
        readings = read_once([octets for octets, _ in expected])
        if len(readings) != len(expected):
            raise SystemExit(f"soak: {len(expected)} undamaged lists give {len(readings)} readings")
        with open(self.out, "rb") as out:
            came = [without_time(line) for line in out]
        wanted = {reading for reading, (_, kind) in zip(readings, expected, strict=True) if kind == "due"}
        kinds = [kind for _, kind in expected]
        print(f"port opened {len(self.houses)} times ({self.opens} hang-ups with faults {FAULT})")
        print(", ".join(f"{one.count} {one.name}" for one in self.disturbances))
        print(f"lists: {len(kinds)}; " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS))
        self.failed += compare(readings, wanted, came)
        print(
            f"readings: {len(came)}, {len(wanted & set(came))} of {len(wanted)} due, {len(set(came) - wanted)} possible"
        )
        self.failed += self.judge_sink(len(came))
        self.failed += self.judge_archive(set(readings), set(came))
        self.failed += self.judge_broker(set(readings), set(came))
        self.failed += self.growth.judge()
        together = sum(cpu.values())
        print(f"CPU at the live rhythm: {together:.3f} % of a core in {self.live - SETTLING:.0f} s")
        print("  " + ", ".join(f"{name} {percent:.3f} %" for name, percent in cpu.items()))
        if together >= IDLE_CPU:
            self.failed.append(f"{together:.3f} % of a core is not below {IDLE_CPU} %")

    def judge_sink(self, came):
        """Return what is wrong: words. came: readings that went by in front of the sink."""
        with open(self.stats, "rb") as stats:
            counters = json.load(stats)
        print(f"the sink: {counters}")
        wrong = [f"Domoticz: {broken}" for broken in self.domoticz.broken]
        if (counters["readings"], counters["bad_lines"]) != (came, 0):
            wrong.append(
                f"of {came} readings the sink read {counters['readings']}, and {counters['bad_lines']} bad lines"
            )
        again = len(self.domoticz.posts) - counters["posted"]  # their answers came too late
        if not counters["posted"] or not 0 <= again <= counters["retries"]:
            wrong.append(f"{counters['posted']} posts, of which Domoticz has {len(self.domoticz.posts)}")
        return wrong

    def judge_archive(self, readings, came):
        """Return what is wrong with the files of han-log: words.

        readings: all that there may be; came: those that are in FILE
        """
        with open(self.words) as words:
            reports = words.read()
        octets = [(Path(self.archive) / name).read_bytes() for name in sorted(os.listdir(self.archive))]
        archived = read_once(octets)
        lacking = sum(int(number.replace(",", "")) for number in re.findall(r"it lacks ([\d,]+) octet", reports))
        missing, strange = len(came - set(archived)), len(set(archived) - readings)
        print(f"the archive: {len(octets)} files, {len(archived)} readings; it reports {lacking} octets as missing")
        wrong = []
        if len(archived) != len(set(archived)):
            wrong.append("the archive has readings twice")
        if strange or (missing and not lacking):
            wrong.append(
                f"the archive lacks {missing} readings without a report, and has {strange} that are not the meter's"
            )
        return wrong

    def judge_broker(self, readings, came):
        """Return what is wrong with what the broker got: words. For the parameters see judge_archive."""
        heard = [without_time(payload) for payload in self.heard]
        missing, strange = len(came - set(heard)), len(set(heard) - readings)
        print(f"the broker: {len(set(heard))} readings, {len(heard) - len(set(heard))} of them again")
        if missing or strange:
            return [f"{missing} readings did not reach the broker, and {strange} that did are not the meter's"]
        return []

    def outages(self):
        """Return what was said while each house was plugged in: lists of lines."""
        return [part.decode().splitlines() for part in self.said().split(b"soak: plugged in\n")[1:]]

    def report(self):
        for failure in self.failed:
            print(f"FAILED: {failure}")
        print("soak: " + ("FAILED" if self.failed else "all held"))
        return 1 if self.failed else 0


def children(pid):
    """Return the processes that a process has started."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def wait_for(happened, what):
    until = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > until:
            raise SystemExit(f"soak: waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


def program(name):
    return os.path.join(BIN, name)


if __name__ == "__main__":
    sys.exit(main())
