"""The figures of each interval, of han-fake's household: with lists lost, hours repeated, meters changed."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.fake.household import Household
from hanpipe.periods.averages import HOLD
from hanpipe.periods.intervals import Account, Intervals, Timeline

SECOND = 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
START = 494_000 * HOUR  # any full hour
SIDES = ("pos", "neg")  # sun on the roof: in the morning energy goes in, at noon it goes out
POWERS = ("act_pow_pos", "act_pow_neg")
ENERGIES = ("act_energy_pos", "act_energy_neg")


class Life(NamedTuple):
    """Hours of a house whose meter tells its power every `rhythm` s, and its registers at the full hour.

    step: Wh that the registers count in; lost: numbers of lists that did not arrive; repeats: hours whose list has the
    registers of the hour before, a known fault; change: the hour after which another meter is in place, 0 for none;
    named: each list holds the meter's number
    """

    seed: int
    begin: int  # hour of the day
    hours: int
    rhythm: int
    step: int
    lost: frozenset[int] = frozenset()
    repeats: frozenset[int] = frozenset()
    change: int = 0
    named: bool = False


@st.composite
def lives(draw):
    rhythm, hours = draw(st.sampled_from([20, 30])), draw(st.integers(2, 3))
    gaps = draw(st.lists(st.tuples(st.integers(0, hours * 3600 // rhythm), st.integers(1, 40)), max_size=4))
    return Life(
        seed=draw(st.integers(0, 1000)),
        begin=draw(st.integers(0, 23)),
        hours=hours,
        rhythm=rhythm,
        step=draw(st.sampled_from([1, 10, 100])),
        lost=frozenset(begin + number for begin, length in gaps for number in range(length)),
        repeats=frozenset(draw(st.sets(st.integers(1, hours)))),
        change=draw(st.integers(0, hours)),
        named=draw(st.booleans()),
    )


class Sent(NamedTuple):
    """A list that arrived.

    new: no list before had its registers; whole: no list was lost since those that were; meter: 1, later 2
    """

    at: int
    reading: dict
    new: bool
    whole: bool
    meter: int


def lived(life):
    """Yield what arrives, each list at the last instant of its interval: so the figures are of the same one."""
    start = START + life.begin * HOUR
    house, meter, result, whole = Household(life.seed, start // 1_000_000), 1, {}, True
    for number in range(life.hours * 3600 // life.rhythm + 1):
        hour, rest = divmod(number * life.rhythm, 3600)
        at = start + number * life.rhythm * SECOND
        house.advance(at // 1_000_000)
        reading = {"meter_ID": str(meter)} if life.named else {}
        reading |= {f"act_pow_{side}": house.values[f"act_pow_{side}"] // 1000 for side in SIDES}
        repeated = bool(result) and hour in life.repeats
        if not rest:
            result = result if repeated else registers(house, life.step)
            reading |= result
        if number in life.lost:
            whole = False
        else:
            new = not rest and not repeated
            yield Sent(at - 1, reading, new, whole, meter)
            whole = whole or new
        if not rest and hour == life.change > 0:
            house, meter, result = Household(life.seed + 1, at // 1_000_000), 2, {}


def registers(house, step):
    return {f"act_energy_{side}": house.values[f"act_energy_{side}"] // 1000 // step * step for side in SIDES}


def figures_of(sent):
    """Return what each interval has to say: its end -> name -> figure."""
    found = {}

    class Noted(Account):
        def take(self, end):
            figures = super().take(end)
            found[-(-end // MINUTE) * MINUTE] = figures.values  # the input may end within one
            return figures

    intervals = Intervals(Noted(POWERS + ENERGIES, lambda message: None), MINUTE // SECOND)
    for one in sent:
        list(intervals.add(one.reading, one.at))
    list(intervals.finish())
    return found


def held(sent):
    """Yield what each list's values were held for: the end of a minute, ns of it, the list. HOLD at the longest."""
    for one, then in pairwise([*sent, sent[-1]]):
        begin, until = one.at, min(one.at + HOLD, then.at)
        while begin < until:
            end = begin // MINUTE * MINUTE + MINUTE
            yield end, min(end, until) - begin, one.reading
            begin = end


