"""A day of a meter that sends its registers once an hour, as the graphs of Domoticz show it.

The model of Domoticz takes a sample every five minutes, and computes the power of a P1 device from two of them.
"""

import calendar
import functools
import itertools
import math
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domoticz_server import KWH, P1, History
from hanpipe.fake.household import Household
from hanpipe.periods.intervals import Account, Intervals
from hanpipe.sinks.domoticz import devices
from hanpipe.sinks.domoticz.check import _start
from hanpipe.sinks.domoticz.feed import Feed
from hanpipe.sinks.domoticz.sink import EARLY
from hanpipe.sinks.domoticz.total import Total

SECOND = 10**9
EVERY = 10  # s between two lists
REGISTER = 21_123_450  # Wh at midnight
DEVICES = {"kwh": (KWH, devices.power(1, False), "0;%d"), "p1": (P1, devices.p1(1), "%d;0;0;0;0;0")}


class Sine:
    """A house that draws between 400 and 3,400 W."""

    def power(self, at):
        """W at so many s since midnight."""
        return 1900 + 1500 * math.sin(at / 4000)

    def energy(self, begin, end):
        """The integral of its power, Wh."""
        return sum(self.power(at) * EVERY / 3600 for at in range(begin, end, EVERY))


class Simulated:
    """A day of han-fake's house, which changes its power each 10 s: car, kettle, and in June panels."""

    def __init__(self, month, seed):
        midnight = calendar.timegm((2026, month, 21, 0, 0, 0)) * 1000
        house = Household(seed, midnight - 1000 * EVERY)
        self._values = []
        for at in range(0, 86400 + EVERY, EVERY):
            house.advance(midnight + 1000 * at)
            self._values.append((house.values["act_pow_pos"] / 1000, house.values["act_energy_pos"] / 1000))

    def power(self, at):
        return self._values[at // EVERY][0]

    def energy(self, begin, end):
        return self._shown(end) - self._shown(begin)

    def _shown(self, at):
        watts, energy = self._values[at // EVERY]
        return energy + watts * (at % EVERY) / 3600


SINE = Sine()
simulated = functools.cache(Simulated)


def run(history, kind, begin, end, house=SINE):
    """One run of han-domoticz, s since midnight: readings -> posts into the history; return their times."""
    _, device, _ = DEVICES[kind]
    start = _start(device, history.entry)
    feed, times = Feed(device, start), []
    intervals = Intervals(Account(device.fields, print), 60, EARLY)

    def post(ended):
        for figures in ended:
            if svalue := feed.svalue(figures):
                moment = intervals._account._begin // SECOND
                history.post(moment, svalue)
                times.append(moment)

    for at in range(-(-begin // EVERY) * EVERY, end, EVERY):
        reading = {"act_pow_pos": round(house.power(at))}
        if at % 3600 == EVERY:
            reading["act_energy_pos"] = int(REGISTER + house.energy(0, at)) // 10 * 10
        post(intervals.add(reading, at * SECOND))
    post(intervals.pass_to(end * SECOND))
    return times


def day(kind, *runs, house=SINE):
    """Runs, one after the other, with a device that knows the energy at the begin of the first."""
    made, _, value = DEVICES[kind]
    begin = runs[0][0]
    history = History(made, value % (REGISTER + house.energy(0, begin)), begin)
    times = [run(history, kind, *one, house) for one in runs]
    history.pass_to(runs[-1][1])
    return history, times


@pytest.mark.parametrize("kind", DEVICES)
@pytest.mark.parametrize("again", [14 * 3600 + 1200, 15 * 3600 - 30, 12 * 3600 + 400])
def test_after_a_restart_power_is_posted_at_once_and_nothing_jumps(kind, again):
    history, times = day(kind, (12 * 3600 + 300, again), (again + 20, 86400))
    assert times[1][0] - again <= 2 * 60 + 20
    highest = max(SINE.power(at) for at in range(12 * 3600, 86400, EVERY))
    graph = history.graph()[1:]  # Domoticz takes the first sample before the first post
    assert max(graph) <= highest * 1.05 + 12
    assert min(graph) >= 400 * 0.95 - 24  # not one flat sample


@pytest.mark.slow
@pytest.mark.parametrize("kind", DEVICES)
def test_the_day_row_is_the_integral(kind):
    """The first day too, if --create has given the device its first value; and with a restart in it."""
    for runs in ([(0, 86400)], [(11 * 3600 + 10, 86400)], [(0, 50_000), (50_030, 86400)]):
        history, _ = day(kind, *runs)
        assert history.day() == pytest.approx(SINE.energy(runs[0][0], 86400), rel=0.005)


def test_after_the_hour_the_graph_of_a_p1_device_has_no_step():
    history, _ = day("p1", (0, 86400))
    times = [at for at, _ in history.samples[1:]]
    for at, shown in zip(times, history.graph(), strict=True):  # of an interval that ended up to a minute before
        assert shown <= 1.05 * max(SINE.power(moment) for moment in range(at - 360, at + 1, EVERY)) + 24


@pytest.mark.slow
@pytest.mark.parametrize(("month", "seed"), list(itertools.product((1, 6), (1, 2, 3, 4))))
def test_the_day_row_of_a_simulated_house_is_the_integral_and_no_sample_is_a_spike(month, seed):
    """Within 0.5 % or 15 Wh, which a register of 10 Wh and the last 5 s leave open; each 5 minutes of the graph too."""
    house, chance = simulated(month, seed), random.Random(seed)
    again, first = chance.randrange(40_000, 80_000), 3600 * chance.randrange(1, 20) + EVERY
    for runs in ([(0, 86400)], [(first, 86400)], [(0, again), (again + 20, 86400)]):
        history, _ = day("p1", *runs, house=house)
        began = history.samples[0][0]
        lost = len(runs) > 1 and house.energy(again - 60, again + 20) * 0.5  # up to 80 s have no post
        expected = house.energy(began, 86400)
        assert history.day() == pytest.approx(expected, rel=0.005, abs=15 + lost)
        for (at, _), shown in zip(history.samples[1:], history.graph(), strict=True):
            near = range(max(0, at - 380) // EVERY * EVERY, at + 1, EVERY)
            assert shown <= 1.05 * max(map(house.power, near)) + 24


@pytest.mark.slow
def test_after_ten_minutes_away_the_difference_shrinks_by_5_percent_of_the_power():
    """It cannot be made up faster without a spike; but the day has no other error."""
    for month, seed in itertools.product((1, 6), (1, 2)):
        house = simulated(month, seed)
        away = 50_000
        history, _ = day("p1", (0, away), (away + 600, 86400), house=house)
        register = -(-(away + 600) // 3600) * 3600 + EVERY
        missed, after = house.energy(away // 60 * 60 - EARLY, away + 600), house.energy(register, 86400)
        error = house.energy(0, 86400) - history.day()
        assert -20 <= error <= max(0, missed - 0.045 * after) + 0.005 * house.energy(0, 86400)


@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(-100, 8000), st.decimals(0, 500, places=2)), min_size=1, max_size=50),
)
@settings(deadline=None)
def test_a_total_never_runs_backwards_and_never_hurries(start, steps):
    total, before = Total(start), start
    for ahead, flowed in steps:
        shown = total.show(start + ahead, flowed, 60.0)
        assert before <= shown <= before + 1 + max(float(flowed) * 1.05, 8000 / 720)
        before = shown


@given(st.floats(0.9, 1.04), st.integers(20, 150))
@settings(deadline=None, max_examples=20)
def test_a_total_keeps_near_a_register_that_counts_less_or_more_than_the_power(factor, flowed):
    """A device that is ahead grows more slowly, and does not stop."""
    total, estimate, register, before = Total(0), 0.0, 0.0, 0
    for minute in range(1, 12 * 60):
        register += flowed * factor
        estimate = int(register) // 10 * 10 if minute % 60 == 0 else estimate + flowed
        shown = total.show(Decimal(estimate), Decimal(flowed), 60.0)
        assert shown > before
        before = shown
    assert abs(shown - register) <= 0.2 * 60 * flowed + 20


def test_a_total_takes_a_new_device_and_another_meter_at_once():
    assert Total(0).show(21_123_450, None, 60.0) == 21_123_450
    assert Total(21_123_450).show(5_000, None, 60.0) == 5_000
