"""han-read as its users run it: files, ptys, sockets; lost and found again."""

import argparse
import contextlib
import errno
import os
import pty
import select
import signal
import socket
import subprocess
import termios

import pytest

from hanpipe.line import reader as line_reader
from hanpipe.line import replay
from hanpipe.line.port import Lost, Refused
from hanpipe.line.settings import Line
from hanpipe.link import new_detector
from hanpipe.programs import read
from hanpipe.unix.status import READER_LEFT, USAGE, Failure
from hanpipe.unix.stderr import say
from programs import PATIENCE, Running, run, wait_until

SEVEN = Line(9600, "even", 7)  # a setting that some ports do not have
FRAME = bytes.fromhex(  # Aidon's list 1, of our own making
    "7ea02a410883130413e6e7000f40000000000101020309060100010700ff060000011802020f00161b34cd7e"
)


class Meter:
    """The meter's side of a pty, the other side under a name of its own."""

    def __init__(self, name):
        self.name = str(name)
        self.plug_in()

    def plug_in(self):
        self.master, self.slave = pty.openpty()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.name)
        os.symlink(os.ttyname(self.slave), self.name)

    def send(self, octets):
        os.write(self.master, octets)

    def unplug(self):
        os.close(self.master)
        os.close(self.slave)
        os.unlink(self.name)
        os.symlink("/dev/pts/99999", self.name)


@pytest.fixture
def meter(tmp_path):
    made = Meter(tmp_path / "HANserial")
    yield made
    for descriptor in (made.master, made.slave):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def reading(*options):
    """Start han-read on a port, with no input of its own."""
    return Running("han-read", *options, stdin=subprocess.DEVNULL)


def test_files_and_stdin_come_out_as_they_are(tmp_path):
    octets = os.urandom(300_000)
    (tmp_path / "mine.raw").write_bytes(octets)
    assert run("han-read", f"{tmp_path}/mine.raw") == (0, octets, "")
    assert run("han-read", given=octets) == (0, octets, "")
    assert run("han-read", "--once", "-") == (0, b"", "")


def test_what_cannot_be_read_is_said_in_a_line(tmp_path):
    assert run("han-read", f"{tmp_path}/none.raw") == (
        4,
        b"",
        f"han-read: {tmp_path}/none.raw: no such file or directory\n",
    )
    assert run("han-read", f"{tmp_path}") == (4, b"", f"han-read: {tmp_path}: is a directory\n")
    assert run("han-read", "--once", "/dev/no-such") == (4, b"", "han-read: /dev/no-such: no such device\n")
    assert run("han-read", "/dev/tty0123", "--once", "-q")[0] == 4


@pytest.mark.parametrize(
    "options",
    [
        ["spy:///dev/x"],
        ["socket://h"],
        ["--auto", "socket://h:1"],
        ["--auto", "-"],
        ["--idle", "5", "-"],
        ["--speed", "1", "/dev/no-such"],
        ["--speed", "0"],
        ["--meter", "no-such-meter", "-"],
        ["--baud", "0"],
    ],
)
def test_wrong_usage_is_refused(options, capfd):
    with pytest.raises(SystemExit) as result:
        read.main(options)
    assert result.value.code == USAGE
    assert capfd.readouterr().err.startswith("usage: han-read")


@pytest.mark.parametrize("option", ["--auto", "--idle=5"])
def test_an_option_for_a_port_is_named_alone(option, capfd):
    with pytest.raises(SystemExit):
        read.main([option, "mine.raw"])
    message = capfd.readouterr().err.splitlines()[-1]
    assert message == f"han-read: error: {option[:6]} is for a port or URL, not for mine.raw"


def test_a_port_is_read_found_cooked_and_left_by_a_signal(meter):
    with reading("-v", meter.name) as reader:
        assert "made raw" in reader.words(": open")
        for number in (1, 2):
            meter.send(FRAME * number)
            assert reader.hear(number * len(FRAME)) == FRAME * number
        reader.signal(signal.SIGTERM)
        assert reader.end() == (0, b"", "")


