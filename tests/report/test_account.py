"""The account of a meter: its sums are those of han-every, whatever the archive is cut into."""

import itertools
import json
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.periods.dating import Dating
from hanpipe.periods.peaks import rules
from hanpipe.report.archive import Archive
from hanpipe.report.bins import Bins, Histogram
from hanpipe.report.run import HIGHEST_HOURS, Accounts
from programs import run
from report.houses import START, house, lines

OSLO = ZoneInfo("Europe/Oslo")
READINGS = ("readings", "readings of han-fields", "")


def accounts(pieces, zone=OSLO, rule=HIGHEST_HOURS):
    """The accounts of an archive in these pieces, each of a file of its own."""
    archive, dating, made = Archive(None, None, lambda begin: READINGS), Dating(zone), Accounts(zone, rule, None, None)
    for number, piece in enumerate([*pieces, b""]):
        made.take([dated for one in archive.feed(piece, str(number)) for dated in dating.add(one)])
    made.take(dating.finish())
    return made.finish()


GIVEN = lines(house(6, sun=1200) + house(30, start=START.replace(day=6), sun=600))


@pytest.mark.slow
@given(st.lists(st.integers(0, len(GIVEN)), max_size=6))
def test_an_archive_gives_the_same_account_in_any_cutting_into_files(cuts):
    edges = [0, *sorted(cuts), len(GIVEN)]
    (account,) = accounts([GIVEN[begin:end] for begin, end in itertools.pairwise(edges) if begin < end])
    (whole,) = accounts([GIVEN])
    assert account.readings == whole.readings == 36 * 60
    for name in ("totals", "estimated", "registers", "highest", "months", "first", "last"):
        assert getattr(account, name) == getattr(whole, name)
    assert [(span.begin, span.bin["power"].area) for span in account.curve.spans() if "power" in span.bin] == [
        (span.begin, span.bin["power"].area) for span in whole.curve.spans() if "power" in span.bin
    ]


@pytest.mark.parametrize("rule", ["no", "be"])
def test_the_sums_are_those_of_han_every(rule):
    period = "15m" if rule == "be" else "1h"
    result = [
        json.loads(line, parse_float=Decimal)
        for line in run("han-every", period, "--zone", "Europe/Oslo", given=GIVEN).out.splitlines()
    ]
    (account,) = accounts([GIVEN], rule=rules()[rule])
    for register in ("act_energy_pos", "act_energy_neg"):
        deltas = [line[f"{register}_delta"] for line in result if f"{register}_delta" in line]
        assert account.totals[register] == sum(deltas) > 0
        assert sum(span.bin[register].area for span in account.energy.spans() if register in span.bin) == sum(deltas)
        assert account.registers[register] == [line[register] for line in result if register in line][-1]


@pytest.mark.slow
def test_the_peaks_are_those_of_han_peaks():
    result = run("han-every", "1h", "--zone", "Europe/Oslo", given=GIVEN).out
    (line,) = run("han-peaks", "--rule", "no", given=result).out.splitlines()
    (account,) = accounts([GIVEN], rule=rules()["no"])
    assert [account.months[0]["peak"], account.months[0]["peak_1_begin"]] == [
        json.loads(line, parse_float=Decimal)[name] for name in ("peak", "peak_1_begin")
    ]


def test_an_hour_that_holds_the_energy_of_a_gap_is_not_a_peak():
    before, after = house(5), house(80, start=START.replace(day=14))
    (account,) = accounts([lines(before + after)])
    assert account.months[0]["peak_1"] <= 2500
    assert max(span.bin["power"].high for span in account.periods.spans()) <= 2500


HOUR = 3_600_000_000_000


@given(st.lists(st.integers(0, 9000), min_size=1, max_size=60), st.integers(2, 30))
def test_bins_do_not_overlap_and_keep_every_sum(hours, most):
    bins = Bins(("1h", "1d", "1mo"), OSLO, most)
    for hour in hours:
        bins.add(1_772_582_400_000_000_000 + hour * HOUR, "a", hour, 1, hour, hour)
    spans = bins.spans()
    assert len(spans) <= most or bins.period == "1mo"
    assert all(one.end <= after.begin for one, after in itertools.pairwise(spans))
    assert sum(span.bin["a"].area for span in spans) == sum(hours)
    assert min(span.bin["a"].low for span in spans) == min(hours)
    assert max(span.bin["a"].high for span in spans) == max(hours)
    for hour in hours:
        at = 1_772_582_400_000_000_000 + hour * HOUR
        assert sum(span.begin <= at < span.end for span in spans) == 1


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(1, 100)), min_size=1))
def test_a_histogram_falls_from_all_of_the_time_to_none(values):
    histogram = Histogram()
    for power, weight in values:
        histogram.add(power, weight)
    descending = list(histogram.descending())
    assert descending == sorted(descending, key=lambda point: (-point[0], point[1]))
    assert descending[-1][1] == pytest.approx(1)
    assert len(descending) <= 2000
    assert histogram.at(1) == descending[-1][0]


@given(st.integers(-(10**31), 10**31))
def test_a_power_of_any_number_of_digits_has_a_bucket(power):
    histogram = Histogram()
    histogram.add(Decimal(power) / 8, 1)
    assert abs(Decimal(histogram.at(1)) - Decimal(power) / 8) <= max(5, abs(power) // 10**15)
