"""Ports and connections as sources; the setting of a line found and its silence noticed."""

import contextlib
import errno
import os
import pty
import select
import socket
import termios
import threading

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from serial import rfc2217

from hanpipe.line.finder import LineFinder
from hanpipe.line.port import Closed, Lost, Refused, check_name, is_live, open_source
from hanpipe.line.settings import LINES, Line
from hanpipe.line.watch import LineWatch
from hanpipe.link import new_detector
from hanpipe.unix.stderr import duration
from programs import wait_until

FRAME = bytes.fromhex(  # Aidon's list 1, of our own making
    "7ea02a410883130413e6e7000f40000000000101020309060100010700ff060000011802020f00161b34cd7e"
)
GARBAGE = bytes(octet ^ 0x5A for octet in FRAME)


def read_all(source, size):
    """Read from a source until size octets have come."""
    result = b""
    while len(result) < size:
        select.select([source.descriptor], [], [])
        result += source.read()
    return result


@contextlib.contextmanager
def line_on_pty():
    """Give the meter's side of a line, and the name of the other one."""
    master, slave = pty.openpty()
    try:
        yield master, os.ttyname(slave)
    finally:
        for descriptor in (master, slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def test_a_setting_says_how_fast_it_is():
    assert [str(line) for line in LINES] == ["2400 8E1", "2400 8N1", "115200 8N1", "9600 8N1", "9600 7E1", "38400 8N1"]
    assert Line().octets_per_second == pytest.approx(2400 / 11)
    assert LINES[1].octets_per_second == 240


# A meter that sends each `every` s, at one setting; under all others its octets are garbage, or missing.


@given(
    truth=st.sampled_from(LINES),
    every=st.floats(1.5, 20),
    phase=st.floats(0, 20),
    deaf=st.booleans(),
    cut=st.integers(1, len(FRAME) - 1),
)
def test_the_finder_finds_every_setting_and_loses_nothing_of_it(truth, every, phase, deaf, cut):
    finder = LineFinder(Line(), 0.0, new_detector)
    sent_at_truth, passed_on = b"", b""
    pieces = ((phase + number * every + late, part)
              for number in range(1000) for late, part in ((0.0, FRAME[:cut]), (0.1, FRAME[cut:])))  # fmt: skip
    for now, part in pieces:
        while finder.due() < now:
            before = finder.line
            if finder.look(finder.due()) and before != finder.line:
                sent_at_truth = b""
        right = finder.line == truth
        if right:
            sent_at_truth += part
        if right or not deaf:
            passed_on += finder.feed(part if right else bytes(octet ^ 0x5A for octet in part), now)
        if finder.found:
            break
    assert finder.line == truth
    assert passed_on == sent_at_truth
    assert now - phase < 400


def test_the_finder_leaves_a_setting_behind_one_whole_burst():
    finder = LineFinder(Line(), 0.0, new_detector)
    finder.feed(GARBAGE, 2.0)
    assert not finder.look(2.4)
    assert finder.look(2.5)
    assert (finder.line, finder.dropped) == (LINES[1], len(GARBAGE))


def test_the_finder_gives_a_half_burst_another_chance_and_grows_patient():
    finder = LineFinder(Line(), 0.0, new_detector)
    finder.feed(FRAME[20:], 0.1)
    assert not finder.look(1.0)
    finder.feed(FRAME, 2.6)
    assert finder.found
    finder = LineFinder(Line(9600), 0.0, new_detector)
    patience = []
    for _ in range(60):
        assert finder.look(finder.due())
        patience.append(finder.patience)
    assert patience[:6] == [5.0] * 6
    assert patience[6] == 10.0
    assert patience[-1] == 60.0


def test_a_bare_apdu_proves_no_setting():
    finder = LineFinder(Line(), 0.0, new_detector)
    finder.feed(bytes.fromhex("db084b414d45000000010530000000015a"), 1.0)
    assert not finder.found


def test_silence_is_told_once_and_its_end():
    watch = LineWatch(60, 0.0, new_detector, lambda octets: f"{len(octets)} looked at")
    assert watch.look(59.9) == []
    assert watch.due() == 60.0
    assert watch.look(60.0) == ["no octets for 60 s: check the cable, or ask the grid company to open the port"]
    assert watch.due() is None
    assert watch.look(600.0) == []
    assert watch.feed(FRAME, 240.0) == ["octets again after 4 min"]
    assert watch.due() == 300.0


def test_octets_that_do_not_decode_are_told_once_and_their_end():
    watch = LineWatch(60, 0.0, new_detector, lambda octets: f"{len(octets)} looked at")
    result = [message for now in range(0, 300, 10) for message in watch.feed(GARBAGE, now)]
    assert result == [f"{7 * len(GARBAGE)} octets in 60 s and nothing that decodes: {7 * len(GARBAGE)} looked at"]
    assert watch.feed(FRAME, 300) == ["frames again after 5 min"]
    assert not watch.feed(GARBAGE, 310)  # one frame is enough for a while


def test_the_time_without_a_line_does_not_count_as_octets_that_do_not_decode():
    watch = LineWatch(60, 0.0, new_detector, lambda octets: f"{len(octets)} looked at")
    assert watch.feed(GARBAGE, 10) == []
    watch.restart(3610)  # it was unplugged for an hour
    assert watch.feed(GARBAGE, 3611) == []
    size = 2 * len(GARBAGE)
    assert watch.feed(GARBAGE, 3671) == [f"{size} octets in 60 s and nothing that decodes: {size} looked at"]


def test_frames_are_said_to_be_back_after_all_the_time_without_them():
    watch = LineWatch(60, 0.0, new_detector, lambda octets: f"{len(octets)} looked at")
    assert watch.feed(GARBAGE, 0) == []
    assert len(watch.feed(GARBAGE, 60)) == 1
    watch.restart(290)
    assert watch.feed(FRAME, 300) == ["frames again after 5 min"]


def test_a_good_line_has_nothing_told_of_it():
    watch = LineWatch(60, 0.0, new_detector, lambda octets: f"{len(octets)} looked at")
    assert not [message for now in range(0, 600, 10) for message in watch.feed(FRAME, now) + watch.look(now + 9)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (60, "60 s"), (240, "4 min"), (10800, "3 h"), (200000, "2 days")]
)
def test_durations_are_said_in_one_unit(seconds, text):
    assert duration(seconds) == text


