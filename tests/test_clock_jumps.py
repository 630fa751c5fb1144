"""Clocks that jump while the programs run: a day ahead, an hour back, to 1970 as on a board without a clock chip.

libfaketime shows the programs another wall clock, which a file sets. Their monotonic clock goes on, as it really does.
"""

import contextlib
import datetime
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import Listener, Mosquitto, needed
from clock import DAY, HOUR, NOON, Clock
from domoticz_server import KWH, DomoticzServer, self_signed
from hanpipe.link.crc import arc
from hanpipe.periods.intervals import Account, Figures, Intervals
from hanpipe.sinks.domoticz.devices import p1
from hanpipe.sinks.domoticz.feed import Feed
from hanpipe.sinks.p1.telegram import Telegrams, dialects
from needs import needs
from programs import Running, run

SECOND = 10**9
JUMPS = {"a day ahead": NOON + DAY, "an hour back": NOON - HOUR, "to 1970": 10}
FRAME = bytes.fromhex("a02a410883130413e6e7000f40000000000101020309060100010700ff060000011802020f00161b34cd")


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def jumping(minutes, jump):
    """Yield readings, one each 10 s of a constant load of 3600 W, as a clock dates them that jumps and comes back.

    jump: to s since 1970-01-01 UTC; it comes in the first third of the minutes, and is mended in the last
    """
    for number in range(6 * minutes):
        shift = jump - NOON if 2 * minutes <= number < 4 * minutes else 0
        reading = {"act_pow_pos": 3600}
        if number % 30 == 0:
            reading["act_energy_pos"] = 1_000_000 + 10 * number
        yield NOON + 10 * number + shift, reading


def lines(minutes, jump):
    for at, reading in jumping(minutes, jump):
        result = datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        yield json.dumps({"time": result, "meter_ID": "7359990000000001"} | reading).encode() + b"\n"


# The figures, whatever the clock does ---------------------------------------------------------------------------------

# Wh that a leap ahead may add: the last power holds for at most 60 s, and nothing tells a leap from a silence.
LEAP = 60
# Where the clock goes, and for how many readings.
HISTORIES = st.lists(
    st.tuples(st.sampled_from([DAY, -HOUR, -NOON + 10, 0, 30, -30, 365 * DAY]), st.integers(1, 40)), max_size=6
)


def dated(history):
    """Yield time (ns), reading and what the register really is."""
    energy, number = 0, 0
    for shift, count in history:
        for _ in range(count):
            at = NOON + 10 * number + shift
            number, energy = number + 1, energy + 10
            yield at * SECOND, {"act_pow_pos": 3600} | ({"act_energy_pos": energy} if number % 7 == 0 else {}), energy


@given(HISTORIES)
def test_no_jump_makes_energy_or_runs_backwards_in_an_interval(history):
    account = Account({"act_pow_pos", "act_energy_pos"}, pytest.fail)
    intervals, totals, truth, leap = Intervals(account, 60), [0], 0, LEAP * len(history)
    for at, reading, truth in dated(history):
        for figures in intervals.add(reading, at):
            assert figures.values.get("act_pow_pos") in (None, 3600)
            assert figures.seconds >= 0
            totals.append(figures.values.get("act_energy_pos") or totals[-1])
            assert totals[-2] <= totals[-1] <= truth + leap
            assert 0 <= (figures.flowed["act_energy_pos"] or 0) <= Decimal(3600) * 60 / 3600 + 1
    for figures in intervals.finish():
        assert totals[-1] <= (figures.values.get("act_energy_pos") or totals[-1]) <= truth + leap


@given(HISTORIES, st.integers(1, 20))
def test_a_telegram_forgets_what_is_not_sent_any_more_wherever_the_clock_is(history, silent):
    telegrams, last = Telegrams(dialects()["nl"], arc, datetime.UTC), 0
    for at, reading, truth in dated(history):
        telegrams.add(reading | {"volt_L1": 230}, at)
        shown = telegrams.telegram(at).decode()
        assert "32.7.0(230.0*V)" in shown
        energy = float(shown.partition("1-0:1.8.1(")[2][:10] or 0) * 1000
        assert last <= energy <= truth + LEAP * len(history)
        last = energy
    for shift in (0, DAY, -HOUR, 10 - NOON):
        for number in range(7, 7 + silent):
            at = (NOON + 100_000 + shift + 10 * number) * SECOND
            telegrams.add({"act_pow_pos": 5}, at)
            assert "32.7.0(230" not in telegrams.telegram(at).decode()


# The programs, by the wall clock --------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_octets_become_readings_with_the_time_that_the_clock_shows(clock, jump):
    with contextlib.ExitStack() as stack:
        stages = [stack.enter_context(Running(name, env=clock.environment)) for name in STAGES]
        for at in (NOON, jump, NOON):
            clock.set(at)
            octets = b"\x7e" + FRAME + b"\x7e"
            for stage in stages:
                stage.say(octets)
                octets = stage.hear() if stage is stages[0] else stage.line()
            reading = json.loads(octets)
            assert reading["act_pow_pos"] == 280
            assert abs(datetime.datetime.fromisoformat(reading["time"]).timestamp() - at) < 100


