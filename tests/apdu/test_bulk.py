"""bulk.py: pieces read at once give what a decoder gives message by message, however they are cut and damaged."""

import random

import pytest

from fake_meters import sent
from hanpipe.apdu import bulk
from hanpipe.apdu.bulk import BulkReader
from hanpipe.apdu.decoder import Decoder
from hanpipe.fake import encoder, meters
from hanpipe.link import FRAMERS
from spoilt import spoilt

ADDRESS = encoder.Address(b"\x41", b"\x08\x83", 0x13, 0x13)


def one_by_one(pieces):
    decoder = Decoder()
    found = [result for events in pieces for result in decoder.feed_all([(*event, 7, "") for event in events])]
    return [result.line() for result in found + decoder.end()]


def in_bulk(pieces):
    """Return the same lines, and how many messages were read in bulk."""
    decoder, lines, count = Decoder(), [], 0
    reader = BulkReader(decoder)
    for events in pieces:
        if found := reader.read(events, 7):
            count += len(found.sizes)
            lines += [message.line() for message in found.messages()]
        else:
            lines += [result.line() for result in decoder.feed_all([(*event, 7, "") for event in events])]
    return lines + [result.line() for result in decoder.end()], count


def cut(octets, chance, most):
    framer, at, pieces = FRAMERS["auto"](), 0, []
    while at < len(octets):
        size = chance.randint(1, most)
        pieces.append(framer.feed(octets[at : at + size]))
        at += size
    return [*pieces, framer.feed(b"")]


@pytest.mark.parametrize("name", meters.names())
@pytest.mark.parametrize("seed", range(4))
def test_any_pieces_give_what_they_give_message_by_message(name, seed):
    chance = random.Random(f"{name} {seed}")
    octets = b"".join(frame for frames, *_ in sent(name, 40) for frame in frames)
    if seed % 2:
        octets = spoilt(octets, chance)
    for most in (100, 1000, 5000):
        pieces = cut(octets, chance, most)
        assert in_bulk(pieces)[0] == one_by_one(pieces)


@pytest.mark.parametrize("name", ["aidon", "kaifa", "kamstrup"])
def test_a_steady_line_is_read_in_bulk(name):
    octets = b"".join(frame for frames, *_ in sent(name, 100) for frame in frames)
    assert in_bulk(cut(octets, random.Random(1), 1000))[1] > 50


def frame(scaler, value):
    """Return a frame of a shape of its own for each scaler."""
    structure = ("structure", [("integer", scaler), ("enum", 27)])
    items = [
        ("structure", [("octet-string", bytes.fromhex("0100010700ff")), ("double-long-unsigned", value), structure])
    ]
    return "H", encoder.hdlc(encoder.notification(1, b"", ("array", items)), ADDRESS)[1:-1]


def test_frames_of_a_size_and_several_shapes_are_read_one_by_one():
    pieces = [
        [frame(scaler, value) for scaler in scalers] for scalers in ((0, 1), (0, 0), (1, 0), (1,)) for value in (5, 6)
    ]
    lines, count = in_bulk(pieces)
    assert lines == one_by_one(pieces)
    assert count == 4 + 2


def test_while_an_apdu_is_in_pieces_nothing_is_read_in_bulk():
    apdu = b"\xe6\xe7\x00" + encoder.notification(1, b"", ("array", [("double-long-unsigned", 5)] * 30))
    whole = [frame(0, 5)]
    first, *rest = [("H", part[1:-1]) for part in encoder.segments(apdu, 60, ADDRESS)]
    pieces = [whole, whole, [first], whole, rest, whole]
    lines, count = in_bulk(pieces)
    assert lines == one_by_one(pieces)
    assert count < 4


def test_ever_new_shapes_take_bounded_memory():
    decoder = Decoder()
    reader = BulkReader(decoder)
    for scaler in range(-60, 60):
        decoder.feed_all([(*frame(scaler, 5), 0, "")])
        assert reader.read([frame(scaler, 6)] * 3, 0)
        assert 1 <= len(reader._repeated) <= bulk._MOST