def test_a_name_is_a_port_a_file_or_wrong(tmp_path, monkeypatch):
    monkeypatch.chdir("/dev")
    (tmp_path / "mine.raw").write_bytes(FRAME)
    (tmp_path / "port").symlink_to("/dev/pts/99999")
    assert [is_live(name) for name in ("socket://h:1", "/dev/no-such", f"{tmp_path}/port")] == [True] * 3
    assert [is_live(f"{tmp_path}/{name}") for name in ("mine.raw", "missing.raw", "")] == [False] * 3
    assert not is_live("/dev/null")
    assert not is_live("-")
    check_name("socket://[::1]:4000")
    check_name("rfc2217://han.lan:4000")
    for name in ("/dev/serial/by-path/pci:1", "missing.raw", str(tmp_path / "a:1")):
        check_name(name)
    for name in (
        "spy:///dev/tty",
        "socket://host",
        "socket://:1",
        "rfc2217://host:99999",
        "socket://host:http",
        "socket://a..b:1",
        "han.lan:4000",
    ):
        with pytest.raises(ValueError, match="//"):
            check_name(name)


def test_a_port_is_made_raw_and_set():
    with line_on_pty() as (meter, name), contextlib.closing(open_source(name, Line(9600, "even", 7))) as port:
        assert port.cooked
        iflag, oflag, _, lflag, speed, _, _ = termios.tcgetattr(port.descriptor)
        assert not lflag & (termios.ICANON | termios.ECHO | termios.ISIG)
        assert not iflag & (termios.ICRNL | termios.INLCR | termios.IXON)
        assert not oflag & termios.OPOST
        assert speed == termios.B9600
        sent = bytes(range(256))
        os.write(meter, sent)
        assert read_all(port, 256) == sent
        port.set_line(Line(38400, "none"))
        assert termios.tcgetattr(port.descriptor)[4] == termios.B38400
        os.write(meter, GARBAGE)
        select.select([port.descriptor], [], [])
        port.set_line(Line(2400, "even"))  # drops it
        with pytest.raises(BlockingIOError):  # not an end
            port.read()


