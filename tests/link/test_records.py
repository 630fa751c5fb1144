"""records.py: frames and faults <-> the records between han-frame and han-decode."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.link.kinds import LONGEST
from hanpipe.link.records import Record, RecordReader, pack
from strategies import cuts, fed, noise

# Octets that look like records, or nearly, come often.
_TEMPTING = st.sampled_from([b"HAN", b"HANH", b"HANH\0\0\0\5", pack("n", b"inner", 0), pack("H", b"x", 7), b"H", b"HA"])
_OCTETS = st.lists(_TEMPTING | st.binary(min_size=1, max_size=20), min_size=1, max_size=4).map(b"".join)
RECORDS = st.builds(
    Record,
    st.sampled_from("HMPAnhct"),
    _OCTETS,
    st.integers(0, 2**64 - 1),
    st.sampled_from(["", "", "haus/1", "HANH", "\u00e6"]),
)


def packed(records: list[Record]) -> bytes:
    return b"".join(pack(*record) for record in records)


def read(octets: bytes, sizes: list[int] | None = None) -> list[Record]:
    return fed(RecordReader().feed, octets, sizes or [])


@given(st.lists(RECORDS, max_size=8))
def test_what_is_written_is_read(records: list[Record]) -> None:
    assert read(packed(records)) == records


def test_the_header_is_as_the_contract_draws_it() -> None:
    assert pack("H", b"abc", 0x0102030405060708) == b"HANH\0\0\0\3\1\2\3\4\5\6\7\x08abc"


@given(st.lists(RECORDS, max_size=6), cuts())
def test_records_do_not_depend_on_the_pieces(records: list[Record], sizes: list[int]) -> None:
    assert read(packed(records), sizes) == records


@given(st.lists(RECORDS | noise().map(lambda octets: Record("", octets, 0)), max_size=8), cuts())
def test_nor_does_garbage_between_them(parts: list[Record], sizes: list[int]) -> None:
    octets = b"".join(pack(*part) if part.kind else part.octets for part in parts)
    assert read(octets, sizes) == read(octets)


@given(st.lists(RECORDS, max_size=5), st.lists(RECORDS, max_size=5), st.data())
def test_no_octet_of_a_torn_file_is_lost(first: list[Record], second: list[Record], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(packed(first))))
    octets = packed(first)[:cut] + packed(second)
    result = read(octets)
    assert b"".join(pack(*record) if record.kind else record.octets for record in result) == octets


PLAIN = [Record("H", bytes([0xA0, 5, number, 7, 9]), number) for number in range(1, 5)]


@pytest.mark.parametrize("cut", range(len(packed(PLAIN)) + 1))
def test_a_file_cut_anywhere_loses_only_the_torn_record(cut: int) -> None:
    whole = [record for end, record in enumerate(PLAIN, 1) if len(packed(PLAIN[:end])) <= cut]
    result = read(packed(PLAIN)[:cut] + packed(PLAIN))
    assert [record for record in result if record.kind] == [*whole, *PLAIN]


@pytest.mark.parametrize("cut", range(len(packed(PLAIN)) + 1))
def test_a_file_that_ends_anywhere_keeps_what_is_whole(cut: int) -> None:
    whole = [record for end, record in enumerate(PLAIN, 1) if len(packed(PLAIN[:end])) <= cut]
    result = read(packed(PLAIN)[:cut])
    assert result[: len(whole)] == whole
    assert b"".join(record.octets for record in result[len(whole) :]) == packed(PLAIN)[:cut][len(packed(whole)) :]


@given(st.lists(st.sampled_from(PLAIN), min_size=1), st.binary(max_size=50).filter(lambda octets: b"H" not in octets))
def test_garbage_between_records_costs_nothing_but_itself(records: list[Record], garbage: bytes) -> None:
    result = read(garbage + garbage.join(map(packed, ([record] for record in records))) + garbage)
    assert [record for record in result if record.kind] == records


def test_a_record_is_told_with_its_last_octet() -> None:
    """A meter speaks every few seconds: the record does not wait for the next one, whatever its last octets are."""
    for ending in (b"\x00", b"H", b"HA"):
        reader = RecordReader()
        assert reader.feed(pack("H", b"frame" + ending, 1)) == [Record("H", b"frame" + ending, 1)]


def test_more_octets_than_a_record_holds_become_several() -> None:
    octets = bytes(range(256)) * 600
    result = read(pack("n", octets, 5))
    assert [len(record.octets) for record in result] == [LONGEST, LONGEST, len(octets) - 2 * LONGEST]
    assert b"".join(record.octets for record in result) == octets


@pytest.mark.parametrize("length", [0, LONGEST + 1, 0xFFFFFFFF])
def test_a_length_out_of_range_is_no_record(length: int) -> None:
    false = struct.pack(">3scIQ", b"HAN", b"H", length, 0)
    assert read(false + packed(PLAIN)) == [Record("", false, 0), *PLAIN]


@given(st.binary(max_size=200) | st.lists(_TEMPTING, max_size=10).map(b"".join), cuts())
def test_any_octets_are_told_whatever_they_are(octets: bytes, sizes: list[int]) -> None:
    result = read(octets, sizes)
    assert b"".join(pack(*record) if record.kind else record.octets for record in result) == octets


@pytest.mark.slow
@pytest.mark.parametrize("unit", [b"\0", b"\x7e", b"H", b"HAN", b"HANH\0\0\xff\xff" + bytes(8), pack("S", b"a", 0)])
def test_what_is_no_record_is_told_in_bounded_pieces_and_linear_time(unit: bytes) -> None:
    def cost(size: int) -> float:
        reader, begin, result = RecordReader(), time.process_time(), 0
        for _ in range(0, size, 65536):
            result += sum(
                len(record.octets) + 16 * bool(record.kind) for record in reader.feed(unit * (65536 // len(unit)))
            )
            assert len(reader._octets) + len(reader._lost) < 4 * 65536
        assert result
        return time.process_time() - begin

    few, many = min(cost(1 << 20) for _ in range(2)), cost(1 << 22)
    assert many < 12 * few + 0.01


def test_a_source_whose_record_was_cut_off_does_not_speak_for_a_record_of_another_file() -> None:
    torn = pack("H", b"frame", 1, "haus/1")[:-1]
    named = pack("S", b"haus/1", 1)
    result = read(torn[: len(named)] + packed(PLAIN[1:]))
    assert result == [Record("", named, 0), *PLAIN[1:]]
    assert read(torn + packed(PLAIN[1:])) == [Record("", torn, 0), *PLAIN[1:]]
