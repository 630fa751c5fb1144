"""Axes and words: round numbers, round local times, and figures that a person can read."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.periods.calendar import local
from hanpipe.report.axes import FINE, of_numbers, of_time, step
from hanpipe.report.words import figure, length, percent, text, title

OSLO = ZoneInfo("Europe/Oslo")
MARCH = 1_772_582_400_000_000_000  # 2026-03-04T00:00:00Z
DAY = 86_400_000_000_000


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_an_axis_of_numbers_holds_all_of_them_with_few_lines(low, span):
    ticks = of_numbers(low, low + span)
    assert ticks[0].value <= low + 1e-6 * span
    assert ticks[-1].value >= low + span - 1e-6 * span
    assert 2 <= len(ticks) <= 7
    assert len({tick.label for tick in ticks}) == len(ticks)


@given(st.floats(1e-3, 1e9), st.integers(3, 8), st.sampled_from([(1.0, 2.0, 5.0, 10.0), FINE]))
def test_a_step_is_round_and_not_too_small(span, lines, steps):
    made = step(span, lines, steps)
    assert span / lines * 0.99 <= made <= 2.6 * span / lines
    assert float(f"{made:.2g}") == pytest.approx(made)


@given(st.integers(0, 365 * DAY), st.integers(DAY // 24, 3 * 365 * DAY))
def test_an_axis_of_time_has_few_labels_at_local_hours_days_or_months(offset, span):
    begin, end = MARCH + offset, MARCH + offset + span
    ticks = of_time(begin, end, OSLO)
    assert all(begin <= tick.value <= end for tick in ticks)
    assert [tick.value for tick in ticks] == sorted({tick.value for tick in ticks})
    assert len(ticks) <= 20
    for tick in ticks:
        then = local(int(tick.value), OSLO)
        assert (then.minute, then.second) == (0, 0)
        assert then.hour == 0 or ":" in tick.label


def test_a_day_of_25_hours_has_its_hour_twice_and_labels_at_round_hours():
    begin = int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()) * 10**9
    labels = [tick.label for tick in of_time(begin, begin + 25 * DAY // 24, OSLO)]
    assert labels == ["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "00:00"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0.00"),
        (-0.001, "0.00"),
        (0.456, "0.46"),
        (9.999, "10.0"),
        (12.34, "12.3"),
        (99.96, "100"),
        (-1234.5, "-1,234"),
    ],
)
def test_a_figure_has_three_digits_that_count(value, words):
    assert figure(value) == words


def test_other_words():
    assert percent(99_999, 100_000) == "> 99.9 %"
    assert (percent(1, 1), percent(0, 1), percent(1, 8), percent(1, 10**6)) == ("100 %", "0 %", "12.5 %", "< 0.1 %")
    assert (length(65 * 10**9), length(90_061 * 10**9), length(0)) == ("1 min 5 s", "1 d 1 h", "0 s")
    assert text("<a & b>\0\x1b\ud800") == "&lt;a &amp; b&gt;\ufffd\ufffd\ufffd"


@pytest.mark.parametrize(
    ("days", "words"),
    [(0.9, "Wednesday 4 March 2026"), (25, "March 2026"), (3, "4 March 2026 to 7 March 2026"), (301, "2026")],
)
def test_the_title_is_the_day_month_or_year_of_the_archive(days, words):
    assert title(MARCH, MARCH + int(days * DAY), UTC) == words
