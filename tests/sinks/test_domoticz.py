"""han-domoticz against a server that keeps, and guards, the rules of Domoticz's contract."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from domoticz_server import (
    COMPUTED,
    COUNTER,
    CURRENT,
    CURRENT_3,
    CUSTOM,
    INCREMENTAL,
    KWH,
    P1,
    TEXT,
    USAGE,
    VOLTAGE,
    DomoticzServer,
    self_signed,
)
from hanpipe.periods.intervals import Account, Intervals, Timeline
from hanpipe.programs.domoticz import main
from hanpipe.sinks.domoticz import server as domoticz
from hanpipe.sinks.domoticz.check import check
from hanpipe.sinks.domoticz.devices import mapped
from hanpipe.sinks.domoticz.server import Domoticz
from hanpipe.sinks.errors import Away, Denied, Refused
from hanpipe.sinks.meter_finder import OneMeter
from hanpipe.sinks.peer.delivery import Delivery
from hanpipe.sinks.queue import Queue
from hanpipe.sinks.readings_in import ReadingReader
from hanpipe.sinks.retry import Waiting
from hanpipe.unix.status import CONFIGURATION, Failure
from needs import needs
from programs import PATIENCE, Running, shell

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PROGRAM = [sys.executable, f"{ROOT}/bin/han-domoticz"]
EVERYTHING = {1: KWH, 2: COUNTER, 3: P1, 4: VOLTAGE, 5: VOLTAGE, 6: VOLTAGE, 7: CURRENT_3, 8: CURRENT, 9: CUSTOM}


def at(seconds, **values):
    """A line of han-fields."""
    result = (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": result} | values).encode() + b"\n"


def hour(register=21_123_450, power=826):
    """An hourly list, and ten minutes of power after it."""
    lines = [at(10, act_pow_pos=power, act_pow_neg=0, act_energy_pos=register, act_energy_neg=0)]
    return b"".join(lines + [at(10 * number, act_pow_pos=power, act_pow_neg=0) for number in range(2, 60)])


def run(lines, *arguments, env=None):
    """Run han-domoticz as a user does, over pipes."""
    return subprocess.run(
        [*PROGRAM, *arguments], input=lines, capture_output=True, timeout=PATIENCE, env={**os.environ, **(env or {})}
    )


def start(*arguments, program=PROGRAM):
    """Start han-domoticz; its input is ours."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*program, *arguments], **pipes)


def end(process):
    out, words = process.communicate(timeout=PATIENCE)
    return process.returncode, out, words.decode()


def urls(lines, *arguments):
    """The output of --dry-run: idx and svalue."""
    done = run(lines, "--dry-run", *arguments)
    assert done.returncode == 0, done.stderr
    parts = [line.partition("&idx=")[2].partition("&nvalue=0&svalue=") for line in done.stdout.decode().splitlines()]
    return [(int(idx), svalue.replace("%3B", ";")) for idx, _, svalue in parts]


# The values ---------------------------------------------------------------------------------------------------------


def test_each_device_is_told_what_it_understands():
    lines = at(10, act_pow_pos=800, act_pow_neg=5, act_energy_pos=2001, act_energy_neg=30) + at(
        40, act_pow_pos=900.5, act_pow_neg=15, volt_L1=236.2, volt_L3=230, curr_L1=-3.9, curr_L2=0, curr_L3=1.25
    )
    lines += at(70, act_pow_pos=0)
    arguments = ["--power", "1", "--energy", "2", "--p1", "3", "--voltage", "4,5,6", "--current", "7"]
    posts = dict(urls(lines, *arguments)[:6])
    # To 5 s before the minute, 30 s of 800 W and 15 s of 900.5 W; no voltage of L2 was sent
    assert posts == {1: "833.5;2011", 2: "2011", 3: "2011;0;30;0;834;8", 4: "236.2", 6: "230", 7: "3.9;0;1.25"}


def test_a_phase_each_and_none():
    lines = at(10, curr_L1=-3.9, curr_L2=5, curr_L3=1)
    assert urls(lines, "--current", "8,0,9", "--power", "0") == [(8, "-3.9"), (9, "1")]


def test_energy_waits_for_the_first_register():
    lines = b"".join(at(10 * number, act_pow_pos=1000) for number in range(13))
    late = lines + at(130, act_pow_pos=1000, act_energy_pos=5000, act_energy_neg=0) + at(180, act_pow_pos=1000)
    assert urls(lines, "--power", "1", "--energy", "2", "--p1", "3") == []
    assert [idx for idx, _ in urls(late, "--power", "1", "--energy", "2", "--p1", "3")[:3]] == [1, 2, 3]
    assert urls(lines, "--power", "1", "--energy", "computed") == [(1, "1000")] * 3


def test_tariffs_are_the_two_of_p1():
    values = {"act_energy_pos_T1": 100, "act_energy_pos_T2": 200, "act_energy_neg_T1": 3, "act_energy_neg_T2": 4}
    lines = at(10, act_pow_pos=1, act_pow_neg=0, act_energy_pos=300, act_energy_neg=7, **values)
    assert urls(lines, "--p1", "3") == [(3, "100;200;3;4;1;0")]


