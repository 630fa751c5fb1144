"""What a line of han-every or han-peaks is about, and what each of its values is: what the sinks rest on."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.periods.calendar import Calendar
from hanpipe.periods.every import Every
from hanpipe.periods.kinds import LIMIT, PEAKS, PERIOD, RUNNING, Kind, kind_of
from hanpipe.periods.names import AMOUNT, FLAG, MOMENT, quantity_of
from hanpipe.periods.peaks import Peaks, rules
from hanpipe.readings import quantities

NOUNS = {"10s": "10 seconds", "1m": "minute", "5m": "5 minutes", "15m": "quarter hour", "1h": "hour", "1d": "day",
         "1mo": "month"}  # fmt: skip
START = int(datetime.datetime(2026, 3, 28, 22, 59, tzinfo=datetime.UTC).timestamp()) * 10**9


@given(st.sampled_from(sorted(NOUNS)), st.sampled_from(["Europe/Oslo", "UTC", "Asia/Kolkata"]), st.integers(0, 400))
def test_a_period_is_known_by_its_begin_and_end(period, zone, days):
    calendar, at = Calendar(period, ZoneInfo(zone)), START + days * 86_400 * 10**9
    begin = calendar.begin(at)
    line = {"begin": calendar.text(begin), "end": calendar.text(calendar.end(begin))}
    assert kind_of(line) == Kind(PERIOD, period, NOUNS[period])
    assert kind_of(line | {"running": True}) == Kind(RUNNING, period, NOUNS[period])
    assert kind_of(line | {"rule": "se-night"}).key == "peaks_se-night"
    assert kind_of(line | {"above_limit": False}).key == "limit"


@pytest.mark.parametrize(
    "line",
    [
        {"time": "2026-11-22T10:00:00Z", "act_pow_pos": 1},
        {"begin": "2026-11-22T10:00:00Z"},
        {"begin": 1, "end": 2},
        {"begin": "soon", "end": "later"},
        {"begin": "2026-11-22T10:00:00Z", "end": "2026-11-22T11:00:00"},
    ],
)
def test_anything_else_is_a_reading(line):
    assert kind_of(line) is None


def test_every_value_that_is_written_is_in_the_table():
    every = Every(Calendar("1h", ZoneInfo("Europe/Oslo")), running=600 * 10**9)
    names = [found.name for _, found in quantities.rows()] + ["gas_volume", "heat_energy_2", "act_energy_pos_T1"]
    reading = {name: 5 for name in names if quantities.named(name).what != quantities.TEXT}
    lines = []
    for minute in range(0, 600, 2):
        at = START + minute * 60 * 10**9
        lines += every.add(reading | {"time": Calendar("1m").text(at)}, at)
    peaks = Peaks(rules()["be"]._replace(seconds=3600), -1, changes=True)
    lines += [line for period in lines for line in peaks.add(period)] + peaks.finish()
    assert {kind_of(line).group for line in lines} == {PERIOD, RUNNING, PEAKS, LIMIT}
    kinds = {FLAG: bool, MOMENT: str, quantities.TEXT: str}
    for line in lines:
        for name, value in line.items():
            found = quantity_of(name)
            assert found or name == "time", name
            if found and found.what in kinds:
                assert type(value) is kinds[found.what], name
            elif found:
                assert type(value) is not str


def test_amounts_have_the_unit_of_their_register():
    for name, unit in (
        ("act_energy_pos_L2", "Wh"),
        ("react_energy_Q1", "varh"),
        ("gas_volume_2", "m3"),
        ("heat_energy", "GJ"),
    ):
        assert quantity_of(f"{name}_delta")[1:3] == (unit, AMOUNT)
    for name in (
        "act_pow_pos_delta",
        "meter_model_delta",
        "volt_L9_max",
        "act_energy_pos_max",
        "gas_volume_min",
        "peak_x",
    ):
        assert quantity_of(name) is None
