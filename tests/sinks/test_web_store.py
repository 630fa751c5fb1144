"""The history of han-web: what goes in comes out, in hours, days and months, and no file is spoiled."""

import datetime
import os
import resource
import sqlite3
import stat
import zoneinfo
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.periods.peaks import rules
from hanpipe.sinks.errors import Misconfigured, NotWritten
from hanpipe.sinks.web import store as store_module
from hanpipe.sinks.web.history import History
from hanpipe.sinks.web.store import MOST_METERS, VERSION, Store

UTC = datetime.UTC
OSLO = datetime.timezone(datetime.timedelta(hours=1))
QUARTER = datetime.timedelta(minutes=15)
BEGIN = datetime.datetime(2026, 3, 4, tzinfo=OSLO)
ONE = "7359990000000001"


@pytest.fixture
def store(tmp_path):
    opened = Store(str(tmp_path / "new" / "han-web.db"))
    yield opened
    opened.close()


def period(number, energy=250, **more):
    """The period of a quarter: the number counts from BEGIN."""
    begin = BEGIN + number * QUARTER
    line = {"begin": begin.isoformat(), "end": (begin + QUARTER).isoformat(), "meter_ID": ONE}
    return line | {"act_energy_pos_delta": energy, "known": 1, "estimated": False} | more


def all_of(store, by, meter=1):
    return store.rows(meter, by, 0, 1 << 33)


def history(store, zone=OSLO, rule="no"):
    return History(store, zone, rules()[rule])


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=300))
def test_hours_days_and_months_have_the_sum_of_their_quarters(energies):
    store = Store(":memory:")
    for number, energy in enumerate(energies):
        store.add(period(number, energy, act_pow_pos_max=4 * energy))
    for by in ("quarter", "hour", "day", "month"):
        rows = all_of(store, by)
        assert sum(row["import_wh"] for row in rows) == sum(energies)
        assert sum(row["known"] for row in rows) == len(energies)
        assert max(row["import_max"] for row in rows) == 4 * max(energies)
    hours = [sum(energies[first : first + 4]) for first in range(0, len(energies), 4)]
    assert [row["import_wh"] for row in all_of(store, "hour")] == hours
    days = [sum(energies[first : first + 96]) for first in range(0, len(energies), 96)]
    assert [row["import_wh"] for row in all_of(store, "day")] == days
    store.close()
    os.unlink(":memory:")


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 99))
def test_two_parts_of_a_period_are_one(first, second, percent):
    store = Store(":memory:")
    share = Decimal(percent) / 100
    store.add(period(0, first, known=share, act_pow_pos_max=first, volt_L1=Decimal(230), volt_L1_min=229))
    store.add(period(0, second, known=1 - share, act_pow_pos_max=second, volt_L1=Decimal(232), volt_L1_min=231))
    (row,) = all_of(store, "quarter")
    assert (row["import_wh"], row["import_max"], row["l1_min"]) == (first + second, max(first, second), 229)
    assert row["l1"] == pytest.approx(230 * share.__float__() + 232 * (1 - share.__float__()), abs=0.06)
    store.close()
    os.unlink(":memory:")


def test_an_archive_that_is_read_twice_counts_once(store):
    for _ in range(2):
        for number in range(8):
            store.add(period(number))
    assert [row["import_wh"] for row in all_of(store, "hour")] == [1000, 1000]


def test_what_a_meter_does_not_send_is_not_known(store):
    store.add(period(0))
    (row,) = all_of(store, "hour")
    assert [row[name] for name in ("export_wh", "l1", "l2_max")] == [None, None, None]


def test_the_hour_that_comes_twice_in_autumn_is_two_hours(store):
    for hour, offset in ((2, 2), (2, 1), (3, 1)):
        zone = datetime.timezone(datetime.timedelta(hours=offset))
        begin = datetime.datetime(2026, 10, 25, hour, tzinfo=zone)
        store.add(period(0) | {"begin": begin.isoformat()})
    assert [row["local"] - row["begin"] for row in all_of(store, "hour")] == [7200, 3600, 3600]
    assert len(all_of(store, "day")) == 1


def days_of(store, zone, begin, days, step=QUARTER):
    """Fill a store with periods of days on the calendar of a zone."""
    at, end = begin.astimezone(UTC), (begin + datetime.timedelta(days=days)).astimezone(UTC)
    while at < end:
        store.add(period(0) | {"begin": at.astimezone(zone).isoformat()})
        at += step