def test_a_meter_without_export_returns_nothing_and_one_with_it_is_waited_for():
    assert urls(at(10, act_pow_pos=1, act_energy_pos=300), "--p1", "3") == [(3, "300;0;0;0;1;0")]
    assert urls(at(10, act_pow_pos=1, act_pow_neg=2, act_energy_pos=300), "--p1", "3") == []


def test_a_map_posts_any_field(tmp_path):
    file = tmp_path / "map.toml"
    file.write_text(
        '[[device]]\nidx = 9\nsvalue = "{frequency}"\n[[device]]\nidx = 10\nsvalue = "{meter_ID}: {1-0:9.9.9}"'
    )
    lines = at(10, frequency=49.98, meter_ID="7359", **{"1-0:9.9.9": 5.25}) + at(20, frequency=50)
    assert urls(lines, "--map", str(file)) == [(9, "49.98"), (10, "7359%3A%205.25")]
    assert urls(at(10, frequency=50), "--map", str(file)) == [(9, "50")]


@pytest.mark.parametrize(
    "text",
    [
        "idx = 5",
        "[[device]]\nidx = 0\nsvalue = '{a}'",
        "[[device]]\nidx = 1\nsvalue = 'a'",
        "[[device]]\nidx = 1",
        "a =",
    ],
)
def test_a_wrong_map_is_named(tmp_path, text):
    file = tmp_path / "map.toml"
    file.write_text(text)
    with pytest.raises(Failure, match=r"map\.toml: .") as failed:
        main(["--map", str(file)])
    assert failed.value.status == CONFIGURATION


def test_a_replay_has_the_times_of_the_recording():
    """By the frames' time, and by the meter's own where that is all there is."""
    assert [idx for idx, _ in urls(hour(), "--power", "1")] == [1] * 10
    lines = [{"date_time": f"2026-11-22T{hour:02}:00:00", "act_energy_pos": 1000 * hour} for hour in range(1, 5)]
    replay = b"".join(json.dumps(line | {"act_pow_pos": 1}).encode() + b'\n{"act_pow_pos":7}\n' for line in lines)
    # The minute ends 5 s early, and the next one has the rest of the 60 s for which a value holds.
    hours = [(1, "7;1000")] * 2 + [(1, "7;2000")] * 2 + [(1, "7;3000")] * 2
    assert urls(replay, "--power", "1") == [*hours, (1, "4;4000")]


def test_intervals_end_when_the_clock_says_so():
    said = []
    account = Account({"act_pow_pos"}, said.append)
    intervals = Intervals(account, 10)
    result = [
        figures for second in (3, 9, 12, 500) for figures in intervals.add({"act_pow_pos": second}, second * 10**9)
    ]
    result += intervals.finish()
    # 3 W for 6 s and 9 W for 1 s; then 9 W for 2 s and 12 W for 8; and 12 W for as long as is believed
    means = [float(round(figures.values["act_pow_pos"], 3)) for figures in result]
    assert means == [3.857, 11.4, 12, 12, 12, 12, 12, 12, 500]
    assert said == []


@given(st.lists(st.integers(-(10**12), 10**12), max_size=20), st.sampled_from([5, 60, 3600]))
def test_any_times_are_survived(steps, length):
    """Clocks are set, recordings are joined: the energy of the same register stays."""
    account = Account({"act_pow_pos", "act_energy_pos"}, lambda _: None)
    intervals, now, result = Intervals(account, length), 10**18, []
    for step in steps:
        now += step
        result += intervals.add({"act_pow_pos": 100, "act_energy_pos": 77_777}, now)
    result += intervals.finish()
    assert {round(figures.values["act_pow_pos"], 6) for figures in result if figures.values["act_pow_pos"]} <= {100}
    energies = [figures.values["act_energy_pos"] for figures in result]
    assert energies == sorted(energies)
    assert all(energy >= 77_777 for energy in energies)


def test_a_timeline_keeps_to_the_best_clock():
    now, second = [0], 10**9
    timeline = Timeline(lambda: now[0], start=5 * second)
    assert timeline.of({}) == 5 * second
    now[0] = 7 * second
    assert timeline.of({"date_time": "1970-01-01T00:00:01"}) == second
    now[0] = 9 * second
    assert timeline.of({"date_time": None}) == 3 * second
    assert timeline.of({"time": "1970-01-01T00:01:00.5Z", "date_time": "x"}) == 60.5 * second
    now[0] += 1
    assert timeline.of({"date_time": "2020-01-01T00:00:00"}) == 60.5 * second
    now[0] += 3 * second
    assert timeline.of({"date_time": "2020-01-01T00:00:00"}) == 63.5 * second