def test_a_port_that_refuses_a_setting_keeps_its_own_and_takes_others(monkeypatch):
    real = termios.tcsetattr

    def old_adapter(descriptor, when, attributes):
        if attributes[2] & termios.CSIZE == termios.CS7:
            raise termios.error(errno.EINVAL, "Invalid argument")
        real(descriptor, when, [*attributes[:2], attributes[2] & ~termios.PARENB, *attributes[3:]])

    with line_on_pty() as (_, name), contextlib.closing(open_source(name, Line(2400, "none"))) as port:
        port._pseudo = False
        monkeypatch.setattr(termios, "tcsetattr", old_adapter)
        with pytest.raises(Refused, match="cannot be set to 9600 7E1"):
            port.set_line(Line(9600, "even", 7))
        assert termios.tcgetattr(port.descriptor)[4] == termios.B2400
        port.set_line(Line(38400, "none"))
        assert termios.tcgetattr(port.descriptor)[4] == termios.B38400


def test_a_port_without_a_baud_rate_refuses_it(monkeypatch):
    with line_on_pty() as (_, name), contextlib.closing(open_source(name, Line())) as port:
        monkeypatch.setattr(port._port, "_set_special_baudrate", no_such_rate)
        with pytest.raises(Refused, match="cannot be set to 12345 8N1"):
            port.set_line(Line(12345))


def no_such_rate(rate):
    raise ValueError(f"Failed to set custom baud rate ({rate})")


def test_a_port_that_is_set_already_opens_again():
    with line_on_pty() as (_, name):
        assert [open_and_close(name) for _ in range(3)] == [True, False, False]


def open_and_close(name):
    with contextlib.closing(open_source(name, Line())) as port:
        return port.cooked


def test_a_port_is_locked():
    with line_on_pty() as (_, name), contextlib.closing(open_source(name, Line())):
        with pytest.raises(OSError) as result:  # noqa: PT011
            open_source(name, Line())
        assert result.value.errno == errno.EAGAIN


def test_a_port_that_hangs_up_is_lost_behind_its_last_octets():
    with line_on_pty() as (meter, name), contextlib.closing(open_source(name, Line())) as port:
        os.write(meter, FRAME)
        assert read_all(port, len(FRAME)) == FRAME
        os.close(meter)
        select.select([port.descriptor], [], [])
        with pytest.raises(Lost):
            port.read()


@pytest.mark.parametrize(("name", "number"), [("/dev/no-such", errno.ENOENT), ("/dev/null", errno.ENOTTY)])
def test_a_port_that_cannot_be_opened_says_why(name, number):
    with pytest.raises(OSError) as result:  # noqa: PT011
        open_source(name, Line())
    assert result.value.errno == number


def test_a_socket_gives_what_came_and_then_its_end():
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = open_source(f"socket://127.0.0.1:{server.getsockname()[1]}", Line())
        peer, _ = server.accept()
        peer.sendall(FRAME * 100)
        peer.close()
        assert read_all(source, 100 * len(FRAME)) == FRAME * 100
        with pytest.raises(Closed):
            source.read()
        source.close()


def test_a_refused_connection_says_why():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for scheme in ("socket", "rfc2217"):
        with pytest.raises(OSError) as result:  # noqa: PT011
            open_source(f"{scheme}://127.0.0.1:{port}", Line())
        assert result.value.errno == errno.ECONNREFUSED


class Gateway:
    """A serial port over RFC 2217, as pyserial serves one."""

    manager_class = rfc2217.PortManager

    def __init__(self):
        self.port = serial.serial_for_url("loop://", timeout=0)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.name = f"rfc2217://127.0.0.1:{self.server.getsockname()[1]}"
        self.ready = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        self.peer, _ = self.server.accept()
        self.manager = self.manager_class(self.port, self)
        self.ready.set()
        with contextlib.suppress(OSError):
            while data := self.peer.recv(1024):
                b"".join(self.manager.filter(data))

    def write(self, data):
        self.peer.sendall(data)

    def send(self, data):
        self.write(b"".join(self.manager.escape(data)))

    def close(self):
        self.peer.shutdown(socket.SHUT_RDWR)
        self.server.close()