@pytest.mark.parametrize(
    ("name", "first", "changed"),
    [
        ("Europe/Oslo", (2026, 10, 1), 25),
        ("Europe/Oslo", (2026, 3, 1), 29),
        ("America/New_York", (2026, 11, 1), 1),
        ("America/New_York", (2026, 3, 1), 8),
    ],
)
@pytest.mark.parametrize("odd", [None, "first", "last"])
def test_a_month_in_which_the_clock_changes_has_each_of_its_days(store, name, first, changed, odd):
    zone = zoneinfo.ZoneInfo(name)
    begin = datetime.datetime(*first, tzinfo=zone)
    days = (begin + datetime.timedelta(days=32)).replace(day=1).toordinal() - begin.toordinal()
    days_of(store, zone, begin, days, datetime.timedelta(hours=1))
    if odd:  # one period of the day is above all others
        one = begin.replace(day=changed, hour=0 if odd == "first" else 22)
        store.add(period(0, 9000) | {"begin": one.isoformat(), "estimated": True, "act_pow_pos_max": 36_000})
    asked = history(store, zone)
    names = [row["at"] for row in asked.answer(asked.question(f"meter=1&by=day&of={begin:%Y-%m}"))]
    assert names == [f"{begin:%Y-%m}-{day:02}" for day in range(1, days + 1)]
    assert [row["at"] for row in asked.answer(asked.question(f"meter=1&by=month&of={begin:%Y}"))] == [f"{begin:%Y-%m}"]


@pytest.mark.parametrize(("day", "hours"), [((2026, 4, 5), 25), ((2026, 10, 4), 24)])
def test_no_two_hours_are_one_where_the_clock_changes_by_half_an_hour(store, day, hours):
    zone = zoneinfo.ZoneInfo("Australia/Lord_Howe")
    days_of(store, zone, datetime.datetime(*day, tzinfo=zone), 1)
    rows = all_of(store, "hour")
    assert len(rows) == hours
    assert sorted(row["import_wh"] for row in rows) == [500, *[1000] * (hours - 1)]


def test_days_of_a_zone_of_half_hours_are_local(store):
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    for number in range(96):
        begin = datetime.datetime(2026, 3, 4, tzinfo=zone) + number * QUARTER
        store.add(period(0) | {"begin": begin.isoformat()})
    assert [row["import_wh"] for row in all_of(store, "hour")] == [1000] * 24
    assert len(all_of(store, "day")) == 1


def test_a_clock_that_starts_in_1970_leaves_no_rows(store):
    store.add(period(0, begin="1970-01-01T01:00:00+01:00"))
    assert all_of(store, "quarter") == []
    store.add(period(0))
    assert store.meters()[0]["begin"] == int(BEGIN.timestamp())


# --- meters ---


def test_a_meter_without_a_number_is_the_one_that_sends_its_number_later(store):
    assert store.meter("", "") == 1
    assert store.meter("", ONE) == 1
    assert store.meter("", "") == 1
    assert store.meter("cabin", "") == 2
    assert store.meter("", "2") == 3
    assert store.meter("", "") is None


def test_a_period_without_a_number_is_of_the_only_meter(store):
    store.add(period(0))
    later = period(1)
    del later["meter_ID"]
    store.add(later)
    assert [row["import_wh"] for row in all_of(store, "hour")] == [500]
    store.meter("", "2")
    store.add(later)  # of either
    assert [row["import_wh"] for row in all_of(store, "hour")] == [500]


def test_meters_are_bounded(store):
    made = [store.meter("", str(number)) for number in range(1, MOST_METERS + 10)]
    assert made == [*range(1, MOST_METERS + 1), *[None] * 9]
    store.add(period(0, meter_ID="one more"))
    assert len(store.meters()) == MOST_METERS


# --- the file ---


def test_the_file_is_for_its_owner_alone_and_is_read_again(tmp_path):
    file = str(tmp_path / "deep" / "er" / "han-web.db")
    store = Store(file)
    store.add(period(0, meter_model="6534"))
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(file)).st_mode) == 0o700
    store.close()
    again = Store(file)
    assert [row["import_wh"] for row in all_of(again, "hour")] == [250]
    assert (again.meters()[0]["number"], again.meters()[0]["model"]) == (ONE, "6534")
    files = [os.path.join(os.path.dirname(file), name) for name in os.listdir(os.path.dirname(file))]
    assert {stat.S_IMODE(os.stat(name).st_mode) for name in files} == {0o600}
    again.close()


def test_rows_are_seen_before_they_are_written_and_by_others_after_it(tmp_path):
    file = str(tmp_path / "han-web.db")
    store = Store(file)
    store.add(period(0))
    assert store.waiting == 1
    assert len(all_of(store, "quarter")) == 1
    other = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    assert other.execute("SELECT count(*) FROM period").fetchone() == (0,)
    store.commit()
    assert store.waiting == 0
    assert other.execute("SELECT count(*) FROM period").fetchone() == (1,)
    other.close()
    store.close()


def test_a_full_disk_loses_nothing_that_waits(tmp_path):
    store = Store(str(tmp_path / "han-web.db"))
    store.add(period(0))
    store.commit()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        for number in range(1, 9):
            store.add(period(number))
            with pytest.raises(NotWritten, match=r"han-web.db: disk I/O error|han-web.db: database or disk is full"):
                store.commit()
            assert store.waiting == number
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(all_of(store, "quarter")) == 9
    store.close()
    again = Store(str(tmp_path / "han-web.db"))
    assert [row["import_wh"] for row in all_of(again, "hour")] == [1000, 1000, 250]
    again.close()