def test_only_one_meter_is_posted_and_a_second_one_is_named_once():
    """The mean of two meters is of neither."""
    lines = [
        at(10 * number, meter_ID=meter, act_pow_pos=power, act_energy_pos=power)
        for number in range(1, 30)
        for meter, power in (("a", 100), ("b", 900))
    ]
    done = run(b"".join(lines), "--power", "1", "--dry-run")
    assert done.stdout.count(b"svalue=100%3B") == done.stdout.count(b"svalue=") == 5
    assert done.stderr == (
        b"han-domoticz: skipped a reading of another meter, b; only one can be shown: a, which was the first\n"
    )


HOUR = 3600 * 10**9


def test_the_first_meter_stays_until_it_is_silent_for_hours():
    said, clock = [], 10**18
    meter = OneMeter(said.append)

    def has(number="", after=1, source=None):
        nonlocal clock
        clock += after
        return meter.has({"meter_ID": number or None, "source": source}, clock)

    assert [has(), has("a"), has(), has("b"), has("a")] == [True, True, True, False, True]
    assert not has()  # of which one?
    assert not has("a", source="elsewhere")
    assert [has(after=3 * HOUR), has("b"), has("a")] == [True, False, True]  # a damaged number costs two hours
    assert len(said) == 1
    assert [has("b", after=HOUR + 1) for _ in range(3)] == [False, True, True]  # a is replaced
    assert said[1:] == ["a was silent for 2 h: the readings of b take its place"]
    assert [has(), has("b"), has("a")] == [True, True, False]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.integers(-HOUR, HOUR)), max_size=50))
def test_a_meter_that_is_alone_is_heard_whatever_the_clock_says(readings):
    clock, meter = 10**18, OneMeter(lambda message: None)
    for number, step in readings:
        clock += step
        assert meter.has({"meter_ID": number.replace("b", "a")}, clock)


def test_another_meter_is_another_count():
    said = []
    account = Account({"act_energy_pos"}, said.append)
    account.add({"meter_ID": "a", "act_energy_pos": 5000}, 0)
    account.add({"meter_ID": "b"}, 1)
    assert "act_energy_pos" not in account.take(2).values
    account.add({"meter_ID": "b", "act_energy_pos": 9000}, 3)
    account.add({"act_energy_pos": 8000}, 4)
    assert account.take(5).values["act_energy_pos"] == 8000
    assert [words[:13] for words in said] == ["another meter", "act_energy_po"]


@given(
    st.lists(st.sampled_from([b'{"a":1}', b"junk", b"", b"[1]", b'{"a":NaN}', b'{"a":1e999999999}', b"\xff"])),
    st.data(),
)
def test_lines_do_not_depend_on_the_pieces_and_hold_every_octet(lines, data):
    stream, reader, found = b"\n".join(lines), ReadingReader(), []
    for cut in sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5), label="cuts")):
        piece = stream[len(b"".join(line.octets for line in found)) + len(reader._lines._rest) : cut]
        found += reader.feed(piece) if piece else []
    rest = stream[len(b"".join(line.octets for line in found)) + len(reader._lines._rest) :]
    found += (reader.feed(rest) if rest else []) + reader.feed(b"")
    assert b"".join(line.octets for line in found) == stream
    assert reader.readings == lines.count(b'{"a":1}')
    assert reader.readings + reader.bad == sum(bool(line) for line in lines)


# The server ---------------------------------------------------------------------------------------------------------


def test_what_is_posted_is_stored_and_breaks_no_rule():
    arguments = ["--power", "1", "--energy", "2", "--p1", "3", "--voltage", "4,5,6", "--current", "7"]
    lines = hour() + at(599, volt_L1=230.1, volt_L2=231, volt_L3=232.25, curr_L1=1, curr_L2=-2.5, curr_L3=3)
    with DomoticzServer(EVERYTHING) as server:
        done = run(lines, "--url", server.url, *arguments, "-v", "--stats")
    assert done.returncode == 0, done.stderr
    assert server.broken == []
    assert [svalue for idx, svalue in server.posts if idx == 1][-1] == "826;21123585"
    assert {idx for idx, _ in server.posts} == {1, 2, 3, 4, 5, 6, 7}
    words = done.stderr.decode()
    assert "Domoticz 2025.1 (build 16785), user admin, rights 2" in words
    assert "average 826.0 W so far, integrated 135.1 Wh since register 21123450 Wh" in words
    assert json.loads(words.splitlines()[-1])["posted"] == len(server.posts)


def test_login_is_sent_with_every_request_and_never_told(tmp_path):
    file = tmp_path / "login"
    file.write_text("han:se:cret\n")
    file.chmod(0o600)
    users = {"han": ("se:cret", 1)}
    with DomoticzServer({1: KWH}, users=users, trusted=False, plain_basic=True) as server:
        done = run(hour(), "--url", server.url, "--power", "1", "--login", str(file), "-v")
        by_environment = {"HAN_DOMOTICZ_USER": "han", "HAN_DOMOTICZ_PASSWORD": "se:cret"}
        assert run(hour(21_124_000), "--url", server.url, "--power", "1", env=by_environment).returncode == 0
        (tmp_path / "han-domoticz").write_text("han:se:cret")
        by_credential = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        assert run(hour(21_125_000), "--url", server.url, "--power", "1", env=by_credential).returncode == 0
    assert done.returncode == 0
    assert server.posts
    assert b"cret" not in done.stderr + done.stdout
    assert b"user han, rights 1" in done.stderr


