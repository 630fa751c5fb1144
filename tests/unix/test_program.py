"""The unix room: messages, names of hosts, gzip data, and a program whose Python packages are missing."""

import argparse
import errno
import gzip
import os
import signal
import socket
import subprocess
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.unix.gunzip import Damaged, Gunzip
from hanpipe.unix.options import is_host
from hanpipe.unix.program import Program, read_piece
from hanpipe.unix.progress import Progress
from hanpipe.unix.status import CONFIGURATION
from hanpipe.unix.stderr import reason, say
from patience import PATIENCE
from programs import BIN, Running, handles, run, wait_until


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOENT, "whatever"), "no such file or directory"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name or service not known"),
        (OSError("Closed by peer"), "closed by peer"),
    ],
)
def test_a_reason_is_in_words_whatever_numbered_it(error, words):
    assert reason(error) == words


@pytest.mark.parametrize("name", ["han.lan", "127.0.0.1", "::1", "fe80::1%eth0", "strøm.example"])
def test_a_host_is_a_name_or_an_address(name):
    assert is_host(name)


@pytest.mark.parametrize("name", ["", ".", "a..b", ".a", "x" * 64])
def test_what_no_look_up_takes_is_no_host(name):
    assert not is_host(name)


def test_no_message_moves_a_terminal_s_cursor_or_begins_a_line(capfd):
    say("han-x", "meter b\x1b[31m\x9b2J\nhan-x: forged, \udcff, strøm")
    assert capfd.readouterr().err == "han-x: meter b\\x1b[31m\\x9b2J\\nhan-x: forged, \\udcff, strøm\n"


