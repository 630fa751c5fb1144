"""han-doctor on a port: the setting is found, and the command to use ends the report."""

import contextlib
import json
import os
import subprocess
import tty

from test_doctor import frames, made

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


def test_a_port_that_is_missing_is_an_error_of_the_input() -> None:
    done = run("han-doctor", "/dev/hanpipe-has-no-such-port")
    assert (done.status, done.out) == (4, b"")
    assert "no such file or directory" in done.words


def test_a_port_is_given_alone() -> None:
    assert run("han-doctor", "--mend", "/dev/hanpipe-has-no-such-port").status == 2