@pytest.mark.parametrize(
    ("server", "login", "words"),
    [
        ({"trusted": False}, None, "a login is required: use --login FILE, or in Domoticz"),
        ({"trusted": False}, "han:right", "login refused (401): in Domoticz, Setup > Settings > Security, allow basic"),
        ({"trusted": False}, "han:right", "add 127.0.0.1 to the trusted networks, or use https"),
        ({"plain_basic": True}, "han:wrong", "or the password is wrong"),
        ({"plain_basic": True}, "guest:right", "user 'guest' may only look (rights 0): in Domoticz, Setup > Users"),
    ],
)
def test_a_login_that_is_refused_ends_it_and_says_what_to_change(tmp_path, server, login, words):
    arguments = []
    if login:
        (tmp_path / "login").write_text(login)
        arguments = ["--login", str(tmp_path / "login")]
    with DomoticzServer({1: KWH}, users={"han": ("right", 1), "guest": ("right", 0)}, **server) as domoticz:
        done = run(hour(), "--url", domoticz.url, "--power", "1", *arguments)
    assert (done.returncode, domoticz.posts) == (5, [])
    assert words in done.stderr.decode()
    assert done.stderr.decode().startswith("han-domoticz: ")


def test_a_device_that_does_not_fit_is_named_before_anything_is_posted():
    devices = {1: TEXT, 2: INCREMENTAL, 3: COMPUTED}
    with DomoticzServer(devices) as server:
        done = run(hour(), "--url", server.url, "--power", "1", "--energy", "2", "--p1", "99")
        mode = run(hour(), "--url", server.url, "--power", "3")
        fits = run(hour(), "--url", server.url, "--power", "3", "--energy", "computed")
    assert done.returncode == mode.returncode == 3
    assert done.stderr.decode().splitlines() == [
        "han-domoticz: idx 1: it is General/Text, but --power needs Electric, instant and counter (kWh) or "
        "Usage (Electric); --map takes any",
        "han-domoticz: idx 2: it is General/Counter Incremental, but --energy needs Counter; --map takes any",
        "han-domoticz: idx 99: no such device, or user 'admin' may not see it, or its hardware is disabled",
    ]
    assert "set 'Energy read' to From device, or use --energy computed" in mode.stderr.decode()
    assert fits.returncode == 0
    assert set(server.posts) == {(3, "826")}


def test_a_map_that_does_not_fit_its_device_is_told(tmp_path):
    """Domoticz would answer OK, and log nonsense, or drop the device from its list."""
    templates = {
        1: "{a}",
        2: "{a};{b}",
        3: "{a};{b};{c};{d};{e};{f}",
        7: "{a};{b};{c}",
        9: "{a};{b}",
        10: "{a};{b}: {c}",
    }
    file = tmp_path / "map.toml"
    file.write_text("".join(f'[[device]]\nidx = {idx}\nsvalue = "{text}"\n' for idx, text in templates.items()))
    with DomoticzServer(EVERYTHING | {10: TEXT}) as server:
        done = run(hour(), "--url", server.url, "--map", str(file))
        fitting = {"device": [{"idx": 1, "svalue": "{a};{b}"}, {"idx": 11, "svalue": "{a}"}]}
        server.devices[11] = COMPUTED
        assert check(Domoticz(server.url), list(mapped(fitting)))[1]
    assert (done.returncode, server.posts) == (3, [])
    assert done.stderr.decode().splitlines() == [
        "han-domoticz: idx 1: its svalue has 1 value, but kWh needs 2",
        "han-domoticz: idx 2: its svalue has 2 values, but RFXMeter counter needs 1",
        "han-domoticz: idx 3: a P1 smart meter needs integers: use --p1 3 instead of --map",
        "han-domoticz: idx 9: its svalue has 2 values, but Custom Sensor needs 1",
    ]


def test_create_makes_what_can_be_used_and_makes_it_once():
    with DomoticzServer({}) as server:
        options = run(b"", "--url", server.url, "--create").stdout.decode()
        assert options == "--power 1 --p1 2 --voltage 3,4,5 --current 6\n"
        assert run(b"", "--url", server.url, "--create").stdout.decode() == options
        assert run(b"", "--url", server.url, "--create", "power,energy").stdout == b"--power 1 --energy 7\n"
        lines = at(10, act_pow_pos=1, act_pow_neg=0, act_energy_pos=9, act_energy_neg=0)
        done = run(lines, "--url", server.url, *options.split())
        assert done.returncode == 0, done.stderr
    assert server.broken == []
    assert set(server.posts) == {(1, "1;9"), (2, "9;0;0;0;1;0")}