@pytest.mark.slow
def test_a_remote_port_is_set_and_loses_nothing_when_it_goes():
    gateway = Gateway()
    source = open_source(gateway.name, Line(9600, "even", 7))
    gateway.ready.wait()
    assert (gateway.port.baudrate, gateway.port.parity, gateway.port.bytesize) == (9600, "E", 7)
    sent = bytes(range(256)) * 20
    gateway.send(sent)
    gateway.close()
    assert read_all(source, len(sent)) == sent
    with pytest.raises(Lost):
        source.read()
    source.close()


@pytest.mark.slow
def test_a_remote_port_that_refuses_a_setting_takes_others():
    gateway = Gateway()
    gateway.port.BYTESIZES = (8,)
    with contextlib.closing(open_source(gateway.name, Line())) as source:
        with pytest.raises(Refused, match="cannot be set to 9600 7E1"):
            source.set_line(Line(9600, "even", 7))
        assert gateway.port.baudrate == 2400
        source.set_line(Line(38400, "none"))
        assert (gateway.port.baudrate, gateway.port.parity) == (38400, "N")


@contextlib.contextmanager
def full_remote_port(sent):
    """Give a remote port whose gateway sends octets that nobody reads, once TCP has to stop it."""
    gateway = Gateway()
    source = open_source(gateway.name, Line())
    gateway.ready.wait()
    sender = threading.Thread(target=send_all, args=(gateway, sent), daemon=True)
    sender.start()
    try:
        wait_until(source._queue.full)
        yield source
    finally:
        source.close()
        sender.join()


def send_all(gateway, octets):
    with contextlib.suppress(OSError):  # the other side is closed
        gateway.send(octets)


@pytest.mark.slow
def test_a_remote_port_holds_few_octets_that_nobody_reads_and_loses_none():
    sent = bytes(range(256)) * 1000
    with full_remote_port(sent) as source:
        assert source._queue.qsize() <= 65536
        assert read_all(source, len(sent)) == sent


@pytest.mark.slow
def test_a_remote_port_that_is_full_is_closed_at_once():
    with full_remote_port(bytes(300_000)) as source:
        receiver = source._port._thread
    assert not receiver.is_alive()  # pyserial gives up waiting for it after 7 s


class NoControl(rfc2217.PortManager):
    """Does not answer the command for control lines."""

    def rfc2217_send_subnegotiation(self, option, value=b""):
        if option != rfc2217.SERVER_SET_CONTROL:
            super().rfc2217_send_subnegotiation(option, value)


class Sredird(Gateway):
    """A server that does not answer the command for control lines."""

    manager_class = NoControl


@pytest.mark.slow
def test_a_server_without_answers_to_set_control_is_read_with_an_option():
    gateway = Sredird()
    with pytest.raises(OSError, match=r"option 'control'; add \?ign_set_control to the URL"):
        open_source(f"{gateway.name}?timeout=0.2", Line())
    gateway = Sredird()
    with contextlib.closing(open_source(f"{gateway.name}?ign_set_control&timeout=20", Line())) as source:
        gateway.send(FRAME)
        assert read_all(source, len(FRAME)) == FRAME


def test_a_url_has_the_options_of_its_scheme_alone():
    for query in ("ign_set_control", "timeout=5", "timeout=0.5&ign_set_control"):
        check_name(f"rfc2217://h:1?{query}")
        check_name(f"rfc2217://h:1/?{query}")
        with pytest.raises(ValueError, match="only rfc2217:// has options"):
            check_name(f"socket://h:1?{query}")
    for query in ("", "ign_set_contrl", "timeout", "timeout=x", "timeout=-1", "logging=debug", "timeout=5&"):
        with pytest.raises(ValueError, match="expected the options ign_set_control or timeout=SECONDS"):
            check_name(f"rfc2217://h:1?{query}")
