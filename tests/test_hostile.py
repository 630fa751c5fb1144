"""Harm that a hostile line or peer could do once, and must not again: each case was met."""

import io
import json

import pytest

import hanpipe
from hanpipe.apdu.decoder import Decoder
from hanpipe.link import FRAMERS
from hanpipe.sinks.readings_in import ReadingReader
from programs import run

FRAME = bytes.fromhex("a01641088313e5b0e6e7000f40000000001200059cf5")


@pytest.mark.parametrize("forged", ['{"long":NaN}', '{"long":[NaN]}', '{"x":{"y":[NaN,1]}}', '{"long":5},{"long":NaN}'])
def test_a_hole_in_a_line_makes_it_wrong(forged):
    line = f'{{"body":{{"structure":[{{"octet-string":"0100010700ff"}},{forged}]}}}}'
    ran = run("han-fields", given=line.encode())
    assert (ran.status, ran.out) == (1, b"")
    assert "Traceback" not in ran.words


def test_a_text_may_look_like_a_hole():
    line = r'{"body":{"structure":[{"octet-string":"0000600107ff"},{"visible-string":"NaN \" NaN \\"}]}}'
    assert json.loads(run("han-fields", given=line.encode()).out) == {"meter_model": 'NaN " NaN \\'}


@pytest.mark.parametrize("options", [[], ["--obis"]])
def test_a_reading_of_a_frame_whose_check_failed_is_marked_and_no_sink_takes_it(options):
    line = b'{"checked":false,"body":{"structure":[{"octet-string":"0000600107ff"},{"visible-string":"X"}]}}\n'
    reading = run("han-fields", *options, given=line).out
    assert reading.startswith(b'{"checked":false,')
    (taken,) = ReadingReader().feed(reading)
    assert taken.reading is None


def test_a_telegram_cannot_name_our_keys():
    telegram = b"/KAM5\r\n\r\ntime(5)\r\nact_pow_pos(7)\r\n1-0:1.7.0(1.0*kW)\r\n!\r\n"
    (reading,) = hanpipe.readings(io.BytesIO(telegram))
    expected = {"meter_maker": "Kamstrup", "#time": "5", "#act_pow_pos": "7", "act_pow_pos": 1000}
    assert dict(reading) == expected


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
    alone = [result.line() for result in Decoder().feed(kind, octets)]
    decoder = Decoder()
    for before in (("H", FRAME), ("A", FRAME[11:-2])):
        decoder.feed(*before)
    assert [result.line() for result in decoder.feed(kind, octets)] == alone


def test_an_apdu_that_a_pipe_ends_has_its_time():
    frames = run("han-frame", "--link", "apdu", given=b"\x0f\x40\0\0\0\0\x11\x05").out
    assert '"time":"' in run("han-decode", given=frames).out.decode()


@pytest.mark.parametrize("view", [[], ["--tree"]])
def test_nothing_valid_is_told_by_the_status(view):
    assert run("han-decode", *view, given=run("han-frame", "--link", "apdu", given=b"xx").out).status == 1


def test_counters_that_nobody_takes_change_no_status():
    with open("/dev/full", "wb") as full:
        ran = run("han-frame", "--stats", given=b"\x7e" + FRAME + b"\x7e", stderr=full)
    assert ran.status == 0


def test_raw_counts_too():
    records = run("han-frame", given=b"\x7e" + FRAME + b"\x7e").out
    assert json.loads(run("han-frame", "--raw", "--stats", given=records).words)["frames"] == 1
