"""What a hostile line or peer could do once, and must not again: each case was met."""

import io
import json
import os
import subprocess

import pytest

import hanpipe
from conftest import ROOT
from hanpipe.apdu.decoder import Decoder
from hanpipe.link import FRAMERS

BIN = os.path.join(ROOT, "bin")
FRAME = bytes.fromhex("a01641088313e5b0e6e7000f40000000001200059cf5")


def run(name, octets, *options):
    return subprocess.run([f"{BIN}/{name}", *options], input=octets, capture_output=True, timeout=20, check=False)


@pytest.mark.parametrize("forged", ['{"long": [5]}', '{"long":[[5]]}', '{"long":[5 ]}', '{"x":{"y":[[9,12]]}}'])
def test_a_marker_in_a_line_is_no_marker(forged):
    line = f'{{"body":{{"structure":[{{"octet-string":"0100010700ff"}},{forged}]}}}}'
    done = run("han-fields", line.encode())
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Traceback" not in done.stderr


def test_a_text_may_look_like_a_marker():
    line = r'{"body":{"structure":[{"octet-string":"0000600107ff"},{"visible-string":"[5] \" [7] \\"}]}}'
    assert json.loads(run("han-fields", line.encode()).stdout) == {"meter_model": '[5] " [7] \\'}


def test_a_telegram_cannot_name_our_keys():
    telegram = b"/KAM5\r\n\r\ntime(5)\r\nact_pow_pos(7)\r\n1-0:1.7.0(1.0*kW)\r\n!\r\n"
    (reading,) = hanpipe.readings(io.BytesIO(telegram))
    assert dict(reading) == {"#time": "5", "#act_pow_pos": "7", "act_pow_pos": 1000}


@pytest.mark.parametrize("line", [b"0-1:24.1.0(" + b"9" * 5000 + b")", b"1-0:" + b"9" * 5000 + b".8.0(1*kWh)"])
def test_digits_without_end_are_no_number(line):
    (reading,) = hanpipe.readings(io.BytesIO(b"/KAM5\r\n\r\n" + line + b"\r\n1-0:1.7.0(1.0*kW)\r\n!\r\n"))
    assert reading["act_pow_pos"] == 1000


def test_a_long_length_of_an_apdu_comes_in_any_pieces():
    apdu = b"\xdb\x08KAM\0\0\0\0\1\x84\0\0\0\x20" + bytes(32)
    framer = FRAMERS["auto"]()
    events = [event for octet in apdu for event in framer.feed(bytes([octet]))] + framer.feed(b"")
    assert [tuple(event) for event in events] == [("A", apdu)]


@pytest.mark.parametrize(("kind", "octets"), [("A", FRAME), ("H", FRAME), ("A", FRAME[11:-2])])
def test_a_line_does_not_depend_on_those_before(kind, octets):
    alone = [told.line() for told in Decoder().feed(kind, octets)]
    decoder = Decoder()
    for before in (("H", FRAME), ("A", FRAME[11:-2])):
        decoder.feed(*before)
    assert [told.line() for told in decoder.feed(kind, octets)] == alone


def test_an_apdu_that_a_pipe_ends_has_its_time():
    frames = run("han-frame", b"\x0f\x40\0\0\0\0\x11\x05", "--link", "apdu").stdout
    assert '"time":"' in run("han-decode", frames).stdout.decode()


@pytest.mark.parametrize("view", [[], ["--tree"]])
def test_nothing_valid_is_told_by_the_status(view):
    assert run("han-decode", run("han-frame", b"xx", "--link", "apdu").stdout, *view).returncode == 1


def test_counters_that_nobody_takes_change_no_status():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [f"{BIN}/han-frame", "--stats"], input=b"\x7e" + FRAME + b"\x7e", stderr=full, check=False
        )
    assert done.returncode == 0


def test_raw_counts_too():
    records = run("han-frame", b"\x7e" + FRAME + b"\x7e").stdout
    assert json.loads(run("han-frame", records, "--raw", "--stats").stderr)["frames"] == 1
