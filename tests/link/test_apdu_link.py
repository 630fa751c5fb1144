"""link/apdu.py: no link layer at all."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from conftest import ROOT
from hanpipe.apdu.decoder import Decoder
from hanpipe.link import Event, Fault, Frame
from hanpipe.link.apdu.framer import ApduFramer
from hanpipe.link.kinds import LONGEST
from programs import PATIENCE
from strategies import cuts, fed, typed_data


def events(octets: bytes, sizes: list[int] | None = None) -> list[Event]:
    return fed(ApduFramer().feed, octets, sizes or [])


def glo(contents: bytes, title: bytes = b"ABC\0\0\0\0\1") -> bytes:
    return b"\xdb" + encoder.length(len(title)) + title + encoder.length(len(contents)) + contents


def ded(contents: bytes, title: bytes = b"ABC\0\0\0\0\1") -> bytes:
    return b"\xdc" + glo(contents, title)[1:]


CONTENTS = st.binary(min_size=5, max_size=300)
CIPHERED = CONTENTS.map(glo) | CONTENTS.map(ded) | CONTENTS.map(lambda contents: ded(contents, b""))


@given(typed_data().map(encoder.notification), cuts())
def test_the_input_is_one_apdu(apdu: bytes, sizes: list[int]) -> None:
    assert events(apdu, sizes) == [Frame("A", apdu)]


@given(st.lists(CIPHERED), cuts())
def test_ciphered_ones_end_where_their_length_says(apdus: list[bytes], sizes: list[int]) -> None:
    assert events(b"".join(apdus), sizes) == [Frame("A", apdu) for apdu in apdus]


@given(CIPHERED)
def test_a_ciphered_one_is_told_with_its_last_octet(apdu: bytes) -> None:
    framer = ApduFramer()
    assert framer.feed(apdu[:-1]) == []
    assert framer.feed(apdu[-1:]) == [Frame("A", apdu)]


@given(st.lists(CIPHERED, max_size=2), CIPHERED, st.integers(1, 10_000))
def test_a_ciphered_one_that_was_cut_is_truncated(apdus: list[bytes], last: bytes, cut: int) -> None:
    cut = 2 + cut % (len(last) - 2)
    result = events(b"".join(apdus) + last[:cut])
    assert result[: len(apdus)] == [Frame("A", apdu) for apdu in apdus]
    assert result[len(apdus) :] == [Fault("t", last[:cut])]


@given(st.lists(CIPHERED | st.binary(max_size=30)).map(b"".join), cuts())
def test_events_do_not_depend_on_the_pieces_and_hold_every_octet(octets: bytes, sizes: list[int]) -> None:
    assert events(octets, sizes) == events(octets)
    assert b"".join(event.octets for event in events(octets)) == octets


@pytest.mark.parametrize("size", [LONGEST, LONGEST + 1, 3 * LONGEST, 1_000_000])
@pytest.mark.parametrize("pieces", [[], [4096], [65536]])
def test_more_than_an_apdu_can_be_is_given_up_in_bounded_pieces(size: int, pieces: list[int]) -> None:
    octets = bytes(size)
    result = events(octets, pieces)
    assert b"".join(event.octets for event in result) == octets
    assert all(len(event.octets) <= LONGEST for event in result)
    if size > LONGEST:
        assert {event.kind for event in result} == {"n"}


def test_nothing_is_nothing() -> None:
    assert events(b"") == []


def test_real_apdus_octet_by_octet(capture: bytes) -> None:
    assert events(capture[:3000], [1]) == events(capture[:3000])


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (encoder.notification({"structure": [{"long": 1}]}), "--link apdu"),
        (encoder.notification({"array": []}, date_time=bytes.fromhex("07ea0b16070a0f0aff800000")), "--link apdu"),
        (encoder.notification({"long": 1}, 1, bytes.fromhex("07ea0b16070a0f0aff800000"), True), "--link apdu"),
        (glo(bytes(20), title=b""), "--link apdu"),
        (b"\xe6\xe7\0" + encoder.notification({"structure": [{"long": 1}]}), "--link apdu"),
        (encoder.pushed(encoder.notification({"long": 1})), "--link apdu"),
        (encoder.data({"array": [{"structure": []}]}), "--link apdu"),
        (b"\x0f\xe3\x80\xff" * 20, "line-setting"),
        (bytes(range(40)), "line-setting"),
    ],
)
def test_octets_without_a_frame_are_looked_at_for_an_apdu(octets: bytes, words: str) -> None:
    done = subprocess.run([f"{ROOT}/bin/han-frame"], input=octets, capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    assert words in done.stderr.decode()


@given(cuts())
def test_an_hdlc_frame_without_flags_is_a_frame(sizes: list[int]) -> None:
    frame = encoder.pushed(encoder.notification({"structure": [{"long": 1}]}))
    assert events(frame, sizes) == [Frame("H", frame)]
    assert events(frame[:-1] + bytes([frame[-1] ^ 1]), sizes) == [Fault("c", frame[:-1] + bytes([frame[-1] ^ 1]))]
    assert events(frame[:-1], sizes) == [Fault("t", frame[:-1])]


@pytest.mark.parametrize("before", ["", "e6e700", "e6e600"])
@pytest.mark.parametrize("apdu", ["0f0000000100", ""])
def test_an_llc_and_a_body_alone_are_read(before: str, apdu: str) -> None:
    octets = bytes.fromhex(before + apdu) + encoder.data({"structure": [{"double-long-unsigned": 280}]})
    (message,) = Decoder().feed("A", octets)
    assert '"body":{"structure":[{"double-long-unsigned":280}]}' in message.line()
