"""han-p1: what its telegrams say is what the readings said."""

import datetime
import io
import json
import os
import re
import subprocess
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hanpipe
from conftest import ROOT
from hanpipe.link.crc import arc
from hanpipe.sinks.p1.telegram import Telegrams, dialects

NOON = int(datetime.datetime(2026, 6, 21, 12, tzinfo=datetime.UTC).timestamp()) * 10**9
SECOND = 10**9
OSLO = ZoneInfo("Europe/Oslo")
POWER = st.integers(0, 99_999)
READINGS = st.fixed_dictionaries(
    {"act_pow_pos": POWER},
    optional={
        "meter_ID": st.text("0123456789", min_size=1, max_size=20),
        "act_pow_neg": POWER,
        "act_energy_pos": st.integers(0, 10**9 - 1),
        "act_energy_neg": st.integers(0, 10**9 - 1),
        **{f"volt_L{phase}": st.decimals(0, 400, places=1) for phase in (1, 2, 3)},
        **{f"act_pow_pos_L{phase}": POWER for phase in (1, 2, 3)},
    },
)


def telegrams(readings, dialect="nl", step=10 * SECOND):
    made, octets = Telegrams(dialects()[dialect], arc, OSLO), b""
    for number, reading in enumerate(readings):
        made.add(reading, NOON + number * step)
        octets += made.telegram(NOON + number * step)
    return octets


@given(READINGS, st.sampled_from(["nl", "be", "se"]))
def test_a_telegram_reads_back_as_the_reading(reading, dialect):
    (back,) = hanpipe.readings(io.BytesIO(telegrams([reading], dialect)))
    held = {line.name for line in dialects()[dialect].lines} | ({"meter_ID"} if dialects()[dialect].number else set())
    assert {name: back[name] for name in reading if name in held} == {
        name: value for name, value in reading.items() if name in held
    }


@given(st.lists(READINGS, min_size=1, max_size=20))
def test_registers_never_run_backwards_while_the_meter_does_not(readings):
    energies = sorted(reading["act_energy_pos"] for reading in readings if "act_energy_pos" in reading)
    for reading in readings:
        reading.pop("meter_ID", None)
        if "act_energy_pos" in reading:
            reading["act_energy_pos"] = energies.pop(0)
    seen = [
        back["act_energy_pos"] for back in hanpipe.readings(io.BytesIO(telegrams(readings))) if "act_energy_pos" in back
    ]
    assert seen == sorted(seen)


def test_hourly_registers_go_on_with_the_power():
    readings = [{"act_pow_pos": 3600, "act_energy_pos": 1000}] + [{"act_pow_pos": 3600}] * 360
    last = list(hanpipe.readings(io.BytesIO(telegrams(readings))))[-1]
    assert 1000 + 3400 < last["act_energy_pos"] <= 1000 + 3600


def test_a_register_of_a_tariff_is_what_the_meter_sent():
    readings = [{"act_pow_pos": 2000, "act_energy_pos_T1": 5000000, "act_energy_pos_T2": 7000456}] * 60
    assert set(re.findall(rb"1-0:1[.]8[.][12][(](.*?)[*]", telegrams(readings))) == {b"005000.000", b"007000.456"}


def test_a_value_below_0_is_0_but_for_a_current():
    octets = telegrams([{"act_pow_pos": -500, "act_energy_pos": -7, "curr_L1": -5}])
    for line in b"1-0:1.7.0(00.000*kW)", b"1-0:1.8.0(000000.000*kWh)", b"1-0:31.7.0(005*A)":
        assert line in octets


def test_what_is_not_known_is_left_out_and_old_values_are_forgotten():
    octets = telegrams([{"volt_L1": 230}, {"act_pow_pos": 5}], step=61 * SECOND)
    first, last = octets.split(b"!", 1)
    assert b"1-0:32.7.0(230.0*V)" in first
    assert b"1-0:32.7.0" not in last
    assert b"1-0:1.7.0(00.005*kW)" in last
    assert b"1.8.0" not in octets
    assert b"96.1.1" not in octets


def test_a_number_that_no_telegram_may_hold_is_left_out_and_the_telegram_stays_one():
    for number, there in (("7" * 48, True), ("7" * 49, False), ("7" * 6000, False)):
        octets = telegrams([{"meter_ID": number, "act_pow_pos": 5}])
        (reading,) = hanpipe.readings(io.BytesIO(octets))
        assert (reading.get("meter_ID") == number) == there


