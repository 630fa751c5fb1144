"""cosem.py: the clock, and the tables of types and units."""

import struct
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from hanpipe.apdu import cosem
from hanpipe.link.octets import Malformed

DATE_TIME = struct.Struct(">HBBBBBBBhB")
FIELDS = ("year", "month", "day", "weekday", "hour", "minute", "second", "hundredths", "deviation", "status")
SOME = dict(zip(FIELDS, (2026, 11, 22, 7, 10, 15, 4, 0xFF, -60, 0), strict=True))


def clock(**fields: int) -> bytes:
    return DATE_TIME.pack(*(SOME | fields).values())


def test_a_clock_is_local_time_with_its_offset_from_utc() -> None:
    assert cosem.read_clock(clock()) == "2026-11-22T10:15:04+01:00"
    assert cosem.read_clock(bytes.fromhex("07e80a01020d0e19ff800000")) == "2024-10-01T13:14:25"


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)), st.integers(-720, 720))
def test_any_time_comes_back(local: datetime, deviation: int) -> None:
    octets = clock(
        year=local.year, month=local.month, day=local.day, hour=local.hour, minute=local.minute, second=local.second,
        deviation=deviation,
    )  # fmt: skip
    result = datetime.fromisoformat(cosem.read_clock(octets))
    assert result.replace(tzinfo=None) == local.replace(microsecond=0)
    assert result.utcoffset() == timedelta(minutes=-deviation)


@pytest.mark.parametrize(
    ("deviation", "offset"),
    [(-60, "+01:00"), (-120, "+02:00"), (0, "+00:00"), (60, "-01:00"), (90, "-01:30"), (-345, "+05:45"), (1, "-00:01"),
     (720, "-12:00"), (-720, "+12:00"), (-0x8000, "")],
)  # fmt: skip
def test_a_deviation_is_utc_minus_local_time(deviation: int, offset: str) -> None:
    assert cosem.read_clock(clock(deviation=deviation)) == "2026-11-22T10:15:04" + offset


@pytest.mark.parametrize(
    "field",
    [{"year": 0}, {"year": 10000}, {"year": 0xFFFF}, {"month": 0}, {"month": 13}, {"month": 0xFD}, {"month": 0xFE},
     {"month": 0xFF}, {"day": 0}, {"day": 31}, {"day": 32}, {"day": 0xFD}, {"day": 0xFE}, {"day": 0xFF}, {"hour": 24},
     {"hour": 0xFF}, {"minute": 60}, {"minute": 0xFF}, {"second": 60}, {"second": 0xFF}, {"deviation": 721},
     {"deviation": -721}, {"deviation": 0x7FFF}, {"deviation": -0x7FFF}, {"month": 2, "day": 29},
     {"year": 1900, "month": 2, "day": 29}],
    ids=str,
)  # fmt: skip
def test_a_field_not_specified_or_out_of_range_is_malformed(field: dict[str, int]) -> None:
    with pytest.raises(Malformed):
        cosem.read_clock(clock(**field))


@pytest.mark.parametrize("year", [2024, 2000])
def test_leap_days_are_days(year: int) -> None:
    assert cosem.read_clock(clock(year=year, month=2, day=29)).startswith(f"{year}-02-29T")


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_weekday_hundredths_and_status_make_no_difference(weekday: int, hundredths: int, status: int) -> None:
    octets = clock(weekday=weekday, hundredths=hundredths, status=status)
    assert cosem.read_clock(octets) == cosem.read_clock(clock())


@given(st.binary(max_size=14) | st.binary(min_size=12, max_size=12))
def test_any_octets_are_a_clock_or_malformed(octets: bytes) -> None:
    try:
        result = cosem.read_clock(octets)
    except Malformed:
        return
    assert datetime.fromisoformat(result).year == int.from_bytes(octets[:2], "big")


def test_the_tables_name_every_type_once() -> None:
    named = {tag: name for tag, (name, _) in cosem.FIXED.items()} | cosem.EMPTY | cosem.SEQUENCES | cosem.STRINGS
    named |= {cosem.BIT_STRING: "bit-string", cosem.COMPACT_ARRAY: "compact-array"}
    assert {name: tag for tag, name in named.items()} == encoder.TAGS
    assert len(named) == len(encoder.TAGS)


def test_the_units_of_a_household_are_where_the_standard_has_them() -> None:
    household = {27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh", 32: "varh", 33: "A", 35: "V", 44: "Hz", 255: None}
    assert household.items() <= cosem.UNITS.items()
    assert not cosem.UNITS.keys() & {0, 58, 59, 68, 69, *range(73, 128), *range(171, 254)}
