"""Pieces of APDUs, joined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.assembly import (
    FIRST_BLOCK,
    FIRST_TELEGRAM,
    LONGEST,
    Numbered,
    Segments,
    read_block,
    read_telegram,
)
from hanpipe.octets import Malformed

LLC = b"\xe6\xe7\x00"

firsts = st.sampled_from([FIRST_TELEGRAM, FIRST_BLOCK])
cut_apdus = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8)


def numbered(pieces, first):
    """Return (number, last, data) of each piece."""
    return [(first + at, at == len(pieces) - 1, data) for at, data in enumerate(pieces)]


@given(st.lists(cut_apdus, max_size=4), firsts)
def test_what_was_cut_comes_back(apdus, first):
    joiner = Numbered(first)
    told = [joiner.add("meter", *piece) for pieces in apdus for piece in numbered(pieces, first)]
    assert [whole for whole, _ in told if whole] == [b"".join(pieces) for pieces in apdus]
    assert not any(lost for _, lost in told)
    assert joiner.end() == b""


@given(cut_apdus, firsts, st.data())
def test_wrong_order_yields_no_wrong_apdu_and_loses_no_octet(pieces, first, data):
    sent = numbered(pieces, first)
    line = data.draw(st.lists(st.sampled_from(sent), max_size=12))
    joiner = Numbered(first)
    told = [joiner.add("meter", *piece) for piece in line]
    assert {whole for whole, _ in told} <= {b"", b"".join(pieces)}
    spoken_for = sum(len(whole) + len(lost) for whole, lost in told) + len(joiner.end())
    assert spoken_for == sum(len(octets) for _, _, octets in line)


@given(cut_apdus.filter(lambda pieces: len(pieces) > 1), firsts, st.data())
def test_a_lost_or_repeated_piece_costs_one_apdu(pieces, first, data):
    sent = numbered(pieces, first)
    at = data.draw(st.integers(1, len(sent) - 1))
    damaged = sent[:at] + sent[at + 1 :] if data.draw(st.booleans()) else [*sent[:at], sent[at], *sent[at:]]
    if damaged == [*sent, sent[-1]]:  # the last one again: the APDU was complete
        return
    joiner = Numbered(first)
    told = [joiner.add("meter", *piece) for piece in damaged + sent]
    assert [whole for whole, _ in told if whole] == [b"".join(pieces)]
    assert b"".join(lost for _, lost in told) == b"".join(octets for _, _, octets in damaged)


def test_pieces_of_two_senders_are_not_joined():
    joiner = Numbered(FIRST_BLOCK)
    assert joiner.add("one", 1, False, b"ab") == (b"", b"")
    assert joiner.add("other", 2, True, b"cd") == (b"", b"abcd")
    assert joiner.end() == b""


@pytest.mark.parametrize("first", [FIRST_TELEGRAM, FIRST_BLOCK])
def test_an_apdu_without_end_is_given_up(first):
    joiner = Numbered(first)
    told = [joiner.add("meter", first + number, False, bytes(1000)) for number in range(100)]
    given_up = [len(lost) for _, lost in told] + [len(joiner.end())]
    assert sum(given_up) == 100_000
    assert max(given_up) <= LONGEST + 1000


def test_telegram_fields():
    octets = bytes.fromhex("68 08 08 68 53 ff 11 01 67 0f 00 40 0a 16".replace(" ", ""))
    telegram = read_telegram(octets)
    assert telegram == (0xFF, 0x01, 0x67, 1, True, bytes.fromhex("0f0040"))


def test_telegram_of_another_kind_is_refused():
    with pytest.raises(Malformed, match="CI 72"):
        read_telegram(bytes.fromhex("6808086853ff7201670f00400a16"))


def test_block_fields():
    assert read_block(bytes.fromhex("e0c0000300020211220000")[:-2]) == (3, True, b"\x11\x22")


@given(st.binary(max_size=20))
def test_readers_read_or_refuse(octets):
    for read in (read_block, read_telegram):
        try:
            data = read(octets).data
        except Malformed:
            continue
        assert data in octets


@pytest.mark.parametrize("spoilt", ["e0400001000003aabb", "e0400001000001aabb", "e04000010000", "e0c000010000 00"])
def test_blocks_of_another_length_are_refused(spoilt):
    with pytest.raises(Malformed):
        read_block(bytes.fromhex(spoilt))


@given(st.binary(min_size=1, max_size=60), st.lists(st.integers(1, 60), max_size=3))
def test_segments_come_back(apdu, cuts):
    ends = [*sorted({cut for cut in cuts if cut < len(apdu)}), len(apdu)]
    segments, begin, told = Segments(), 0, []
    for end in ends:
        told.append(segments.add((b"" if begin else LLC) + apdu[begin:end], end < len(apdu)))
        begin = end
    assert told[-1] == (apdu, b"")
    assert not segments.waiting


def test_a_segment_that_starts_anew_gives_the_old_ones_back():
    segments = Segments()
    assert segments.add(LLC + b"\x0fab", True) == (b"", b"")
    assert segments.add(LLC + b"\x0fcd", False) == (b"\x0fcd", b"\x0fab")


def test_a_block_without_llc_is_an_apdu():
    assert Segments().add(b"\xe0\x40", False) == (b"\xe0\x40", b"")
    assert Segments().add(b"\x55\x40", False) == (b"", b"\x55\x40")
