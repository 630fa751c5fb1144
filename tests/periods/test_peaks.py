"""han-peaks: a month worked out by hand for each rule, and the warning of the hour that is still open."""

import datetime
import json
import subprocess
from zoneinfo import ZoneInfo

import pytest

from conftest import ROOT
from hanpipe.periods.peaks import Peaks, PeaksOfMeters, WrongPeriod, rules

OSLO = ZoneInfo("Europe/Oslo")


def hour(text, watts, minutes=60, **more):
    """A line of han-every: the period that begins then, local time, with a mean power."""
    begin = datetime.datetime.fromisoformat(text).replace(tzinfo=OSLO)
    end = (begin.astimezone(datetime.UTC) + datetime.timedelta(minutes=minutes)).astimezone(OSLO)
    energy = watts * minutes // 60
    line = {"time": end.isoformat(), "begin": begin.isoformat(), "end": end.isoformat()}
    return line | {"act_energy_pos_delta": energy, "estimated": False} | more


def peaks(rule, lines, **options):
    counted = Peaks(rules()[rule], **options)
    return [made for line in lines for made in counted.add(line)] + counted.finish()


# January 2026: Thursday the 1st. The highest hours, in W, two of them on one day, some at night and at the weekend.
JANUARY = [
    hour("2026-01-01T00:00", 400),
    hour("2026-01-06T17:00", 7000),  # Tuesday
    hour("2026-01-06T18:00", 6800),
    hour("2026-01-10T12:00", 6500),  # Saturday
    hour("2026-01-14T23:00", 9000),  # Wednesday, at night
    hour("2026-01-20T08:00", 5000),  # Tuesday
    hour("2026-01-21T19:00", 6900),  # Wednesday, after seven in the evening
    hour("2026-01-31T23:00", 300),
]


@pytest.mark.parametrize(
    ("rule", "figure", "days"),
    [
        ("no", (9000 + 7000 + 6900) / 3, [14, 6, 21]),
        ("se", (9000 + 7000 + 6900) / 3, [14, 6, 21]),
        ("se-night", (7000 + 6900 + 6500) / 3, [6, 21, 10]),  # the night counts 4500
        ("se-workdays", (7000 + 6800 + 5000) / 3, [6, 6, 20]),
        ("se-workdays-1", 7000, [6]),
        ("se-winter", 7000, [6]),
    ],
)
def test_a_month_by_hand(rule, figure, days):
    (line,) = peaks(rule, JANUARY)
    assert float(line["peak"]) == pytest.approx(figure, abs=0.05)
    assert [line[f"peak_{number}_begin"][8:10] for number in range(1, len(days) + 1)] == [f"{day:02}" for day in days]
    assert f"peak_{len(days) + 1}" not in line
    assert line["begin"] == "2026-01-01T00:00:00+01:00"
    assert line["end"] == "2026-02-01T00:00:00+01:00"
    assert line["ended"] is False


def test_two_hours_of_one_day_are_one_peak_in_norway_and_two_in_gothenburg():
    hours = [hour("2026-01-06T17:00", 7000), hour("2026-01-06T18:00", 6800), hour("2026-01-07T18:00", 1000)]
    assert peaks("no", hours)[0]["peak"] == 4000
    assert float(peaks("se", hours)[0]["peak"]) == pytest.approx(14800 / 3, abs=0.05)


def test_flanders_takes_the_mean_of_twelve_months_of_2500_w_at_least():
    monthly = [632, 4600, 0, 1028, 3444, 4164, 4564, 6000, 9200, 5000, 4120, 4880, 8000]
    lines = peaks(
        "be", [hour(f"{2026 + n // 12}-{n % 12 + 1:02}-15T12:00", watts, 15) for n, watts in enumerate(monthly)]
    )
    assert [line["peak_month"] for line in lines] == [max(2500, watts) for watts in monthly]
    assert lines[0]["peak"] == 2500
    assert lines[0]["months"] == 1
    first = sum(max(2500, watts) for watts in monthly[:12]) / 12
    last = sum(max(2500, watts) for watts in monthly[1:]) / 12
    assert [float(lines[n]["peak"]) for n in (11, 12)] == [
        pytest.approx(first, abs=0.05),
        pytest.approx(last, abs=0.05),
    ]
    assert [line["ended"] for line in lines] == [True] * 12 + [False]


