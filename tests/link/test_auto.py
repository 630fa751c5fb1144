"""link/auto.py: the link found from the octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_mbus import frames as mbus_frames
from test_p1 import telegram, telegrams

import strategies
from hanpipe.link import FRAMERS, Event, Fault, Frame
from hanpipe.link.auto import AutoFramer
from strategies import cuts, fed

FLAG = b"\x7e"
TITLE = b"TSTABCDE"


def ciphered(octets: bytes, title: bytes = TITLE) -> bytes:
    return b"\xdb\x08" + title + b"\x82" + (len(octets) + 5).to_bytes(2, "big") + b"\x30\0\0\0\7" + octets


def sent() -> st.SearchStrategy[list[Frame]]:
    """Frames of all links, mixed."""
    return st.lists(
        st.builds(Frame, st.just("H"), strategies.frames())
        | st.builds(Frame, st.just("M"), mbus_frames())
        | st.builds(Frame, st.just("P"), telegrams()),
        max_size=8,
    )


def line_of(frames: list[Frame]) -> bytes:
    return b"".join(FLAG + octets + FLAG if kind == "H" else octets for kind, octets in frames)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Octets of a line on which links change, with pieces cut out of it and noise put into it."""
    line = line_of(draw(sent()))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(line)))
        end = draw(st.integers(begin, min(len(line), begin + 50)))
        line = (
            line[:begin]
            + draw(strategies.noise() | st.sampled_from([b"/ABC5\r\n", b"\x68\x09\x09\x68\x53"]))
            + line[end:]
        )
    return line


def events(octets: bytes, sizes: list[int] | None = None, link: str = "auto") -> list[Event]:
    return fed(FRAMERS[link]().feed, octets, sizes or [])


@given(streams(), cuts())
def test_events_do_not_depend_on_the_pieces(stream: bytes, sizes: list[int]) -> None:
    assert events(stream, sizes) == events(stream)


@given(streams())
def test_every_octet_is_in_one_event(stream: bytes) -> None:
    result = b"".join(event.octets for event in events(stream))
    assert result.replace(FLAG, b"") == stream.replace(FLAG, b"")


@given(sent(), cuts())
def test_frames_of_all_links_come_back_as_they_were_sent(frames: list[Frame], sizes: list[int]) -> None:
    assert events(line_of(frames), sizes) == frames


@given(sent(), st.data())
def test_a_frame_cut_short_loses_none_of_another_link(frames: list[Frame], data: st.DataObject) -> None:
    first = Frame("H", strategies.encoder.pushed(bytes(50)))
    cut = line_of([data.draw(st.sampled_from([first, Frame("P", telegram()), Frame("M", data.draw(mbus_frames()))]))])
    cut = cut[: data.draw(st.integers(1, len(cut) - 1))]
    result = [event for event in events(line_of(frames) + cut + line_of(frames)) if type(event) is Frame]
    assert result[: len(frames)] == frames
    assert result[len(result) - len(frames) :] == frames


@given(strategies.streams(), cuts())
def test_a_line_that_is_all_hdlc_gives_what_its_framer_gives(stream: bytes, sizes: list[int]) -> None:
    assert events(stream, sizes) == events(stream, link="hdlc")


def test_captures_do_not_depend_on_the_pieces(capture: bytes) -> None:
    whole = events(capture)
    assert events(capture, [1]) == whole
    result = b"".join(event.octets for event in whole)
    assert result.replace(FLAG, b"") == capture.replace(FLAG, b"")


def test_a_frame_of_another_link_ends_the_wait_for_a_telegram() -> None:
    framer, cut, frame = AutoFramer(), telegram()[:50], strategies.encoder.pushed(bytes(5))
    assert framer.feed(cut) == []
    assert framer.feed(FLAG + frame + FLAG) == [Fault("t", cut), Frame("H", frame)]


@given(st.lists(st.binary(max_size=300)), cuts())
def test_an_input_of_ciphered_apdus(blocks: list[bytes], sizes: list[int]) -> None:
    apdus = [ciphered(block) for block in blocks]
    assert events(b"".join(apdus), sizes) == [Frame("A", apdu) for apdu in apdus]


def test_ciphered_apdus_are_found_again_behind_noise() -> None:
    apdu = ciphered(bytes(30))
    result = [
        Frame("A", apdu),
        Fault("n", b"noise" + ciphered(b"", b"OTHERTTL")),
        Frame("A", apdu),
        Fault("t", apdu[:20]),
    ]
    assert events(apdu + b"noise" + ciphered(b"", b"OTHERTTL") + apdu + apdu[:20]) == result


def test_a_ciphered_apdu_that_the_input_does_not_begin_with_is_none() -> None:
    assert events(b"\r\n" + ciphered(bytes(30))) == [Fault("n", b"\r\n" + ciphered(bytes(30)))]


@pytest.mark.parametrize(
    "hostile", [b"\x68", b"/", b"/ABC", FLAG, b"\0", b"/ABC5\r\n", b"\x68\x01\x01\x68\x53", b"\xdb"]
)
def test_hostile_octets_take_bounded_memory(hostile: bytes) -> None:
    framer = AutoFramer()
    for _ in range(5):
        framer.feed(hostile * (40000 // len(hostile)))
        assert len(framer._octets) < 3000
