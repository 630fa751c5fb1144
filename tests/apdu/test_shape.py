"""shape.py and decoder.py: the line by shape is, octet for octet, that of the plain walk."""

import json
import os
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
import plain_walk
from conftest import CAPTURES, NO_CAPTURES, captures
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message, Refusal
from hanpipe.apdu.shape import Shape, Shapes, notification_pieces
from hanpipe.link import Frame
from hanpipe.link.hdlc.framer import HdlcFramer
from hanpipe.readings.line_shape import read_keys
from strategies import described_bodies, fed, fleets, noise, notifications, typed_data

_OTHER_APDUS = b"\xdb\xdc\xe0"  # ciphered, or cut into blocks: test_ciphering and test_assembly read these


def decoded(records: list[tuple[str, bytes]], decoder: Decoder | None = None) -> list[str]:
    decoder = decoder or Decoder()
    return [result.line() for kind, octets in records for result in decoder.feed(kind, octets)]


def messages(records: list[tuple[str, bytes]]) -> list[str]:
    decoder = Decoder()
    result = [one for kind, octets in records for one in decoder.feed(kind, octets)]
    return [one.line() for one in result if type(one) is Message]


# --- the fast path and the plain walk ---


@given(notifications())
def test_a_generated_message_reads_as_by_the_plain_walk(apdus: list[bytes]) -> None:
    frames = [frame for frame in map(encoder.pushed, apdus) if len(frame) <= 2047]
    assert decoded([("H", frame) for frame in frames]) == plain_walk.lines(frames)
    assert decoded([("A", apdu) for apdu in apdus]) == [plain_walk.line({"link": "apdu"}, apdu) for apdu in apdus]


@pytest.mark.slow
@given(fleets())
def test_so_do_those_of_meters_that_take_turns(apdus: list[bytes]) -> None:
    frames = [frame for frame in map(encoder.pushed, apdus) if len(frame) <= 2047]
    assert decoded([("H", frame) for frame in frames]) == plain_walk.lines(frames)
    assert decoded([("A", apdu) for apdu in apdus]) == [plain_walk.line({"link": "apdu"}, apdu) for apdu in apdus]


@pytest.mark.slow
@given(notifications(described_bodies()))
def test_so_does_one_whose_values_have_a_descriptor_in_front(apdus: list[bytes]) -> None:
    result = decoded([("A", apdu) for apdu in apdus], Decoder(descriptors=True))
    assert result == [plain_walk.line({"link": "apdu"}, apdu, descriptors=True) for apdu in apdus]


@pytest.mark.parametrize("rest", ["00ff00", "ffff", "010400"], ids=["both kinds of padding", "padding", "other octets"])
def test_so_does_one_before_other_octets(rest: str) -> None:
    octets = bytes.fromhex("0f0000000000020212000111ff" + rest)
    first = next(one for one in Decoder().feed("A", octets) if type(one) is Message)
    assert first.line() == plain_walk.line({"link": "apdu"}, octets)


@given(st.lists(notifications(), max_size=3), st.integers(20, 200))
def test_so_does_one_in_segments(several: list[list[bytes]], size: int) -> None:
    frames = [frame for apdus in several for apdu in apdus for frame in encoder.pushed_in_pieces(apdu, size)]
    assert decoded([("H", frame) for frame in frames]) == plain_walk.lines(frames)


@pytest.mark.slow
@given(notifications(), st.data())
def test_so_does_one_with_an_octet_changed_behind_one_that_was_good(apdus: list[bytes], data: st.DataObject) -> None:
    """The shape of the good one must not fit the other where an octet of the shape is what changed."""
    apdu, at = apdus[0], data.draw(st.integers(0, len(apdus[0]) - 1))
    changed = apdu[:at] + bytes([apdu[at] ^ data.draw(st.integers(1, 255))]) + apdu[at + 1 :]
    decoder = Decoder()
    decoder.feed("A", apdu)
    lines = [one.line() for one in decoder.feed("A", changed) if type(one) is Message]
    plain = plain_walk.line({"link": "apdu"}, changed)
    # With another tag it may be another APDU, or a body alone, which plain_walk does not read.
    assert [line for line in lines if '"apdu":"data-notification"' in line] == ([plain] if plain else [])


@pytest.mark.slow
def test_real_messages_read_as_by_the_plain_walk(subtests: pytest.Subtests) -> None:
    if not captures():
        pytest.skip(NO_CAPTURES)
    for name in captures():
        with subtests.test(name):
            records, plain = sent_plainly(name)
            assert messages(records) == [line for line in plain if line is not None]


