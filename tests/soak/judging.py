"""Comparing readings, and measuring the memory and CPU time of programs."""

import contextlib
import json
import os
import subprocess
import tempfile
from itertools import pairwise

from programs import BIN, PATIENCE

GROWTH = 2048  # KiB by which a program may grow
QUEUES = {"han-mqtt": 5120}  # KiB more that its queue takes when it is full, as after a broker was away for long


def read_once(lists):
    """Return the readings that undamaged lists give."""
    with tempfile.TemporaryFile() as octets:
        octets.write(b"".join(lists))
        octets.seek(0)
        stages = [subprocess.Popen([f"{BIN}/han-frame", "--no-time"], stdin=octets, stdout=subprocess.PIPE)]
        for name in ("han-decode", "han-fields"):
            stages.append(subprocess.Popen([f"{BIN}/{name}"], stdin=stages[-1].stdout, stdout=subprocess.PIPE))
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
            if most - first > GROWTH + QUEUES.get(name, 0):
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
