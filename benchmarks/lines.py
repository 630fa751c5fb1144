"""Measure what a hostile line costs han-frame per octet, beside a good one: nothing may stall a port or an archive.

usage: benchmarks/lines.py

Prints ns of CPU an octet, in this process, in pieces of 64 KiB, and how many times a good line's that is.
"""

import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "lib"))

from hanpipe.link import FRAMERS  # noqa: E402
from hanpipe.link.crc import x25  # noqa: E402

OCTETS = 2_000_000
PIECE = 65536


def checked(octets: bytes) -> bytes:
    """Return octets and their X-25 check."""
    return octets + x25(octets).to_bytes(2, "little")


def good_frame() -> bytes:
    """Return a frame of a list with one value, 280 W."""
    head = checked(bytes.fromhex("a02a41088313"))
    information = bytes.fromhex("e6e7000f40000000000101020309060100010700ff060000011802020f00161b")
    return checked(head + information)


def lines() -> dict[str, bytes]:
    """Return a unit of each kind of line, by name."""
    promise = b"\x7e" + checked(bytes.fromhex("a7ff41088313"))
    aligned = b"\x7e" + checked(bytes.fromhex("a7f141088313"))
    return {
        "good": b"\x7e" + good_frame() + b"\x7e",
        "flags": b"\x7e",
        "zeros": b"\x00",
        "7E A0": b"\x7e\xa0",
        "headers, wrong HCS": bytes.fromhex("7ea0090303"),
        "headers, wrong HCS, each another": b"".join(
            b"\x7e\xa0%c%c%c" % (length, destination, source)
            for length in range(9, 100)
            for destination in range(1, 60, 2)
            for source in range(1, 20, 2)
        ),
        "headers, good HCS": promise,
        "headers, good HCS, flag at the end": aligned,
        "frames that never end": promise + bytes(2000),
        "68": b"\x68",
        "/": b"/",
        "first lines of telegrams": b"/ABC5\r\n",
        "telegrams that never end": b"/ABC5\r\n(" + bytes(200),
        "identifications that never end": b"/ABC",
    }


def cost(unit: bytes) -> float:
    """Return the ns of CPU an octet that a line of units costs."""
    line = unit * (OCTETS // len(unit))
    framer = FRAMERS["auto"]()
    began = time.process_time()
    for at in range(0, len(line), PIECE):
        framer.feed(line[at : at + PIECE])
    framer.feed(b"")
    return 1e9 * (time.process_time() - began) / len(line)


def main() -> int:
    """Print the table."""
    costs = {name: cost(unit) for name, unit in lines().items()}
    print(f"{'line':36}{'ns an octet':>12}{'x good':>8}")
    for name, took in costs.items():
        print(f"{name:36}{took:12.1f}{took / costs['good']:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