def sent_plainly(name: str) -> tuple[list[tuple[str, bytes]], list[str | None]]:
    """Return the records of a capture, and its lines by the plain walk; none if it is ciphered, in blocks or P1."""
    path = os.path.join(CAPTURES, name)
    with open(path + ".json", "rb") as case, open(path + ".raw", "rb") as raw:
        link, octets = json.load(case)["link"], raw.read()
    if link == "hdlc":
        frames = [event.octets for event in fed(HdlcFramer().feed, octets, []) if type(event) is Frame]
        if not any(_apdu_tag(frame) in _OTHER_APDUS for frame in frames):
            return [("H", frame) for frame in frames], plain_walk.lines(frames)
    elif link == "apdu" and octets[0] == 0x0F:
        return [("A", octets)], [plain_walk.line({"link": "apdu"}, octets)]
    return [], []


def _apdu_tag(frame: bytes) -> int:
    behind = frame.find(b"\xe6\xe7\x00")
    return frame[behind + 3] if 0 < behind < 14 else 0


@pytest.mark.parametrize(
    "text",
    ["%", "%%", "%d", "%s%(x)s", "100 %", 'a "quoted" word', "back\\slash", "\x00\x01\x1f\x7f", "æøåÿ\x85\xa0", ""],
)
@pytest.mark.parametrize("name", ["visible-string", "utf8-string"])
def test_texts_come_through_whatever_they_hold(name: str, text: str) -> None:
    apdu = encoder.notification({"structure": [{name: text}, {"long": -1}]})
    (line,) = decoded([("A", apdu)])
    assert json.loads(line)["body"] == {"structure": [{name: text}, {"long": -1}]}


@pytest.mark.parametrize(
    ("name", "value"),
    [("long64", -(2**63)), ("long64", 2**63 - 1), ("long64-unsigned", 2**64 - 1), ("double-long", -(2**31)),
     ("double-long-unsigned", 2**32 - 1), ("float64", 5e-324), ("float64", 1.7976931348623157e308), ("float64", -0.0),
     ("float32", "7fc00000"), ("float32", "ff800000"), ("float64", "7ff0000000000000"),
     ("float64", "fff8000000000000")],
)  # fmt: skip
def test_extremes_are_exact_and_no_line_holds_nan(name: str, value: Any) -> None:
    decoder = Decoder()
    for sent in ({name: value}, {name: value}):
        (line,) = decoded([("A", encoder.notification({"array": [sent]}))], decoder)
        assert json.loads(line, parse_constant=pytest.fail)["body"] == {"array": [sent]}


# --- what a shape is ---


def shape_of(apdu: bytes) -> Shape:
    from hanpipe.apdu.dlms import read_notification

    return Shape(apdu, notification_pieces(read_notification(apdu), 0))


def added(shapes: Shapes, apdu: bytes) -> Shape:
    from hanpipe.apdu.dlms import read_notification

    return shapes.add(apdu, notification_pieces(read_notification(apdu), 0))


@pytest.mark.slow
@given(notifications())
def test_messages_that_differ_in_numbers_and_clocks_are_of_one_shape(apdus: list[bytes]) -> None:
    shapes = Shapes()
    first = added(shapes, apdus[0])
    for apdu in apdus:
        assert shapes.find(apdu) is first
        assert (shape_of(apdu).template, shape_of(apdu).skeleton) == (first.template, first.skeleton)


@given(typed_data())
def test_the_skeleton_is_json_whatever_it_holds(body: dict[str, Any]) -> None:
    shape = shape_of(encoder.notification(body))
    keys = read_keys(shape.skeleton, shape.slots)
    assert list(keys) == ["apdu", "invoke_id", "date_time", "body"]


@pytest.mark.slow
@given(st.lists(notifications() | fleets(), max_size=4))
def test_a_shape_fits_no_message_that_it_would_write_otherwise(several: list[list[bytes]]) -> None:
    shapes = Shapes()
    for apdu in (apdu for apdus in several for apdu in apdus):
        own = shape_of(apdu)
        found = shapes.find(apdu) or added(shapes, apdu)
        assert found.template % found.written(found.unpack(apdu)) == own.template % own.unpack(apdu)


def list_of(number: str, model: str = "6525", name: str = "AIDON_V0001") -> bytes:
    """Return a list of a meter with a number."""
    texts = {"visible-string": name}, {"octet-string": number.encode().hex()}, {"visible-string": model}
    return encoder.notification({"structure": [*texts, {"long": 5}]})


def test_meters_that_differ_in_texts_share_a_shape() -> None:
    shapes = Shapes()
    for number in range(100):
        apdu = list_of(f"{number:016}", f"65{number % 7 + 10}")
        shape = shapes.find(apdu) or added(shapes, apdu)
        assert shape.unpack(apdu)[-1] == 5
        (kept,) = shapes._of_size.values()
        assert kept == [shape]
    assert shape.fixed_texts == (b"AIDON_V0001", None, None)


