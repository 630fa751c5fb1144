"""Lines matched by their shape give what reading them as JSON gives."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.apdu.template import Slot
from hanpipe.readings.line_shape import LineShape, LineShapes, read_keys
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader

NUMBER_TYPES = ("double-long", "double-long-unsigned", "long", "unsigned", "long-unsigned", "long64", "integer", "enum")
VALUES = st.one_of(
    st.builds(lambda kind, number: {kind: number}, st.sampled_from(NUMBER_TYPES), st.integers(-(2**63), 2**64 - 1)),
    st.builds(lambda octets: {"octet-string": octets.hex()}, st.binary(max_size=14)),
    st.builds(lambda text: {"visible-string": text}, st.text(max_size=8)),
    st.just({"null-data": None}),
)
BODIES = st.recursive(
    VALUES,
    lambda inner: st.builds(lambda e: {"structure": e}, st.lists(inner, max_size=6)),
    max_leaves=20,
)


def line_of(body, time="", clock=None, invoke_id=1) -> str:
    keys = {"time": time} if time else {}
    keys |= {"link": "hdlc", "apdu": "data-notification", "invoke_id": invoke_id, "date_time": clock, "body": body}
    return json.dumps(keys, separators=(",", ":"))


def fill(typed, values):
    """Put the values back into a skeleton."""
    if isinstance(typed, dict):
        return {key: fill(inner, values) for key, inner in typed.items()}
    if isinstance(typed, Slot) and not typed.size:
        return values[typed.at]
    if isinstance(typed, Slot):
        count = (typed.size + 3) // 4
        digits = "".join(f"{value:08x}" for value in values[typed.at : typed.at + count])
        return digits[-2 * typed.size :]
    return [fill(inner, values) for inner in typed] if isinstance(typed, list) else typed


@given(BODIES, st.sampled_from(["", "2026-11-22T10:15:04.123Z"]), st.sampled_from([None, "07ea0b16070a0f0aff800000"]))
def test_skeleton_and_values_are_the_line(body, time, clock):
    line = line_of(body, time, clock)
    shapes = LineShapes()
    shapes.add(line, LineShape(line))
    shape, holes = shapes.find(line)
    keys = fill(read_keys(shape.skeleton, shape.slots), shape.values(holes))
    assert {**json.loads("{" + shape.front(holes).rstrip(",") + "}"), **keys} == json.loads(line)


@given(BODIES, st.data())
def test_a_line_that_differs_outside_of_its_holes_is_of_another_shape(body, data):
    line = line_of(body)
    shape = LineShape(line)
    at = data.draw(st.integers(0, len(line) - 1))
    other = line[:at] + data.draw(st.sampled_from('x0"{}-')) + line[at + 1 :]
    found = shape.holes(other)
    if found is not None:
        assert LineShape(other).skeleton == shape.skeleton


def test_digits_without_end_are_cut_in_one_way_only():
    body = {"structure": [{"double-long-unsigned": 7}] * 200}
    line = line_of(body)
    assert LineShape(line).holes("1" * (len(line) + 1500)) is None  # each way to cut them would take for ever


@given(BODIES, st.data())
def test_a_line_of_a_shape_already_met_is_read_as_if_it_were_the_first(body, data):
    line = line_of(body)
    other = re.sub(
        r'("(?:double-long|long|unsigned|long64)":)-?\d+',
        lambda found: found[1] + str(data.draw(st.integers(0, 9999))),
        line,
    )
    reader = LineReader(Naming())
    reader.lines(line.encode() + b"\n")
    assert reader.lines(other.encode() + b"\n") == LineReader(Naming()).lines(other.encode() + b"\n")


@given(st.lists(BODIES, max_size=4), st.integers(1, 50))
def test_readings_do_not_depend_on_the_pieces(bodies, size):
    data = b"".join(line_of(body).encode() + b"\n" for body in bodies) + b"{}\nno JSON\n"
    whole, cut = LineReader(Naming()), LineReader(Naming())
    result = whole.lines(data) + whole.lines(b"")
    pieces = [line for at in range(0, len(data), size) for line in cut.lines(data[at : at + size])] + cut.lines(b"")
    assert result == pieces
    assert whole.counters() == cut.counters()


@pytest.mark.slow
@given(st.lists(BODIES, max_size=4))
def test_both_ways_to_write_a_reading_agree(bodies):
    data = b"".join(line_of(body, "2026-11-22T10:15:04.123Z").encode() + b"\n" for body in bodies * 2)
    plain = [plan.line(values, front) for plan, values, front in LineReader(Naming()).feed(data)]
    assert LineReader(Naming()).lines(data) == plain


@given(st.binary(max_size=200))
def test_no_octets_stop_it(data):
    reader = LineReader(Naming())
    reader.lines(data)
    reader.lines(b"")


def test_deep_json_is_a_wrong_line():
    reader = LineReader(Naming())
    reader.lines(b'{"body":' + b"[" * 100_000 + b"\n")
    assert reader.counters() == {"readings": 0, "passed": 0, "wrong": 1}


def test_shapes_are_bounded():
    shapes = LineShapes()
    for number in range(1000):
        line = line_of({"visible-string": str(number)})
        shapes.add(line, LineShape(line))
    assert sum(map(len, shapes._of_kind.values())) <= 256


def lines_of_new_shapes(count: int, size: int = 0) -> list[str]:
    """Return lines of which each has a text, and so a shape, and a number of braces of its own."""
    return [
        line_of({"structure": [{"visible-string": f"{number:0{size}}"}, *[{"null-data": None}] * number]})
        for number in range(count)
    ]


def test_large_shapes_keep_no_more_characters_than_their_room():
    shapes = LineShapes()
    for line in lines_of_new_shapes(60, 60_000):
        shapes.add(line, LineShape(line))
        kept = [len(shape.skeleton) for of_kind in shapes._of_kind.values() for shape in of_kind]
        assert 4 * sum(kept) <= 8_000_000


def test_writers_and_plans_are_bounded():
    naming = Naming()
    reader = LineReader(naming)
    for line in lines_of_new_shapes(300):
        reader.lines(line.encode() + b"\n")
        assert len(reader._writers) <= 256
        assert len(naming._plans) <= 256
    assert reader.read == 300


def test_plans_of_large_messages_keep_no_more_characters_than_their_room():
    naming = Naming()
    for line in lines_of_new_shapes(20, 90_000):
        naming.plan_of(LineShape(line))
        kept = [len(shape.skeleton) for shape in naming._plans]
        assert sum(kept[:-1]) <= 1_000_000  # the last may be larger than the room alone
