"""The service: the unit's own command line is run by a shell, its rules by udev, both against what a user would see.

The unit under a real systemd: tests/service/booted.sh (make service-check).
"""

import contextlib
import glob
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from hanpipe.link.hdlc.framer import HdlcFramer
from needs import needs
from programs import PATIENCE, handles, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CAPTURE = f"{ROOT}/lib/hanpipe/fake/house.raw"
PATH = f"{ROOT}/bin:{os.path.dirname(sys.executable)}:/usr/bin:/bin"


def text(path):
    with open(f"{ROOT}/{path}", encoding="utf-8") as file:
        return file.read()


def setting(name, unit="han.service"):
    """Return all values of a setting of a unit."""
    return [line.partition("=")[2] for line in text(f"systemd/{unit}").splitlines() if line.startswith(f"{name}=")]


# The two units


def test_the_template_is_the_service_but_for_names():
    service = text("systemd/han.service").split("\n", 1)[1]
    for one, each in (
        ("Description=HAN meter pipe", "Description=HAN meter pipe %i"),
        ("SyslogIdentifier=han", "SyslogIdentifier=han-%i"),
        ("/dev/HANserial", "/dev/HAN%i"),
        ("/etc/default/hanpipe", "/etc/default/hanpipe-%i"),
        ("User=hanpipe", "User=hanpipe-%i"),
        ("Directory=hanpipe", "Directory=hanpipe-%i"),
    ):
        assert one in service
        service = service.replace(one, each)
    assert text("systemd/han@.service").split("\n", 1)[1] == service


def test_every_login_that_a_sink_looks_for_is_handed_over():
    wanted = {"han-keys"}
    for room in os.listdir(f"{ROOT}/lib/hanpipe/sinks"):
        files = glob.glob(f"{ROOT}/lib/hanpipe/sinks/{room}/*.py") if room != "peer" else []
        if any("find_login(" in text(os.path.relpath(file, ROOT)) for file in files):
            wanted.add(f"han-{room}")
    assert (
        set(setting("LoadCredential")) == wanted
    )  # without a path: from a credential store, and a missing one is not a failure


# Settings of a user


def sourced(environment):
    """Return the variables as a shell reads the file of defaults."""
    script = f"set -a; . {ROOT}/systemd/hanpipe.default; env -0"
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    return dict(item.split("=", 1) for item in done.stdout.split("\0") if item)


def test_the_file_of_defaults_changes_nothing_as_it_comes():
    words = re.findall(r'"[^"]*"|\S+', setting("Environment")[0])
    ours = dict(word.strip('"').split("=", 1) for word in words)
    result = {name: value for name, value in sourced({"PATH": PATH}).items() if name.startswith("HAN_") and value}
    assert result == ours


def test_the_file_of_defaults_has_every_variable_of_the_unit():
    used = set(re.findall(r"\$\$(HAN_[A-Z]+)", setting("ExecStart")[0]))
    offered = set(re.findall(r"^#?(HAN_[A-Z]+)=", text("systemd/hanpipe.default"), re.MULTILINE))
    assert used == offered
    for name in used:
        assert f"*{name}*" in text("man/hanpipe.7.scd")


# The pipe, as the unit starts it


def command():
    shell, quoted = re.fullmatch(r"(/bin/bash .* -c) '(.*)'", setting("ExecStart")[0]).groups()
    return [*shell.split(), quoted.replace("$$", "$")]


@contextlib.contextmanager
def pipe(**environment):
    """Start the unit's command in a process group of its own, with its SIGPIPE, and end that."""
    environment = {"PATH": PATH, "HAN_END": "han-fields --text"} | environment
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    restored = setting("IgnoreSIGPIPE") == ["no"]  # Python ignores it, as systemd does by default
    with subprocess.Popen(command(), env=environment, **streams, process_group=0, restore_signals=restored) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_options_and_a_log_are_set_from_outside(tmp_path):
    settings = {
        "HAN_DEVICE": CAPTURE,
        "HAN_LOG": f"| han-log --dir {tmp_path} --name all.raw",
        "HAN_FRAME": "--link hdlc",
        "HAN_DECODE": f"--counters {tmp_path}/counters",
        "HAN_END": "han-fields --only act_pow_pos | tr -d {}",
    }
    with pipe(**settings) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert err == b""
    assert out.count(b'"act_pow_pos":') == 40
    assert b"{" not in out
    assert (tmp_path / "counters").exists()
    with open(CAPTURE, "rb") as capture:
        assert capture.read() == (tmp_path / "all.raw").read_bytes()


