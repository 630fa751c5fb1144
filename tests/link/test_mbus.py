"""link/mbus.py: octets on the line -> M-Bus frames and faults."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.link import Event, Fault, Frame
from hanpipe.link.content import Content, NumberedPiece
from hanpipe.link.mbus.content import read_content
from hanpipe.link.mbus.framer import MbusFramer
from hanpipe.link.octets import Malformed
from strategies import cuts, fed

HEADERS = st.sampled_from(
    [b"\x68\x14\x14\x68\x53", b"\x68\x01\x01\x68\x73", b"\x68\x20\x21\x68\x53", b"\x68\xfa\xfa\x68\x53"]
)


def mbus(data: bytes, control: int = 0x53) -> bytes:
    """Write a frame: C, A, CI and data, L modulo 256."""
    counted = bytes([control, 0xFF, 0x10]) + data
    size = len(counted) % 256
    return bytes([0x68, size, size, 0x68]) + counted + bytes([sum(counted) % 256, 0x16])


def frames() -> st.SearchStrategy[bytes]:
    # up to 255 counted octets, or 256 to 258 as Sagemcom sends them: only the check tells longer ones apart
    data = st.binary(max_size=60) | st.binary(min_size=240, max_size=255) | st.just(b"\x68\x16" * 126)
    return st.builds(mbus, data, st.sampled_from([0x53, 0x73]))


@st.composite
def lines(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """Octets of a line, and the good frames on it."""
    line, sent = b"", []
    for _ in range(draw(st.integers(0, 6))):
        frame = draw(frames())
        kind = draw(st.sampled_from(("frame", "frame", "spoilt", "cut", "noise", "header")))
        if kind == "frame":
            line += frame
            sent.append(frame)
        elif kind == "spoilt":
            line += frame[:-2] + bytes([frame[-2] ^ 1]) + frame[-1:]
        elif kind == "cut":
            line += frame[: draw(st.integers(0, len(frame) - 1))]
        else:
            line += draw(st.binary(max_size=20) if kind == "noise" else HEADERS)
    return line, sent


def events(octets: bytes, sizes: list[int] | None = None) -> list[Event]:
    return fed(MbusFramer().feed, octets, sizes or [])


@given(lines(), cuts())
def test_events_do_not_depend_on_the_pieces(line: tuple[bytes, list[bytes]], sizes: list[int]) -> None:
    assert events(line[0], sizes) == events(line[0])


@given(lines())
def test_every_octet_is_in_one_event(line: tuple[bytes, list[bytes]]) -> None:
    assert b"".join(event.octets for event in events(line[0])) == line[0]


@given(st.lists(frames()), cuts())
def test_frames_come_back_as_they_were_sent(sent: list[bytes], sizes: list[int]) -> None:
    assert events(b"".join(sent), sizes) == [Frame("M", frame) for frame in sent]


@given(frames(), frames(), st.data())
def test_a_changed_octet_costs_only_its_frame(first: bytes, second: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(4, len(first) - 1))
    spoilt = first[:at] + bytes([first[at] ^ data.draw(st.integers(1, 255))]) + first[at + 1 :]
    result = events(second + spoilt + second)
    assert [event for event in result if type(event) is Frame] == [Frame("M", second)] * 2
    assert result[1].octets.startswith(spoilt[: at if at > 4 else 0])


@given(frames(), frames(), st.data())
def test_a_frame_cut_short_costs_only_itself(first: bytes, second: bytes, data: st.DataObject) -> None:
    cut = first[: data.draw(st.integers(5, len(first) - 1))]
    assert events(cut + second) == [Fault("t", cut), Frame("M", second)] or events(cut + second)[1:] == [
        Frame("M", second)
    ]


@pytest.mark.parametrize("counted", [3, 255, 256, 257, 258, 259, 300, 511])
def test_a_length_modulo_256_is_believed_where_the_check_agrees(counted: int) -> None:
    frame = mbus(bytes(counted - 3))
    assert events(frame + frame) == [Frame("M", frame)] * 2


def test_a_short_frame_is_told_with_its_last_octet() -> None:
    framer = MbusFramer()
    frame = mbus(b"123")
    assert framer.feed(frame[:-1]) == []
    assert framer.feed(frame[-1:]) == [Frame("M", frame)]


def test_a_longer_length_in_doubt_does_not_hold_back_the_next_frame() -> None:
    framer = MbusFramer()
    good, spoilt = mbus(b"123"), mbus(bytes(100))[:-2] + b"\x00\x16"
    assert framer.feed(spoilt) == []
    assert framer.feed(good) == [Fault("c", spoilt), Frame("M", good)]


def test_faults_say_what_is_wrong() -> None:
    frame = mbus(bytes(20))
    assert events(b"\x68\x17\x18" + frame[3:]) == [Fault("h", b"\x68\x17\x18" + frame[3:])]
    assert events(frame[:-2] + b"\xee\x16") == [Fault("c", frame[:-2] + b"\xee\x16")]
    assert events(frame[:-1]) == [Fault("t", frame[:-1])]
    assert events(b"noise" + frame) == [Fault("n", b"noise"), Frame("M", frame)]


@pytest.mark.parametrize("hostile", [b"\x68", b"\x68\x01\x01\x68\x53", b"\x68\x16\x16\x68\x53", b"\0"])
def test_hostile_octets_take_linear_time_and_bounded_memory(hostile: bytes) -> None:
    def seconds(size: int) -> float:
        framer, piece = MbusFramer(), hostile * 2000
        begin = time.process_time()
        for _ in range(size):
            framer.feed(piece)
            assert len(framer._octets) < 3000
        return time.process_time() - begin

    seconds(2)
    assert seconds(20) < 40 * seconds(4) + 0.1


# --- the fields of a frame ---


def frame_of(ci: int, rest: bytes, control: int = 0x53) -> bytes:
    counted = bytes([control, 0xFF, ci]) + rest
    return bytes([0x68, len(counted), len(counted), 0x68]) + counted + bytes([sum(counted) & 0xFF, 0x16])


@given(st.integers(0, 31), st.binary(min_size=1, max_size=60))
def test_a_piece_of_an_apdu_is_read_as_it_was_sent(ci: int, data: bytes) -> None:
    content = read_content(frame_of(ci, b"\x01\x67" + data))
    keys = {"address": "ff", "destination": "67", "source": "01"}
    assert content == Content(keys, 9, data, NumberedPiece(ci & 15, ci > 15))


@pytest.mark.parametrize(("ci", "header"), [(0x72, 12), (0x7A, 4), (0x7C, 12)])
@pytest.mark.parametrize("tag", [b"\x0f", b"\xdb"])
def test_an_apdu_after_a_variable_header_is_the_only_piece(ci: int, header: int, tag: bytes) -> None:
    octets = frame_of(ci, bytes(header) + b"\x01\x67" + tag + b"abc", control=0x08)
    content = read_content(octets)
    assert (content.data, content.piece) == (tag + b"abc", NumberedPiece(0, True))
    assert fed(MbusFramer().feed, octets, []) == [Frame("M", octets)]


@pytest.mark.parametrize("ci", [0x5B, 0x72, 0x7A, 0x78])
def test_a_frame_of_another_application_is_named_as_that(ci: int) -> None:
    content = read_content(frame_of(ci, bytes(20)))
    assert f"CI {ci:02x}" in str(content.refused)
    assert not content.data


@given(st.binary(max_size=30), st.booleans())
def test_the_data_of_any_octets_is_where_it_is_said_to_be(octets: bytes, whole: bool) -> None:
    with contextlib.suppress(Malformed):
        content = read_content(octets, whole=whole)
        assert octets[content.begin :].startswith(content.data)