@pytest.mark.slow
def test_a_port_that_goes_comes_back(meter):
    with reading("-v", meter.name) as reader:
        reader.words(": open")
        meter.send(FRAME)
        assert reader.hear(len(FRAME)) == FRAME
        meter.unplug()
        assert (
            reader.words("unplugged") == f"han-read: {meter.name}: unplugged or hung up; waiting for it (Ctrl-C ends)\n"
        )
        meter.plug_in()
        reader.words(": open")
        meter.send(FRAME)
        assert reader.hear(len(FRAME)) == FRAME
        assert "back after" in reader.words("back after")
        reader.signal(signal.SIGINT)
        assert reader.end()[0] == 0


@pytest.mark.slow
def test_a_port_that_is_missing_is_waited_for(tmp_path):
    name = tmp_path / "HANserial"
    os.symlink("/dev/pts/99999", name)
    with reading("-v", str(name)) as reader:
        assert reader.words("device") == f"han-read: {name}: no such device; waiting for it (Ctrl-C ends)\n"
        made = Meter(name)
        reader.words(": open")
        made.send(FRAME)
        assert reader.hear(len(FRAME)) == FRAME


def test_once_ends_with_the_port(meter):
    with reading("-v", "--once", meter.name) as reader:
        reader.words(": open")
        meter.send(FRAME)
        assert reader.hear(len(FRAME)) == FRAME
        meter.unplug()
        assert reader.end() == (4, b"", f"han-read: {meter.name}: unplugged or hung up\n")


def test_a_port_has_one_reader(meter):
    with reading("-v", meter.name) as reader:
        reader.words(": open")
        assert run("han-read", "--once", meter.name) == (4, b"", f"han-read: {meter.name}: in use by another program\n")


@pytest.mark.slow
def test_silence_is_told(meter):
    with reading("--idle", "0.3", meter.name) as reader:
        reader.words("no octets for")
        meter.send(FRAME)
        reader.words("octets again after")


def test_the_setting_is_found_and_nothing_of_it_lost(meter):
    with reading("-v", "--auto", meter.name) as reader:
        reader.words("trying 2400 8E1")
        meter.send(FRAME[:20])
        meter.send(FRAME[20:])
        assert reader.hear(len(FRAME)) == FRAME
        result = reader.words("keeping it")
        assert "frames pass their checks at 2400 8E1 (--baud 2400 --parity even --bits 8 --stop 1)" in result
        meter.send(FRAME)
        assert reader.hear(len(FRAME)) == FRAME


@pytest.mark.slow
def test_a_setting_that_fails_shows_its_likely_cause(meter):
    with reading("--auto", meter.name) as reader:
        reader.words("trying 2400 8E1")
        meter.send(FRAME.replace(b"\xff", b"\xff\xff") * 4)
        result = reader.words("every FF arrives twice")
    assert "at 2400 8E1: telnet: a telnet server escapes octets: every FF" in result


@pytest.mark.slow
def test_the_baud_rate_of_the_meter_is_found(meter):
    """A line above the pty, which has none: octets are garbage while the port is set to another rate than the meter."""
    with reading("--auto", meter.name) as reader:
        heard = b""
        while b"keeping it" not in heard:
            right = termios.tcgetattr(meter.slave)[4] == termios.B115200
            meter.send(FRAME if right else bytes(octet ^ 0x5A for octet in FRAME))
            if select.select([reader.process.stderr], [], [], 0.7)[0]:  # longer than what ends a burst
                heard += os.read(reader.process.stderr.fileno(), 65536)
        assert b"at 115200 8N1 (--baud 115200 --parity none --bits 8 --stop 1); keeping it" in heard
        assert reader.hear(len(FRAME)).startswith(FRAME)


@pytest.mark.slow
def test_octets_that_do_not_decode_are_told_from_silence(meter):
    with reading("-v", "--idle", "0.3", meter.name) as reader:
        reader.words(": open")
        result = b""
        while b"decodes" not in result:
            meter.send(b"\x2b\x13" * 20)
            reader.hear()
            if select.select([reader.process.stderr], [], [], 0.05)[0]:
                result += os.read(reader.process.stderr.fileno(), 65536)
        assert b"nothing that decodes: line-setting: the setting of the port is not the meter's" in result


@pytest.mark.slow
def test_a_connection_is_made_again():
    with socket.create_server(("127.0.0.1", 0)) as server, reading(
        f"socket://127.0.0.1:{server.getsockname()[1]}"
    ) as reader:  # fmt: skip
        for result in ("closed by the other side; waiting for it", "back after"):
            peer, _ = server.accept()
            peer.sendall(FRAME)
            peer.close()
            assert reader.hear(len(FRAME)) == FRAME
            reader.words(result)