def test_create_needs_an_admin(tmp_path):
    (tmp_path / "login").write_text("han:right")
    with DomoticzServer({}, users={"han": ("right", 1)}) as server:
        done = run(b"", "--url", server.url, "--create", "--login", str(tmp_path / "login"))
    assert done.returncode == 5
    assert "--create needs the login of an admin" in done.stderr.decode()


@pytest.mark.slow
def test_https_trusts_what_it_is_told_to(tmp_path):
    needs("openssl")
    certificate, tls = self_signed(tmp_path)
    (tmp_path / "login").write_text("han:right")
    arguments = ["--power", "1", "--login", str(tmp_path / "login")]
    with DomoticzServer({1: KWH}, users={"han": ("right", 1)}, trusted=False, tls=tls) as server:
        refused = run(hour(), "--url", server.url, *arguments)
        assert run(hour(), "--url", server.url, *arguments, "--ca", certificate).returncode == 0
        assert run(hour(21_124_000), "--url", server.url, *arguments, "--insecure").returncode == 0
        (tmp_path / "login").write_text("han:wrong")
        assert run(hour(), "--url", server.url, *arguments, "--insecure").returncode == 5
    assert refused.returncode == 4
    assert "its certificate is not trusted: name it with --ca FILE, or use --insecure" in refused.stderr.decode()


def powers(count=13, **more):
    """Readings of two minutes without a register."""
    return b"".join(at(10 * number, act_pow_pos=1000, **more) for number in range(count))


def test_power_is_posted_at_once_with_the_energy_that_the_device_has():
    with DomoticzServer({1: KWH, 2: COUNTER, 3: P1}) as server:
        server.posts = [(1, "500;21123450"), (2, "21123450"), (3, "21123450;0;30;0;0;0")]
        done = run(powers(act_pow_neg=0), "--url", server.url, "--power", "1", "--energy", "2", "--p1", "3")
        assert (done.returncode, done.stderr) == (0, b"")
        svalues = [[svalue for idx, svalue in server.posts[3:] if idx == one] for one in (1, 2, 3)]
    # The energy of 1 kW from 0 s to 55, 115 and 120 s.
    assert svalues[0] == ["1000;21123465", "1000;21123481", "1000;21123483"]
    assert svalues[1] == ["21123465", "21123481", "21123483"]
    assert svalues[2][0] == "21123465;0;30;0;1000;0"


def test_a_new_device_shows_power_and_a_message_names_its_first_day():
    with DomoticzServer({1: KWH}) as server:
        done = run(powers(), "--url", server.url, "--power", "1")
    assert [svalue.split(";")[0] for _, svalue in server.posts] == ["1000"] * 3
    assert done.stderr.decode().count("FIRST DAY") == done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        (["--energy", "2"], "act_energy_pos"),
        (["--voltage", "4"], "volt_L1"),
        (["--current", "8,0"], "curr_L1"),
    ],
)
def test_a_value_that_never_comes_is_reported(options, fields):
    lines = b"".join(at(30 * number, act_pow_pos=1000) for number in range(130))
    done = run(lines, "--dry-run", *options)
    assert done.stdout == b""
    words = done.stderr.decode().splitlines()
    assert words[-1].startswith(f"han-domoticz: idx {options[1].split(',')[0]} ({options[0]}): nothing can be posted")
    assert f"does not send {fields}" in words[-1]
    assert len(words) == (2 if "energy" in fields else 1)


def test_a_field_of_a_map_that_never_comes_is_reported(tmp_path):
    file = tmp_path / "map.toml"
    file.write_text('[[device]]\nidx = 5\nsvalue = "{nosuchfield}"\n')
    done = run(powers(), "--dry-run", "--map", str(file))
    assert b"idx 5 (--map): nothing was posted, because no reading had nosuchfield" in done.stderr


def test_a_map_takes_what_periods_and_peaks_say(tmp_path):
    file = tmp_path / "map.toml"
    table = "".join(
        f'[[device]]\nidx = {idx}\nsvalue = "{{{name}}}"\n' for idx, name in ((5, "projected"), (6, "above_limit"))
    )
    file.write_text(table)
    hour = b'{"time":"2026-11-22T10:30:00Z","begin":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z",'
    lines = hour + b'"running":true,"projected":900}\n' + hour + b'"limit":800,"above_limit":true}\n'
    assert urls(lines, "--map", str(file)) == [(5, "900"), (6, "1")]


@pytest.mark.slow
@pytest.mark.parametrize("meter", ["aidon", "kaifa", "kamstrup", "embriq"])
def test_every_hourly_meter_posts_power_from_the_first_interval_on(meter):
    fake = f"han-fake --meter {meter} -n 40 --speed 0 --seed 5 --start 2026-01-21T18:05:00"
    with DomoticzServer({1: KWH, 3: P1}) as server:
        server.posts = [(1, "0;59234000"), (3, "59234000;0;12;0;0;0")]
        sink = f"han-domoticz --url {server.url} --power 1 --p1 3"
        done = shell(f"{fake} | han-frame | han-decode | han-fields | {sink}")
    assert (done.status, done.words) == (0, "")
    assert {idx for idx, _ in server.posts[2:]} == {1, 3}
    assert all(float(svalue.split(";")[0]) > 0 for _, svalue in server.posts[2:])


