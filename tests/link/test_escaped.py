"""link/escaped.py: HDLC with octet transparency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.link import Event, Fault, Frame
from hanpipe.link.hdlc.escaped import MOST, EscapedFramer, unescape
from strategies import addresses, cuts, encoder, fed, noise

FLAG = b"\x7e"


def escape(octets: bytes) -> bytes:
    return octets.replace(b"\x7d", b"\x7d\x5d").replace(FLAG, b"\x7d\x5e")


def frames() -> st.SearchStrategy[bytes]:
    return st.builds(encoder.frame, noise() | st.binary(max_size=60), addresses())


def streams() -> st.SearchStrategy[bytes]:
    return st.lists(st.just(FLAG) | frames().map(escape) | noise() | frames().map(lambda frame: frame[:-3])).map(
        b"".join
    )


def events(octets: bytes, sizes: list[int] | None = None) -> list[Event]:
    return fed(EscapedFramer().feed, octets, sizes or [])


@given(st.binary())
def test_escaping_is_undone(octets: bytes) -> None:
    assert unescape(escape(octets)) == octets
    assert unescape(b"".join(bytes([0x7D, octet ^ 0x20]) for octet in octets)) == octets


@given(streams(), cuts())
def test_events_do_not_depend_on_the_pieces(stream: bytes, sizes: list[int]) -> None:
    assert events(stream, sizes) == events(stream)


@given(streams())
def test_every_octet_is_in_one_event(stream: bytes) -> None:
    result = b"".join(unescape(octets) if kind != "H" else octets for kind, octets in events(stream))
    assert result == b"".join(map(unescape, stream.split(FLAG)))


@given(st.lists(frames()), st.integers(1, 3), cuts())
def test_frames_come_back_as_they_were_sent(sent: list[bytes], flags: int, sizes: list[int]) -> None:
    line = FLAG * flags + b"".join(escape(frame) + FLAG * flags for frame in sent)
    assert events(line, sizes) == [Frame("H", frame) for frame in sent]


@given(frames(), frames(), st.data())
def test_a_changed_octet_costs_only_its_frame(first: bytes, second: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(first) - 1))
    spoilt = escape(first[:at] + bytes([first[at] ^ data.draw(st.integers(1, 255))]) + first[at + 1 :])
    (before, fault, after) = events(FLAG.join([b"", escape(second), spoilt, escape(second), b""]))
    assert (before, after) == (Frame("H", second), Frame("H", second))
    assert type(fault) is Fault
    assert fault.octets == spoilt


def test_faults_say_what_is_wrong() -> None:
    frame = encoder.frame(b"12345")
    for kind, octets in {
        "n": b"12345678",
        "h": frame[:2] + b"\x43" + frame[3:],
        "c": frame[:-3] + b"6" + frame[-2:],
        "t": frame[:-1],
    }.items():
        assert events(FLAG + octets + FLAG + frame + FLAG) == [Fault(kind, octets), Frame("H", frame)]
    assert events(frame + FLAG) == [Fault("n", frame)]


@pytest.mark.parametrize("hostile", [b"\0", b"\x7d", FLAG, FLAG + b"\xa0"])
def test_hostile_octets_take_bounded_memory(hostile: bytes) -> None:
    framer = EscapedFramer()
    for _ in range(5):
        framer.feed(hostile * 20000)
        assert len(framer._octets) <= MOST