def test_what_waits_for_a_full_disk_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_WAITING", 10)
    store = Store(str(tmp_path / "han-web.db"))
    for number in range(25):
        store.add(period(number))
    assert store.waiting == 10
    assert all_of(store, "quarter")[0]["begin"] == int((BEGIN + 15 * QUARTER).timestamp())
    store.close()


@pytest.mark.slow
def test_the_file_does_not_grow_beside_its_rows(tmp_path):
    store = Store(str(tmp_path / "han-web.db"))
    for number in range(4000):
        store.add(period(number))
        if number % 4 == 3:
            store.commit()
    assert os.path.getsize(tmp_path / "han-web.db-wal") < 5_000_000
    store.close()
    assert os.listdir(tmp_path) == ["han-web.db"]


def test_a_damaged_file_is_an_error_with_its_name(tmp_path):
    file = tmp_path / "han-web.db"
    store = Store(str(file))
    for number in range(3000):
        store.add(period(number))
    store.close()
    octets = bytearray(file.read_bytes())
    octets[8192:] = b"\xff" * (len(octets) - 8192)
    file.write_bytes(octets)
    store = Store(str(file))
    with pytest.raises(NotWritten, match=f"^{file}: database disk image is malformed$"):
        all_of(store, "day")


def test_a_link_in_a_directory_of_all_is_not_followed(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (tmp_path / "precious").write_text("x")
    (shared / "han-web.db").symlink_to(tmp_path / "precious")
    with pytest.raises(NotWritten, match="it is a link in a directory that others can write to"):
        Store(str(shared / "han-web.db"))
    assert (tmp_path / "precious").read_text() == "x"


def test_a_file_of_another_version_or_kind_is_left_alone(tmp_path):
    file = tmp_path / "han-web.db"
    Store(str(file)).close()
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {VERSION + 8}")
    connection.close()
    with pytest.raises(Misconfigured, match=f"expected a store of version {VERSION}, found version {VERSION + 8}"):
        Store(str(file))
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE a (b)").connection.close()
    (tmp_path / "text").write_text("This is not a database, but a text that is longer than a header.\n" * 20)
    for name in ("other.db", "text"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(Misconfigured, match="not a store of han-web; name another file with --store"):
            Store(str(tmp_path / name))
        assert (tmp_path / name).read_bytes() == before


def test_a_second_han_web_does_not_write_into_the_store_of_the_first(store, tmp_path):
    with pytest.raises(NotWritten, match="in use by another han-web"):
        Store(str(tmp_path / "new" / "han-web.db"))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match="expected a directory, found a file"):
        Store(str(tmp_path / "file" / "han-web.db"))


# --- questions ---


def test_each_span_has_its_rows_and_their_names(store):
    for number in range(96 * 40):
        store.add(period(number))
    asked = history(store)
    for query, count, first, last in (
        ("by=hour&of=2026-03-05", 24, "2026-03-05T00", "2026-03-05T23"),
        ("by=day&of=2026-04", 12, "2026-04-01", "2026-04-12"),
        ("by=month&of=2026", 2, "2026-03", "2026-04"),
    ):
        rows = asked.answer(asked.question(f"meter=1&{query}"))
        assert (len(rows), rows[0]["at"], rows[-1]["at"]) == (count, first, last)
    assert asked.meters(ids=False) == [{"meter": 1, "model": "", "first": "2026-03-04", "last": "2026-04-12"}]
    assert asked.meters(ids=True)[0]["number"] == ONE


@pytest.mark.parametrize(
    "query",
    [
        "",
        "x",
        "meter=1",
        "meter=1&by=week&of=2026",
        "meter=x&by=hour&of=2026-01-01",
        "meter=1&by=hour&of=2026",
        "meter=1&by=hour&of=2026-02-30",
        "meter=1&by=month&of=9999",
        "meter=1&by=day&of=0001-01",
        "meter=1&by=hour&of=2026-01-01&a=b",
        "meter=1&by=hour&of=2026-01-01;DROP TABLE period",
        f"meter={'9' * 5000}&by=month&of=2026",
        f"meter={'9' * 30}&by=month&of=2026",
    ],
)
def test_a_wrong_question_is_a_value_error(store, query):
    with pytest.raises(ValueError, match=r"."):
        history(store).question(query)


@pytest.mark.parametrize("rule", ["no", "be"])
def test_peaks_are_those_of_han_peaks(store, rule):
    for number in range(96 * 3):
        store.add(period(number, 900 if number in (10, 11, 12, 13, 130, 131, 132) else 100))
    asked = history(store, rule=rule)
    (row,) = asked.answer(asked.question("meter=1&by=peak&of=2026"))
    # Hours: two of 2,000 Wh on the first day, one of 2,000 and one of 1,200 Wh on the second, 400 Wh on the third.
    expected = {"no": ("1466.7", 3, "2026-03-04T02:00:00+01:00"), "be": ("3600", 1, "2026-03-04T02:30:00+01:00")}
    assert (str(row["power"]), len(row["peaks"]), row["peaks"][0]["begin"]) == expected[rule]
    assert row["at"] == "2026-03"
