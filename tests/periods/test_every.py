"""han-every: what each period says is what flowed, whatever was lost on the way."""

import datetime
import itertools
import json
import random
import subprocess
from decimal import Context, Decimal, localcontext
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.periods.calendar import Calendar
from hanpipe.periods.dating import Dating
from hanpipe.periods.every import Every
from hanpipe.periods.lines import text_of
from hanpipe.periods.meters import Meters
from hanpipe.sinks.readings_in import ReadingReader

START = int(datetime.datetime(2026, 3, 4, tzinfo=datetime.UTC).timestamp()) * 10**9
STEP = 10 * 10**9  # ns between two readings
HOURS = 5
COUNT = HOURS * 360
LATE = 20  # readings until the meter knows the register of its gas meter


class House:
    """A house whose every watt is known. Its register counts in steps of 10 Wh and is sent once an hour, 10 s late."""

    def __init__(self, seed):
        chance = random.Random(seed)
        level, self.power, self.wh = 800, [], [chance.randrange(10**7)]
        for _ in range(COUNT):
            level = chance.choice((150, 900, 2300, 7600)) if chance.random() < 0.01 else level
            self.power.append(max(0, level + chance.randrange(-60, 60)))
            self.wh.append(self.wh[-1] + self.power[-1] / 360)

    def register(self, n):
        return int(self.wh[n] // 10 * 10)

    def tariffs(self, n):
        """The same as a P1 meter sends it: tariff 2 in odd hours, no total, and gas each hour, late."""
        t2 = sum(self.register(min(n, low + 360)) - self.register(low) for low in range(360, n, 720))
        registers = {"act_energy_pos_T1": self.register(n) - t2, "act_energy_pos_T2": t2}
        hour = (n - LATE) // 360
        gas = {"gas_volume": self.gas(hour), "gas_time": stamp(360 * hour)[:-1]} if hour >= 0 else {}
        return {"time": stamp(n), "act_pow_pos": self.power[n], **registers, **gas}

    def gas(self, hour):
        return 7000 + Decimal(int(self.wh[360 * hour] - self.wh[0])) / 1000

    def reading(self, n, *, always=False):
        reading = {"time": stamp(n), "meter_ID": "7359990000000001", "act_pow_pos": self.power[n]}
        if n > 1 and n % 360 == 1:
            reading |= {"date_time": stamp(n - 1), "act_energy_pos": self.register(n - 1)}
        if always:
            reading["act_energy_pos"] = self.register(n)
        return reading


def stamp(n):
    return datetime.datetime.fromtimestamp((START + n * STEP) // 10**9, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def nanoseconds(text):
    return int(datetime.datetime.fromisoformat(text).timestamp()) * 10**9


def every(readings, period="1h", zone=datetime.UTC, running=0):
    """The lines of the periods of some readings."""
    made, dating, lines = Every(Calendar(period, zone), running), Dating(zone), []
    for reading in readings:
        for at, dated in dating.add(reading):
            lines += made.add(dated, at)
    for at, dated in dating.finish():
        lines += made.add(dated, at)
    return lines + made.finish()


@st.composite
def losses(draw):
    """Which readings of a house arrive: some single ones, some stretches and some hourly ones are lost."""
    lost = set(draw(st.lists(st.integers(0, COUNT - 1), max_size=100)))
    for begin, length in draw(st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(1, 900)), max_size=3)):
        lost |= set(range(begin, begin + length))
    lost |= {360 * hour + 1 for hour in draw(st.sets(st.integers(1, HOURS - 1)))}
    return [n for n in range(COUNT) if n not in lost]


@pytest.mark.slow
@given(st.integers(0, 9), losses(), st.sampled_from(["1m", "15m", "1h"]))
def test_periods_follow_each_other_and_none_is_negative(seed, arrived, period):
    house = House(seed)
    lines = every([house.reading(n) for n in arrived], period)
    assert bool(lines) == bool(arrived)
    for one, two in itertools.pairwise(lines):
        assert one["end"] == two["begin"]
    for line in lines:
        assert line.get("act_energy_pos_delta", 0) >= 0
        assert 0 <= line["known"] <= 1