@pytest.mark.parametrize(
    ("dialect", "clock"), [("nl", "260621140000S"), ("be", "260621140000S"), ("se", "260621130000W")]
)
def test_the_clock_is_local_and_swedish_meters_know_no_summer(dialect, clock):
    assert f"0-0:1.0.0({clock})".encode() in telegrams([{"act_pow_pos": 5}], dialect)


def test_without_tariffs_all_energy_is_of_the_first():
    octets = telegrams([{"act_energy_pos": 1234567, "act_pow_pos": 1}])
    for line in (
        b"1-0:1.8.0(001234.567*kWh)",
        b"1-0:1.8.1(001234.567*kWh)",
        b"1-0:1.8.2(000000.000*kWh)",
        b"14.0(0001)",
    ):
        assert line in octets
    octets = telegrams([{"act_energy_pos_T1": 1000, "act_energy_pos_T2": 2000, "tariff": "0002"}])
    for line in (b"1-0:1.8.1(000001.000*kWh)", b"1-0:1.8.2(000002.000*kWh)", b"14.0(0002)"):
        assert line in octets


@pytest.mark.parametrize("tariff", ["\u00b2", "9" * 5000, "\u0661", "-1", "", "x"])
def test_a_tariff_that_is_not_one_is_left_out(tariff):
    assert b"0-0:96.14.0" not in telegrams([{"act_pow_pos": 5, "tariff": tariff}])
    assert b"0-0:96.14.0(0002)" in telegrams([{"act_pow_pos": 5, "tariff": "2"}])


def test_telegrams_are_of_one_meter_and_a_second_one_is_named_once():
    text = "".join(
        json.dumps({"time": f"2026-06-21T12:00:{second:02}Z", "act_pow_pos": watts} | who) + "\n"
        for second, (watts, who) in enumerate([(1, {"meter_ID": "1"}), (2, {"meter_ID": "2"}), (3, {})] * 3)
    )
    done = run(text=text)
    assert done.stdout.count("/HAN5") == done.stdout.count("1-0:1.7.0(00.001*kW)") == 3
    assert done.stderr == (
        "han-p1: skipped a reading of another meter, 2; only one can be shown: 1, which was the first\n"
    )


def run(*arguments, text):
    return subprocess.run(
        [f"{ROOT}/bin/han-p1", *arguments], input=text, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.slow
def test_the_program_writes_one_telegram_per_reading_or_per_interval():
    text = "".join(
        json.dumps({"time": f"2026-06-21T12:{n // 6:02}:{n % 6}0Z", "act_pow_pos": n}) + "\n" for n in range(60)
    )
    done = run("--zone", "Europe/Oslo", text=text + "x\n")
    assert done.stdout.count("/HAN5") == 60
    assert done.stderr == "han-p1: skipped 1 line that is not a reading; is the input from han-fields?\n"
    assert run("--interval", "60", text=text).stdout.count("/HAN5") == 10
    assert run(text="").returncode == 1
    assert "expected PORT or HOST:PORT, got 'x'" in run("--listen", "x", text="").stderr


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "Europe/Dublin", "UTC"])
def test_a_clock_without_an_offset_stays_as_it_is_in_the_zone(zone):
    reading = '{"date_time":"2026-11-22T12:00:00","act_pow_pos":500}\n'
    assert "0-0:1.0.0(261122120000W)" in run("--zone", zone, text=reading).stdout


def test_periods_and_peaks_are_no_readings_and_that_is_said_once():
    period = (
        '{"time":"2026-11-22T11:00:00Z","begin":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z","act_pow_pos":5}\n'
    )
    done = run(text=period * 2 + '{"time":"2026-11-22T11:00:01Z","act_pow_pos":6}\n')
    assert done.stdout.count("/HAN5") == done.stdout.count("1-0:1.7.0(00.006*kW)") == 1
    assert done.stderr == "han-p1: skipped lines of han-every or han-peaks; expected the readings of han-fields\n"


def test_a_port_of_its_own_can_be_read(tmp_path):
    port = tmp_path / "p1"
    command = [f"{ROOT}/bin/han-p1", "--pty", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as pipe:
        assert pipe.stdin
        while not port.is_symlink():
            assert pipe.poll() is None
        reader = os.open(port, os.O_RDONLY | os.O_NOCTTY)
        pipe.stdin.write(b'{"act_pow_pos":1234}\n')
        octets = b""
        while b"!" not in octets:
            octets += os.read(reader, 4096)
        assert b"1-0:1.7.0(01.234*kW)" in octets
        os.close(reader)
        pipe.stdin.close()
