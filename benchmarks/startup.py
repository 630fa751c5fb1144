"""Measure what the number of meter files costs han-fields: with all of them and with one, in turn.

usage: benchmarks/startup.py [RUNS]

Prints medians in ms: of han-fields < /dev/null, which reads no meter file, and with a list that asks for one.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from statistics import median

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KEPT = "kaifa.toml"  # it knows LIST
LIST = b'{"link":"hdlc","apdu":"data-notification","body":{"structure":[{"double-long-unsigned":280}]}}\n'


def with_one_file(folder: str) -> str:
    """Copy the programs into a folder, with one meter file; return the folder."""
    for part in ("lib", "bin"):
        shutil.copytree(f"{ROOT}/{part}", f"{folder}/{part}", symlinks=True)  # compiled modules too
    for name in os.listdir(f"{folder}/lib/hanpipe/meters"):
        if name.endswith(".toml") and name != KEPT:
            os.remove(f"{folder}/lib/hanpipe/meters/{name}")
    return folder


def took(folder: str, octets: bytes) -> float:
    """Return how many ms han-fields takes for octets."""
    began = time.perf_counter()
    subprocess.run([f"{folder}/bin/han-fields"], input=octets, stdout=subprocess.DEVNULL, check=False)
    return 1000 * (time.perf_counter() - began)


def main() -> int:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    count = sum(name.endswith(".toml") for name in os.listdir(f"{ROOT}/lib/hanpipe/meters"))
    print(f"{'han-fields, ms':24}{'1 file':>10}{f'{count} files':>10}{'more':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        one = with_one_file(scratch)
        for name, octets in (("< /dev/null", b""), ("with a list to find", LIST)):
            times = [(took(one, octets), took(ROOT, octets)) for _ in range(runs + 1)][1:]  # the first warms the cache
            few, all_files = (median(column) for column in zip(*times, strict=True))
            print(f"{name:24}{few:10.1f}{all_files:10.1f}{all_files - few:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