@pytest.mark.parametrize(
    ("months", "expected", "count"),
    [
        (["2024-01", "2026-01"], 4000, 1),
        (["2025-01", "2026-01"], 4000, 1),
        (["2025-02", "2026-01"], 12000, 2),
        (["2025-02", "2096-01", "2026-01"], 12000, 2),  # a clock that was wrong for a while
    ],
)
def test_flanders_counts_the_last_twelve_months_of_the_calendar(months, expected, count):
    watts = [20000, *[9000] * (len(months) - 2), 4000]
    line = peaks("be", [hour(f"{month}-15T12:00", power, 15) for month, power in zip(months, watts, strict=True)])[-1]
    assert (line["peak"], line["months"], line["peak_month"]) == (expected, count, 4000)


def test_a_month_goes_on_after_a_clock_was_wrong_for_a_while():
    months = {"2025-11": 20000, "2026-01": 9000, "2096-01": 7000}
    periods = [hour(f"{month}-15T12:00", watts, 15) for month, watts in [*months.items(), ("2026-01", 4000)]]
    line = peaks("be", periods)[-1]
    assert (line["peak"], line["months"], line["peak_month"]) == (14500, 2, 9000)


def test_a_clock_that_is_set_back_over_the_end_of_a_month_ends_no_month_twice():
    begins = ["2026-01-31T20:00:00+01:00", "2026-02-01T00:00:00+01:00", "2026-01-31T23:45:00+01:00"]
    lines = [hour(begin, watts, 15) for begin, watts in zip(begins, (8000, 3000, 5000), strict=True)]
    found = peaks("be", [*lines, hour("2026-02-01T00:15:00+01:00", 4000, 15)])
    assert [(line["month"], line["peak_month"]) for line in found][-2:] == [("2026-01", 8000), ("2026-02", 4000)]
    assert (found[-1]["peak"], found[-1]["months"]) == (6000, 2)


def test_a_month_is_a_local_one():
    hours = [hour("2026-03-31T23:00", 5000), hour("2026-04-01T00:00", 3000)]
    assert [(line["month"], line["begin"], line["peak"]) for line in peaks("no", hours)] == [
        ("2026-03", "2026-03-31T23:00:00+02:00", 5000),
        ("2026-04", "2026-04-01T00:00:00+02:00", 3000),
    ]


def test_estimated_hours_are_marked_and_can_be_left_out():
    hours = [hour("2026-01-06T17:00", 7000, estimated=True), hour("2026-01-07T18:00", 5000)]
    (line,) = peaks("no", hours)
    assert [line["peak_1_estimated"], line["peak_2_estimated"]] == [True, False]
    (line,) = peaks("no", hours, estimated=False)
    assert line["peak"] == 5000


def test_changes_come_out_as_they_happen():
    lines = peaks("no", JANUARY, changes=True)
    assert [line["peak_1"] for line in lines] == [400, 7000, 7000, 9000, 9000, 9000]


def test_the_limit_warns_once_and_once_more_when_it_is_over():
    running = [{"running": True, "projected": energy} for energy in (4000, 5200, 5400, 4900, 4000)]
    lines = peaks("no", [hour("2026-01-06T17:00", 0) | one for one in running], limit=5000)
    assert [(line["above_limit"], line["heading"], line["limit"]) for line in lines] == [
        (True, 5200, 5000),
        (False, 4900, 5000),
    ]