def test_once_ends_with_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with reading("--once", f"socket://127.0.0.1:{server.getsockname()[1]}") as reader:
            peer, _ = server.accept()
            peer.sendall(FRAME)
            peer.close()
            assert reader.end() == (0, FRAME, "")
        port = server.getsockname()[1]
    name = f"socket://127.0.0.1:{port}"
    assert run("han-read", "--once", name) == (4, b"", f"han-read: {name}: connection refused\n")


def half_open(port):
    """Count the connections to a port of this machine that wait for an answer."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        entries = [line.split() for line in table][1:]
    return sum(entry[2].endswith(f":{port:04X}") and entry[3] == "02" for entry in entries)


def test_a_signal_ends_the_wait_for_a_connection():
    with contextlib.ExitStack() as sockets:
        server = sockets.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        for _ in range(3):  # one more than the backlog takes: from here on nobody is answered
            peer = sockets.enter_context(socket.socket())
            peer.setblocking(False)
            peer.connect_ex(("127.0.0.1", port))
        before = half_open(port)
        with reading(f"socket://127.0.0.1:{port}") as reader:
            wait_until(lambda: half_open(port) != before)
            reader.signal(signal.SIGTERM)
            assert reader.end() == (0, b"", "")  # after 10 s it would report that nobody answered


def test_a_reader_that_leaves_is_no_error(meter):
    with reading("-v", meter.name) as reader:
        reader.words(": open")
        reader.process.stdout.close()
        meter.send(FRAME)
        assert reader.process.wait(PATIENCE) == READER_LEFT
        assert reader.process.stderr.read() == b""


def test_a_replay_writes_all_of_a_file(tmp_path):
    (tmp_path / "mine.raw").write_bytes(FRAME * 30)
    assert run("han-read", "--speed", "1000", f"{tmp_path}/mine.raw", "--parity", "none") == (0, FRAME * 30, "")


def test_a_replay_waits_for_each_step_and_does_not_drift(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(replay.time, "monotonic", lambda: now[0])
    octets = bytes(100_000)
    sizes = []
    for part, due in replay.paced(iter([(octets, 0)]), 218.18):
        sizes.append(len(part))
        assert due == pytest.approx(100.0 + sum(sizes) / 218.18)
        now[0] = due + 0.3  # a write that takes longer than a step
    assert sum(sizes) == len(octets)
    assert max(sizes) == 11


def test_the_meter_data_set_the_line():
    options = argparse.Namespace(meter="kamstrup", baud=None, parity=None, bits=None, stop=None)
    assert read._line(options) == Line(2400, "none")
    options.baud = 9600
    assert read._line(options) == Line(9600, "none")
    options.meter = "aidan"
    with pytest.raises(ValueError, match=r"known are: .*kamstrup"):
        read._line(options)


class FakeProgram:
    """A program that counts how long it waited, and stops in the end."""

    name = "han-read"

    def __init__(self):
        self.waited = []
        self.options = argparse.Namespace(quiet=False)

    @property
    def stopping(self):
        return len(self.waited) > 9

    def wait(self, descriptor, seconds):
        self.waited.append(seconds)

    def interruptible(self):
        return contextlib.nullcontext()

    def write(self, octets):
        pass

    def explain(self, message):
        pass

    def warn(self, message):
        say(self.name, message)


def test_pauses_grow_and_a_reason_is_told_once(monkeypatch, capfd):
    reasons = [errno.ENOENT, errno.EACCES, errno.EACCES, errno.ENXIO, errno.EBUSY] * 2

    def refuse(name, line):
        number = reasons.pop(0)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(line_reader, "open_source", refuse)
    program = FakeProgram()
    options = argparse.Namespace(auto=False, idle=60.0, once=False)
    line_reader.Live(program, "/dev/HANserial", Line(), options, new_detector, str, str).run()
    assert program.waited == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert capfd.readouterr().err == (
        "han-read: /dev/HANserial: no such device; waiting for it (Ctrl-C ends)\n"
        "han-read: /dev/HANserial: permission denied; add yourself to group dialout\n"
        "han-read: /dev/HANserial: in use by another program\n"
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "permission denied"),
        (errno.EINVAL, "invalid argument"),
        (errno.EAGAIN, "resource temporarily unavailable"),
        (errno.ENOTTY, "inappropriate ioctl for device"),
    ],
)
@pytest.mark.parametrize("name", ["socket://[fe80::1]:2001", "rfc2217://[fe80::1]:2001"])
def test_an_error_of_a_connection_has_the_words_of_one_and_is_waited_for(name, number, words, monkeypatch, capfd):
    def refuse(name, line):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(line_reader, "open_source", refuse)
    program = FakeProgram()
    options = argparse.Namespace(auto=False, idle=60.0, once=False)
    line_reader.Live(program, name, Line(), options, new_detector, str, str).run()
    assert len(program.waited) == 10
    assert capfd.readouterr().err == f"han-read: {name}: {words}; waiting for it (Ctrl-C ends)\n"


def test_a_connection_that_refuses_the_setting_is_waited_for(monkeypatch, capfd):
    monkeypatch.setattr(line_reader, "open_source", OldAdapter().open)
    options = argparse.Namespace(auto=False, idle=60.0, once=False)
    line_reader.Live(FakeProgram(), "rfc2217://h:1", SEVEN, options, new_detector, str, str).run()
    assert "h:1: cannot be set to 9600 7E1; waiting for it (Ctrl-C ends)\n" in capfd.readouterr().err
    with pytest.raises(Failure, match="/dev/HANserial: cannot be set to 9600 7E1"):
        line_reader.Live(FakeProgram(), "/dev/HANserial", SEVEN, options, new_detector, str, str).run()


class OldAdapter:
    """A port that has no 7 bits of data, and loses its line after some settings."""

    cooked = False
    descriptor = -1

    def __init__(self, lost_after=None):
        self.set = []
        self.lost_after = lost_after

    def open(self, name, line):
        """Open it, as open_source does."""
        self.lost_after = self.lost_after if not self.set else None
        self.set_line(line)
        return self

    def set_line(self, line):
        if line.bits == 7:
            raise Refused(line)
        if str(line) == self.lost_after:
            raise Lost
        self.set.append(str(line))

    def close(self):
        pass


def searching(program, monkeypatch, line, step=5):
    """Return a reader that looks for the settings, with a clock that goes on by a step each time it is looked at."""
    now = iter(range(0, 10**6, step))
    monkeypatch.setattr(line_reader.time, "monotonic", lambda: next(now))
    options = argparse.Namespace(auto=True, idle=0, once=False)
    return line_reader.Live(program, "/dev/HANserial", line, options, new_detector, str, str)


def test_a_setting_that_the_port_does_not_have_is_passed_over(monkeypatch, capfd):
    now = [0.0]
    port = OldAdapter()
    reader = searching(FakeProgram(), monkeypatch, Line())
    monkeypatch.setattr(line_reader.time, "monotonic", lambda: now[0])
    for _ in range(5):
        now[0] += 10
        reader._look(port)
    assert port.set == ["2400 8N1", "115200 8N1", "9600 8N1", "38400 8N1", "2400 8E1"]
    assert "han-read: /dev/HANserial: cannot be set to 9600 7E1\n" in capfd.readouterr().err


@pytest.mark.parametrize(("first", "begin"), [(SEVEN, ["2400 8E1"]), (Line(), ["2400 8E1"])])
def test_a_search_outlasts_a_first_setting_that_is_refused_and_a_lost_port(first, begin, monkeypatch, capfd):
    program, port = FakeProgram(), OldAdapter(lost_after="38400 8N1")
    monkeypatch.setattr(line_reader, "open_source", port.open)
    searching(program, monkeypatch, first).run()
    assert port.set[:6] == [*begin, "2400 8N1", "115200 8N1", "9600 8N1", "38400 8N1", "2400 8E1"]
    words = capfd.readouterr().err
    assert "han-read: /dev/HANserial: cannot be set to 9600 7E1\n" in words
    assert "han-read: /dev/HANserial: unplugged or hung up; waiting for it (Ctrl-C ends)\n" in words


def test_a_port_that_has_none_of_the_settings_ends_the_search(monkeypatch):
    def refuse(name, line):
        raise Refused(line)

    monkeypatch.setattr(line_reader, "open_source", refuse)
    with pytest.raises(Failure, match="/dev/HANserial: cannot be set to 38400 8N1"):
        searching(FakeProgram(), monkeypatch, Line()).run()
