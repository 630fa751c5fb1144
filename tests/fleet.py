"""Ten thousand simulated meters through a real mosquitto into Parquet and InfluxDB: no list may be lost.

    python3 tests/fleet.py [--seconds 300] [--meters 10000] [--speed 1] [--save 10] [--batch 5] [--seed 1]

    han-fake --lines -> examples/fleet/publish.py -> mosquitto -> examples/fleet/consume.py, twice -> Parquet, InfluxDB

Each meter sends a list every 10 s. A consumer is killed with SIGKILL and started again, then the broker, and then
InfluxDB. In the end each list that the meters sent must be in Parquet at least once, with the same values, and in
InfluxDB exactly once; and the first arrivals of each meter must be in the order in which it sent.

Exit status: 0: all held; 1: something did not.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "lib"))

import pyarrow  # noqa: E402
from pyarrow import parquet  # noqa: E402

import hanpipe  # noqa: E402
from broker import Mosquitto  # noqa: E402 - tests is where this script is
from influx_server import InfluxServer  # noqa: E402
from programs import BIN, environment  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "fleet")
START = "2026-06-21T12:01:00"  # after the hourly lists: all lists have the same form
EVERY = 10  # s on the clock of the meters between two lists of one
PARTITIONS = ("0,1", "2,3")
CONSUMER_AWAY = (0.25, 0.40)  # killed and started again when so many of the lists were sent
BROKER_AWAY = (0.60, 0.65)
INFLUX_AWAY = (0.80, 0.85)
PATIENCE = 120.0  # s without anything new, until it is given up
TICK = os.sysconf("SC_CLK_TCK")


def main(arguments: list[str] | None = None) -> int:
    """Run the fleet, print what was measured, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300, help="on the clock of the meters (default: %(default)s)")
    parser.add_argument("--meters", type=int, default=10_000)
    parser.add_argument("--speed", type=float, default=1.0, help="times real time (default: %(default)s)")
    parser.add_argument("--save", type=int, default=10, help="autosave_interval of mosquitto, s (default: %(default)s)")
    parser.add_argument("--batch", type=float, default=5.0, help="s of a batch of a consumer (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "parquet").mkdir()
        influx = InfluxServer(directory)
        try:
            influx.ask("CREATE DATABASE han")
            with Mosquitto(directory, settings=settings(directory, options.save)) as broker:
                fleet = Fleet(directory, broker, influx, options)
                try:
                    fleet.run()
                finally:
                    fleet.stop()
            return judge(fleet, influx, 2 * options.batch)
        finally:
            influx.stop()


def settings(directory: Path, save: int) -> list[str]:
    """Return the example's settings of mosquitto, with a place for its files and an interval of its own."""
    with open(os.path.join(EXAMPLE, "mosquitto.conf")) as file:
        lines = [line.strip() for line in file]
    ours = ("listener", "allow_anonymous", "autosave_interval")
    kept = [line for line in lines if not line.startswith(ours)]
    return [*kept, f"autosave_interval {save}", f"persistence_location {directory}/"]


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used, user and system; also of one that nobody has waited for."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak(pid: int) -> float:
    """Return the most memory that a process has used, in MiB; 0 of one that has ended."""
    with open(f"/proc/{pid}/status") as file:
        return next((int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM")), 0.0)


def wait_until(happened: Callable[[], object], progress: Callable[[], object] = lambda: None) -> None:
    """Wait for something as long as there is progress."""
    last, end = progress(), time.monotonic() + PATIENCE
    while not happened():
        if (now := progress()) != last:
            last, end = now, time.monotonic() + PATIENCE
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Meters(threading.Thread):
    """han-fake, whose lines get the time, and go to the publisher and to a file."""

    def __init__(self, file: Path, publisher: subprocess.Popen, options: argparse.Namespace) -> None:
        super().__init__(daemon=True)
        self.total = options.meters * options.seconds // EVERY
        self.sent = 0
        self._file = file
        self._publisher = publisher
        command = [f"{BIN}/han-fake", "--meter", "kamstrup", "--start", START, "--lines"]
        for option, value in (("meters", options.meters), ("seed", options.seed), ("speed", options.speed)):
            command += [f"--{option}", str(value)]
        self._fake = subprocess.Popen([*command, "-n", str(self.total)], stdout=subprocess.PIPE, env=environment())

    def run(self) -> None:
        last: dict[bytes, int] = {}  # ms of the last list of a meter: no two have one, InfluxDB would keep only one
        with open(self._file, "wb") as file:
            for line in self._fake.stdout:
                source, octets = line.split(b" ")
                last[source] = now = max(time.time_ns() // 1_000_000, last.get(source, 0) + 1)
                self._publisher.stdin.write(b"%b %d %b" % (source, now, octets))
                self._publisher.stdin.flush()
                file.write(line)
                self.sent += 1
        self._publisher.stdin.close()

    def stop(self) -> None:
        """End the meters, if they still send."""
        self._fake.kill()
        self._fake.wait()


class Consumer:
    """A consumer of the example, in as many lives as it takes; all of them add what they report to one list."""

    def __init__(self, partitions: str, options: list[str], reports: list[dict[str, Any]]) -> None:
        self.partitions = partitions
        self.cpu = self.peak = 0.0
        self.messages = 0
        self._command = [sys.executable, f"{EXAMPLE}/consume.py", "--partitions", partitions, *options]
        self._reports = reports
        self.start()

    def start(self) -> None:
        """Start it, and wait until it has subscribed. Its CPU time is counted from there."""
        library = {"PYTHONPATH": os.path.join(ROOT, "lib")}
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, env=environment(library))
        subscribed = threading.Event()
        self._reader = threading.Thread(target=self._read, args=[subscribed], daemon=True)
        self._reader.start()
        wait_until(subscribed.is_set)
        self._began = cpu(self._process.pid)

    def _read(self, subscribed: threading.Event) -> None:
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                return  # it was killed meanwhile
            report = json.loads(line)
            if "subscribed" in report:
                subscribed.set()
            else:
                self.messages += report["messages"]
                self._reports.append(report)

    def end(self, *, kill: bool) -> None:
        """Kill it, or end it by SIGTERM."""
        if self._process.poll() is not None:
            return
        self.cpu += cpu(self._process.pid) - self._began
        self.peak = max(self.peak, peak(self._process.pid))
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait()
        self._reader.join()


class Fleet:
    """All processes of a run, but for InfluxDB."""

    def __init__(self, directory: Path, broker: Mosquitto, influx: InfluxServer, options: argparse.Namespace) -> None:
        self.sent = directory / "sent.lines"
        self.parquet = directory / "parquet"
        self.reports: list[dict[str, Any]] = []
        self.disturbed = 0.0  # when a process was killed for the first time, s since 1970
        self.costs: list[tuple[str, float, float, int]] = []  # process, s of CPU, MiB, messages
        self._broker = broker
        self._influx = influx
        self._keys: set[tuple[str, str]] = set()
        self._looked_at = 0
        port = ["--port", str(broker.port)]
        store = ["--dir", str(self.parquet), "--influx", f"{influx.url}/write?db=han", "--seconds", str(options.batch)]
        self.consumers = [Consumer(partitions, [*port, *store], self.reports) for partitions in PARTITIONS]
        publish = [sys.executable, f"{EXAMPLE}/publish.py", *port, "--keep", str(3 * options.save)]
        self._publisher = subprocess.Popen(publish, stdin=subprocess.PIPE)
        self._meters = Meters(self.sent, self._publisher, options)

    def run(self) -> None:
        """Send all lists, kill and start again meanwhile, and wait until all are stored."""
        self._meters.start()
        self._until(CONSUMER_AWAY[0])
        self.disturbed = time.time()
        self.consumers[0].end(kill=True)
        self._until(CONSUMER_AWAY[1])
        self.consumers[0].start()
        self._until(BROKER_AWAY[0])
        broker_cpu = cpu(self._broker.pid)
        self._broker.kill()
        self._until(BROKER_AWAY[1])
        self._broker.start()
        self._until(INFLUX_AWAY[0])
        influx_cpu = cpu(self._influx.process.pid)
        self._influx.stop()
        self._until(INFLUX_AWAY[1])
        self._influx.start()
        self._until(1)
        total = self._meters.total
        os.waitid(os.P_PID, self._publisher.pid, os.WEXITED | os.WNOWAIT)
        self.costs.append(("publisher", cpu(self._publisher.pid), 0.0, total))
        wait_until(lambda: self._stored() >= total, self._stored)
        self.stop()
        pid = self._broker.pid
        self.costs.append(("mosquitto", broker_cpu + cpu(pid), peak(pid), total))
        self.costs += [(f"consumer {one.partitions}", one.cpu, one.peak, one.messages) for one in self.consumers]
        pid = self._influx.process.pid
        self.costs.append(("InfluxDB", influx_cpu + cpu(pid), peak(pid), total))

    def _until(self, part: float) -> None:
        """Wait until such a part of the lists was sent."""
        wait_until(lambda: self._meters.sent >= part * self._meters.total, lambda: self._meters.sent)

    def _stored(self) -> int:
        """Return how many lists a consumer has reported as stored."""
        for report in self.reports[self._looked_at :]:
            self._keys.update(keys(parquet.read_table(self.parquet / report["file"])))
            self._looked_at += 1
        return len(self._keys)

    def stop(self) -> None:
        """End what still runs."""
        for consumer in self.consumers:
            consumer.end(kill=False)
        self._meters.stop()
        self._publisher.kill()
        self._publisher.wait()


def keys(table: pyarrow.Table) -> list[tuple[str, str]]:
    """Return what names each list of a table: its meter and that meter's clock."""
    return list(zip(table["source"].to_pylist(), table["date_time"].to_pylist(), strict=True))


class Arrivals:
    """The lists that Parquet has.

    seen:      list -> how often it is there
    delays:    list -> when it was sent, and how long after that it was stored for the first time, both in s
    unordered: lists that arrived for the first time after a later one of the same meter
    changed:   files with another value than was sent
    """

    def __init__(self, fleet: Fleet, sent: pyarrow.Table) -> None:
        """Read all files in the order in which they were written. sent: the table of the lists."""
        self.seen: Counter[int] = Counter()
        self.delays: dict[int, tuple[float, float]] = {}
        self.unordered = self.changed = 0
        index = {key: number for number, key in enumerate(keys(sent))}
        stored = {report["file"]: report["stored"] for report in fleet.reports}
        latest: dict[str, int] = {}  # the newest list of each meter so far
        for file in sorted(path.name for path in fleet.parquet.glob("*.parquet")):
            table = parquet.read_table(fleet.parquet / file)
            numbers = [index[key] for key in keys(table)]
            self.changed += not table.drop_columns("time").equals(sent.take(numbers).drop_columns("time"))
            times = table["time"].cast(pyarrow.int64()).to_pylist()
            for number, source, at in zip(numbers, table["source"].to_pylist(), times, strict=True):
                if not self.seen[number]:
                    self.unordered += number < latest.get(source, -1)
                    latest[source] = number
                self.seen[number] += 1
                if file in stored:
                    self.delays.setdefault(number, (at / 1000, stored[file] - at / 1000))


def judge(fleet: Fleet, influx: InfluxServer, quiet: float) -> int:
    """Print what was measured and what became of the lists; return the exit status.

    quiet: s before the first kill in which a list may have been sent that the kill delayed
    """
    with open(fleet.sent, "rb") as stream:
        sent = pyarrow.Table.from_batches(hanpipe.tables(stream, lines=True))
    arrived = Arrivals(fleet, sent)
    calm = [delay for at, delay in arrived.delays.values() if at < fleet.disturbed - quiet]
    print(f"{sent.num_rows:,} lists sent, {arrived.seen.total() - len(arrived.seen):,} stored again")
    print(f"s from sent to stored, before the first kill: {spread(calm)}")
    print(f"s from sent to stored, all: {spread([delay for _, delay in arrived.delays.values()])}")
    for process, seconds, mebibytes, messages in fleet.costs:
        each = f"{1e6 * seconds / max(messages, 1):5.0f} us of CPU a list"
        memory = f"{mebibytes:5.0f} MiB" if mebibytes else ""
        print(f"{process:14} {messages:9,} lists {seconds:7.1f} s {each} {memory}".rstrip())
    power: defaultdict[str, list[float]] = defaultdict(list)
    for source, watts in zip(sent["source"].to_pylist(), sent["act_pow_pos"].to_pylist(), strict=True):
        power[source].append(watts)
    points = influx.ask("SELECT count(act_pow_pos), sum(act_pow_pos) FROM han GROUP BY source")
    checks = {
        "every list is in Parquet": len(arrived.seen) == sent.num_rows,
        "with the values that were sent": not arrived.changed,
        "in the order of its meter": not arrived.unordered,
        "every list is in InfluxDB, once": sorted((point[1], point[2]) for point in points)
        == sorted((len(watts), sum(watts)) for watts in power.values()),
    }
    for check, held in checks.items():
        print(f"{'yes' if held else 'NO '}  {check}")
    return 0 if all(checks.values()) else 1


def spread(delays: list[float]) -> str:
    """Return median, 95th percentile and maximum as text."""
    if not delays:
        return "-"
    ordered = sorted(delays)
    return (
        f"median {statistics.median(ordered):.1f}, 95 % {ordered[len(ordered) * 95 // 100]:.1f}, most {ordered[-1]:.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
