"""dlms.py: APDU -> typed data, and shape.typed, which writes it as typed JSON."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from hanpipe.apdu import cosem
from hanpipe.apdu.cosem import DESCRIPTOR
from hanpipe.apdu.dlms import DEEPEST, Data, find_next, read_data, read_notification
from hanpipe.apdu.shape import typed
from hanpipe.link.octets import Malformed, read_length
from strategies import PLAIN, compact_arrays, described_bodies, notifications, plain, plains, typed_data

CLOCK = bytes.fromhex("07ea0b16070a0f04ff800000")


def assert_gives_a_value_or_is_malformed(octets: bytes) -> None:
    try:
        result = read_notification(octets, descriptors=True)
    except Malformed as malformed:
        offset, what = malformed.offset, malformed.what
    else:
        offset, what = result.end, "the end"
    assert 0 <= offset <= len(octets)
    assert what


# --- typed JSON <-> octets ---


@pytest.mark.parametrize("name", PLAIN)
def test_each_plain_type_comes_back(name: str) -> None:
    @given(plain(name))
    def comes_back(value: dict[str, Any]) -> None:
        assert typed(read_data(encoder.data(value), 0)) == value

    comes_back()


@given(typed_data())
def test_typed_json_and_octets_round_trip(value: dict[str, Any]) -> None:
    octets = encoder.data(value)
    result = read_data(octets, 0)
    assert (result.offset, result.end) == (0, len(octets))
    assert typed(result) == value
    assert encoder.data(typed(result)) == octets


@given(compact_arrays())
def test_compact_arrays_of_any_type_come_back(value: dict[str, Any]) -> None:
    assert typed(read_data(encoder.data(value), 0)) == value


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("float32", "7f800001"),
        ("float32", "ffc12345"),
        ("float64", "7ff0000000000001"),
        ("float64", "fff8000000000001"),
    ],
)
def test_what_is_no_number_keeps_its_octets(name: str, octets: str) -> None:
    """Signalling ones too: float32 must not go through a conversion, which would make them quiet."""
    assert typed(read_data(bytes([encoder.TAGS[name]]) + bytes.fromhex(octets), 0)) == {name: octets}


@pytest.mark.parametrize("octets", ["ff", "c328", "eda080", "61c0"])
def test_a_utf8_string_that_is_none_is_told_in_hex(octets: str) -> None:
    assert typed(read_data(bytes.fromhex(f"0c{len(octets) // 2:02x}{octets}"), 0)) == {"utf8-string": octets}


@given(plains(), st.binary(max_size=8), st.binary(max_size=8))
def test_a_value_ends_where_it_ends(value: dict[str, Any], before: bytes, after: bytes) -> None:
    octets = encoder.data(value)
    result = read_data(before + octets + after, len(before))
    assert (result.offset, result.end) == (len(before), len(before) + len(octets))


@given(st.lists(plains(), max_size=6))
def test_offsets_point_at_the_tags(values: list[dict[str, Any]]) -> None:
    octets = encoder.data({"structure": values})
    result = read_data(octets, 0)
    for element, value in zip(result.value, values, strict=True):
        assert octets[element.offset : element.end] == encoder.data(value)


# --- notifications ---


@given(typed_data(), st.integers(0, 2**32 - 1), st.none() | st.binary(min_size=12, max_size=12), st.booleans())
def test_a_notification_is_read_as_it_was_sent(
    body: dict[str, Any], invoke_id: int, date_time: bytes | None, tagged: bool
) -> None:
    apdu = encoder.notification(body, invoke_id, date_time or b"", tagged and date_time is not None)
    result = read_notification(apdu)
    assert (result.invoke_id, result.date_time, typed(result.body)) == (invoke_id, date_time, body)
    assert result.date_time is None or apdu[result.date_time_at : result.date_time_at + 12] == result.date_time


@pytest.mark.slow
@given(notifications(), st.integers(0, 2**16))
def test_a_notification_cut_anywhere_is_malformed(apdus: list[bytes], cut: int) -> None:
    with pytest.raises(Malformed):
        read_notification(apdus[0][: cut % len(apdus[0])])


@pytest.mark.parametrize(
    "apdu", ["", "0f", "c2", "18", "c201", "db08", "0f40000000", "0f4000000000", "0f40000000050102030405" + "00"]
)
def test_what_is_no_notification_is_malformed(apdu: str) -> None:
    with pytest.raises(Malformed):
        read_notification(bytes.fromhex(apdu))


# --- values with a descriptor in front ---


@given(described_bodies())
def test_described_values_are_read_where_asked(body: dict[str, Any]) -> None:
    apdu = encoder.notification(body)
    result = read_notification(apdu, descriptors=True)
    assert typed(result.body) == body
    if body["structure"][1]["array"]:
        with pytest.raises(Malformed, match="--descriptors"):
            read_notification(apdu)


@given(described_bodies(), st.integers(0, 2**16))
def test_one_that_was_cut_is_malformed_where_it_was_cut(body: dict[str, Any], cut: int) -> None:
    apdu = encoder.notification(body)
    with pytest.raises(Malformed) as malformed:
        read_notification(apdu[: cut % len(apdu)], descriptors=True)
    assert 0 <= malformed.value.offset <= cut % len(apdu)


def test_the_fault_is_that_of_the_reading_which_gets_further() -> None:
    front = "0f4000000000" + "0202" + "1601" + "0102" + "0202" + "0003" + "0100010700ff" + "02" + "1205dc" + "0202"
    with pytest.raises(Malformed, match="expected 9 octets, found 2 at octet 28"):
        read_notification(bytes.fromhex(front + "0003"), descriptors=True)


# --- any octets give a value or are malformed ---


@given(st.binary(max_size=300))
def test_any_octets_give_a_value_or_are_malformed(octets: bytes) -> None:
    assert_gives_a_value_or_is_malformed(octets)
    assert_gives_a_value_or_is_malformed(b"\x0f\0\0\0\0\0" + octets)


@given(st.lists(st.sampled_from([*encoder.TAGS.values(), 0x7F, 0x81, 0x82, 0x84, 0x80, 0x01]), max_size=60).map(bytes))
def test_nor_do_octets_that_are_nearly_values(octets: bytes) -> None:
    assert_gives_a_value_or_is_malformed(b"\x0f\0\0\0\0\0" + octets)


@given(notifications() | notifications(described_bodies()), st.data())
def test_nor_do_notifications_with_an_octet_changed(apdus: list[bytes], data: st.DataObject) -> None:
    octets = bytearray(apdus[0])
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    assert_gives_a_value_or_is_malformed(bytes(octets))


@pytest.mark.parametrize("tag", sorted(set(range(256)) - set(encoder.TAGS.values())))
def test_a_tag_of_no_type_is_malformed(tag: int) -> None:
    with pytest.raises(Malformed, match=f"unknown data type {tag:02x} at octet 2"):
        read_data(b"\x02\x01" + bytes([tag]) + bytes(20), 0)


# --- nothing on the line is trusted ---


def test_described_values_promise_no_more_than_they_hold() -> None:
    """Each value alone may be a compact-array of eight elements an octet; all together may not."""
    described = bytes.fromhex("0202" + "0003" + "0100010700ff" + "02" + "13010bb800" + "01" + "05")
    body = b"\2\2\x16\1\1\x82" + (3000).to_bytes(2, "big") + described * 3000
    begin = time.process_time()
    with pytest.raises(Malformed):
        read_notification(b"\x0f\0\0\0\0\0" + body, descriptors=True)
    assert time.process_time() - begin < 2


def nested(levels: int) -> bytes:
    return b"\x02\x01" * levels + b"\x00"


def test_the_deepest_nesting_is_read_and_one_more_level_is_not() -> None:
    assert read_data(nested(DEEPEST), 0).end == len(nested(DEEPEST))
    for levels in (DEEPEST + 1, 1000, 30000):
        with pytest.raises(Malformed, match="nested deeper"):
            read_data(nested(levels), 0)


@pytest.mark.parametrize("around", [b"\x02\x01", b"\x01\x00\x01"])
def test_descriptions_nest_no_deeper(around: bytes) -> None:
    for levels in (DEEPEST + 1, 1000):
        with pytest.raises(Malformed):
            read_data(b"\x13" + around * levels + b"\x11" + b"\x01\x05", 0)


def test_nesting_counts_through_compact_arrays() -> None:
    inside = b"\x13" + b"\x02\x01" * 20 + b"\x11" + b"\x01\x05"
    with pytest.raises(Malformed, match="nested deeper"):
        read_data(b"\x02\x01" * 20 + inside, 0)


@pytest.mark.parametrize("tag", ["01", "02", "04", "09", "0a", "0c"])
@pytest.mark.parametrize("count", ["03", "7f", "8180", "82ffff", "83ffffff", "84ffffffff", "80", "85ffffffffff", "ff"])
def test_counts_and_lengths_beyond_the_octets_are_malformed(tag: str, count: str) -> None:
    octets = bytes.fromhex(tag + count) + b"\x00\x00" * (tag != "04")
    with pytest.raises(Malformed):
        read_data(octets, 0)


AMPLIFIERS = {
    "an array of 65,535 null-data an octet": "1302020100ffff" + "00" + "11" + "82ff00" + "05" * 0xFF00,
    "arrays of arrays": "13" + "01ffff" * 4 + "11" + "01" + "05",
    "arrays of arrays of nothing": "13" + "0202" + "01ffff" * 8 + "00" + "11" + "01" + "05",
    "structures without members": "13" + "0202" + "01ffff" * 3 + "0200" + "11" + "01" + "05",
    "elements of no octets": "13" + "00" + "01" + "05",
    "an array of none": "13" + "010000" + "11" + "01" + "05",
}


@pytest.mark.parametrize("octets", AMPLIFIERS.values(), ids=AMPLIFIERS.keys())
def test_a_compact_array_that_promises_more_than_it_holds_is_refused_at_once(octets: str) -> None:
    begin = time.process_time()
    with pytest.raises(Malformed):
        read_data(bytes.fromhex(octets), 0)
    assert time.process_time() - begin < 2


def test_a_value_takes_no_more_text_than_its_octets_warrant() -> None:
    """A frame of 20 octets must not become a line of a megabyte, which a cache of lines then keeps."""
    octets = bytes.fromhex("13" + "0202" + "01f000" + "00" + "11" + "01" + "05")
    try:
        result = typed(read_data(octets, 0))
    except Malformed:
        return
    assert len(repr(result)) < 1000 * len(octets)


@given(st.integers(0, 2**24))
def test_lengths_come_back(number: int) -> None:
    octets = encoder.length(number)
    assert read_length(octets, 0) == (number, len(octets))


def test_data_is_a_tuple_that_says_what_it_is() -> None:
    assert read_data(b"\x12\x01\x00", 0) == Data("long-unsigned", 256, 0, 3)
    assert read_notification(b"\x0f\0\0\0\1\x0c" + CLOCK + b"\0").date_time == CLOCK


# --- several APDUs in the same octets ---

PADDING = st.sampled_from([b"", b"\0", b"\0\0\0", b"\xff" * 5, b"\0\xff"])
HEADERS = st.sampled_from([b"", b"\xe6\xe7\x00", b"\xe6\xe6\x00"])


@pytest.mark.slow
@given(notifications(), PADDING, HEADERS, notifications())
def test_an_apdu_ends_before_padding_header_and_the_next_apdu(
    first: list[bytes], padding: bytes, header: bytes, second: list[bytes]
) -> None:
    octets = first[0] + padding + header + second[0]
    end = read_notification(octets).end
    assert end == len(first[0])
    assert octets[find_next(octets, end) :] == second[0]


@pytest.mark.slow
@given(notifications(), PADDING)
def test_padding_is_followed_by_nothing(apdus: list[bytes], padding: bytes) -> None:
    octets = apdus[0] + padding
    assert find_next(octets, len(apdus[0])) == len(octets)


@pytest.mark.slow
@given(notifications(), st.binary(min_size=1, max_size=5).filter(lambda tail: tail.lstrip(b"\0\xff")))
def test_other_octets_after_an_apdu_are_malformed(apdus: list[bytes], tail: bytes) -> None:
    octets = apdus[0] + tail
    padding = len(tail) - len(tail.lstrip(b"\0\xff"))
    if tail[padding] not in (0xE6, *cosem.APDUS):
        with pytest.raises(Malformed, match=f"at octet {len(apdus[0])}"):
            find_next(octets, len(apdus[0]))


# --- event-notification and information-report ---


@given(typed_data(), st.none() | st.binary(min_size=12, max_size=12), st.booleans())
def test_an_event_is_read_as_it_was_sent(value: dict[str, Any], date_time: bytes | None, flagged: bool) -> None:
    descriptor = {DESCRIPTOR: {"class_id": 1, "logical_name": "0000600b00ff", "attribute_id": 2}}
    octets = encoder.event(descriptor, value, date_time or b"", flagged)
    found = read_notification(octets)
    assert (found.apdu, found.invoke_id, found.date_time, found.end) == (
        "event-notification",
        None,
        date_time,
        len(octets),
    )
    assert typed(found.body) == {"structure": [descriptor, value]}


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), plains()), max_size=5), st.none() | st.just(CLOCK))
def test_a_report_is_read_as_it_was_sent(sent: list[tuple[int, dict[str, Any]]], date_time: bytes | None) -> None:
    names, values = [name for name, _ in sent], [value for _, value in sent]
    octets = encoder.report(names, values, date_time or b"")
    found = read_notification(octets)
    assert (found.apdu, found.date_time, found.variable_names) == ("information-report", date_time, names)
    assert typed(found.body) == {"structure": values}
    assert found.end == len(octets)


@given(st.sampled_from([b"\x18", b"\xc2"]), st.binary(max_size=60), st.integers(0, 2**16))
def test_any_octets_after_their_tags_give_a_value_or_are_malformed(tag: bytes, octets: bytes, cut: int) -> None:
    assert_gives_a_value_or_is_malformed(tag + octets)
    assert_gives_a_value_or_is_malformed(encoder.report([1, 2], [{"long": 1}, {"long": 2}], CLOCK)[: cut % 30])
