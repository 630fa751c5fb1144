"""Pieces of APDUs, joined."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.apdu.assembly import (
    FIRST_BLOCK,
    FIRST_FRAME,
    LONGEST,
    MOST_SENDERS,
    Lost,
    Numbered,
    Segments,
    read_block,
)
from hanpipe.link.content import LLCS
from hanpipe.link.octets import Malformed

LLC = b"\xe6\xe7\x00"

firsts = st.sampled_from([FIRST_FRAME, FIRST_BLOCK])
cut_apdus = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8)


ONE, OTHER = (("source", "01"),), (("source", "02"),)


def joined(lost):
    """Return the octets that were given up, whoever sent them."""
    return b"".join(octets for _, octets in lost)


def numbered(pieces, first):
    """Return (number, last, data) of each piece."""
    return [(first + at, at == len(pieces) - 1, data) for at, data in enumerate(pieces)]


@given(st.lists(cut_apdus, max_size=4), firsts)
def test_what_was_cut_comes_back(apdus, first):
    joiner = Numbered(first)
    result = [joiner.add(ONE, *piece) for pieces in apdus for piece in numbered(pieces, first)]
    assert [whole for whole, _ in result if whole] == [b"".join(pieces) for pieces in apdus]
    assert not any(lost for _, lost in result)
    assert joiner.end() == []


@given(cut_apdus, firsts, st.data())
def test_wrong_order_yields_no_wrong_apdu_and_loses_no_octet(pieces, first, data):
    sent = numbered(pieces, first)
    line = data.draw(st.lists(st.sampled_from(sent), max_size=12))
    joiner = Numbered(first)
    result = [joiner.add(ONE, *piece) for piece in line]
    assert {whole for whole, _ in result} <= {b"", b"".join(pieces)}
    spoken_for = sum(len(whole) + len(joined(lost)) for whole, lost in result) + len(joined(joiner.end()))
    assert spoken_for == sum(len(octets) for _, _, octets in line)


@given(cut_apdus.filter(lambda pieces: len(pieces) > 1), firsts, st.data())
def test_a_lost_or_repeated_piece_costs_one_apdu(pieces, first, data):
    sent = numbered(pieces, first)
    at = data.draw(st.integers(1, len(sent) - 1))
    damaged = sent[:at] + sent[at + 1 :] if data.draw(st.booleans()) else [*sent[:at], sent[at], *sent[at:]]
    if damaged == [*sent, sent[-1]]:  # the last one again: the APDU was complete
        return
    joiner = Numbered(first)
    result = [joiner.add(ONE, *piece) for piece in damaged + sent]
    assert [whole for whole, _ in result if whole] == [b"".join(pieces)]
    assert b"".join(joined(lost) for _, lost in result) == b"".join(octets for _, _, octets in damaged)


def test_pieces_of_two_senders_are_joined_by_themselves():
    joiner, segments = Numbered(FIRST_BLOCK), Segments()
    assert joiner.add(ONE, 1, False, b"ab") == (b"", [])
    assert joiner.add(OTHER, 2, True, b"cd") == (b"", [Lost(OTHER, b"cd")])
    assert joiner.add(ONE, 2, True, b"ef") == (b"abef", [])
    assert joiner.end() == []
    assert segments.add(ONE, LLC + b"ab", True) == (b"", [])
    assert segments.add(OTHER, LLC + b"\x0f", False) == (b"\x0f", [])
    assert segments.add(ONE, b"cd", False) == (b"abcd", [])


# A piece without a number that begins like an LLC header begins an APDU.
unlike_llc = cut_apdus.filter(lambda pieces: not any(piece.startswith(LLCS) for piece in pieces[1:]))


@given(st.lists(unlike_llc, min_size=1, max_size=MOST_SENDERS), firsts, st.data())
def test_senders_may_take_turns_in_any_order(apdus, first, data):
    joiner, segments, result, by_segments = Numbered(first), Segments(), [], []
    lines = [(((("source", str(at))),), numbered(pieces, first)) for at, pieces in enumerate(apdus)]
    while lines := [(origin, pieces) for origin, pieces in lines if pieces]:
        origin, pieces = data.draw(st.sampled_from(lines))
        number, last, octets = pieces.pop(0)
        result.append(joiner.add(origin, number, last, octets))
        by_segments.append(segments.add(origin, (LLC if number == first else b"") + octets, not last))
    assert result == by_segments
    assert sorted(whole for whole, _ in result if whole) == sorted(map(b"".join, apdus))
    assert not any(lost for _, lost in result)


def test_who_is_silent_for_longest_is_given_up_for_a_new_sender():
    joiner = Numbered(FIRST_BLOCK)
    senders = [(("source", str(number)),) for number in range(MOST_SENDERS + 1)]
    result = [joiner.add(sender, 1, False, b"ab")[1] for sender in senders]
    assert result == [[]] * MOST_SENDERS + [[Lost(senders[0], b"ab")]]


@pytest.mark.parametrize("first", [FIRST_FRAME, FIRST_BLOCK])
def test_an_apdu_without_end_is_given_up(first):
    joiner = Numbered(first)
    result = [joiner.add(ONE, first + number, False, bytes(1000)) for number in range(100)]
    given_up = [len(joined(lost)) for _, lost in result] + [len(joined(joiner.end()))]
    assert sum(given_up) == 100_000
    assert max(given_up) <= LONGEST + 1000


def test_many_small_blocks_cost_no_more_than_they_hold():
    joiner, begin = Numbered(FIRST_BLOCK), time.process_time()
    result = [joiner.add(ONE, number, number == LONGEST, b"x") for number in range(1, LONGEST + 1)]
    assert result[-1] == (b"x" * LONGEST, [])
    assert time.process_time() - begin < 2


def test_block_fields():
    assert read_block(bytes.fromhex("e0c0000300020211220000")) == (3, True, b"\x11\x22", 9)


@given(st.binary(max_size=20))
def test_readers_read_or_refuse(octets):
    try:
        data = read_block(octets).data
    except Malformed:
        return
    assert data in octets


@pytest.mark.parametrize("spoilt", ["e0400001000003aabb", "e04000010000", "e0c000010000 00"])
def test_blocks_that_are_cut_or_empty_are_refused(spoilt):
    with pytest.raises(Malformed):
        read_block(bytes.fromhex(spoilt))


@given(st.binary(min_size=1, max_size=60), st.lists(st.integers(1, 60), max_size=3))
def test_segments_come_back(apdu, cuts):
    ends = [*sorted({cut for cut in cuts if cut < len(apdu)}), len(apdu)]
    segments, begin, result = Segments(), 0, []
    for end in ends:
        result.append(segments.add(ONE, (b"" if begin else LLC) + apdu[begin:end], end < len(apdu)))
        begin = end
    assert result[-1] == (apdu, [])
    assert not segments.waiting


def test_a_segment_that_starts_anew_gives_the_old_ones_back():
    segments = Segments()
    assert segments.add(ONE, LLC + b"\x0fab", True) == (b"", [])
    assert segments.add(ONE, LLC + b"\x0fcd", False) == (b"\x0fcd", [Lost(ONE, b"\x0fab")])


def test_a_block_without_llc_is_an_apdu():
    assert Segments().add(ONE, b"\xe0\x40", False) == (b"\xe0\x40", [])
    assert Segments().add(ONE, b"\x55\x40", False) == (b"", [Lost(ONE, b"\x55\x40")])