@pytest.mark.slow
@given(lives())
def test_power_is_the_mean_of_its_interval_weighted_by_time(life):
    sent = list(lived(life))
    areas, known = defaultdict(int), defaultdict(int)
    for end, length, reading in held(sent):
        known[end] += length
        for name in POWERS:
            areas[end, name] += length * reading[name]
    figures = figures_of(sent)
    assert figures.keys() >= known.keys()
    for (end, name), area in areas.items():
        assert abs(figures[end][name] - Decimal(area) / known[end]) < Decimal("1e-6")


@pytest.mark.slow
@given(lives())
def test_energy_is_the_register_at_every_hour_and_never_runs_backwards(life):
    sent = list(lived(life))
    figures = figures_of(sent)
    for meter in (1, 2):
        of_meter = [one for one in sent if one.meter == meter]
        hours = [one for one in of_meter if one.new]
        for name in ENERGIES if hours else ():
            posted = {
                end: result[name] for end, result in figures.items() if hours[0].at < end <= of_meter[-1].at + MINUTE
            }
            assert list(posted.values()) == sorted(posted.values())
            for one in hours:
                before = max((energy for end, energy in posted.items() if end <= one.at), default=0)
                # The lost lists may have held a power that had ended: then the register has to catch up.
                assert posted[one.at + 1] in {one.reading[name], before}
                assert posted[one.at + 1] >= one.reading[name]
                assert posted[one.at + 1] == one.reading[name] or not one.whole


@pytest.mark.slow
@given(lives().map(lambda life: life._replace(named=True)))
def test_no_energy_is_posted_of_a_meter_that_has_not_told_its_register(life):
    sent = list(lived(life))
    result = {}
    for one in sent:
        result.setdefault(one.meter, None)
        if one.reading.keys() & ENERGIES:
            result[one.meter] = result[one.meter] or one.at
    for end, figures in figures_of(sent).items():
        meter = max(one.meter for one in sent if one.at < end)
        known = result[meter] is not None and result[meter] < end
        assert [name in figures for name in ENERGIES] == [known] * 2


def test_the_power_counts_in_no_register_of_a_tariff():
    account = Account(["act_energy_pos_T1", "act_energy_pos_T2"], lambda message: None)
    for second in range(0, 3600, 10):
        registers = {"act_energy_pos_T1": 5000 + second * 2000 // 3600, "act_energy_pos_T2": 7000}
        account.add({"act_pow_pos": 2000, **registers}, second * SECOND)
    figures = account.take(3600 * SECOND)
    assert figures.values == figures.estimates == registers


@pytest.mark.parametrize(
    ("zone", "clock", "moment"),
    [
        ("Europe/Oslo", "2026-11-22T12:00:00", "2026-11-22T11:00:00+00:00"),
        ("Europe/Oslo", "2026-06-22T12:00:00", "2026-06-22T10:00:00+00:00"),
        ("Europe/Oslo", "2026-06-22T12:00:00+05:30", "2026-06-22T06:30:00+00:00"),
        ("UTC", "2026-06-22T12:00:00", "2026-06-22T12:00:00+00:00"),
    ],
)
def test_a_clock_without_an_offset_is_of_the_zone(zone, clock, moment):
    at = Timeline(zone=ZoneInfo(zone)).of({"date_time": clock})
    assert at == datetime.fromisoformat(moment).timestamp() * SECOND


def test_a_clock_without_an_offset_runs_on_through_the_hour_that_comes_twice():
    timeline = Timeline(zone=ZoneInfo("Europe/Oslo"))
    clocks = [f"2026-10-25T0{hour}:{minute}0:00" for hour in (1, 2, 2, 3) for minute in range(6)]
    times = [timeline.of({"date_time": clock}) for clock in clocks]
    assert {later - earlier for earlier, later in pairwise(times)} == {600 * SECOND}
