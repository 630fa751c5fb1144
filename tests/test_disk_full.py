"""A disk that is full, at every write of every program: it says so, ends as documented, and keeps what there was.

docs/reliability.md has the table.
"""

import json
import os
import re
import resource
import signal

import pytest

from conftest import ROOT
from fake_meters import KEY
from hanpipe.fake.encoder import Security, ciphered
from hanpipe.link.records import pack
from hanpipe.unix.stderr import counted
from programs import BIN, Running, run

GOLDEN = os.path.join(ROOT, "tests", "golden")


def golden(name: str) -> bytes:
    with open(os.path.join(GOLDEN, name), "rb") as file:
        return file.read()


RAW, TYPED, READINGS = golden("aidon.raw"), golden("aidon.jsonl"), golden("aidon.readings.jsonl")
HOURS = b"".join(
    json.dumps({"time": f"2026-01-02T{n + 1:02}:00:00Z", "begin": f"2026-01-02T{n:02}:00:00Z",
                "end": f"2026-01-02T{n + 1:02}:00:00Z", "known": 1, "act_pow_pos": n}).encode() + b"\n"
    for n in range(20)
)  # fmt: skip
NOWHERE = "http://127.0.0.1:9"  # the port of the discard service: nobody listens

# Each program whose data goes to standard output: its options and its input.
WRITE = {
    "han-anon": ([], RAW),
    "han-csv": ([], READINGS),
    "han-decode": ([], run("han-frame", given=RAW).out),
    "han-doctor": ([], RAW),
    "han-domoticz": (["--url", NOWHERE, "--power", "1", "--pass"], READINGS),
    "han-every": (["1m"], READINGS),
    "han-fake": (["-n", "3", "--speed", "0"], b""),
    "han-fields": ([], TYPED),
    "han-frame": ([], RAW),
    "han-influx": ([], READINGS),
    "han-log": (["--dir", "{}"], RAW),
    "han-mqtt": (["--port", "9", "--pass"], READINGS),
    "han-p1": ([], READINGS),
    "han-peaks": (["--rule", "no"], HOURS),
    "han-prom": (["--textfile", "{}/file", "--pass"], READINGS),
    "han-read": ([], RAW),
    "han-report": ([], READINGS),
    "han-spool": (["--pass", "{}", "--", "cat"], READINGS),
    "han-web": (["--listen", "0", "--store", "{}/store", "--pass"], READINGS),
}
WRITE_NO_DATA = {"han-parquet", "han-top"}  # to standard output; han-top does so on a terminal: sinks/test_top.py


def test_every_program_is_listed() -> None:
    programs = {name for name in os.listdir(BIN) if name.startswith("han-")}
    assert programs - WRITE_NO_DATA == set(WRITE)  # name a new one in WRITE, and in docs/reliability.md


@pytest.mark.parametrize("program", sorted(WRITE))
def test_a_full_disk_under_standard_output_ends_the_program(program, tmp_path):
    options, given = WRITE[program]
    with open("/dev/full", "wb") as full:
        ran = run(program, *[one.format(tmp_path) for one in options], given=given, stdout=full)
    assert f"{program}: standard output: no space left on device" in ran.words.splitlines()
    assert ran.status == 4


def limited(size):
    """Return what keeps a program's files from growing beyond so many octets."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def full(program, *options, given, size=0):
    return run(program, *options, given=given, preexec_fn=limited(size))


def test_the_log_goes_on_without_its_file(tmp_path):
    for size in (0, 1, 100, 1000):
        ran = full("han-log", "--dir", str(tmp_path), "--name", f"log{size}", given=RAW, size=size)
        assert (ran.status, ran.out) == (0, RAW)
        assert ran.words == f"han-log: {tmp_path}/log{size}: file too large; going on without it\n"
        assert (tmp_path / f"log{size}").read_bytes() == RAW[:size]


@pytest.mark.slow
def test_the_counters_that_were_saved_stay(tmp_path):
    keys, counters = tmp_path / "keys", tmp_path / "counters"
    keys.write_text(f"* {KEY.hex()}\n")
    keys.chmod(0o600)

    def message(counter):
        apdu = ciphered(b"\x0f\x40\0\0\0\0\x12\0\5", Security(b"KAM\0\0\0\0\1", 0x20, KEY, b""), counter)
        return pack("A", apdu, 0)

    arguments = ["--key-file", str(keys), "--counters", str(counters)]
    assert run("han-decode", *arguments, given=message(7)).status == 0
    for size in range(0, 20, 3):
        ran = full("han-decode", *arguments, given=message(8), size=size)
        assert (ran.status, ran.words) == (4, f"han-decode: {counters}: file too large\n")
        assert ran.out.count(b"\n") == 1
        assert counters.read_text() == f"{b'KAM'.hex()}0000000001 7\n"
    assert sorted(os.listdir(tmp_path)) == ["counters", "keys"]


@pytest.mark.slow
def test_the_textfile_that_was_written_stays(tmp_path):
    file = tmp_path / "han.prom"
    assert run("han-prom", "--textfile", str(file), given=READINGS).status == 0
    before = file.read_bytes()
    for size in range(0, len(before) - 1, 200):
        ran = full("han-prom", "--textfile", str(file), "--pass", given=READINGS, size=size)
        assert (ran.status, ran.out) == (4, READINGS)
        assert f"{file}: file too large" in ran.words
        assert (os.listdir(tmp_path), file.read_bytes()) == (["han.prom"], before)


@pytest.mark.slow
@pytest.mark.parametrize("pipe", [False, True])
def test_the_parquet_file_that_was_written_stays(tmp_path, pipe):
    readings, file = tmp_path / "readings", tmp_path / "file.parquet"
    readings.write_bytes(READINGS)
    options = [str(file)] if pipe else [str(file), str(readings)]
    assert run("han-parquet", *options, given=READINGS).status == 0
    before = file.read_bytes()
    for size in range(0, len(before), 500):
        ran = full("han-parquet", *options, given=READINGS, size=size)
        assert (ran.status, ran.words.count("\n")) == (4, 1)
        assert "file too large" in ran.words
        assert (sorted(os.listdir(tmp_path)), file.read_bytes()) == (["file.parquet", "readings"], before)


@pytest.mark.slow
def test_a_queue_keeps_what_fits_and_says_what_is_lost(tmp_path):
    lines = READINGS.splitlines(keepends=True)
    for size in (0, 1, 21, 100, 300, 1000):
        directory = tmp_path / str(size)
        ran = full("han-spool", "--drain", "0", str(directory), "--", "false", given=READINGS, size=size)
        again = run("han-spool", str(directory), "--", "sh", "-c", f"exec tee {tmp_path}/taken")
        kept = (tmp_path / "taken").read_bytes()
        assert "going on in memory" in ran.words
        lost = len(lines) - kept.count(b"\n")
        assert f"{counted(lost, 'line')} could not be written and will be missing" in ran.words
        assert READINGS.startswith(re.sub(rb'"time":"[^"]*",', b"", kept))  # it gives a line the time of its arrival
        assert ("wait for the next run" in ran.words) is bool(kept)
        assert (ran.status, again.status) == (4, 0 if kept else 1)


@pytest.mark.slow
def test_lines_that_a_stopped_queue_loses_are_its_status(tmp_path):
    with Running("han-spool", str(tmp_path / "q"), "--", "sleep", "1000", preexec_fn=limited(0)) as spool:
        spool.say(READINGS)
        spool.words("going on in memory")
        spool.signal(signal.SIGTERM)
        status, _, words = spool.end()
    assert status == 4
    assert "could not be written and will be missing" in words
    assert "wait for the next run" not in words
