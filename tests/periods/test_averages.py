"""Means weighted by time, and energy between the readings of a register."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hanpipe.periods.averages import HOLD, Energy, Mean

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
HOLD_SECONDS = HOLD // SECOND

powers = st.integers(0, 20_000)
series = st.lists(st.tuples(st.integers(0, 150), powers), min_size=1, max_size=30)  # s since the one before, W


def seconds_of(readings, end):
    """The values that hold, second by second, until end."""
    times = [sum(gap for gap, _ in readings[: number + 1]) for number in range(len(readings))]
    ends = [*times[1:], end]
    for (_, value), begin, until in zip(readings, times, ends, strict=True):
        yield from [value] * min(until - begin, HOLD_SECONDS)


@given(series, st.integers(0, 150))
def test_a_mean_is_weighted_by_time(readings, tail):
    mean, now = Mean(), 0
    for gap, value in readings:
        now += gap
        mean.add(value, now * SECOND)
    now += tail
    values = list(seconds_of(readings, now))
    values = values or [value for _, value in readings]  # all at one moment
    expected = Decimal(sum(values)) / len(values)
    assert abs(mean.take(now * SECOND) - expected) < Decimal("1e-9")
    assert mean.take(now * SECOND) is None


@given(series, st.integers(1, 90))
def test_however_time_is_cut_each_part_has_its_own_mean(readings, part):
    seconds, now = {}, 0
    for gap, value in readings:
        now += gap
        seconds = {at: held for at, held in seconds.items() if at < now}
        seconds |= dict.fromkeys(range(now, now + HOLD_SECONDS), value)
    mean, now, boundary = Mean(), 0, part
    for gap, value in [*readings, (200, 0)]:
        now += gap
        while boundary <= now:
            values = [seconds[at] for at in range(boundary - part, boundary) if at in seconds]
            taken = mean.take(boundary * SECOND)
            assert taken is None if not values else abs(taken - Decimal(sum(values)) / len(values)) < Decimal("1e-9")
            boundary += part
        mean.add(value, now * SECOND)


def test_a_value_holds_for_a_minute_and_no_longer():
    mean = Mean()
    mean.add(1000, 0)
    assert mean.take(30 * SECOND) == 1000
    assert mean.take(61 * SECOND) == 1000
    assert mean.take(90 * SECOND) is None


@st.composite
def households(draw):
    """Hours of a house: step of its register, error of its power, power by minute; which hours repeat a register."""
    hours = draw(st.integers(1, 5))
    return {
        "step": draw(st.sampled_from([1, 10, 100])),
        "register": draw(st.integers(100, 10**8)),
        "error": draw(st.integers(-100, 15)),  # of power against the register, in thousandths
        "minutes": [draw(st.lists(powers, min_size=60, max_size=60)) for _ in range(hours)],
        "lost": [draw(st.sets(st.integers(0, 59), max_size=30)) for _ in range(hours)],
        "repeats": [draw(st.booleans()) for _ in range(hours)],
    }


def lived(house):
    """Yield (time, what, value) of a house: power every minute, some lost; the register at each full hour."""
    true = Decimal(house["register"])  # Wh that have flowed
    shown = int(true) // house["step"] * house["step"]
    yield 0, "register", shown
    for hour, minutes in enumerate(house["minutes"]):
        for minute, power in enumerate(minutes):
            if minute not in house["lost"][hour]:
                yield hour * HOUR + minute * 60 * SECOND, "power", power * (1000 + house["error"]) / Decimal(1000)
            true += Decimal(power) / 60
        repeat = house["repeats"][hour] and hour
        shown = shown if repeat else int(true) // house["step"] * house["step"]
        yield (hour + 1) * HOUR, "repeat" if repeat else "register", shown


@given(households())
def test_energy_is_the_register_at_every_hour_and_never_runs_backwards(house):
    energy, posted, registers = Energy(), [], []
    for at, what, value in lived(house):
        total = energy.total(at)
        posted += [total] if total is not None else []
        if what == "power":
            energy.add_power(value, at)
            continue
        assert energy.add_register(value, at) is False
        registers.append(value)
        posted.append(energy.total(at))
        if what == "register":
            assert energy.total(at) == value
    assert posted == sorted(posted)
    assert posted[-1] >= registers[-1]


@given(st.integers(0, 10**8), series, st.lists(st.integers(0, 5000), min_size=1, max_size=6))
def test_energy_never_runs_backwards_whatever_the_power(register, readings, differences):
    """The meter's power may have nothing to do with its register."""
    energy, now = Energy(), 0
    energy.add_register(register, now)
    posted = [energy.total(now)]
    for difference in differences:
        for gap, value in readings:
            now += gap * SECOND
            energy.add_power(value, now)
            posted.append(energy.total(now))
        ahead = energy.total(now)
        register += difference
        energy.add_register(register, now)
        posted.append(energy.total(now))
        # A register that moved is the truth: it is posted, or the last total again until the register exceeds it.
        assert posted[-1] == (max(register, ahead) if difference else ahead)
    assert posted == sorted(posted)


def test_power_fills_the_hour():
    energy = Energy()
    energy.add_register(21_123_450, 0)
    for minute in range(30):
        energy.add_power(2000, minute * 60 * SECOND)
    total = energy.total(HOUR // 2)
    assert 21_124_430 - 10 * 2 <= total <= 21_124_450


def test_a_repeated_register_does_not_count():
    """An Aidon that sends at 18:00 the registers of 17:00."""
    energy = Energy()
    energy.add_register(1003, 0)
    for minute in range(120):
        energy.add_power(1000, minute * 60 * SECOND)
        if minute == 60:
            before = energy.total(HOUR)
            energy.add_register(1003, HOUR)
            assert energy.total(HOUR) == before >= 1970
    assert energy.total(2 * HOUR) >= 2950
    energy.add_register(3003, 2 * HOUR)
    assert energy.total(2 * HOUR) == 3003
    assert energy.difference == 2000


def test_another_meter_begins_another_count():
    energy = Energy()
    energy.add_register(21_123_450, 0)
    energy.add_power(1000, 0)
    assert energy.add_register(12, HOUR) is True
    assert energy.total(HOUR) == 12
    assert energy.difference is None
    energy.restart()
    assert energy.total(HOUR) is None


def test_nothing_is_known_before_the_first_register():
    energy = Energy()
    energy.add_power(1000, 0)
    assert energy.total(HOUR) is None


@given(st.integers(0, 10**31 - 1), st.integers(1, 10**31 - 1))
def test_a_register_of_any_number_of_digits_counts_whole(first, more):
    energy = Energy()
    for number, register in enumerate((Decimal(first) / 8, Decimal(first) / 8 + more)):
        energy.add_register(register, number * SECOND)
        assert energy.total(number * SECOND) == int(register)