@pytest.mark.parametrize(
    ("rule", "begin", "expected"),
    [
        ("se-workdays", "2026-01-10T12:00", []),  # a Saturday
        ("se-workdays", "2026-01-12T12:00", [(True, 6000)]),
        ("se-workdays", "2026-01-12T19:00", []),
        ("se-winter", "2026-07-06T12:00", []),
        ("se-night", "2026-01-12T23:00", []),  # counts by half
        ("se-night", "2026-01-12T12:00", [(True, 6000)]),
    ],
)
def test_the_limit_is_for_the_power_that_the_rule_counts(rule, begin, expected):
    lines = peaks(rule, [hour(begin, 0, running=True, projected=6000)], limit=5000)
    assert [(line["above_limit"], line["heading"]) for line in lines] == expected


def test_the_warning_ends_where_the_rule_counts_no_longer():
    hours = [hour(f"2026-01-12T{begin}:00", 0, running=True, projected=6000) for begin in (18, 19)]
    lines = peaks("se-workdays", hours, limit=5000)
    assert [line["above_limit"] for line in lines] == [True, False]


def test_periods_of_another_length_are_refused():
    with pytest.raises(WrongPeriod, match=r"rule be counts quarter hours \(han-every 15m\), got one of 3600 s"):
        peaks("be", JANUARY)


def test_each_rule_has_its_source_and_the_shape_that_it_needs():
    for rule in rules().values():
        assert rule.peaks >= 1
        assert rule.months in (1, 12)
        assert rule.seconds in (900, 3600)
        assert rule.title


def run(*arguments, text):
    return subprocess.run(
        [f"{ROOT}/bin/han-peaks", *arguments], input=text, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_program_reads_what_han_every_writes():
    text = "".join(json.dumps(line) + "\n" for line in JANUARY) + '{"act_pow_pos":1}\n'
    done = run("--rule", "no", text=text)
    assert json.loads(done.stdout)["peak"] == 7633.3
    assert done.stderr == "han-peaks: skipped 1 line that is not a period; is the input from han-every?\n"
    assert done.returncode == 0
    done = run("--rule", "be", text=text)
    assert done.returncode == 3
    assert "rule be counts quarter hours" in done.stderr
    assert "expected a power such as 5kW" in run("--rule", "no", "--limit", "much", text="").stderr


def test_months_that_ended_before_a_period_of_another_length_are_written():
    periods = [*(hour(f"2026-0{month}-06T17:00", 1000 * month) for month in (1, 2, 3)), hour("2026-03-07T17:00", 1, 15)]
    done = run("--rule", "no", text="".join(json.dumps(line) + "\n" for line in periods))
    assert [json.loads(line)["peak"] for line in done.stdout.splitlines()] == [1000, 2000]
    assert done.stderr == "han-peaks: rule no counts hours (han-every 1h), got one of 900 s\n"
    assert done.returncode == 3


def test_of_too_many_meters_the_one_longest_silent_gives_way_and_its_months_come_out(monkeypatch):
    monkeypatch.setattr("hanpipe.periods.peaks.MOST_METERS", 2)
    meters = PeaksOfMeters(lambda: Peaks(rules()["no"]))
    periods = [hour("2026-01-06T17:00", 1000 * int(name), meter_ID=name, source="house") for name in "121"]
    assert [line for period in periods for line in meters.add(period)] == []
    assert [line["meter_ID"] for line in meters.add(hour("2026-01-06T17:00", 3000, meter_ID="1"))] == ["2"]
    assert [(line.get("source"), line["meter_ID"]) for line in meters.finish()] == [("house", "1"), (None, "1")]


def test_the_first_periods_of_a_meter_may_lack_its_number():
    meters = PeaksOfMeters(lambda: Peaks(rules()["no"]))
    periods = [hour("2026-01-06T17:00", 4000), hour("2026-01-07T17:00", 1000, meter_ID="1")]
    assert [line for period in periods for line in meters.add(period)] == []
    assert [(line["meter_ID"], line["peak_1"]) for line in meters.finish()] == [("1", 4000)]