@pytest.mark.slow
@given(st.integers(0, 9), losses(), st.sampled_from(["1m", "15m", "1h"]))
def test_between_two_registers_flows_their_difference(seed, arrived, period):
    house = House(seed)
    deltas = {line["begin"]: line["act_energy_pos_delta"] for line in every([house.reading(n) for n in arrived], period)
              if "act_energy_pos_delta" in line}  # fmt: skip
    marks = [n - 1 for n in arrived if n > 1 and n % 360 == 1]
    for low, high in itertools.pairwise(marks):
        begins = [begin for begin in deltas if START + low * STEP <= nanoseconds(begin) < START + high * STEP]
        assert sum(deltas[begin] for begin in begins) == house.register(high) - house.register(low)


@pytest.mark.slow
@given(st.integers(0, 9), losses(), st.booleans())
def test_an_hour_without_an_estimate_is_exact_to_the_step_of_the_register(seed, arrived, always):
    house = House(seed)
    for line in every([house.reading(n, always=always) for n in arrived]):
        if line.get("estimated") is False:
            low, high = ((nanoseconds(line[key]) - START) // STEP for key in ("begin", "end"))
            near = 10 if not always else 60  # W of 30 s, where the reading at the full hour itself was lost
            assert abs(line["act_energy_pos_delta"] - (house.wh[high] - house.wh[low])) <= near


@pytest.mark.slow
@given(st.integers(0, 9), losses(), st.integers(1, COUNT - 2))
def test_an_hour_that_began_before_the_first_reading_is_an_estimate(seed, arrived, first):
    house = House(seed)
    for line in every([house.reading(n, always=True) for n in arrived if n >= first]):
        if nanoseconds(line["begin"]) < START + first * STEP:
            assert line.get("estimated") is not False


@pytest.mark.slow
@given(st.integers(0, 9), losses(), st.sampled_from(["15m", "1h"]))
def test_tariffs_add_up_to_the_total_that_the_meter_does_not_send(seed, arrived, period):
    house = House(seed)
    lines = every([house.tariffs(n) for n in arrived], period)
    for line in lines:
        if line.get("estimated") is False:
            low, high = ((nanoseconds(line[key]) - START) // STEP for key in ("begin", "end"))
            assert abs(line["act_energy_pos_delta"] - (house.wh[high] - house.wh[low])) <= 60
    whole = sum(line["act_energy_pos_delta"] for line in lines[:-1])
    parts = sum(line.get(f"act_energy_pos_T{tariff}_delta", 0) for line in lines[:-1] for tariff in (1, 2))
    assert (
        abs(whole - parts) <= 160
    )  # the power of a minute before the first reading with registers, and after the last


@pytest.mark.slow
@given(st.integers(0, 9), losses(), st.sampled_from(["1m", "15m", "1h"]))
def test_gas_flows_as_its_registers_say(seed, arrived, period):
    house = House(seed)
    lines = every([house.tariffs(n) for n in arrived], period)
    hours = [n for n in range(HOURS) if any(360 * n + LATE <= one < 360 * (n + 1) + LATE for one in arrived)]
    known = [line["gas_volume_delta"] for line in lines if "gas_volume_delta" in line]
    assert sum(known) == (house.gas(hours[-1]) - house.gas(hours[0]) if hours else 0)
    if period == "1h" and len(arrived) == COUNT:
        assert known[:-1] == [house.gas(n + 1) - house.gas(n) for n in range(HOURS - 1)]


def test_a_gas_meter_that_fell_silent_holds_nothing_up():
    house, made, waits = House(1), Every(Calendar("1h")), []
    for n in range(COUNT):
        reading = house.tariffs(n) | {"gas_volume": 7000, "gas_time": stamp(0)[:-1]}
        waits += [START + n * STEP - nanoseconds(line["end"]) for line in made.add(reading, START + n * STEP)]
    assert len(waits) == HOURS - 1
    assert max(waits) <= 900 * 10**9


@given(st.integers(0, 9), losses())
def test_an_hour_that_was_heard_whole_has_its_mean_and_its_highest_power(seed, arrived):
    house, heard = House(seed), set(arrived)
    for line in every([house.reading(n) for n in arrived]):
        low, high = ((nanoseconds(line[key]) - START) // STEP for key in ("begin", "end"))
        if heard.issuperset(range(low, high)):
            power = house.power[low:high]
            assert abs(float(line["act_pow_pos"]) - sum(power) / len(power)) <= 0.05 + 0.001 * max(power)
            assert line["act_pow_pos_max"] == max(power)
            assert line["known"] == 1


@pytest.mark.slow
@given(st.integers(0, 9), losses(), st.data())
def test_lines_do_not_depend_on_how_the_input_is_cut(seed, arrived, data):
    house = House(seed)
    readings = [house.reading(n) for n in arrived]
    half = data.draw(st.integers(0, len(readings)))
    made, lines = Every(Calendar("15m")), []
    for part in (readings[:half], readings[half:]):
        lines += [line for reading in part for line in made.add(reading, nanoseconds(reading["time"]))]
    assert lines + made.finish() == every(readings, "15m")


@pytest.mark.slow
@given(st.integers(0, 9), losses(), losses())
def test_meters_on_one_input_do_not_mix(seed, first, second):
    house, other = House(seed), House(seed + 1)
    one = [house.reading(n) for n in first]
    two = [other.reading(n) | {"meter_ID": "7359990000000002"} for n in second]
    lines = every(sorted(one + two, key=lambda reading: reading["time"]))
    assert [line for line in lines if line["meter_ID"] == "7359990000000001"] == every(one)
    assert [line for line in lines if line["meter_ID"] == "7359990000000002"] == every(two)


def test_a_register_that_is_sent_once_more_says_nothing():
    house = House(1)
    readings = [house.reading(n) for n in range(COUNT)]
    readings[721] |= {"date_time": readings[361]["date_time"], "act_energy_pos": readings[361]["act_energy_pos"]}
    lines = every(readings)
    assert [line["estimated"] for line in lines] == [True, True, True, False, True]
    assert lines[1]["act_energy_pos_delta"] + lines[2]["act_energy_pos_delta"] == house.register(1080) - house.register(
        360
    )


def hours_of(register, seconds, late=0):
    """Readings of a constant 3 kW, with what is sent at each hour, or late, s."""
    for second in seconds:
        hour, past = divmod(second, 3600)
        yield {"time": stamp(second // 10), "act_pow_pos": 3000} | (register(hour) if past == late else {})


@pytest.mark.parametrize("late", [0, 10, 20])
def test_an_old_register_that_came_late_and_without_a_clock_says_nothing(late):
    readings = hours_of(
        lambda hour: {"act_energy_pos": 100_000 + 3000 * (hour - (hour == 3))}, range(0, 6 * 3600, 10), late
    )
    lines = every(readings)
    assert {line["act_energy_pos_delta"] for line in lines[:5]} == {3000}
    assert [line["estimated"] for line in lines[1:4]] == [late == 0 and False, True, True]


def test_the_hours_of_a_long_silence_wait_for_the_register_that_comes_after_it():
    seconds = [*range(0, 1200, 10), *range(63 * 3600 + 600, 68 * 3600, 10)]
    lines = every(hours_of(lambda hour: {"act_energy_pos": 100_000 + 3000 * hour}, seconds))
    assert {line["act_energy_pos_delta"] for line in lines} == {3000}


def test_energy_of_periods_that_were_given_up_is_an_estimate_in_the_one_that_gets_it():
    sent = [(0, 100_000), (27 * 3600 + 47 * 60, 127_783), (27 * 3600 + 48 * 60, 127_800)]
    lines = every([{"time": stamp(at // 10), "act_energy_pos": register} for at, register in sent], "10s")
    flowed = [line for line in lines if line.get("act_energy_pos_delta", 0) > 17]
    assert sum(line["act_energy_pos_delta"] for line in flowed) > 27_000
    assert all(line["estimated"] for line in flowed)


def test_what_is_projected_does_not_take_a_gap_for_no_power():
    lines = every(hours_of(lambda hour: {}, [*range(0, 600, 10), *range(2400, 3601, 10)]), running=600 * 10**9)
    assert {line["projected"] // 10 for line in lines if line.get("running") and "projected" in line} <= {299, 300}


def test_a_tariff_that_comes_later_does_not_make_its_register_flow():
    tariffs = [{"T1": 1000, "T2": 2000}, {"T1": 1100, "T2": 2000}, {"T1": 1200, "T2": 2000, "T3": 500_000}]
    registers = [{f"act_energy_pos_{name}": value for name, value in one.items()} for one in tariffs]
    lines = every([{"time": stamp(360 * hour)} | one for hour, one in enumerate(registers)])
    assert [line.get("act_energy_pos_delta") for line in lines] == [100, None, None]
    assert [line.get("act_energy_pos_T1_delta") for line in lines] == [100, 100, None]


def written(number):
    """A number as it comes in with a line of han-fields."""
    (line,) = ReadingReader().feed(f'{{"number":{number}}}\n'.encode())
    return line.reading["number"]


# The longest numbers that a line may hold: integers of 31 digits, and 100 characters with a fraction.
PERIODS = st.sampled_from(["15m", "1h"])
NUMBERS = st.one_of(
    st.integers(0, 9999),
    st.integers(0, 10**31 - 1),
    st.builds("{}.{}".format, st.integers(0, 10**30), st.integers(10**40, 10**60)),
    st.builds("0.{:030}{}".format, st.integers(1, 99), st.integers(10**40, 10**60)),
).map(written)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=5, unique_by=lambda pair: pair[0]), PERIODS)
def test_registers_of_any_number_of_digits_flow_whole(values, period):
    registers = sorted(register for register, _ in values)
    readings = [
        {"time": stamp(540 * place), "act_energy_pos": register, "act_pow_pos": power}
        for place, (register, (_, power)) in enumerate(zip(registers, values, strict=True))
    ]
    lines = every(readings, period)
    assert all(map(text_of, lines))
    with localcontext(Context(prec=400)):
        flowed = sum(line.get("act_energy_pos_delta", 0) for line in lines)
        assert 0 <= flowed - (registers[-1] - registers[0]) <= max(power for _, power in values)


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 500)), min_size=1, max_size=60), st.integers(0, 3600))
def test_a_register_without_a_power_flows_whole_up_to_the_last_one(steps, first):
    at, register, readings = first, 1000, []
    for seconds, flowed in [(0, 0), *steps]:
        at, register = at + seconds, register + flowed
        time = datetime.datetime.fromtimestamp(START // 10**9 + at, datetime.UTC).isoformat()
        readings.append({"time": time, "act_energy_pos": register})
    lines = every(readings, "5m")
    assert sum(line.get("act_energy_pos_delta", 0) for line in lines) == register - 1000


@pytest.mark.parametrize("unit", [1, Decimal("0.001")])
@pytest.mark.parametrize("share", [1, 3, 6, 7])
def test_a_silence_shares_what_flowed_evenly_to_the_last_unit(share, unit):
    minutes = 37 * share
    registers = [(0, 500), (60 * minutes, 537)]  # s, units: one in so many minutes
    readings = [{"time": stamp(at // 10), "heat_energy": units * unit} for at, units in registers]
    deltas = [line["heat_energy_delta"] for line in every(readings, "1m")[:minutes]]
    assert deltas == [unit * ((minute + 1) % share == 0) for minute in range(minutes)]


def test_another_meter_in_the_same_place_begins_a_new_count():
    house = House(1)
    readings = [house.reading(n) for n in range(COUNT)]
    for reading in readings[700:]:
        if "act_energy_pos" in reading:
            reading["act_energy_pos"] -= house.register(690)
    deltas = [line["act_energy_pos_delta"] for line in every(readings)]
    assert abs(deltas[1] - (house.wh[720] - house.wh[360])) < 40
    assert deltas[2] == house.register(1080) - house.register(720)


def test_an_archive_without_times_is_dated_by_the_clock_of_its_hourly_lists():
    house = House(1)
    readings = [house.reading(n) for n in range(COUNT)]
    for reading in readings:
        del reading["time"]
    lines = every(readings)
    assert [line["begin"] for line in lines] == [stamp(n)[:-1] + "Z" for n in range(360, COUNT, 360)]
    whole = lines[0]
    assert whole["act_energy_pos_delta"] == house.register(720) - house.register(360)
    assert whole["estimated"] is False


@pytest.mark.parametrize("lost", [range(0), range(800, 880), range(900, 950)])
@pytest.mark.parametrize(
    ("zone", "start"), [("Europe/Oslo", "2026-10-24T22:00:00Z"), ("Australia/Lord_Howe", "2026-04-04T12:30:00Z")]
)
def test_a_clock_without_an_offset_shows_the_hour_of_autumn_twice(zone, start, lost):
    zone, begin = ZoneInfo(zone), nanoseconds(start)  # two hours before the one that comes twice, or the half of one
    readings = [
        {"date_time": Calendar("1s", zone).text(begin + n * STEP)[:19], "act_energy_pos": 10 * n}
        for n in range(6 * 360)
        if n not in lost
    ]
    lines = every(readings, "15m", zone)
    assert [nanoseconds(line["begin"]) for line in lines] == [begin + n * 90 * STEP for n in range(6 * 4)]
    deltas = [line["act_energy_pos_delta"] for line in lines[:-1]]
    assert sum(deltas) == 900 * 23
    exact = [delta for delta, line in zip(deltas, lines, strict=False) if not line["estimated"]]
    assert exact == [900] * (23 if not lost else len(exact))
    assert len(exact) >= 21


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-21", 24)])
def test_a_local_day_has_as_many_hours_as_it_has(day, hours):
    zone = ZoneInfo("Europe/Oslo")
    noon = nanoseconds(f"{day}T12:00:00+00:00")
    calendar = Calendar("1d", zone)
    begin = calendar.begin(noon)
    assert calendar.end(begin) - begin == hours * 3600 * 10**9
    assert calendar.text(begin).startswith(f"{day}T00:00:00+0")
    assert calendar.begin(calendar.end(begin)) == calendar.end(begin)
    assert calendar.begin(calendar.end(begin) - 1) == begin


# Where daylight saving skips midnight, repeats it, or shifts by half an hour, and where it does nothing of the kind.
ZONES = ("Atlantic/Azores", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "America/Havana", "America/Asuncion",
         "Australia/Lord_Howe", "Africa/Casablanca", "Europe/Oslo", "Asia/Kolkata", "Pacific/Chatham")  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", ["1d", "1mo"])
def test_each_day_and_month_of_a_year_begins_where_the_one_before_ends(zone, period):
    calendar, day = Calendar(period, ZoneInfo(zone)), datetime.date(2024, 1, 1)
    begin = calendar.begin(nanoseconds("2024-01-01T09:00:00+00:00"))
    while day.year < 2025:
        assert calendar.text(begin).startswith(day.isoformat())
        end = calendar.end(begin)
        assert calendar.begin(end) == end
        assert calendar.begin(end - 1) == begin
        begin, day = end, day + datetime.timedelta(days=1)
        if period == "1mo":
            day = (day + datetime.timedelta(days=30)).replace(day=1)


@given(
    st.sampled_from(["10s", "1m", "15m", "1h", "1d", "1mo"]),
    st.sampled_from(["Europe/Oslo", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
    st.integers(946684800, 2000000000),
)
def test_periods_of_any_zone_cover_time_without_a_gap(period, zone, seconds):
    calendar, at = Calendar(period, ZoneInfo(zone)), seconds * 10**9
    begin = calendar.begin(at)
    end = calendar.end(begin)
    assert begin <= at < end
    assert calendar.begin(end - 1) == begin
    assert calendar.begin(end) == end


@pytest.mark.parametrize("period", ["7m", "2h", "0s", "3d", "2mo", "1w", "h", "-1h", ""])
def test_a_period_that_does_not_divide_an_hour_is_refused(period):
    with pytest.raises(ValueError, match="expected a period that divides an hour"):
        Calendar(period)


def test_the_open_period_is_written_as_often_as_asked_with_the_energy_it_heads_for():
    house = House(1)
    lines = [line for line in every([house.reading(n) for n in range(720)], running=600 * 10**9) if "running" in line]
    assert [line["time"] for line in lines[1:4]] == [stamp(60), stamp(120), stamp(180)]
    assert lines[3]["end"] == stamp(360)
    flowed = house.wh[180] - house.wh[0]
    assert abs(lines[3]["act_energy_pos_delta"] - flowed) < 2
    assert abs(lines[3]["projected"] - 2 * flowed) < 4


@pytest.mark.parametrize("first", [0, 1, 180, 300, 355])
def test_a_period_that_was_heard_in_part_heads_for_its_mean_power(first):
    readings = [{"time": stamp(n), "act_pow_pos": 8000} for n in range(first, 400)]
    lines = [line for line in every(readings, running=10 * 10**9) if line.get("running") and "projected" in line]
    assert len(lines) >= 400 - first - 2
    assert all(abs(line["projected"] - 8000) <= 8000 / 22 for line in lines)  # 10 s are 22 Wh, less than one is cut off
    assert abs(lines[40]["projected"] - 8000) <= 80


def test_a_clock_that_was_ahead_for_a_while_does_not_silence_the_open_period():
    house = House(1)
    readings = [house.reading(n) for n in range(180)]
    times = [line["time"] for line in every(readings, running=600 * 10**9) if "running" in line]
    ahead = [reading | {"time": "2036" + reading["time"][4:]} for reading in readings[:3]]
    for before in (ahead, readings[:61] + ahead):
        lines = every([*before, *readings], running=600 * 10**9)
        assert [line["time"] for line in lines if "running" in line][-len(times) :] == times


def test_numbers_come_out_exact_and_short():
    line = every([{"time": stamp(0), "volt_L1": 230}, {"time": stamp(1), "volt_L1": 231}, {"time": stamp(2)}])[0]
    assert text_of(line).startswith('{"time":"2026-03-04T01:00:00Z","begin":')
    assert '"volt_L1":230.67,"volt_L1_max":231,"volt_L1_min":230,"known":0.008}' in text_of(line)


def run(*arguments, text):
    return subprocess.run(
        [f"{ROOT}/bin/han-every", *arguments], input=text, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_program_writes_periods_and_says_what_it_skipped():
    house = House(1)
    text = "".join(json.dumps(house.reading(n)) + "\n" for n in range(COUNT)) + "no reading\n"
    done = run("1h", text=text)
    assert done.returncode == 0
    assert [json.loads(line)["begin"] for line in done.stdout.splitlines()] == [stamp(n) for n in range(0, COUNT, 360)]
    assert done.stderr == "han-every: skipped 1 line that is not a reading; is the input from han-fields?\n"
    assert run("1h", "-n", "2", text=text).stdout.splitlines() == done.stdout.splitlines()[:2]


def test_a_time_beyond_the_calendar_is_left_out():
    house = House(1)
    wrong = [{"time": time, "act_pow_pos": 1} for time in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00")]
    readings = [house.reading(n) for n in range(400)]
    for period in ("1h", "1d", "1mo"):
        assert every([*wrong, *readings], period) == every(readings, period)


@pytest.mark.slow
def test_the_readings_that_are_left_out_are_counted_by_their_reason():
    undated = '{"act_pow_pos":1}\n'
    text = 2 * undated + json.dumps({"time": stamp(0), "act_pow_pos": 1}) + "\n" + 10_010 * undated
    done = run("1h", "--stats", text=text)
    assert done.returncode == 0
    assert json.loads(done.stderr.splitlines()[0])["undated"] == 12
    assert done.stderr.splitlines()[1:] == [
        "han-every: left out 2 readings without a time: no reading before them has one",
        "han-every: left out 10 readings without a time: 10,000 before them have none",
    ]


def test_wrong_options_say_what_was_expected():
    assert "expected a period" in run("7m", text="").stderr
    assert "expected a time zone such as Europe/Oslo, got 'Oslo'" in run("1h", "--zone", "Oslo", text="").stderr
    assert run("1h", text="").returncode == 1


_VALUES = st.one_of(st.integers(-5, 9000), st.decimals(-1, 300, places=1), st.just("text"), st.none(), st.booleans())
_ODD = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 10, 10, 10, 61, 700, 4000, 200_000, -5, -90]),  # s since the reading before
        st.sampled_from(["", "a", "b"]),
        st.dictionaries(
            st.sampled_from(["act_pow_pos", "act_pow_neg", "volt_L1", "act_energy_pos", "meter_model"]),
            _VALUES,
            max_size=3,
        ),
    ),
    max_size=12,
)


@pytest.mark.slow
@given(st.data(), _ODD, st.integers(1, 400), st.sampled_from(["1m", "1h"]), st.sampled_from([0, 60]))
def test_readings_taken_together_give_the_lines_of_readings_taken_one_by_one(data, odd, many, period, running):
    at, dated = START, []
    for step, number, values in odd:
        values = values | ({"meter_ID": number} if number else {})
        for _ in range(many if step == 10 else 1):  # a run of readings with the same names
            at += step * 10**9
            dated.append((at, values))
    alone, together, after, lines = (
        Every(Calendar(period), running * 10**9),
        Every(Calendar(period), running * 10**9),
        0,
        [],
    )
    for piece in data.draw(st.lists(st.integers(1, len(dated) + 1), max_size=5)):
        lines += together.add_all(dated[after : after + piece])
        after += piece
    lines += together.add_all(dated[after:])
    expected = [line for at, reading in dated for line in alone.add(reading, at)] + alone.finish()
    assert lines + together.finish() == expected


def test_a_source_or_number_of_another_type_and_a_time_of_another_age_end_nothing():
    odd = {"source": [1], "meter_ID": {"a": 2}, "act_pow_pos": 40}
    years = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
    lines = every([odd | {"time": stamp(0)}, *[odd | {"time": time} for time in years]], zone=ZoneInfo("Europe/Oslo"))
    assert [line["begin"] for line in lines] == ["2026-03-04T01:00:00+01:00"]


def of_meters(*heard):
    """Readings of meters: source, the hours of 2026 for which it is heard, and what its clock shows for 2026."""
    return [
        {"source": source, "time": f"{year}{stamp(6 * minute)[4:]}", "act_pow_pos": 1000}
        for minute in range(0, 60 * max(hours.stop for _, hours, _ in heard), 20)
        for source, hours, year in heard
        if minute // 60 in hours
    ]


def written_while_read(readings):
    """The lines of hours that were written before the input ended, by source."""
    made, lines = Every(Calendar("1h")), {}
    for reading in readings:
        for line in made.add(reading, nanoseconds(reading["time"])):
            lines.setdefault(line["source"], []).append(line)
    return lines


@pytest.mark.parametrize("wrong", [range(100), range(30, 31), range(30, 100)])
def test_a_clock_that_is_years_ahead_ends_no_period_of_another_meter(wrong):
    alone = written_while_read(of_meters(("a", range(100), 2026)))["a"]
    lines = written_while_read(of_meters(("a", range(100), 2026), ("b", wrong, 2096)))["a"]
    assert [(line["begin"], line["known"]) for line in lines] == [(line["begin"], line["known"]) for line in alone]


@pytest.mark.parametrize("wrong", [range(0), range(200), range(30, 31)])
def test_the_last_period_of_a_dead_meter_is_written_though_another_clock_is_years_ahead(wrong):
    lines = written_while_read(of_meters(("a", range(200), 2026), ("b", wrong, 2096), ("c", range(50), 2026)))
    assert [line["begin"] for line in lines["c"]] == [stamp(360 * hour) for hour in range(50)]


def test_the_last_period_of_a_dead_meter_is_written_after_a_long_pause_of_all():
    before, after = of_meters(("a", range(50), 2026), ("b", range(50), 2026)), of_meters(("a", range(250, 350), 2026))
    lines = written_while_read([*before, *after])
    assert [line["begin"] for line in lines["b"]] == [stamp(360 * hour) for hour in range(50)]
    assert [line["begin"] for line in lines["a"]] == [stamp(360 * hour) for hour in range(350 - 1)]


def test_a_meter_that_is_dropped_leaves_nothing_in_memory():
    meters = Meters(list)
    for number in range(10):
        reading = {"source": f"house {number}", "meter_ID": number}
        meters.of(reading).append(number)
        assert meters.of({"source": reading["source"]}) == [number]
        meters.forget(next(iter(meters.known)))
        assert meters.of({"source": reading["source"]}) == []
        meters.forget(next(iter(meters.known)))
        assert not meters._last