def test_tariff_registers_are_summed_where_there_is_no_total():
    line = at(10, act_pow_pos=700, act_energy_pos_T1=1000, act_energy_pos_T2=500)
    assert urls(line, "--power", "1", "--energy", "2") == [(1, "700;1500"), (2, "1500")]


def test_a_phase_that_is_never_sent_has_no_current():
    assert urls(at(10, curr_L1=3), "--current", "7") == [(7, "3;0;0")]
    assert urls(at(10, curr_L1=3, curr_L3=4), "--current", "7") == [(7, "3;0;4")]


def test_power_goes_to_a_usage_device_too():
    with DomoticzServer({1: USAGE}) as server:
        assert run(powers(), "--url", server.url, "--power", "1").returncode == 0
    assert set(server.posts) == {(1, "1000")}


def test_readings_of_one_moment_have_a_mean():
    lines = b"".join(json.dumps({"act_pow_pos": watts, "act_energy_pos": 5}).encode() + b"\n" for watts in (100, 300))
    assert urls(lines, "--power", "1") == [(1, "200;5")]


def test_a_login_that_a_trusted_address_does_not_need_is_left_out(tmp_path):
    (tmp_path / "login").write_text("han:wrong")
    with DomoticzServer({1: KWH}, users={"han": ("right", 1)}) as server:
        done = run(hour(), "--url", server.url, "--power", "1", "--login", str(tmp_path / "login"))
    assert (done.returncode, b"leave out --login, because Domoticz trusts this address" in done.stderr) == (5, True)


def test_a_password_may_end_in_a_space(tmp_path):
    (tmp_path / "login").write_text("han:right \n")
    users = {"han": ("right ", 1)}
    with DomoticzServer({1: KWH}, users=users, trusted=False, plain_basic=True) as server:
        arguments = ["--url", server.url, "--power", "1", "--login", str(tmp_path / "login")]
        assert run(hour(), *arguments).returncode == 0


@pytest.mark.slow
def test_hints_for_wrong_urls(tmp_path):
    assert b"leave out /json.htm" in run(b"", "--power", "1", "--url", "http://127.0.0.1:8080/json.htm").stderr
    assert (
        b"usually 8080: --url http://127.0.0.1:8080" in run(hour(), "--power", "1", "--url", "http://127.0.0.1").stderr
    )
    needs("openssl")
    _, tls = self_signed(tmp_path)
    with DomoticzServer({1: KWH}, tls=tls) as server:
        plain = run(hour(), "--power", "1", "--url", server.url.replace("https", "http"))
        assert run(hour(), "--power", "1", "--url", server.url.replace("https", "HTTPS"), "--insecure").returncode == 0
    assert b"is its URL https://?" in plain.stderr


def test_create_gives_each_new_device_its_first_value():
    lines = powers(act_pow_neg=0) + at(200, act_pow_pos=1000, act_pow_neg=0, act_energy_pos=5000, act_energy_neg=7)
    with DomoticzServer({}) as server:
        done = run(lines, "--url", server.url, "--create", "power,p1,energy")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [(idx, svalue.split(";")[-1 if idx != 2 else 0]) for idx, svalue in server.posts] == [
        (1, "5000"), (2, "5000"), (3, "5000"),
    ]  # fmt: skip
    with DomoticzServer({}) as server:
        done = run(b"", "--url", server.url, "--create", "power")
    assert b"pipe readings into --create" in done.stderr


def test_create_finds_devices_that_were_renamed():
    with DomoticzServer({}) as server:
        options = run(b"", "--url", server.url, "--create").stdout
        for idx in (1, 4):
            server.devices[idx]["Name"] = "My own name"
        assert run(b"", "--url", server.url, "--create").stdout == options


# A server in trouble --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_server_that_comes_late_gets_the_latest():
    server = DomoticzServer({1: KWH})
    server.start()
    server.kill()
    process = start("--url", server.url, "--power", "1", "--pass")
    process.stdin.write(hour())
    process.stdin.flush()
    assert b"connection refused; trying again" in process.stderr.readline()
    with server:
        assert server.wait(lambda: server.posts)
        status, _, words = end(process)
    assert status == 0
    # The minutes before were replaced, not posted in a burst.
    assert server.posts == [(1, "826;21123570"), (1, "826;21123583")]
    assert words.count("\n") == 1
    assert ": back after " in words
    assert server.broken == []


