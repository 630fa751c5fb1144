"""A day of a meter that sends its registers once an hour, as the graphs of Domoticz show it.

The model of Domoticz takes a sample every five minutes, and computes the power of a P1 device from two of them.
"""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domoticz_server import KWH, P1, History
from hanpipe.periods.intervals import Account, Intervals
from hanpipe.sinks.domoticz import devices
from hanpipe.sinks.domoticz.check import _start
from hanpipe.sinks.domoticz.feed import Feed
from hanpipe.sinks.domoticz.total import Total

SECOND = 10**9
EVERY = 10  # s between two lists
REGISTER = 21_123_450  # Wh at midnight
DEVICES = {"kwh": (KWH, devices.power(1, False), "0;%d"), "p1": (P1, devices.p1(1), "%d;0;0;0;0;0")}


def power(at):
    """A house that draws between 400 and 3,400 W, in W."""
    return 1900 + 1500 * math.sin(at / 4000)


def energy(begin, end):
    """The integral of its power, Wh."""
    return sum(power(at) * EVERY / 3600 for at in range(begin, end, EVERY))


def run(history, kind, begin, end):
    """One run of han-domoticz, s since midnight: readings -> posts into the history; return their times."""
    _, device, _ = DEVICES[kind]
    start = _start(device, history.entry)
    feed, times = Feed(device, start), []
    intervals = Intervals(Account(device.fields, print), 60)

    def post(ended):
        for figures in ended:
            if svalue := feed.svalue(figures):
                moment = intervals._account._begin // SECOND
                history.post(moment, svalue)
                times.append(moment)

    for at in range(begin, end, EVERY):
        reading = {"act_pow_pos": round(power(at))}
        if at % 3600 == EVERY:
            reading["act_energy_pos"] = int(REGISTER + energy(0, at)) // 10 * 10
        post(intervals.add(reading, at * SECOND))
    return times


def day(kind, *runs):
    """Runs, one after the other, with a device that knows the energy at the begin of the first."""
    made, _, value = DEVICES[kind]
    begin = runs[0][0]
    history = History(made, value % (REGISTER + energy(0, begin)), begin)
    times = [run(history, kind, *one) for one in runs]
    history.pass_to(runs[-1][1])
    return history, times


@pytest.mark.parametrize("kind", DEVICES)
@pytest.mark.parametrize("again", [14 * 3600 + 1200, 15 * 3600 - 30, 12 * 3600 + 400])
def test_after_a_restart_power_is_posted_at_once_and_nothing_jumps(kind, again):
    history, times = day(kind, (12 * 3600 + 300, again), (again + 20, 86400))
    assert times[1][0] - again <= 2 * 60 + 20
    highest = max(power(at) for at in range(12 * 3600, 86400, EVERY))
    graph = history.graph()[1:]  # Domoticz takes the first sample before the first post
    assert max(graph) <= highest * 1.05 + 12
    assert min(graph) >= 400 * 0.95 - 24  # not one flat sample


@pytest.mark.parametrize("kind", DEVICES)
def test_the_day_row_is_the_integral(kind):
    """The first day too, if --create has given the device its first value; and with a restart in it."""
    for runs in ([(0, 86400)], [(11 * 3600 + 10, 86400)], [(0, 50_000), (50_030, 86400)]):
        history, _ = day(kind, *runs)
        assert history.day() == pytest.approx(energy(runs[0][0], 86400), rel=0.005)


def test_after_the_hour_the_graph_of_a_p1_device_has_no_step():
    history, _ = day("p1", (0, 86400))
    times = [at for at, _ in history.samples[1:]]
    for at, shown in zip(times, history.graph(), strict=True):  # of an interval that ended up to a minute before
        assert shown <= 1.05 * max(power(moment) for moment in range(at - 360, at + 1, EVERY)) + 24


@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(0, 40_000), st.decimals(0, 500, places=2)), min_size=1, max_size=50),
)
@settings(deadline=None)
def test_a_total_never_runs_backwards_and_never_overtakes_its_register(start, steps):
    total, register, before = Total(start), start, start
    for grown, flowed in steps:
        register += grown
        shown = total.show(register, flowed, 60.0)
        assert before <= shown <= register
        before = shown


def test_a_total_takes_a_new_device_and_another_meter_at_once():
    assert Total(0).show(21_123_450, None, 60.0) == 21_123_450
    assert Total(21_123_450).show(5_000, None, 60.0) == 5_000