STAGES = ("han-frame", "han-decode", "han-fields")


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_a_log_has_every_octet_and_deletes_none_for_a_clock_that_was_wrong(clock, tmp_path, jump):
    directory = tmp_path / "log"
    directory.mkdir()
    for day in range(1, 21):
        (directory / f"2026-06-{day:02}.raw").write_bytes(b"old")
    with Running("han-log", "--dir", str(directory), "--keep", "30", env=clock.environment) as log:
        sent = b""
        for at in (NOON, jump, NOON, NOON + DAY):
            clock.set(at)
            for number in range(3):
                octets = b"\x7e%d,%d\x7e%b\x7e" % (at, number, FRAME)
                log.say(octets)
                assert log.hear(len(octets)) == octets
                sent += octets
        assert log.end().words == ""
    files = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert sum(content == b"old" for content in files.values()) == 20
    new = b"".join(content for content in files.values() if content != b"old")
    assert len(new) == len(sent)
    assert all(b"%d,%d" % (at, number) in new for at in (NOON, jump, NOON + DAY) for number in range(3))


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_a_queue_passes_each_line_once_with_the_time_that_the_clock_showed(clock, tmp_path, jump):
    command = ("--pass", str(tmp_path / "queue"), "--", "cat")
    with Running("han-spool", *command, env=clock.environment) as spool:
        for number, at in enumerate((NOON, jump, NOON)):
            clock.set(at)
            spool.say(b'{"act_pow_pos":%d}\n' % number)
            reading = json.loads(spool.line())
            assert reading["act_pow_pos"] == number
            assert abs(datetime.datetime.fromisoformat(reading["time"]).timestamp() - at) < 100
        assert spool.end().status == 0


# Every sink, by the time of its readings ------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_periods_hold_all_the_energy_and_no_more_than_all_the_time(clock, jump):
    given_ = b"".join(lines(30, jump))
    for period in ("1m", "15m", "1h"):
        ran = run("han-every", period, given=given_, env=clock.environment)
        periods = [json.loads(line) for line in ran.out.splitlines()]
        assert sum(one.get("act_energy_pos_delta") or 0 for one in periods) == 1800
        assert all(0 <= one["known"] <= 1 for one in periods)
        assert len(periods) < 2000


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_domoticz_is_posted_energy_that_never_falls_or_leaps(clock, jump):
    with DomoticzServer({1: KWH}) as server:
        ran = run(
            "han-domoticz", "--url", server.url, "--power", "1", given=b"".join(lines(30, jump)), env=clock.environment
        )
        posts = [tuple(map(float, svalue.split(";"))) for _, svalue in server.posts]
    assert (ran.status, ran.words) == (0, "")
    assert {power for power, _ in posts} == {3600}
    energies = [energy for _, energy in posts if energy]
    assert energies == sorted(energies)
    assert 1_000_000 <= energies[0] <= energies[-1] <= 1_001_800


def test_a_leap_ahead_is_not_an_hour_in_which_the_register_did_not_come():
    feed = Feed(p1(1), {})
    assert feed.svalue(Figures({"act_pow_pos": 5}, {"act_pow_pos"}, {}, {}, float(NOON))) is None
    assert "waits for act_energy_pos" in feed.warning()


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_mqtt_gets_a_mean_for_each_interval(clock, tmp_path, jump):
    needed()
    with Mosquitto(tmp_path) as broker, Listener(broker, "hanpipe/#") as listener:
        ran = run(
            *("han-mqtt", "--port", str(broker.port), "--client-id", "jump", "--interval", "60"),
            given=b"".join(lines(10, jump)),
            env=clock.environment,
        )
        heard = listener.until("hanpipe/jump/status", "offline")
    assert ran.status == 0
    assert {payload for topic, payload, _ in heard if topic.endswith("/import_power")} == {"3600"}


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_tables_points_and_metrics_have_every_reading(clock, tmp_path, jump):
    given_ = b"".join(lines(10, jump))
    assert run("han-csv", given=given_, env=clock.environment).out.count(b"\n") == 61
    assert run("han-influx", given=given_, env=clock.environment).out.count(b"\n") == 60
    ran = run("han-prom", "--textfile", str(tmp_path / "han.prom"), given=given_, env=clock.environment)
    assert (ran.status, ran.words) == (0, "")
    assert 'han_readings_total{meter_id="7359990000000001"} 60' in (tmp_path / "han.prom").read_text()
    assert run("han-p1", "--zone", "UTC", given=given_, env=clock.environment).out.count(b"/HAN5") == 60


@pytest.mark.slow
def test_a_certificate_that_is_not_valid_yet_is_tried_again(clock, tmp_path):
    needs("openssl")
    certificate, tls = self_signed(tmp_path)
    clock.set(10)
    given_ = b"".join(lines(3, NOON))
    with DomoticzServer({1: KWH}, tls=tls) as server:
        command = ("han-domoticz", "--url", server.url, "--ca", certificate, "--power", "1")
        with Running(*command, env=clock.environment) as running:
            assert "not valid yet; is the clock of this computer right?; trying again" in running.words("trying again")
            clock.set(datetime.datetime.now(datetime.UTC).timestamp())
            running.say(given_)
            assert "back after" in running.words("back after")
            assert running.end().status == 0
        assert server.posts