@pytest.mark.slow
def test_a_failure_anywhere_is_the_unit_s(tmp_path):
    for name in ("HAN_READ", "HAN_FRAME", "HAN_DECODE"):
        with pipe(HAN_DEVICE=CAPTURE, **{name: "--no-such-option"}) as process:
            process.communicate(timeout=PATIENCE)
        assert process.returncode != 0, name


@contextlib.contextmanager
def meter(path):
    """Run a simulated meter at a port."""
    with subprocess.Popen([f"{ROOT}/bin/han-fake", "--pty", path, "--speed", "20"], env={"PATH": PATH}) as process:
        try:
            end = time.monotonic() + PATIENCE
            while not os.path.lexists(path) and time.monotonic() < end:
                time.sleep(0.01)
            yield process
        finally:
            process.terminate()


def programs_of(shell):
    """Return the programs that a shell has started: name -> process."""
    with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as file:
        children = [int(word) for word in file.read().split()]
    found = {}
    for child in children:
        with open(f"/proc/{child}/cmdline", "rb") as file:
            found.update(
                {os.path.basename(word).decode(): child for word in file.read().split(b"\0")[:3]}
            )  # python3 -S NAME
    return found


@pytest.mark.slow
def test_a_pipe_whose_programs_are_killed_ends_and_leaves_whole_lines_and_a_readable_log(tmp_path):
    """As the service does it: started anew after each kill -9, with the same log and the same sink."""
    port, log, sink = f"{tmp_path}/port", tmp_path / "all.raw.gz", tmp_path / "readings"
    settings = {"HAN_DEVICE": port, "HAN_READ": "--baud 2400", "HAN_END": f"han-fields | tee -a {sink} | cat"}
    settings["HAN_LOG"] = f"| han-log --dir {tmp_path} --name all.raw --gzip"
    with meter(port):
        for victim in ("han-read", "han-log", "han-frame", "han-decode", "han-fields", "cat"):
            with pipe(**settings) as process:
                assert b"act_pow" in process.stdout.readline()
                os.kill(programs_of(process.pid)[victim], signal.SIGKILL)
                process.communicate(timeout=PATIENCE)
            assert process.returncode in (128 + signal.SIGKILL, 141), victim
    readings = sink.read_bytes()
    assert readings.endswith(b"\n")
    assert len([json.loads(line) for line in readings.splitlines()]) >= 5
    framer = HdlcFramer()
    kinds = [event.kind for event in framer.feed(gzip.decompress(log.read_bytes())) + framer.feed(b"")]
    assert kinds.count("H") >= 4  # han-log's own end costs what it had not written
    assert set(kinds) == {"H"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "sink", ["han-csv", "han-influx", "han-mqtt --port 1 --json --pass", "han-spool {}/queue -- cat"]
)
def test_a_stop_keeps_the_period_that_is_open(tmp_path, sink):
    """systemd signals all programs at once: han-every ends the period then, and the sink still has to take it."""
    port, seen = f"{tmp_path}/port", tmp_path / "seen"
    settings = {"HAN_DEVICE": port, "HAN_READ": "--baud 2400"}
    settings["HAN_END"] = f"han-fields | tee {seen} | han-every 1mo | {sink.format(tmp_path)}"
    with meter(port), pipe(**settings) as process:
        wait_until(lambda: seen.exists() and b"7359990000000001" in seen.read_bytes())
        for program in (programs_of(process.pid)["han-every"], process.pid):
            wait_until(lambda program=program: handles(program, signal.SIGTERM))
        os.killpg(process.pid, signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("queue/*.jsonl"))
    assert (out + kept).count(b"7359990000000001") == 1


