"""Many meters on one input: each reading is as if its meter were alone, and the meters share shapes and plans."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_layouts import LISTS

import encoder
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message
from hanpipe.apdu.template import VISIBLE_STRING, TextSlot
from hanpipe.readings import layouts, makers
from hanpipe.readings.deciding import _FEW, Decided
from hanpipe.readings.items import Item
from hanpipe.readings.line_shape import LineShape, LineShapes
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from strategies import fleets, other_texts

# Beginnings of texts that decide something: the patterns of meter files, and what the makers' tables know.
_PATTERNS = sorted({pattern for layout in layouts.shipped() for pattern in layout.texts.values()})
_TELLING = [pattern.replace("[0-9]", "0").replace("*09[02]", "6841121BN142101090").rstrip("*") for pattern in _PATTERNS]
NAMES = [*_TELLING, *makers._makers()["list_version"], *makers._makers()["flag"], "kam", "\0", "\x7f"]

PLAIN_LISTS = [keys["body"] for _, keys in LISTS if keys["apdu"] == "data-notification"]


def alone(line: str) -> str:
    """Return the reading of a line that is the first and only one of its input."""
    return "".join(LineReader(Naming()).lines(line.encode() + b"\n"))


@st.composite
def lists_of_meters(draw: st.DrawFn) -> list[bytes]:
    """Lists that meter files describe, with other texts, from meters that take turns."""
    body = draw(st.sampled_from(PLAIN_LISTS))
    meters = [body, *[draw(other_texts(body, st.sampled_from(NAMES))) for _ in range(draw(st.integers(1, 4)))]]
    return [encoder.notification(meter) for meter in draw(st.lists(st.sampled_from(meters), min_size=2, max_size=8))]


@pytest.mark.slow
@given(lists_of_meters() | fleets())
def test_each_reading_is_that_of_its_meter_alone(apdus: list[bytes]) -> None:
    decoder, naming, reader, by_code = Decoder(), Naming(), LineReader(Naming()), LineReader(Naming())
    for apdu in apdus:
        (message,) = decoder.feed("A", apdu)
        assert type(message) is Message
        line = message.line().encode() + b"\n"
        expected = LineReader(Naming()).lines(line)
        assert reader.lines(line) == expected
        ((plan, values, front),) = by_code.feed(line)
        ((own_plan, own_values, _),) = LineReader(Naming()).feed(line)
        assert plan.obis_line(values, front) == own_plan.obis_line(own_values, front)
        reading = naming.reading(message)
        assert [reading.line()] == expected
        assert {key: reading[key] for key in reading} == {key: own_plan.value_of[key](own_values) for key in reading}


def with_text(typed: Any, at: list[int], text: str) -> Any:
    """Return a body with another text of the same length in the place of its at[0]th one."""
    ((name, value),) = typed.items()
    if name in ("array", "structure"):
        return {name: [with_text(element, at, text) for element in value]}
    if name not in ("octet-string", "visible-string") or not value or (name == "octet-string" and len(value) == 12):
        return typed
    at[0] -= 1
    if at[0] != -1:
        return typed
    size = len(value) // (2 if name == "octet-string" else 1)
    other = (text + "7" * size)[:size]
    return {name: other.encode("latin-1").hex() if name == "octet-string" else other}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(dict(LISTS)))
def test_a_text_that_decides_something_does_so_among_other_meters_too(name: str) -> None:
    keys = dict(LISTS)[name]
    decoder, naming, reader = Decoder(descriptors=True), Naming(), LineReader(Naming())
    for at in range(8):
        changed = [with_text(keys["body"], [at], text) for text in ("", *NAMES)]
        for body in changed if changed[0] != keys["body"] else []:
            line = json.dumps(keys | {"body": body}, separators=(",", ":"))
            assert "".join(reader.lines(line.encode() + b"\n")) == alone(line)
            (message,) = decoder.feed("A", encoder.notification(body))
            assert type(message) is Message
            assert naming.reading(message).line() == alone(message.line())


def test_texts_decide_the_maker_in_a_list_of_the_users_layout() -> None:
    (layout,) = layouts.read_layouts(
        "own.toml", 'list = [{ name = "own", elements = ["1-1:0.2.129 text", "0-0:96.1.0 *", "1-0:1.7.0 long"] }]'
    )
    reader = LineReader(Naming((layout,)))
    for version, device in [("AIDON_V1", "1"), ("KFM_0001", "2"), ("KFM_0001", "3"), ("UNKNOWN1", "4")]:
        body = {"structure": [{"visible-string": version}, {"visible-string": device}, {"long": 5}]}
        (message,) = Decoder().feed("A", encoder.notification(body))
        assert type(message) is Message
        line = message.line().encode() + b"\n"
        assert reader.lines(line) == LineReader(Naming((layout,))).lines(line)


def test_an_unprintable_name_of_a_device_decides_its_maker() -> None:
    decoder, naming = Decoder(), Naming()
    for name, maker in [("KAM\x01", "Kamstrup"), ("SAG\x01", "Sagemcom"), ("KFM\x01", "Kaifa"), ("XYZ\x01", None)]:
        elements = [{"octet-string": "0000600100ff"}, {"visible-string": name}]
        (message,) = decoder.feed("A", encoder.notification({"structure": elements}))
        assert type(message) is Message
        assert naming.reading(message).get("meter_maker") == maker


_STRINGS = st.text(max_size=6) | st.sampled_from(["a\0", "ab\0\0", 'a"b', "a\\b", "{", '"}', "æ", "a\x01"])


@given(st.lists(st.tuples(_STRINGS, st.sampled_from(["", "4b", "2a7", "31323334", "41\\u0000"])), max_size=8))
def test_strings_of_any_kind_are_read_as_those_of_a_line_alone(several: list[tuple[str, str]]) -> None:
    reader = LineReader(Naming())
    for text, digits in several:
        body = {"structure": [{"visible-string": text}, {"octet-string": digits}, {"system_title": digits * 2}]}
        for ascii_only in (True, False):
            line = json.dumps({"body": body}, separators=(",", ":"), ensure_ascii=ascii_only)
            assert "".join(reader.lines(line.encode() + b"\n")) == alone(line)


def ciphered_line(number: int, title: str = "4c475a67") -> str:
    body = {"structure": [{"octet-string": f"{number:08}".encode().hex()}, {"long-unsigned": 5}]}
    keys = {"link": "hdlc", "apdu": "data-notification", "system_title": f"{title}{number:08x}", "body": body}
    return json.dumps(keys, separators=(",", ":"))


def test_ciphered_meters_share_a_shape_up_to_their_makers_letters() -> None:
    shapes, reader = LineShapes(), LineReader(Naming())
    for number in range(1, 50):
        line = ciphered_line(number, "4c475a67" if number % 2 else "4b414d67")
        assert "".join(reader.lines(line.encode() + b"\n")) == alone(line)
        shape = shapes.make(line) if shapes.find(line) is None else None
        if shape:
            shapes.add(line, shape)
    (kept,) = shapes._of_kind.values()
    assert len(kept) == 2


def numbered(number: int, **more: Any) -> str:
    """Return the line of a list with its meter's number."""
    body = {"structure": [{"octet-string": "0000600100ff"}, {"visible-string": f"{number:016}"}, {"long": 5}]}
    return json.dumps({"apdu": "data-notification", "body": body} | more, separators=(",", ":"))


