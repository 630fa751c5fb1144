"""A soak: a simulated meter on a port, the whole pipe that reads it, and everything that goes wrong in years.

    python3 tests/soak.py [--seconds 600] [--opens 20]

han-fake on a pseudo-terminal | han-read | han-frame | han-decode | han-fields | tee FILE | han-domoticz, and a Domoticz
of the tests at its end. The port is pulled out and plugged in again, with another house each time; octets are
dropped and bits turned at 0.3 %; the sink is stopped, and continued when the pipes (made as small as they get) are full
up to the port, or nearly. At the end the meter talks at its own pace, without faults, and the CPU time of the five
programs is counted.

The expected lines are exact. Each house has a seed and a day of its own, and Kaifa's lists all hold the meter's clock,
so that no two lists of a run are equal. The octets of the meter, and those that the faults left, are made here once
more from the same seed; the lengths that han-fake -v says must agree. han-fake and han-read append their messages to
one file, so the order tells what was sent while the port was open. A list is

    due       undamaged, and all of its octets were taken by a port that was open: it must come out once
    possible  damaged, cut by a full port, or sent while the port was being opened (up to the first one that han-fake
              reports after han-read's "open", and the one that it had no time to report): it may come out once
              (what is lost of it may have been a flag that its neighbour has as well)

Each reading must be what the undamaged list gives in a run of its own, apart from the time of arrival. Readings must
come in the order of sending, and the sink must have read what the file has. Before the port is pulled out, the meter is
held until nothing more comes, because octets in an adapter that is pulled out are lost. Exit status: 0: all held; 1:
something did not.
"""

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "lib"))

from domoticz_server import KWH, DomoticzServer  # noqa: E402 - tests is where this script is

METER = "kaifa"
FAULT = "drop:0.3%,flip:0.3%"
SPEED = 400  # times real time: 200 lists a second
PIPE = 4096  # octets that a pipe holds
STOPPED = 4.0  # s for which the sink is stopped
QUIET = 0.7  # s without a reading: all that was sent has come
PATIENCE = 60.0  # s for anything that has to happen
GROWTH = 2048  # KiB by which a program may grow
IDLE_CPU = 0.5  # % of a core for the five programs
SETTLING = 3.0  # s at the live rhythm before CPU time is counted
NAMES = ("han-read", "han-frame", "han-decode", "han-fields", "han-domoticz")


