"""The figures of a house: what a person sees is what the meters sent, of each meter by itself, within bounds."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.periods.calendar import Calendar
from hanpipe.periods.every import Every
from hanpipe.periods.peaks import Peaks
from hanpipe.sinks.house.figures import Point
from hanpipe.sinks.house.house import HIGHEST_HOUR, MOST_METERS, House, Key

START = int(datetime.datetime(2026, 3, 4, tzinfo=datetime.UTC).timestamp()) * 10**9
SECOND = 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND
ONE, OTHER = "7359990000000001", "7359990000000002"

powers = st.integers(0, 20_000)
counts = st.integers(1, 200)


def house_of(readings, **options):
    """A house that has heard some readings: pairs of a time and a reading."""
    house = House(**options)
    for at, reading in readings:
        house.add(reading, at)
    return house


def every(seconds, values, begin=START, meter=ONE):
    """Readings of the import at even times."""
    return [(begin + n * seconds * SECOND, {"meter_ID": meter, "act_pow_pos": power}) for n, power in enumerate(values)]


def figures(readings, now=None, meter=ONE, **options):
    return house_of(readings, **options).figures(Key("", meter), readings[-1][0] if now is None else now)


# --- one meter ---


@given(st.lists(powers, min_size=1, max_size=2000), st.integers(1, 5))
def test_the_trail_is_the_power_of_the_last_ten_minutes(values, seconds):
    readings = every(seconds, values)
    end = readings[-1][0]
    trail = figures(readings).trail
    assert trail == tuple(Point(at, one["act_pow_pos"]) for at, one in readings if at >= end - 10 * MINUTE)


@pytest.mark.slow
@given(st.integers(2, 5), st.integers(700, 2000))
def test_the_trail_is_bounded_however_fast_a_meter_sends(per_second, count):
    readings = [(START + n * SECOND // per_second, {"meter_ID": ONE, "act_pow_pos": n}) for n in range(count)]
    trail = figures(readings).trail
    assert len(trail) <= 601
    assert trail[-1].power == count - 1


@given(st.lists(st.integers(0, 20), min_size=1, max_size=200))
def test_lists_are_those_of_the_last_minute(pauses):
    at, readings = START, []
    for pause in pauses:
        at += pause * SECOND
        readings.append((at, {"meter_ID": ONE}))
    assert figures(readings).lists == sum(one > at - MINUTE for one, _ in readings)


@given(powers, st.integers(2, 359))
def test_an_hour_of_even_power_is_projected_from_its_first_minutes(power, count):
    span = figures(every(10, [power] * count)).period
    flowed = power * (count - 1) / 360
    assert span.begin == span.since == START
    assert span.end == START + HOUR
    assert flowed - 1 <= span.imported <= flowed
    assert abs(span.projected - power) <= 360 / (count - 1) + 1
    assert span.estimated


@given(powers, st.integers(1, 3590), st.integers(100, 300))
def test_the_projection_of_an_hour_counts_also_what_came_before_the_first_reading(power, late, count):
    readings = every(1, [power] * count, START + late * SECOND)
    span = figures(readings).period
    if readings[-1][0] < START + HOUR:
        assert span.since == START + late * SECOND
        assert abs(span.projected - power) <= 3600 / (count - 1) + 3600 / (3600 - late) + 1


@given(st.lists(st.integers(0, 100), min_size=2, max_size=100), st.booleans())
def test_today_is_the_difference_of_the_registers(steps, tariffs):
    readings, register = [], 1000
    for n, step in enumerate(steps):
        register += step
        names = {"act_energy_pos_T1": 400, "act_energy_pos_T2": register - 400}
        readings.append((START + n * MINUTE, names if tariffs else {"act_energy_pos": register}))
    shown = figures([(at, {"meter_ID": ONE, **reading}) for at, reading in readings])
    assert shown.day.imported == sum(steps[1:])
    assert shown.registers == {"act_energy_pos": register}
    assert shown.faults.fallen == 0


def test_a_register_that_runs_backwards_is_a_fault():
    readings = [
        (START + n * MINUTE, {"meter_ID": ONE, "act_energy_pos": wh}) for n, wh in enumerate((500, 510, 20, 30))
    ]
    assert figures(readings).faults.fallen == 1


@given(st.lists(powers, min_size=1, max_size=300))
def test_the_peak_of_the_month_is_that_of_han_peaks(values):
    readings = every(240, values)
    periods, peaks, lines = Every(Calendar("1h")), Peaks(HIGHEST_HOUR), []
    for at, reading in readings:
        for period in periods.add(reading, at):
            lines += peaks.add(period)
    lines += peaks.finish()
    month = figures(readings).month
    assert (month and month.power) == (lines[-1].get("peak") if lines else None)


def test_a_new_month_has_no_peak_yet():
    begin = int(datetime.datetime(2026, 3, 31, 21, tzinfo=datetime.UTC).timestamp()) * 10**9
    assert figures(every(600, [1000] * 12, begin)).month.begin == "2026-03-31T21:00:00+00:00"
    assert figures(every(600, [1000] * 25, begin)).month.begin == "2026-04-01T00:00:00+00:00"


@given(st.lists(st.booleans(), min_size=20, max_size=100), st.sampled_from([2.5, 10, 3600]))
def test_a_single_list_that_is_missing_is_counted(arrived, seconds):
    missing = [n for n in range(1, len(arrived)) if not arrived[n] and arrived[n - 1]]
    gone = {n for n in missing if n > 16 and n + 1 < len(arrived) and n - 1 not in missing and arrived[n + 1]}
    readings = [(START + int(n * seconds * SECOND), {"meter_ID": ONE}) for n in range(len(arrived)) if n not in gone]
    faults = figures(readings).faults
    assert faults.missed == len(gone)
    assert faults.silences == 0


@given(
    st.sampled_from([2, 5, 10, 60, 900]),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=2),
    st.integers(0, 8),
    st.integers(1, 20),
)
def test_lists_that_come_once_an_hour_beside_the_others_change_nothing(seconds, shares, before, after):
    times = [START + number * seconds * SECOND for number in range(-before, after)]
    times += [START + int(share * seconds * SECOND) for share in shares]
    house = House()
    for at in sorted(times):
        house.add({"meter_ID": ONE}, at)
        shown = house.figures(Key("", ONE), at + seconds * SECOND)
        assert shown.rhythm in (None, seconds * SECOND)
        assert shown.faults == (0, 0, 0, 0)


@pytest.mark.slow
@given(st.sampled_from([1, 2, 10, 60]), st.integers(5, 40), st.integers(4, 100))
def test_a_meter_is_silent_after_much_longer_than_its_rhythm(seconds, count, longer):
    readings = every(seconds, [100] * count)
    end, pause = readings[-1][0], max(15, 3 * seconds) * SECOND
    assert figures(readings).rhythm == seconds * SECOND
    assert not figures(readings, end + pause).silent
    assert figures(readings, end + pause + 1).silent
    back = end + pause + longer * SECOND
    shown = figures([*readings, (back, {"meter_ID": ONE})])
    assert not shown.silent
    assert (shown.faults.silences, shown.faults.silent_for) == (1, back - end)


def test_an_hour_that_is_over_is_not_shown_of_a_silent_meter():
    readings = every(10, [100] * 12)
    assert figures(readings, START + HOUR + MINUTE - 1).period
    shown = figures(readings, START + HOUR + MINUTE)
    assert shown.period is None
    assert shown.day
    assert shown.power == 100
    assert shown.power_at == readings[-1][0]


def test_export_is_below_zero_and_a_stale_export_does_not_count_while_the_house_imports():
    both = {"meter_ID": ONE, "act_pow_pos": 0, "act_pow_neg": 900}
    assert figures([(START, both)]).power == -900
    assert figures([(START, both), (START + SECOND, {"act_pow_pos": 0})]).power == -900
    shown = figures([(START, both), (START + SECOND, {"act_pow_pos": 40})])
    assert (shown.power, shown.exported) == (40, None)
    assert [point.power for point in shown.trail] == [-900, 40]


def test_phases_are_those_that_the_meter_sends_with_the_age_of_their_oldest_value():
    first = {"meter_ID": ONE, "volt_L1": Decimal("230.1"), "curr_L1": Decimal("3.9"), "volt_L3": 231}
    later = {"curr_L1": 4, "act_pow_pos_L1": 0, "act_pow_neg_L1": 920}
    phases = figures([(START, first), (START + SECOND, later)]).phases
    assert phases == {"L1": (Decimal("230.1"), 4, -920, START), "L3": (231, None, None, START)}


def test_who_and_when():
    reading = {"meter_ID": ONE, "meter_maker": "Maker", "meter_model": "1", "date_time": "2026-03-04T01:00:00+01:00"}
    shown = figures([(START, reading), (START + SECOND, {"act_pow_pos": 1})])
    assert (shown.maker, shown.model, shown.clock, shown.clock_at) == ("Maker", "1", reading["date_time"], START)
    assert (shown.at, shown.power_at) == (START + SECOND, START + SECOND)


@pytest.mark.slow
@given(st.integers(61, 10**6), st.integers(0, 60))
def test_time_that_runs_backwards_far_begins_the_line_anew_and_keeps_the_peaks(far, little):
    readings = every(10, [100] * 30)
    end = readings[-1][0]
    assert figures([*readings, (end - little * SECOND, {"meter_ID": ONE, "act_pow_pos": 5})]).at == end
    shown = figures([*readings, (end - far * SECOND, {"meter_ID": ONE, "act_pow_pos": 5})])
    assert (shown.at, len(shown.trail), shown.power) == (end - far * SECOND, 1, 5)
    assert (shown.rhythm, shown.faults.silences) == (None, 0)
    day = every(60, [1000] * 1000)
    assert figures(day).month.power == figures([*day, (day[-1][0] - HOUR, {"meter_ID": ONE})]).month.power == 1000


# --- several meters ---


@given(st.lists(st.tuples(st.booleans(), powers, st.integers(0, 400)), min_size=1, max_size=60))
def test_each_meter_has_figures_as_if_it_were_alone(heard):
    at, mixed, alone = START, [], {ONE: [], OTHER: []}
    for is_other, power, pause in heard:
        at += pause * SECOND
        meter = OTHER if is_other else ONE
        alone[meter].append((at, {"meter_ID": meter, "act_pow_pos": power, "act_energy_pos": power * 10}))
        mixed.append(alone[meter][-1])
    house = house_of(mixed)
    assert house.meters() == [Key("", meter) for meter in (ONE, OTHER) if alone[meter]]
    for meter, readings in alone.items():
        if readings:
            assert house.figures(Key("", meter), at) == figures(readings, at, meter)


@given(st.lists(st.integers(0, 3 * DAY), max_size=20), st.lists(powers, min_size=1, max_size=50))
def test_to_look_changes_nothing(looks, values):
    readings = every(240, values)
    house = House()
    for at, reading in readings:
        house.add(reading, at)
        for later in looks:
            house.figures(Key("", ONE), at + later)
    assert house.figures(Key("", ONE), at) == figures(readings)


def test_readings_without_a_number_are_of_the_only_meter_of_their_source():
    warnings = []
    readings = [
        (START, {"act_pow_pos": 1}),
        (START, {"meter_ID": ONE, "volt_L1": 230}),
        (START, {"source": "cellar", "act_pow_pos": 7}),
        (START, {"act_pow_pos": 2}),
        (START, {"meter_ID": OTHER, "volt_L1": 231}),
        (START, {"act_pow_pos": 3}),
    ]
    house = house_of(readings, warn=warnings.append)
    shown = {key: house.figures(key, START).power for key in house.meters()}
    assert shown == {Key("", ""): 3, Key("", ONE): 2, Key("", OTHER): None, Key("cellar", ""): 7}
    assert [key for key in house.meters() if house.is_of_neither(key)] == [Key("", "")]
    assert len(warnings) == 1
    assert OTHER in warnings[0]


@given(st.integers(1, 3 * MOST_METERS), st.booleans())
def test_the_meters_are_bounded_and_the_silent_one_is_forgotten_first(count, by_source):
    house = House()
    for n in range(count):
        name = f"{n:06}"
        house.add({"source": name} if by_source else {"meter_ID": name}, START + n)
    kept = [f"{n:06}" for n in range(max(0, count - MOST_METERS), count)]
    assert house.meters() == [Key(name, "") if by_source else Key("", name) for name in kept]


# --- anything ---

_TEXTS = ["time", "date_time", "meter_ID", "meter_model", "source"]
_NUMBERS = ["act_pow_pos", "act_pow_neg", "act_pow_neg_L2", "volt_L1", "curr_L3"]
_REGISTERS = ["act_energy_pos", "act_energy_neg", "act_energy_pos_T1", "act_energy_pos_T"]
_VALUES = (
    st.none() | st.booleans() | st.integers(-(10**30), 10**31) | st.text(max_size=200) | st.lists(st.integers())
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
)  # fmt: skip


_TIMES = st.integers(-(1 << 62), 1 << 62) | st.integers(START, START + DAY)
_READINGS = st.dictionaries(st.sampled_from(_TEXTS + _NUMBERS + _REGISTERS) | st.text(max_size=5), _VALUES)


@given(st.lists(st.tuples(_TIMES, _READINGS), max_size=20))
def test_nothing_that_a_line_can_hold_is_an_error(readings):
    house = house_of(readings)
    for key in house.meters():
        for now in (0, START, 1 << 62):
            shown = house.figures(key, now)
            assert all(len(text) <= 64 for text in (*key, shown.maker, shown.model, shown.clock))