WITHOUT = """
import runpy, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("serial", "crcmod", "cryptography", "paho", "pyarrow", "rich"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_bare(program, *options, given=b""):
    """Run a program on a Python without any package."""
    return run(sys.executable, "-I", "-c", WITHOUT, f"{BIN}/{program}", *options, given=given)


@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize("program", sorted(name for name in os.listdir(BIN) if name.startswith("han-")))
def test_help_and_version_need_no_package(program, option):
    status, out, words = run_bare(program, option)
    assert (status, words) == (0, "")
    assert program.encode() in out


LAUNCHED = """
import gc, sys
from hanpipe.unix.launch import launch
assert "gettext" not in sys.modules
sys.argv = ["han-decode"]
launch()
assert gc.isenabled() and gc.get_freeze_count()
import argparse, gettext
assert gettext.translation and argparse.ngettext("octet", "octets", 2) == "octets"
"""


def test_the_short_cuts_of_a_start_end_with_it():
    assert run(sys.executable, "-S", "-c", LAUNCHED, env={"PYTHONPATH": f"{ROOT}/lib"}).status == 0


def test_a_missing_package_is_named_in_one_line():
    port, terminal = os.openpty()
    device = os.ttyname(terminal)
    for program, options, package in (
        ("han-frame", [], "crcmod"),
        ("han-fake", ["-n", "1"], "crcmod"),
        ("han-read", ["--once", device], "pyserial"),
    ):
        debian = {"crcmod": "python3-crcmod", "pyserial": "python3-serial"}[package]
        status, out, words = run_bare(program, *options, given=b"\x7e\xa0\x10")
        assert (status, out) == (CONFIGURATION, b"")
        assert words == (
            f"{program}: the Python package {package} is missing: apt install {debian}, or run 'make' in {ROOT}\n"
        )
    os.close(port)
    os.close(terminal)
    how = f"{ROOT}/.venv/bin/pip install rich"
    if not os.path.exists(f"{ROOT}/.venv"):
        how = "apt install python3-rich, or pip install rich"
    expected = f"han-top: the screen needs the Python package rich: {how}\n"
    assert run_bare("han-top") == (CONFIGURATION, b"", expected)


def test_a_terminal_that_goes_away_does_not_end_a_replay(monkeypatch):
    def refuse(descriptor, octets):
        raise OSError(errno.EIO, "")

    progress = Progress("han-x")
    progress._next = 0
    monkeypatch.setattr(os, "write", refuse)
    progress.show(1, 2)
    progress.clear()


def test_a_piece_has_no_more_octets_than_its_room(tmp_path):
    with open(tmp_path / "zeros", "w+b") as file:
        file.truncate(1_000_000)
        assert len(read_piece(file.fileno())) == 65536
        assert len(read_piece(file.fileno(), 1_000_000)) == 65536


def test_a_message_is_printed_once_and_no_more_than_a_thousand_different_ones(capfd):
    program = Program(argparse.Namespace(quiet=False, verbose=False), "han-x")
    for number in range(2000):
        program.warn(f"message {number}")
        program.warn(f"message {number}")
    assert capfd.readouterr().err.count("\n") == 1000


def program_of(**options):
    return Program(argparse.Namespace(quiet=True, verbose=False, **options), "han-x")


def test_a_wait_for_input_ends_when_another_descriptor_has_something(tmp_path):
    os.mkfifo(tmp_path / "input")
    input_end = os.open(tmp_path / "input", os.O_RDWR)
    keys, pressed = os.pipe()
    pieces = program_of(files=[str(tmp_path / "input")]).pieces(beside=[keys])
    os.write(pressed, b"q")
    assert next(pieces)[0] == b""
    os.read(keys, 1)
    os.write(input_end, b"reading\n")
    assert next(pieces)[0] == b"reading\n"
    signal.signal(signal.SIGWINCH, lambda number, frame: None)
    signal.raise_signal(signal.SIGWINCH)
    assert next(pieces)[0] == b""
    signal.signal(signal.SIGWINCH, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTERM)
    os.close(input_end)
    assert list(pieces) == []
    for descriptor in (keys, pressed):
        os.close(descriptor)


def test_after_a_signal_a_pipe_is_read_to_its_end(tmp_path):
    """A stop of a pipe signals all its programs, and each then writes what it holds."""
    os.mkfifo(tmp_path / "input")
    input_end = os.open(tmp_path / "input", os.O_RDWR)
    pieces = program_of(files=[str(tmp_path / "input")]).pieces(lambda: 0.0, beside=[0])
    assert next(pieces)[0] == b""
    os.write(input_end, b"on its way\n")
    signal.raise_signal(signal.SIGTERM)
    assert next(pieces)[0] == b"on its way\n"
    os.write(input_end, b"written at the stop\n")
    os.close(input_end)
    assert [data for data, _ in pieces] == [b"written at the stop\n"]


@pytest.mark.slow
@pytest.mark.parametrize("writer", [["sleep", "1000"], ["yes"]])
def test_after_a_signal_a_writer_that_goes_on_is_left(writer):
    with (
        Running(*writer) as other,
        Running("han-frame", stdin=other.process.stdout, stdout=subprocess.DEVNULL) as frame,
    ):
        wait_until(lambda: handles(frame.pid, signal.SIGTERM))
        frame.signal(signal.SIGTERM)
        assert frame.process.wait(PATIENCE) in (0, 1)
        assert other.process.poll() is None


@pytest.mark.slow
def test_a_sink_has_its_turns_while_it_follows_a_file(tmp_path):
    (tmp_path / "readings").write_bytes(b"one\n")
    pieces = program_of(files=[str(tmp_path / "readings")], follow=True).pieces(lambda: 0.0)
    assert next(pieces) == (b"one\n", 0)
    data, at = next(pieces)
    assert (data, at > 0) == (b"", True)
    with open(tmp_path / "readings", "ab") as file:
        file.write(b"two\n")
    assert next(data for data, _ in pieces if data) == b"two\n"


# gzip data: all that can be read of it is read, and damage is an error after that

NUMBERED = b"".join(b"reading %d\n" % number for number in range(3000))


def unpacked(data, size):
    """Return what is found in pieces of a size, and whether the end reports damage."""
    gunzip, found = Gunzip(), b""
    try:
        for at in range(0, len(data), size):
            found += gunzip.feed(data[at : at + size])
        found += gunzip.feed(b"")
    except Damaged:
        return found, True
    return found, False


@given(st.integers(100, 6000), st.sampled_from([1, 7, 1000, 65536]))
def test_all_before_the_damage_is_found_whatever_the_pieces(at, size):
    packed = gzip.compress(NUMBERED)
    damaged = packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :] if at < len(packed) else packed
    sure = zlib.decompressobj(31).decompress(packed[:at])
    found, reported = unpacked(damaged, size)
    assert found.startswith(sure)
    assert (found, reported) == unpacked(damaged, 1)
    assert reported or found == NUMBERED


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 200))
def test_zeros_between_and_after_members_are_padding_whatever_the_pieces(between, after, size):
    data = gzip.compress(b"one") + bytes(between) + gzip.compress(b"two") + bytes(after)
    assert unpacked(data, size) == (b"onetwo", False)


def test_a_file_that_was_cut_gives_all_that_is_there():
    packed = gzip.compress(NUMBERED)
    assert NUMBERED.startswith(unpacked(packed[:-100], 65536)[0])
    assert unpacked(packed[:-4], 65536) == (NUMBERED, False)


@pytest.mark.parametrize("tail", [b"x" * 50, bytes(5000)])
def test_a_program_reads_a_damaged_file_up_to_the_damage(tmp_path, tail):
    packed = zlib.compressobj(wbits=31)
    octets = packed.compress(b'{"act_pow_pos":1}\n' * 500) + packed.flush(zlib.Z_SYNC_FLUSH)
    (tmp_path / "readings.gz").write_bytes(octets + tail)
    status, out, words = run("han-csv", "--fields", "act_pow_pos", str(tmp_path / "readings.gz"))
    assert out.count(b"\n") == 501
    assert (status, words.count("damaged gzip data")) == (4, 1)
