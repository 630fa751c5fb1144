"""han-doctor on a port: the setting is found, and the command to use ends the report."""

import contextlib
import ctypes
import fcntl
import json
import os
import subprocess
import tty

import pytest
from test_doctor import frames, made

from hanpipe.doctor import device
from hanpipe.line.port import Refused
from hanpipe.line.settings import Line
from programs import Running, run


def test_a_port_ends_with_the_command_to_use() -> None:
    master, port = os.openpty()
    tty.setraw(master)
    name = os.ttyname(port)
    sent = [b"\x7e" + frame + b"\x7e" for frame in frames(made("kamstrup", count=4))]
    with Running("han-doctor", "--json", name) as doctor:
        words = doctor.words("trying")
        while doctor.process.poll() is None:
            for octets in sent:
                os.write(master, octets)
            with contextlib.suppress(subprocess.TimeoutExpired):
                doctor.process.wait(0.05)
        done = doctor.end()
    os.close(master)
    os.close(port)
    keys = json.loads(done.out)
    assert "settings; this takes" in words
    assert keys["verdict"] == "healthy"
    assert keys["setting"] == "2400 8E1"
    assert keys["use"] == f"han-read --baud 2400 --parity even --bits 8 --stop 1 {name}"


class OldAdapter:
    """A port that refuses some settings, on the line of a meter that sends at another one."""

    cooked = False
    descriptor = 1_000_000  # of no file: the kernel has no counters

    def __init__(self, meter: Line, refused: list[Line]) -> None:
        self.meter, self.refused = meter, refused
        self.now = 0.0
        self.sent = b"".join(b"\x7e" + frame + b"\x7e" for frame in frames(made("kamstrup", count=1)))

    def open(self, name: str, line: Line) -> "OldAdapter":
        """Open it, as open_source does."""
        self.set_line(line)
        return self

    def set_line(self, line: Line) -> None:
        if line in self.refused:
            raise Refused(line)
        self.line = line

    def read(self) -> bytes:
        return self.sent if self.line == self.meter else bytes(octet ^ 0x5A for octet in self.sent)

    def close(self) -> None:
        pass


class FakeProgram:
    """A program whose waits end at once, while the clock of the port goes on."""

    stopping = False

    def __init__(self, port: OldAdapter) -> None:
        self.port, self.warned = port, list[str]()

    def wait(self, descriptor: int, seconds: float) -> bool:
        self.port.now += 2.0
        return True

    def interruptible(self) -> contextlib.nullcontext[None]:
        return contextlib.nullcontext()

    def warn(self, message: str) -> None:
        self.warned.append(message)


def test_a_port_that_refuses_settings_is_examined_at_all_others(monkeypatch) -> None:
    lines = device.meter_lines()
    port = OldAdapter(lines[3], [lines[0], lines[2]])
    program = FakeProgram(port)
    monkeypatch.setattr(device, "open_source", port.open)
    monkeypatch.setattr(device.time, "monotonic", lambda: port.now)
    _, findings, heard = device.examine(program, "/dev/HANserial", None)
    assert (heard.line, findings) == (lines[3], [])
    assert list(heard.octets) == [lines[1], lines[3]]
    assert [one for one in program.warned if "cannot" in one] == [
        f"/dev/HANserial: cannot be set to {lines[0]}",
        f"/dev/HANserial: cannot be set to {lines[2]}",
    ]


class Counters(ctypes.Structure):
    """struct serial_icounter_struct of Linux, uapi/linux/serial.h."""

    _fields_ = (
        *[(name, ctypes.c_int) for name in ("cts", "dsr", "rng", "dcd", "rx", "tx")],
        *[(name, ctypes.c_int) for name in ("frame", "overrun", "parity", "brk", "buf_overrun")],
        ("reserved", ctypes.c_int * 9),
    )


def test_the_counters_of_the_kernel_are_those_of_its_structure(monkeypatch) -> None:
    def ioctl(descriptor: int, request: int, room: bytearray) -> int:
        assert (descriptor, request, len(room)) == (7, 0x545D, ctypes.sizeof(Counters))
        room[:] = bytes(Counters(rx=5000, tx=2, frame=11, overrun=3, parity=17, brk=1, buf_overrun=99))
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert device._errors(7) == {"frame_errors": 11, "overruns": 3, "parity_errors": 17, "breaks": 1}


def test_a_pseudo_terminal_keeps_no_counters() -> None:
    master, port = os.openpty()
    assert device._errors(port) == {}
    os.close(master)
    os.close(port)


def test_the_counters_are_part_of_the_report() -> None:
    heard = device.Heard(Line(2400, "even"), {}, {"frame_errors": 1200, "overruns": 0, "parity_errors": 1}, 3.0)
    assert device.as_text("/dev/ttyUSB0", heard).startswith("kernel      1,200 frame errors, 1 parity error\n")
    many = heard._replace(errors=dict.fromkeys(("frame_errors", "overruns", "parity_errors", "breaks"), 1234567))
    assert max(map(len, device.as_text("/dev/ttyUSB0", many).splitlines())) <= 80
    assert device.as_keys("/dev/ttyUSB0", heard)["errors"] == heard.errors


@pytest.mark.parametrize("url", ["socket://h", "http://h:1", "socket://h:x"])
def test_an_address_that_cannot_be_read_is_wrong_usage(url: str) -> None:
    assert run("han-doctor", url).status == 2


def test_a_port_that_is_missing_is_an_error_of_the_input() -> None:
    done = run("han-doctor", "/dev/hanpipe-has-no-such-port")
    assert (done.status, done.out) == (4, b"")
    assert done.words == "han-doctor: /dev/hanpipe-has-no-such-port: no such device\n"


def test_a_port_is_given_alone() -> None:
    assert run("han-doctor", "--mend", "/dev/hanpipe-has-no-such-port").status == 2