def sender(notify):
    """Return a message to systemd, and the process that sent it."""
    message, [(_, _, credentials)], _, _ = notify.recvmsg(100, socket.CMSG_SPACE(12))
    return message, int.from_bytes(credentials[:4], sys.byteorder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "end",
    [
        "han-fields --text",
        "han-fields | tee >(cat >&2) | han-csv",
        "han-fields | han-every 1mo",
        "han-fields | han-every 1mo | han-csv",
        "han-fields | han-every 1h | han-peaks --rule no | han-csv",
        "han-fields | han-p1 --listen 127.0.0.1:0",
    ],
)
def test_the_main_process_is_the_last_program_and_readings_feed_the_watchdog(tmp_path, end):
    port, address = f"{tmp_path}/port", f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, meter(port):
        notify.bind(address)
        notify.settimeout(PATIENCE)
        notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        # a socket as systemd's journal has it: the last program's stdout is not a pipe
        ours, journal = socket.socketpair()
        environment = {"PATH": PATH, "HAN_DEVICE": port, "HAN_READ": "--baud 2400", "HAN_END": end}
        environment |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "100000"}
        with ours, subprocess.Popen(command(), env=environment, stdout=journal, process_group=0) as process:
            journal.close()
            result = [sender(notify) for _ in range(4)]
            os.killpg(process.pid, signal.SIGTERM)
    assert result == [(message, process.pid) for message in (b"READY=1", *[b"WATCHDOG=1"] * 3)]


@pytest.mark.parametrize("unit", ["han.service", "han@.service"])
def test_the_watchdog_ends_a_pipe_as_a_stop_does(unit):
    """SIGABRT, the default, would end each program before it saves what it has."""
    assert setting("WatchdogSignal", unit) == ["SIGTERM"]


# The rules


def plugged_in(rules):
    """Return what udev knows of an adapter, serial number A1B2C3, under these rules."""
    needs("umockdev-run", "udevadm", "unshare")
    done = subprocess.run(
        [f"{ROOT}/tests/service/udev.sh"], input=rules, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    if done.returncode == 77:
        pytest.skip("this user may make no mount namespace: run the tests as root")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def switched_on(*parts):
    """Return the rules with the # taken from the one line that has all the parts."""
    lines = text("udev/61-hanpipe.rules").splitlines()
    at = [
        number for number, line in enumerate(lines) if line.startswith("#ENV") and all(part in line for part in parts)
    ]
    assert len(at) == 1
    lines[at[0]] = lines[at[0]][1:]
    return "\n".join(lines)


def test_no_chip_is_switched_on_as_it_comes():
    result = plugged_in(text("udev/61-hanpipe.rules"))
    assert "ID_SERIAL_SHORT=A1B2C3" in result  # 60-serial.rules was in front
    assert not re.search(r"^(HANPIPE|SYSTEMD_WANTS)=|/dev/HAN", result, re.MULTILINE)


@pytest.mark.parametrize("parts", [("A1B2C3",), ("0403", "6001|6015")])
def test_a_line_gives_the_port_a_name_and_starts_the_service(parts):
    result = plugged_in(switched_on(*parts))
    assert re.search(r"^DEVLINKS=.*/dev/HANserial\b", result, re.MULTILINE)
    assert "\nSYSTEMD_WANTS=han.service\n" in result
    assert re.search(r"^TAGS=.*:systemd:", result, re.MULTILINE)
    assert "61-hanpipe.rules" in result
    assert re.search(r"61-hanpipe.rules:\d+ MODE 0660", result)
    assert re.search(r"61-hanpipe.rules:\d+ GROUP \d+", result)


def test_a_socket_names_the_port_too():
    rules = switched_on("ID_PATH").replace("platform-3f980000.usb-usb-0:1.2:1.0", "pci-0000:00:14.0-usb-0:2:1.0")
    assert "\nSYSTEMD_WANTS=han.service\n" in plugged_in(rules)


@pytest.mark.parametrize("parts", [("067b",), ("10c4",), ("1a86",), ("D4E5F6",)])
def test_another_adapter_is_left_alone(parts):
    assert "SYSTEMD_WANTS" not in plugged_in(switched_on(*parts))


def test_a_second_meter_starts_the_template():
    result = plugged_in(switched_on("D4E5F6").replace("D4E5F6", "A1B2C3"))
    assert re.search(r"^DEVLINKS=.*/dev/HANcabin\b", result, re.MULTILINE)
    assert "\nSYSTEMD_WANTS=han@cabin.service\n" in result
