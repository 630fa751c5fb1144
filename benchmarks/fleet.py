"""Measure what the number of meters on one input costs, per program and in one process, beside gurux-dlms.

usage: benchmarks/fleet.py [--meter NAME] [--frames N] [--rounds N]

The meters take turns, each with its own number: as octets of one line, and as lines SOURCE HEX. Each figure is the CPU
time, user and system, per frame: of a program without its start-up, of hanpipe.readings() and of GXDLMSClient.getData
without their imports. Within a round, each reads one capture after the other; the table shows medians, and the median
of the ratios to one meter, round by round.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable

from peers import FUSED, GURUX, ROOT, SHARE, cost, middle, ratio

METERS = (1, 9, 100, 10_000)
PIPE = (("han-frame",), ("han-decode",), ("han-fields",))
PIPE_OF_LINES = (("han-frame", "--lines"), *PIPE[1:])
LINES = ".lines"  # at the end of the name of the file that holds them
FUSED_LINES = FUSED.replace("readings(stream)", "readings(stream, lines=True)")
START = "2026-06-21T12:01:00"  # after the hourly lists: the same lists for any number of meters


def run(program: tuple[str, ...], source: str, target: str) -> float:
    """Run a program from one file to another; return the seconds of CPU that it took."""
    name, *options = program
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(source, "rb") as stdin, open(target, "wb") as stdout:
        subprocess.run(
            [os.path.join(ROOT, "bin", name), *options], stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measures(frames: int) -> dict[str, Callable[[str], float | None]]:
    """Return what measures the us per frame of each on a capture; a program reads the output of the one before it."""
    found: dict[str, Callable[[str], float | None]] = {}
    for form, pipe in (("", PIPE), (LINES, PIPE_OF_LINES)):
        before = form
        for program in pipe:
            after = f"{form}.{program[0]}"

            def measure(
                capture: str, program: tuple[str, ...] = program, before: str = before, after: str = after
            ) -> float:
                start = min(run(program, os.devnull, os.devnull) for _ in range(3))
                return 1e6 * (run(program, capture + before, capture + after) - start) / frames

            found[" ".join(program) + (" (sources)" if form and len(program) == 1 else "")] = measure
            before = after
    found["readings()"] = lambda capture: cost(FUSED, capture, frames)()
    found["readings(lines=True)"] = lambda capture: cost(FUSED_LINES, capture + LINES, frames)()
    found["gurux-dlms"] = lambda capture: cost(GURUX, capture, max(100, frames // SHARE))()
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meter", default="kamstrup")
    parser.add_argument("--frames", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    fake = [os.path.join(ROOT, "bin", "han-fake"), "--meter", options.meter, "--seed", "1", "--start", START]
    fake += ["--speed", "0", "-n", str(options.frames), "--meters"]
    table: dict[str, dict[int, list[float | None]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        captures = {meters: os.path.join(folder, str(meters)) for meters in METERS}
        for meters, capture in captures.items():
            with open(capture, "wb") as stream:
                subprocess.run([*fake, str(meters)], stdout=stream, check=True)
            with open(capture + LINES, "wb") as stream:
                subprocess.run([*fake, str(meters), "--lines"], stdout=stream, check=True)
        for name, measure in measures(options.frames).items():
            table[name] = {meters: [] for meters in METERS}
            for _ in range(options.rounds):
                for meters, capture in captures.items():
                    table[name][meters].append(measure(capture))
    heads = [f"{meters:,} meter{'s' * (meters > 1)}" for meters in METERS]
    print(f"{options.meter + ', CPU us a frame':26}", *(f"{head:>14}" for head in heads))
    for name, columns in table.items():
        cells = [f"{middle(column) or 0:.3g} ({ratio(column, columns[1]) or 0:.2f})" for column in columns.values()]
        print(f"{name:26}", *(f"{cell:>14}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
