"""The unit, its template and the udev rules, as systemd and udev themselves read them."""

import os
import re
import shutil
import subprocess

import pytest

from needs import needs

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PIPES = ("systemd/han.service", "systemd/han@.service")
PAGE = "systemd/han-web.service"
UNITS = (*PIPES, PAGE)
RULES = "udev/61-hanpipe.rules"


def run(*command, **named):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, **named)


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as stream:
        return stream.read()


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_fault(unit, tmp_path):
    needs("systemd-analyze")
    named = tmp_path / os.path.basename(unit).replace("@.", "@cabin.")
    shutil.copy(os.path.join(ROOT, unit), named)
    done = run("systemd-analyze", "verify", "--man=no", str(named))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS)
def test_the_exposure_is_low(unit):
    """The pipe needs a port and the network; the page needs neither."""
    needs("systemd-analyze")
    score = "--threshold=12" if unit in PIPES else "--threshold=9"
    done = run("systemd-analyze", "security", "--offline=true", score, unit)
    assert done.returncode == 0, done.stdout[-200:]


@pytest.mark.slow
@pytest.mark.parametrize("unit", PIPES)
def test_the_pipe_of_the_unit_is_what_its_programs_understand(unit, tmp_path):
    """The unit's own command line, with the defaults of /etc/default, on a capture in the place of a port."""
    command = re.search(r"^ExecStart=/bin/bash (.*) -c '(.*)'$", text(unit), re.MULTILINE)
    assert command
    settings = dict(re.findall(r'^(HAN_[A-Z]+)="?([^"\n]*)"?$', text("systemd/hanpipe.default"), re.MULTILINE))
    assert settings["HAN_END"] == "han-fields --text"
    settings |= {"HAN_READ": "", "HAN_DEVICE": f"{ROOT}/lib/hanpipe/fake/house.raw"}
    line = command[2].replace("$$", "$")
    path = {"PATH": f"{ROOT}/bin:{os.environ['PATH']}"}
    done = run("bash", *command[1].split(), "-c", line, env=os.environ | path | settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(re.findall("^act_pow_pos = ", done.stdout, re.MULTILINE)) == 40


@pytest.mark.slow
def test_the_page_has_the_pipe_of_another_service(tmp_path):
    """The unit's own command line, with its own settings, on the telegrams that the settings ask for."""
    unit, default = text(PAGE), text("systemd/han-web.default")
    settings = dict(re.findall(r'^(HAN_[A-Z_]+)="([^"\n]*)"$', default, re.MULTILINE))
    assert f'Environment="HAN_WEB_FROM={settings["HAN_WEB_FROM"]}" HAN_WEB={settings["HAN_WEB"]}\n' in unit
    sender = re.search(r'"\| (han-p1 .*)"', default)
    command = re.search(r"^ExecStart=/bin/bash (.*) -c '(.*)'$", unit, re.MULTILINE)
    assert sender
    assert command
    port = "socket://127.0.0.1:2001"
    telegrams = f"{sender[1].partition(' --listen')[0]} {tmp_path}/readings > {tmp_path}/telegrams"
    house = f"han-frame lib/hanpipe/fake/house.raw | han-decode | han-fields > {tmp_path}/readings"
    settings["HAN_WEB_FROM"] = settings["HAN_WEB_FROM"].replace(port, f"--once {tmp_path}/telegrams")
    settings["HAN_WEB"] = f"--listen 0 --pass --store {tmp_path}/store"
    environment = os.environ | settings | {"PATH": f"{ROOT}/bin:{os.environ['PATH']}"}
    done = run("bash", "-c", f"{house} && {telegrams}", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    done = run("bash", *command[1].split(), "-c", command[2].replace("$$", "$"), env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count('"act_pow_neg":') == 40
    assert done.stdout.count('"volt_L1":') == 40


def test_the_page_can_reach_only_this_machine_and_no_device():
    unit = text(PAGE)
    for line in ("IPAddressDeny=any", "IPAddressAllow=localhost", "PrivateDevices=yes"):
        assert f"\n{line}\n" in unit
    own = re.search(r"^SupplementaryGroups=|^DeviceAllow=|--listen", unit, re.MULTILINE)
    assert own is None


def test_no_adapter_is_taken_that_nobody_named():
    taking = [line for line in text(RULES).splitlines() if re.search(r', ENV\{HANPIPE\}="', line)]
    assert len(taking) > 3
    switched_on = [line for line in taking if line[0] != "#"]
    assert switched_on == []


def test_the_rules_sort_behind_those_that_they_build_on():
    assert os.path.basename(RULES) > "60-serial.rules"