@pytest.mark.slow
def test_a_server_killed_in_between_costs_nothing():
    with DomoticzServer({1: KWH}) as server:
        process = start("--url", server.url, "--power", "1")
        process.stdin.write(hour())
        process.stdin.flush()
        assert server.wait(lambda: len(server.posts) == 9)
        server.kill()
        process.stdin.write(at(660, act_pow_pos=1000) + at(720, act_pow_pos=1000))
        process.stdin.flush()
        assert b"trying again" in process.stderr.readline()
        server.start()
        status, _, words = end(process)
    assert status == 0
    assert "back after" in words
    assert server.posts[-1] == (1, "1000;21123613")


@pytest.mark.slow
@pytest.mark.parametrize("mood", ["hang", "close", "drip", "500", "garbage"])
def test_every_wait_is_bounded(mood, monkeypatch):
    monkeypatch.setattr(domoticz, "PATIENCE", 0.3)
    with DomoticzServer({1: KWH}) as server:
        client = Domoticz(server.url)
        assert client.ask("udevice", idx=1, nvalue=0, svalue="1;1")["status"] == "OK"
        server.mood = mood
        with pytest.raises(Away):
            client.ask("udevice", idx=1, nvalue=0, svalue="2;2")
        server.mood = ""
        assert client.ask("udevice", idx=1, nvalue=0, svalue="3;3")["status"] == "OK"
        client.close()
    assert server.broken == []


def test_a_connection_closed_while_idle_is_opened_again():
    with DomoticzServer({1: KWH}, idle=0.05) as server:
        client = Domoticz(server.url)
        client.ask("udevice", idx=1, nvalue=0, svalue="1;1")
        client.ask("udevice", idx=1, nvalue=0, svalue="2;2")
        assert server.connections == 1
        assert server.wait(lambda: not server._open)
        client.ask("udevice", idx=1, nvalue=0, svalue="3;3")
        assert server.connections == 2
        client.close()
    assert [svalue for _, svalue in server.posts] == ["1;1", "2;2", "3;3"]


@pytest.mark.slow
def test_a_hanging_server_does_not_stall_the_input():
    """More than a pipe holds is read while not one answer comes."""
    hurried = "from hanpipe.sinks.domoticz import server; server.PATIENCE = 0.3; from hanpipe.unix.launch import run; "
    hurried += "from hanpipe.programs.domoticz import main; sys.exit(run(main, 'han-domoticz', sys.argv[1:]))"
    program = [sys.executable, "-c", f"import sys; sys.path.insert(0, {ROOT + '/lib'!r}); {hurried}"]
    with DomoticzServer({1: KWH}) as server:
        server.mood = "hang"
        process = start("--url", server.url, "--power", "1", program=program)
        process.stdin.write(b"".join(hour() for _ in range(40)))
        process.stdin.flush()
        assert len(server.requests) < 40  # it does not wait for each answer
        server.kill()
        process.send_signal(signal.SIGTERM)
        status, _, words = end(process)
    assert status == 4
    assert words.count("trying again") <= 2
    assert "not posted at the end: " in words


def test_err_is_said_once_and_not_repeated_hotly():
    with DomoticzServer({1: KWH, 2: COUNTER}) as server:
        process = start("--url", server.url, "--power", "1", "--energy", "2")
        process.stdin.write(hour())
        process.stdin.flush()
        assert server.wait(lambda: len(server.posts) == 18)
        kept = server.devices.pop(2)
        process.stdin.write(b"".join(at(second, act_pow_pos=1000) for second in range(610, 900, 10)))
        process.stdin.flush()
        assert b"idx 2: refused (ERR)" in process.stderr.readline()
        assert server.wait(lambda: len(server.posts) == 23)
        server.devices[2] = kept
        status, _, words = end(process)
    assert (status, words) == (0, "han-domoticz: idx 2: taken again\n")
    assert sum("idx=2&nvalue" in target for target in server.requests) == 9 + 5 + 1


@pytest.mark.slow
def test_an_interval_ends_while_the_meter_is_silent():
    with DomoticzServer({1: KWH}) as server:
        process = start("--url", server.url, "--power", "1", "--interval", "1", "--energy", "computed", "--pass")
        server.devices[1] = COMPUTED
        assert server.wait(lambda: server.requests)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        process.stdin.write(json.dumps({"time": now, "act_pow_pos": 1234}).encode() + b"\n")
        process.stdin.flush()
        assert server.wait(lambda: server.posts == [(1, "1234")])
        assert json.loads(process.stdout.readline())["act_pow_pos"] == 1234
        process.send_signal(signal.SIGTERM)
        assert end(process)[0] == 0


# Lines that are passed on -------------------------------------------------------------------------


def test_pass_passes_every_octet_on():
    lines = hour() + b"junk\n\n" + at(700, act_pow_pos=1) + b'{"act_pow_pos":2}'
    with DomoticzServer({1: KWH}) as server:
        done = run(lines, "--url", server.url, "--power", "1", "--pass")
    assert done.returncode == 0
    assert done.stdout == lines
    assert b"skipped a line that is not a reading" in done.stderr