def test_a_single_meter_has_its_texts_in_its_shape() -> None:
    shapes = Shapes()
    added(shapes, list_of("0000000000000001"))
    found = shapes.find(list_of("0000000000000001"))
    assert found is not None
    assert not found.texts


@pytest.mark.parametrize(
    ("number", "other"),
    [("12345678901", "1234567890"), ("1234567", "A234567"), ("1234", "\0\x0a\x14\0"), ("123456", "\1\0\1\7\0\xff")],
    ids=["other length", "a letter first", "a time of day", "a logical name"],
)
def test_these_are_of_two_shapes(number: str, other: str) -> None:
    shapes = Shapes()
    for text in (number, other, number, other):
        apdu = encoder.notification({"structure": [{"octet-string": text.encode("latin-1").hex()}, {"long": 5}]})
        own = shape_of(apdu)
        shape = shapes.find(apdu) or added(shapes, apdu)
        assert shape.template % shape.written(shape.unpack(apdu)) == own.template % own.unpack(apdu)
        assert not shape.texts


# --- bounds ---


def messages_of_new_shapes(count: int, size: int) -> list[bytes]:
    """Messages each of which has a string of its own, which is not a text."""
    return [
        encoder.notification({"structure": [{"utf8-string": f"{number:06}" + "x" * (size - 6)}, {"long": 1}]})
        for number in range(count)
    ]


def kept_after(apdus: list[bytes]) -> int:
    """Return the octets that a decoder keeps after these."""
    tracemalloc.start()
    try:
        decoder = Decoder()
        for apdu in apdus:
            decoder.feed("A", apdu)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_new_shapes_for_ever_keep_no_more_memory() -> None:
    once = kept_after(messages_of_new_shapes(600, 100))
    assert kept_after(messages_of_new_shapes(3000, 100)) < 2 * once


def test_large_messages_of_new_shapes_keep_no_more_than_a_program_may_have() -> None:
    apdus = [encoder.notification({"structure": [{"octet-string": "00" * (60_000 + number)}]}) for number in range(60)]
    assert kept_after(apdus) < 16_000_000


@pytest.mark.slow
def test_messages_of_many_lengths_keep_no_more_memory() -> None:
    apdus = [message for size in range(10, 1500) for message in messages_of_new_shapes(1, size)]
    assert kept_after(apdus) < 16_000_000


def test_shapes_that_went_come_back() -> None:
    apdus = messages_of_new_shapes(400, 20)
    decoder, plain = Decoder(), [plain_walk.line({"link": "apdu"}, apdu) for apdu in apdus]
    for _ in range(2):
        assert decoded([("A", apdu) for apdu in apdus], decoder) == plain


def test_a_new_shape_costs_no_more_than_a_few_plain_walks() -> None:
    apdus = messages_of_new_shapes(300, 40)

    def cost(read: Any) -> float:
        begin = time.process_time()
        for apdu in apdus:
            read(apdu)
        return time.process_time() - begin

    walk = min(cost(lambda apdu: plain_walk.line({"link": "apdu"}, apdu)) for _ in range(3))
    assert min(cost(lambda apdu: decoded([("A", apdu)])) for _ in range(3)) < 10 * walk


# --- the decoder takes anything ---


@given(st.lists(st.tuples(st.sampled_from(["H", "A", "n", "h", "c", "t", ""]), st.binary(min_size=1, max_size=60))))
def test_any_records_give_lines_of_json(records: list[tuple[str, bytes]]) -> None:
    for line in decoded(records):
        assert isinstance(json.loads(line, parse_constant=pytest.fail), dict)


@given(noise(), st.sampled_from(sorted({"n": "noise", "h": "header", "c": "frame check", "t": "truncated"}.items())))
def test_a_fault_says_what_it_is_and_keeps_its_octets(octets: bytes, fault: tuple[str, str]) -> None:
    kind, word = fault
    (result,) = Decoder().feed(kind, b"\xa0" + octets)
    assert type(result) is Refusal
    keys = json.loads(result.line())
    assert (keys["fault"], keys["octets"]) == (word, (b"\xa0" + octets).hex())
    assert keys.get("link") == (None if kind == "n" else "hdlc")


def test_the_time_of_the_frame_stands_first_to_the_millisecond() -> None:
    apdu = encoder.notification({"long": 1})
    decoder = Decoder()
    for ns, text in ((1_795_000_000_123_999_999, "2026-11-18T11:06:40.123Z"), (1, "1970-01-01T00:00:00.000Z")):
        (result,) = decoder.feed("A", apdu, ns)
        assert result.line().startswith(f'{{"time":"{text}","link":"apdu",')
    (result,) = decoder.feed("A", apdu, 2**64 - 1)
    assert result.line().startswith('{"time":"2554-07-21T23:34:33.709Z",')
