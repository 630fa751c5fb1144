"""Measure hanpipe beside amshan and gurux-dlms, all on the same octets, in turn, in one run.

usage: benchmarks/peers.py [--frames N] [--rounds N] [--json FILE]

Measured, each in a process of its own, CPU = user + system of that process without its start-up:

fused    hanpipe.readings(): framing, both checks, decoding, naming; one value looked at in each reading
dicts    the same, and a dict of each reading: all its values, exact
tables   hanpipe.tables(): the same values as Arrow columns
parquet  the same, and written to a Parquet file
amshan   HdlcFrameReader and AutoDecoder: the same work, to a dict
gurux    GXDLMSClient.getData: framing, check and parsing to values; no names
json     the yardstick: json.dumps(json.loads(text)) of a record of 12 fields

The octets come from han-fake. Slow peers get the first frames of the same file only. Ratios are taken within a round,
since a machine's speed drifts; the table shows medians. Nothing is judged here: no exit status tells fast from slow.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from statistics import median

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
METERS = ("aidon", "kamstrup", "kaifa")
SHARE = 50  # a slow peer gets one in so many of the frames

FUSED = """
import sys, time
sys.path.insert(0, sys.argv[3])
import hanpipe, hanpipe.apdu.decoder, hanpipe.link, hanpipe.readings.naming
began = time.process_time()
with open(sys.argv[1], "rb") as stream:
    count = sum(reading["act_pow_pos"] >= 0 for reading in hanpipe.readings(stream))
print(count, time.process_time() - began)
"""
DICTS = FUSED.replace('reading["act_pow_pos"] >= 0', "dict(reading) != {}")
TABLES = """
import sys, time
sys.path.insert(0, sys.argv[3])
import hanpipe, hanpipe.apdu.decoder, hanpipe.link, hanpipe.readings.tables, pyarrow
pyarrow.array([1])  # loads pandas, if that is installed
began = time.process_time()
with open(sys.argv[1], "rb") as stream:
    count = sum(batch.num_rows for batch in hanpipe.tables(stream))
print(count, time.process_time() - began)
"""
PARQUET = """
import sys, time
sys.path.insert(0, sys.argv[3])
import hanpipe, hanpipe.apdu.decoder, hanpipe.link, hanpipe.readings.tables, pyarrow
pyarrow.array([1])  # loads pandas, if that is installed
from pyarrow import parquet
began, count = time.process_time(), 0
with open(sys.argv[1], "rb") as stream:
    with parquet.ParquetWriter(sys.argv[1] + ".parquet", hanpipe.table_schema(), compression="zstd") as writer:
        for batch in hanpipe.tables(stream):
            writer.write_batch(batch)
            count += batch.num_rows
print(count, time.process_time() - began)
"""
AMSHAN = """
import itertools, sys, time
from han.autodecoder import AutoDecoder
from han.hdlc import HdlcFrameReader
octets = open(sys.argv[1], "rb").read()
began = time.process_time()
reader, decode = HdlcFrameReader(), AutoDecoder().decode_message
frames = (frame for at in range(0, len(octets), 512) for frame in reader.read(octets[at:at + 512]))
count = sum(frame.is_valid and decode(frame) is not None for frame in itertools.islice(frames, int(sys.argv[2])))
print(count, time.process_time() - began)
"""
GURUX = """
import sys, time
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import InterfaceType
from gurux_dlms.secure import GXDLMSSecureClient
octets = open(sys.argv[1], "rb").read()
frames = [frame for frame in octets.split(b"\\x7e\\x7e")][:int(sys.argv[2])]
client = GXDLMSSecureClient(True, interfaceType=InterfaceType.HDLC)
began, count = time.process_time(), 0
for frame in frames:
    reply, notify = GXReplyData(), GXReplyData()
    client.getData(GXByteBuffer(b"\\x7e" + frame.strip(b"\\x7e") + b"\\x7e"), reply, notify)
    count += notify.value is not None
print(count, time.process_time() - began)
"""
YARDSTICK = """
import json, sys, time
text = '''{"obis_list_version":"AIDON_V0001","meter_ID":"7359990000000001","meter_model":"6525","act_pow_pos":826,
"act_pow_neg":0,"react_pow_pos":0,"react_pow_neg":78,"curr_L1":3.9,"curr_L3":12.4,"volt_L1":236.2,"volt_L2":235.8,
"volt_L3":237.0}'''
began = time.process_time()
for _ in range(int(sys.argv[2])):
    json.dumps(json.loads(text))
print(sys.argv[2], time.process_time() - began)
"""


def cost(script: str, capture: str, frames: int) -> Callable[[], float | None]:
    """Return what runs a script and gives its CPU us per frame; None where a peer is missing or reads nothing."""

    def run() -> float | None:
        command = [sys.executable, "-c", script, capture, str(frames), os.path.join(ROOT, "lib")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"benchmarks: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        count, seconds = done.stdout.split()
        return 1e6 * float(seconds) / int(count) if int(count) else None

    return run


def rows(meter: str, frames: int, rounds: int, folder: str) -> dict[str, list[float | None]]:
    """Measure one meter's capture: a list of CPU us per frame for each name, one a round."""
    capture = os.path.join(folder, meter)
    with open(capture, "wb") as stream:
        fake = [
            os.path.join(ROOT, "bin", "han-fake"),
            "--meter",
            meter,
            "--speed",
            "0",
            "--seed",
            "1",
            "-n",
            str(frames),
        ]
        subprocess.run(fake, stdout=stream, check=True)
    few = max(100, frames // SHARE)
    measures = {
        "fused": cost(FUSED, capture, frames),
        "dicts": cost(DICTS, capture, frames),
        "tables": cost(TABLES, capture, frames),
        "parquet": cost(PARQUET, capture, frames),
        "amshan": cost(AMSHAN, capture, few),
        "gurux": cost(GURUX, capture, few),
        "json": cost(YARDSTICK, capture, 20000),
    }
    taken: dict[str, list[float | None]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
    return taken


def middle(values: list[float | None]) -> float | None:
    """Return the median of what could be measured."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def ratio(these: list[float | None], those: list[float | None]) -> float | None:
    """Return the median of the ratios, round by round."""
    return middle([a / b if a and b else None for a, b in zip(these, those, strict=True)])


def main() -> int:
    """Run the benchmark; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=50000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", default=os.devnull, metavar="FILE")
    options = parser.parse_args()
    table: dict[str, dict[str, float | None]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for meter in METERS:
            taken = rows(meter, options.frames, options.rounds, folder)
            column = {f"{name}, CPU us a frame": middle(values) for name, values in taken.items()}
            column |= {
                f"{peer} / fused": ratio(taken[peer], taken["fused"])
                for peer in ("dicts", "tables", "parquet", "amshan", "gurux")
            }
            column["fused / json"] = ratio(taken["fused"], taken["json"])
            table[meter] = column
    print(f"{'':26}", *(f"{meter:>12}" for meter in METERS))
    for name in table[METERS[0]]:
        cells = (table[meter][name] for meter in METERS)
        print(f"{name:26}", *(f"{'-' if cell is None else f'{cell:,.3g}':>12}" for cell in cells))
    with open(options.json, "w", encoding="utf-8") as stream:
        json.dump(table, stream)
    return 0


if __name__ == "__main__":
    sys.exit(main())
