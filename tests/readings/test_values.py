"""Values: exact, and the same whichever way they are written."""

import json
import struct
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hanpipe.apdu.template import Slot
from hanpipe.link.octets import Malformed
from hanpipe.readings.values import Clock, Digits, Joined, Nested, Number, Octets, Sized, decimal_text, scaled

RAWS = st.integers(-(2**64), 2**64)
SCALERS = st.integers(-9, 9)


@given(RAWS, SCALERS)
def test_a_decimal_is_exact_and_as_short_as_can_be(raw, scaler):
    text = decimal_text(raw, scaler)
    assert Decimal(text) == Decimal(raw) * Decimal(10) ** scaler
    assert text == "0" or not text.startswith("0") or text.startswith("0.")
    assert "." not in text or not text.endswith(("0", "."))
    assert "E" not in text


@given(RAWS, SCALERS, st.integers(1, 1000))
def test_a_number_is_the_same_from_its_digits_and_from_its_value(raw, scaler, factor):
    number = Number(0, scaler, factor)
    ((index, text_of),) = number.parts()
    assert (index, text_of(str(raw))) == (0, number.json([raw]))
    assert text_of(str(raw)) == number.json([raw])
    assert Decimal(number.json([raw])) == scaled(raw * factor, scaler)


def test_texts_kept_are_bounded():
    ((_, texts),) = Number(0, -1, 7).parts()
    for raw in range(5000):
        texts(str(raw))
        assert len(texts.__self__) <= 512


def test_digits_are_quoted():
    ((_, text_of),) = Digits(0).parts()
    assert Digits(0).json([12]) == text_of("12") == '"12"'


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_one_large_number_of_a_unit_warns_for_all(first, second):
    sized = Sized(Number(0), Number(0, -2), (0, 1), 1000)
    assert sized.value([first, second]) == (scaled(first, -2) if max(first, second) > 1000 else first)
    assert Decimal(sized.json([first, second])) == sized.value([first, second])


@given(st.binary(min_size=12, max_size=12), st.booleans())
def test_a_clock_is_the_same_in_parts_and_as_a_whole(octets, real):
    if real:
        octets = bytes.fromhex("07ea0b16070a0f0aff") + octets[9:]
    values = struct.unpack(">III", octets)
    try:
        text = "".join(text_of(f"{values[index]:08x}") for index, text_of in Clock(0, 12).parts())
    except Malformed:
        text = ""
    assert text == Clock(0, 12).json(values)


def test_a_clock_in_two_parts():
    joined = Joined(Octets(0, 5), Octets(2, 4))
    assert joined.json([0x07, 0xEA0B1607, 0x0A0F0A00]) == '"2026-11-22T10:15:10"'
    assert joined.json([0x07, 0xEAFF1607, 0x0A0F0A00]) == ""


@given(st.binary(min_size=12, max_size=12))
def test_octets_of_a_clock_are_told_whatever_they_are(octets):
    values = [int.from_bytes(octets[at : at + 4], "big") for at in (0, 4, 8)]
    assert isinstance(json.loads(Octets(0, 12).json(values)), str)
    assert Clock(0, 12).json(values) in ("", Octets(0, 12).json(values))


@given(st.integers(0, 2**32 - 1))
def test_holes_inside_a_value_are_filled(number):
    assert Nested([{"long-unsigned": Slot(0)}, {"octet-string": Slot(0, 4)}]).value([number]) == [
        {"long-unsigned": number},
        {"octet-string": f"{number:08x}"},
    ]