def test_meters_that_differ_in_their_numbers_share_shape_and_plan() -> None:
    naming = Naming()
    reader = LineReader(naming)
    for number in range(300):
        (reading,) = reader.lines(numbered(number).encode() + b"\n")
        assert json.loads(reading)["meter_ID"] == f"{number:016}"
    (kept,) = reader._shapes._of_kind.values()
    assert len(kept) == 1
    assert len(naming._plans) == 2  # of the first meter alone, and of all


def test_meters_of_many_models_are_each_learned_once() -> None:
    learned = []

    class Watched(LineReader):
        def _learn(self, line: str) -> Any:
            learned.append(line)
            return super()._learn(line)

    reader = Watched(Naming())
    for turn in range(200):
        model = {"visible-string": "M" * (turn % 24 + 1)}
        line = numbered(turn, body={"structure": [model, {"visible-string": f"{turn:08}"}, {"long": 5}]})
        assert "".join(reader.lines(line.encode() + b"\n")) == alone(line)
    assert len(learned) == 48  # the first two of each length


def test_a_single_meter_has_its_texts_in_its_shape() -> None:
    shapes = LineShapes()
    shapes.add(numbered(1), LineShape(numbered(1)))
    found = shapes.find(numbered(1))
    assert found is not None
    assert not found[0].texts


def test_no_name_of_a_maker_begins_with_a_digit() -> None:
    """Otherwise the numbers of meters would decide something, and deciding.py take them for equal."""
    for table in makers._makers().values():
        assert not any(name[0] in string.digits for name in table)


# --- bounds ---


def test_what_texts_decide_is_remembered_of_a_few() -> None:
    decided = Decided(Item("0-0:96.1.0", VISIBLE_STRING, TextSlot(0, VISIBLE_STRING)), False, str.encode)
    for number in range(1000):
        assert decided[f"KAM{number:013}"] == decided["KAM"]
        assert len(decided) <= _FEW == 64
    decided.clear()
    assert decided["KAM" * 30] == decided["KAM"] != decided["SAG"]
    assert sorted(decided) == ["KAM", "SAG"]


@pytest.mark.parametrize("varied", [0, 1])
def test_texts_that_decide_something_else_each_time_keep_no_more_plans(varied: int) -> None:
    naming = Naming()
    reader = LineReader(naming)
    for number in range(600):
        unprintable = "".join("19"[number >> bit & 1] for bit in range(10))
        elements = [{"octet-string": f"3{'1' if digit == '1' else 'f'}8{digit}"} for digit in unprintable]
        keys = {"apdu": "data-notification", "body": {"structure": [*elements, {"long": varied}]}}
        reader.lines(json.dumps(keys, separators=(",", ":")).encode() + b"\n")
        assert len(reader._writers) <= 256
        assert len(naming._plans) <= 256
        assert len(naming._deciding) <= 256
    assert reader.read == 600