@pytest.mark.slow
def test_lines_pass_at_once_whether_domoticz_is_there_or_not():
    server = DomoticzServer({1: KWH})
    server.start()
    server.kill()
    line = at(10, act_pow_pos=1, act_energy_pos=5)
    with Running("han-domoticz", "--url", server.url, "--power", "1", "--pass") as process:
        process.say(line)
        assert process.line() == line
        assert process.end().status == 4


@pytest.mark.slow
def test_for_han_spool_a_line_passes_when_it_is_delivered():
    server = DomoticzServer({1: KWH})
    server.start()
    server.kill()
    spooled = {"HANPIPE_PASS": "delivered"}
    done = run(at(10, act_pow_pos=1, act_energy_pos=5), "--url", server.url, "--power", "1", "--pass", env=spooled)
    assert (done.returncode, done.stdout) == (4, b"")


def test_lines_are_delivered_in_order_when_posted_refused_or_replaced():
    outcome = {1: Denied("not yours", 403), 2: None}

    def post(values):
        for idx, _ in values:
            if error := outcome[idx]:
                raise error

    clock = [0.0]
    queue = Queue(1000)
    delivery = Delivery(queue, post, Waiting("peer", lambda _: None, lambda: clock[0]), lambda _: None)

    def interval(line, *values):
        queue.put([(idx, (idx, value)) for idx, value in values], line)
        clock[0] += 100
        delivery.deliver()
        return queue.delivered()

    assert interval(b"1", (2, 1)) == b"1"
    assert interval(b"2", (1, 1)) == b""
    assert interval(b"3", (2, 1)) == b""  # a device that is not ours does not keep the others from being posted to
    assert delivery.taken == 2
    assert interval(b"4", (1, 2)) == b"23"
    outcome[1] = Refused("ERR")
    assert interval(b"5") == b"45"
    assert (len(queue), delivery.refused, queue.replaced) == (0, 1, 1)


def test_pauses_grow_and_the_peer_is_named_once():
    said, clock = [], [0.0]
    waiting = Waiting("peer", said.append, lambda: clock[0])
    pauses = []
    for number in range(8):
        waiting.failed(("gone", "busy")[number % 2])
        pauses.append(waiting.seconds())
        clock[0] += waiting.seconds()
    waiting.worked()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert said == ["peer: gone; trying again", "peer: busy; trying again", "peer: back after 3 min"]
    waiting.failed("gone")
    assert said[3:] == ["peer: gone; trying again"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to post"),
        (["--create", "--dry-run"], "leave out --dry-run"),
        (["--create", "--power", "1", "--map", "x", "--pass"], "leave out --power, --map, --pass"),
        (["--create", "--interval", "300"], "leave out --interval"),
        (["--power", "1", "--insecure"], "--ca and --insecure need --url https://"),
        (
            ["--power", "1", "--url", "https://x", "--ca", "x", "--insecure"],
            "--insecure: not allowed with argument --ca",
        ),
        (["--power", "1", "--p1", "1"], "idx 1 is named twice"),
        (["--energy", "computed"], "needs --power IDX"),
        (["--power", "1", "--url", "http://han:secret@127.0.0.1"], "belong in a file"),
        (["--power", "1", "--url", "127.0.0.1:8080"], "expected http://HOST:PORT"),
        (["--power", "1", "--dry-run", "--pass"], "both write"),
        (["--power", "-1"], "expected the idx of a device"),
        (["--power", "4abc"], "expected the idx of a device, a number, got '4abc'"),
    ],
)
def test_usage(arguments, words, capfd):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert words in capfd.readouterr().err


def test_a_login_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "login").write_text("secret")
    for file, words in ("/nowhere/login", "no such file"), (f"{tmp_path}/login", "expected one line, USER:PASSWORD"):
        with pytest.raises(Failure, match=words) as failed:
            main(["--power", "1", "--login", file])
        assert failed.value.status == CONFIGURATION


def test_domoticz_may_live_behind_a_path():
    expected = "http://host:81/dom/json.htm?type=command&param=udevice&idx=1&nvalue=0&svalue=1%2B1%3B2"
    assert Domoticz("http://host:81/dom/").url("udevice", idx=1, nvalue=0, svalue="1+1;2") == expected
    with DomoticzServer({1: KWH}) as server:
        done = run(hour(), "--url", server.url + "/dom", "--power", "1")
    assert done.returncode == 4
    assert "Domoticz is not at this path (404); if it runs with -webroot NAME" in done.stderr.decode()


def test_an_input_without_readings_is_nothing():
    assert run(b"", "--power", "1", "--dry-run").returncode == 1


def test_an_old_domoticz_that_cannot_be_asked_is_posted_to():
    with DomoticzServer({}) as server:
        server._get_devices = lambda arguments: {"status": "ERR"}
        client = Domoticz(server.url)
        found, fitting = check(client, list(mapped({"device": [{"idx": 1, "svalue": "{a}"}]})))
        client.close()
    assert found
    assert [one.device.idx for one in fitting] == [1]
