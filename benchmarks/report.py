"""Measure han-report on a year of readings: one each 10 s, registers once an hour.

usage: benchmarks/report.py [DAYS]

Prints, of a tenth of the archive and of all of it: readings, seconds, CPU seconds, most resident memory, and size of
the page. The memory must not grow with the archive.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
STEP = 10  # s
HEAD = '{"time":"%s","meter_ID":"7359990000000001","meter_model":"6534","act_pow_pos":%d,"act_pow_neg":0'
PHASES = ',"curr_L1":%s,"curr_L2":%s,"curr_L3":%s,"volt_L1":%s,"volt_L2":%s,"volt_L3":%s'
REGISTERS = ',"date_time":"%s","act_energy_pos":%d,"act_energy_neg":0'


def write(path: str, days: int) -> int:
    """Write the readings of so many days; return how many."""
    chance = random.Random(1)
    tenths = [f"{number / 10}" for number in range(2400)]
    energy = 0  # W s
    with open(path, "w", encoding="ascii") as file:
        for place in range(days * 86_400 // STEP):
            at = BEGIN + timedelta(seconds=place * STEP)
            power = chance.choice((310, 480, 950, 2600)) + place % 97
            line = HEAD % (at.strftime("%Y-%m-%dT%H:%M:%SZ"), power)
            line += PHASES % (
                *(tenths[power // 69 + n] for n in range(3)),
                *(tenths[2290 + chance.randrange(99)] for _ in range(3)),
            )
            if place % (3600 // STEP) == 0:
                line += REGISTERS % (at.strftime("%Y-%m-%dT%H:%M:%S"), 50_000_000 + energy // 36_000 * 10)
            energy += power * STEP
            file.write(line + "}\n")
    return place + 1


def measure(path: str) -> tuple[float, float, float, int]:
    """Return seconds, CPU seconds and MiB of han-report, and the octets of its page."""
    with tempfile.TemporaryFile() as page:
        began = time.perf_counter()
        command = [f"{ROOT}/bin/han-report", "--zone", "Europe/Oslo", "--rule", "no", path]
        _, status, used = os.wait4(subprocess.Popen(command, stdout=page).pid, 0)
        took = time.perf_counter() - began
        if status:
            raise SystemExit("han-report failed")
        return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.fstat(page.fileno()).st_size


def main() -> int:
    """Print the table."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 365
    print(f"{'han-report':>12}{'readings':>12}{'s':>8}{'CPU s':>8}{'MiB':>8}{'page, kB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for part in (max(1, days // 10), days):
            readings = write(f"{folder}/archive.jsonl", part)
            took, cpu, memory, size = measure(f"{folder}/archive.jsonl")
            print(f"{part:>7} days{readings:12,}{took:8.1f}{cpu:8.1f}{memory:8.1f}{size / 1000:10.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