def main():
    parser = argparse.ArgumentParser(description="Soak the whole pipe.")
    parser.add_argument("--seconds", type=float, default=600, help="how long, about (default: %(default)s)")
    parser.add_argument("--opens", type=int, default=20, help="how often the port is opened again (default: 20)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, DomoticzServer({1: KWH}, one_meter=False) as domoticz:
        return Soak(folder, options.seconds, options.opens, domoticz).run()


class House:
    """A meter to plug in. number: tells the seed and the day."""

    def __init__(self, number, speed, fault):
        self.seed, self.speed, self.fault = number, speed, fault
        self.start = datetime(2026, 1, 1, 11, 30, tzinfo=UTC) + timedelta(days=number)

    def options(self, path):
        start = self.start.replace(tzinfo=None).isoformat()
        known = ["--meter", METER, "--seed", str(self.seed), "--start", start, "--speed", str(self.speed)]
        return [*known, *(["--fault", self.fault] if self.fault else []), "-v", "--pty", path]

    def lists(self, count):
        """Return the first lists as the meter made them and as they were sent: pairs of octets."""
        from hanpipe.fake import faults, household, meters

        meter, start = meters.meter(METER), round(self.start.timestamp() * 1000)
        house = household.Household(self.seed, start, meter.phases)
        damage = faults.Faults(faults.read(self.fault) if self.fault else {}, self.seed).damage
        made = []
        for when, due in islice(meter.instants(start), count):
            house.advance(when)
            frames = meter.frames(due, house.values, when)
            made.append((b"".join(frames), damage(frames, when - start)))
        return made


class Soak:
    def __init__(self, folder, seconds, opens, domoticz):
        self.path = os.path.join(folder, "port")
        self.log = os.path.join(folder, "log")
        self.out = os.path.join(folder, "out")
        self.stats = os.path.join(folder, "stats")
        self.opens, self.domoticz = opens, domoticz
        self.live = max(20.0, seconds / 4)  # s at the live rhythm
        self.each = max(2 * STOPPED, (seconds - self.live) / opens - 2.5)  # s with a house; 2.5 to plug in and drain
        self.houses, self.pipe, self.tee, self.fake = [], [], None, None
        self.growth, self.failed = Growth(), []

    def run(self):
        try:
            for number in range(self.opens):
                self.plug_in(House(number, SPEED, FAULT))
                self.let_it_run()
                self.pull_out()
                self.growth.warm = True
            self.plug_in(House(self.opens, 1, ""))
            cpu = self.live_cpu()
            self.pull_out()
            self.end()
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
        """Start the five programs, and tee in front of the last one."""
        with open(self.stats, "wb") as stats:
            reads = self.start(["han-read", "-v", self.path], subprocess.DEVNULL, log)
            for name in NAMES[1:4]:
                reads = self.start([name], reads)
            self.tee = subprocess.Popen(["tee", self.out], stdin=reads, stdout=subprocess.PIPE)
            reads.close()
            fcntl.fcntl(self.tee.stdout, fcntl.F_SETPIPE_SZ, PIPE)
            self.start([NAMES[4], "--url", self.domoticz.url, "--power", "1", "--stats", "-q"], self.tee.stdout, stats)

    def start(self, command, reads, said=None):
        """Start a program of the pipe that reads so; return what the next one reads: a pipe as small as it gets."""
        child = subprocess.Popen([program(command[0]), *command[1:]], stdin=reads, stdout=subprocess.PIPE, stderr=said)
        fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, PIPE)
        if self.pipe:
            reads.close()
        self.pipe.append(child)
        return child.stdout

    def let_it_run(self):
        """Let the meter talk; stop and continue the sink half-way."""
        self.watch((self.each - STOPPED) / 2)
        self.pipe[-1].send_signal(signal.SIGSTOP)
        self.watch(STOPPED)
        self.pipe[-1].send_signal(signal.SIGCONT)
        self.watch((self.each - STOPPED) / 2)

    def watch(self, seconds):
        """Look at the five programs once a second."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            for name, child in zip(NAMES, self.pipe, strict=True):
                if child.poll() is not None:
                    raise SystemExit(f"soak: {name} ended with status {child.returncode}")
                self.growth.add(name, resident(child.pid))

    def live_cpu(self):
        """Return the CPU time of the five programs at the live rhythm: name -> % of a core."""
        self.watch(SETTLING)
        began, before = time.monotonic(), [cpu_seconds(child.pid) for child in self.pipe]
        self.watch(self.live - SETTLING)
        used = [cpu_seconds(child.pid) - first for child, first in zip(self.pipe, before, strict=True)]
        took = time.monotonic() - began
        return {name: 100 * seconds / took for name, seconds in zip(NAMES, used, strict=True)}

    def pull_out(self):
        """Hold the meter, wait until all it has sent has come, and take the port away."""
        self.fake.send_signal(signal.SIGSTOP)
        size, since = -1, time.monotonic()
        while time.monotonic() < since + QUIET:
            if os.path.getsize(self.out) != size:
                size, since = os.path.getsize(self.out), time.monotonic()
            time.sleep(0.02)
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

    def kill(self):
        for child in [*self.pipe, self.tee, self.fake]:
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
        print(f"port opened {len(self.houses)} times ({self.opens} hang-ups with faults {FAULT}, sink stopped in each)")
        print(f"lists: {len(kinds)}; " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS))
        self.failed += compare(readings, wanted, came)
        print(
            f"readings: {len(came)}, {len(wanted & set(came))} of {len(wanted)} due, {len(set(came) - wanted)} possible"
        )
        self.failed += self.judge_sink(len(came))
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
        if not counters["posted"] or counters["posted"] != len(self.domoticz.posts):
            wrong.append(f"{counters['posted']} posts, of which Domoticz has {len(self.domoticz.posts)}")
        return wrong

    def outages(self):
        """Return what was said while each house was plugged in: lists of lines."""
        return [part.decode().splitlines() for part in self.said().split(b"soak: plugged in\n")[1:]]

    def report(self):
        for failure in self.failed:
            print(f"FAILED: {failure}")
        print("soak: " + ("FAILED" if self.failed else "all held"))
        return 1 if self.failed else 0


KINDS = ("due", "damaged", "cut", "in doubt", "unheard")


def due(house, lines):
    """Return for each list of a house its undamaged octets, and what became of it: one of KINDS.

    raise: SystemExit: what han-fake sent is not what the seed gives
    """
    reports = [line for line in lines if line.startswith("han-fake: ") and line.endswith((" octets", "nobody listens"))]
    opened = next(number for number, line in enumerate(lines) if line.endswith(": open"))
    sure = sum(line in reports for line in lines[:opened]) + 1  # the first list that was surely sent after "open"
    found = []
    for number, (whole, sent) in enumerate(house.lists(len(reports) + 1)):
        report = reports[number] if number < len(reports) else ""
        words = report.split()
        if words[1:2] == ["sent"] and int(words[4]) != len(sent):
            raise SystemExit(f"soak: list {number} of house {house.seed}: {report}, but the seed gives {len(sent)}")
        if not report or (number <= sure - 1 and words[1] == "sent"):
            kind = "in doubt"
        elif words[1] != "sent":
            kind = "unheard"
        elif words[2] != words[4]:
            kind = "cut"
        else:
            kind = "due" if whole == sent else "damaged"
        found.append((whole, kind))
    return found


def read_once(lists):
    """Return the readings that undamaged lists give."""
    with tempfile.TemporaryFile() as octets:
        octets.write(b"".join(lists))
        octets.seek(0)
        stages = [subprocess.Popen([program("han-frame"), "--no-time"], stdin=octets, stdout=subprocess.PIPE)]
        for name in NAMES[2:4]:
            stages.append(subprocess.Popen([program(name)], stdin=stages[-1].stdout, stdout=subprocess.PIPE))
            stages[-2].stdout.close()
        readings = [without_time(line) for line in stages[-1].stdout]
        for stage in stages:
            stage.wait(PATIENCE)
        stages[-1].stdout.close()
    return readings


def without_time(line):
    """Return a reading as text, without the time of arrival. raise: ValueError: not a whole line of JSON."""
    reading = json.loads(line)
    reading.pop("time", None)
    return json.dumps(reading)


def compare(readings, wanted, came):
    """Return what is wrong: words. readings: all that may come; wanted: those that must; came: what came."""
    place = {reading: number for number, reading in enumerate(readings)}
    wrong = [] if len(place) == len(readings) else ["two lists of the run are equal: they cannot be matched"]
    places = [place[reading] for reading in came if reading in place]
    strange, missing = len(came) - len(places), len(wanted - set(came))
    again = len(places) - len(set(places))
    disordered = sum(later < former for former, later in pairwise(places))
    if not wanted:
        wrong.append("no list was due")
    for number, words in (
        (missing, "lists that were due did not come"),
        (again, "readings came again"),
        (disordered, "readings came before an earlier one"),
        (strange, "readings are not the meter's"),
    ):
        if number:
            wrong.append(f"{number} {words}")
    return wrong


class Growth:
    """Resident memory in KiB of each program: what it was when warm, and the most and least since.

    warm: whether everything has happened once (a house, a stopped sink, a hang-up)
    """

    def __init__(self):
        self.warm = False
        self._seen = {}

    def add(self, name, kib):
        first, least, most = self._seen.get(name, (kib, kib, kib)) if self.warm else (kib, kib, kib)
        self._seen[name] = (first, min(least, kib), max(most, kib))

    def judge(self):
        """Print it; return what is wrong."""
        wrong = []
        for name, (first, least, most) in self._seen.items():
            print(f"RSS of {name}: {first} KiB when warm, then {least} to {most}")
            if most - first > GROWTH:
                wrong.append(f"{name} grew by {most - first} KiB")
        return wrong


def resident(pid):
    """Return the resident memory of a process in KiB."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def cpu_seconds(pid):
    """Return the CPU time of a process and its threads. schedstat counts ns; elsewhere stat counts ticks."""
    with contextlib.suppress(FileNotFoundError):
        return sum(nanoseconds(f"/proc/{pid}/task/{thread}") for thread in os.listdir(f"/proc/{pid}/task")) / 1e9
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def nanoseconds(thread):
    with open(f"{thread}/schedstat") as schedstat:
        return int(schedstat.read().split()[0])


def wait_for(happened, what):
    until = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > until:
            raise SystemExit(f"soak: waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


def program(name):
    return os.path.join(ROOT, "bin", name)


if __name__ == "__main__":
    sys.exit(main())
