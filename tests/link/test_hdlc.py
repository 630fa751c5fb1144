"""link/hdlc.py: octets on the line -> frames and faults."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from hanpipe.link import FRAMERS, Event, Fault, Frame
from hanpipe.link.hdlc.framer import HdlcFramer
from hanpipe.link.hdlc.header import LONGEST, read_header
from hanpipe.link.octets import Malformed
from strategies import addresses, cuts, fed, frames, lines, streams

FLAG = b"\x7e"
GOOD = encoder.pushed(encoder.notification({"long": 1}))
ANOTHER = encoder.pushed(encoder.notification({"long": 2}))


def events(octets: bytes, sizes: list[int] | None = None) -> list[Event]:
    return fed(HdlcFramer().feed, octets, sizes or [])


def good(octets: bytes, sizes: list[int] | None = None) -> list[bytes]:
    return [event.octets for event in events(octets, sizes) if type(event) is Frame]


def between_flags(result: list[Event]) -> bytes:
    """Write events as han-frame --raw does."""
    return b"".join(FLAG + octets + FLAG if kind in "Hhct" else octets for kind, octets in result)


def is_in_order_in(few: list[bytes], many: list[bytes]) -> bool:
    rest = iter(many)
    return all(one in rest for one in few)


@given(streams(), cuts())
def test_events_do_not_depend_on_the_pieces(stream: bytes, sizes: list[int]) -> None:
    assert events(stream, sizes) == events(stream)


def test_a_header_right_behind_a_frame_with_a_wrong_fcs_is_judged_in_any_pieces() -> None:
    failed, header = GOOD[:-1] + bytes([GOOD[-1] ^ 1]), GOOD[:8]
    stream = FLAG + failed + FLAG + b"\r" + FLAG + header + FLAG * 2 + bytes(len(GOOD))
    result = [Fault("c", failed), Fault("n", b"\r"), Fault("t", header), Fault("n", bytes(len(GOOD)))]
    assert events(stream) == events(stream, [1]) == result


def test_two_flags_in_a_header_are_none_that_stand_idle() -> None:
    frame = encoder.frame(bytes(0x7E - 10), b"\x7e\x03\x21", 0x13)
    assert frame[1:3] == b"\x7e\x7e"
    assert events(FLAG + frame + FLAG, [1]) == [Frame("H", frame)]


def test_flags_in_a_false_header_right_behind_a_failed_frame_are_none_that_stand_idle() -> None:
    failed, header = bytes.fromhex("a00c012113aaf0e190405785"), bytes.fromhex("a00cceff7e7e7e41436803036853ff106216")
    stream = FLAG + failed + FLAG + bytes.fromhex("687e2fa0da") + FLAG + header
    assert events(stream) == events(stream, [1])
    assert events(stream)[1:3] == [Fault("n", bytes.fromhex("687e2fa0da")), Fault("h", header[:4])]


@given(streams())
def test_every_octet_is_in_one_event(stream: bytes) -> None:
    result = b"".join(event.octets for event in events(stream))
    assert result.replace(FLAG, b"") == stream.replace(FLAG, b"")


@given(st.lists(frames()), cuts())
def test_frames_come_back_as_they_were_sent(sent: list[bytes], sizes: list[int]) -> None:
    line = b"".join(FLAG + frame + FLAG for frame in sent)
    assert events(line, sizes) == [Frame("H", frame) for frame in sent]


@given(st.lists(frames()), st.integers(1, 5))
def test_neighbours_may_share_one_flag_or_have_idle_ones_between(sent: list[bytes], flags: int) -> None:
    line = FLAG * flags + b"".join(frame + FLAG * flags for frame in sent)
    assert events(line) == [Frame("H", frame) for frame in sent]


@given(lines())
def test_what_is_damaged_costs_only_itself(line: tuple[bytes, list[bytes]]) -> None:
    octets, sent = line
    assert is_in_order_in(sent, good(octets))


@given(streams())
def test_no_event_is_empty_or_longer_than_a_frame_and_an_octet(stream: bytes) -> None:
    assert all(0 < len(event.octets) <= LONGEST + 1 for event in events(stream))


def test_real_lines_octet_by_octet(capture: bytes) -> None:
    assert events(capture, [1]) == events(capture)


def test_real_lines_come_back_from_their_events(capture: bytes) -> None:
    result = b"".join(event.octets for event in events(capture))
    assert result.replace(FLAG, b"") == capture.replace(FLAG, b"")
    assert good(between_flags(events(capture))) == good(capture)


def test_real_lines_with_a_tail_behind(capture: bytes) -> None:
    found = good(capture)
    assert good(capture + FLAG + GOOD + FLAG) == [*found, GOOD]


@given(streams())
def test_framing_what_raw_writes_gives_the_same_frames(stream: bytes) -> None:
    assert good(between_flags(events(stream))) == good(stream)


def test_noise_torn_by_idle_flags_makes_no_frame_when_raw_joins_it() -> None:
    """A frame's first octet, idle flags and the rest: no frame; nor without the idle flags that raw leaves out."""
    line = FLAG + ANOTHER + FLAG + GOOD[:1] + FLAG * 2 + GOOD[1:] + FLAG
    assert good(line) == [ANOTHER]
    assert good(between_flags(events(line))) == [ANOTHER]


def test_the_longest_frame_without_its_closing_flag_makes_no_frame_when_raw_adds_one() -> None:
    longest = encoder.frame(bytes(LONGEST - 10))
    assert len(longest) == LONGEST
    line = FLAG + longest + b"noise"
    assert good(line) == []
    assert good(between_flags(events(line))) == []


# --- one frame ---


def test_a_frame_is_told_with_its_closing_flag_and_not_before() -> None:
    framer = HdlcFramer()
    assert framer.feed(FLAG + GOOD) == []
    assert framer.feed(FLAG) == [Frame("H", GOOD)]
    assert framer.feed(b"") == []


def test_a_frame_that_the_input_ends_in_front_of_the_closing_flag_of_is_whole() -> None:
    assert events(FLAG + GOOD) == [Frame("H", GOOD)]


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_any_octet_changed_is_a_fault_and_the_next_frame_comes(at: int) -> None:
    damaged = GOOD[:at] + bytes([GOOD[at] ^ 0x10]) + GOOD[at + 1 :]
    result = events(FLAG + damaged + FLAG + ANOTHER + FLAG)
    assert [event for event in result if type(event) is Frame] == [Frame("H", ANOTHER)]
    assert b"".join(event.octets for event in result).lstrip(FLAG) == damaged + ANOTHER


@pytest.mark.parametrize("cut", range(1, len(GOOD)))
def test_a_frame_cut_anywhere_is_a_fault_and_the_next_frame_comes(cut: int) -> None:
    fault, frame = events(FLAG + GOOD[:cut] + FLAG + ANOTHER + FLAG)
    assert fault == Fault(fault.kind, FLAG * (fault.kind == "n") + GOOD[:cut])
    assert frame == Frame("H", ANOTHER)


def test_each_kind_of_fault() -> None:
    header_end = 8
    damaged_header = GOOD[: header_end - 1] + bytes([GOOD[header_end - 1] ^ 1]) + GOOD[header_end:]
    damaged_check = GOOD[:-1] + bytes([GOOD[-1] ^ 1])
    assert events(b"noise" + FLAG) == [Fault("n", b"noise")]
    assert events(FLAG + damaged_header + FLAG) == [Fault("h", damaged_header)]
    assert events(FLAG + damaged_check + FLAG) == [Fault("c", damaged_check)]
    assert events(FLAG + GOOD[:-3] + FLAG) == [Fault("t", GOOD[:-3])]


def test_a_false_header_does_not_swallow_the_frames_that_its_length_promises() -> None:
    false = encoder.header(LONGEST)
    false += encoder.x25(false)
    assert good(FLAG + false + (FLAG + GOOD + FLAG) * 3) == [GOOD] * 3


@given(addresses(), st.booleans())
def test_a_frame_without_information_has_no_hcs(addresses: bytes, segmented: bool) -> None:
    frame = encoder.frame(b"", addresses, segmented=segmented)
    assert events(FLAG + frame + FLAG) == [Frame("H", frame)]


@given(st.binary(min_size=1), addresses(), st.integers(0, 255), st.booleans())
def test_the_header_is_read_as_it_was_written(info: bytes, addresses: bytes, control: int, segmented: bool) -> None:
    frame = encoder.frame(info, addresses, control, segmented)
    header = read_header(frame)
    assert header.destination + header.source == addresses
    assert (header.segmented, header.length, header.control) == (segmented, len(frame), control)
    assert frame[header.information : -2] == info


@given(st.binary(max_size=20) | st.binary(max_size=12).map(lambda tail: b"\xa0\x10" + tail))
def test_any_octets_have_a_header_or_are_malformed(octets: bytes) -> None:
    try:
        offset = read_header(octets).information
    except Malformed as malformed:
        offset = malformed.offset
    assert 0 <= offset <= len(octets)


# --- bounds ---


@pytest.mark.slow
@given(streams())
def test_what_is_kept_is_bounded(stream: bytes) -> None:
    framer = HdlcFramer()
    for _ in range(5):
        framer.feed(stream)
        assert len(framer._octets) <= 2 * (LONGEST + 2)


_HEADER_EVERY_8 = FLAG + encoder.header(LONGEST, b"\x01\x01") + encoder.x25(encoder.header(LONGEST, b"\x01\x01"))
_NEVER_ENDS = FLAG + encoder.header(LONGEST) + encoder.x25(encoder.header(LONGEST)) + b"\x0f"
HOSTILE = {
    "zeros": b"\0",
    "flags": FLAG,
    "flag and format": b"\x7e\xa0",
    "flag, format, addresses": b"\x7e\xa7\xff\x01\x01\x13",
    "headers in headers, HCS good": _HEADER_EVERY_8,
    "frames that never end": _NEVER_ENDS,
    "escapes": b"\x7d\x5e",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_four_times_the_octets_take_about_four_times_as_long(unit: bytes) -> None:
    def cost(size: int) -> float:
        line = (unit * (size // len(unit) + 1))[:size]
        framer, begin = FRAMERS["hdlc"](), time.process_time()
        for at in range(0, size, 65536):
            framer.feed(line[at : at + 65536])
        framer.feed(b"")
        return time.process_time() - begin

    size = 1 << 17
    few, many = min(cost(size) for _ in range(3)), cost(4 * size)
    assert many < 12 * few + 0.01


def test_octet_by_octet_is_linear_too() -> None:
    """A false header that promises 2,047 octets is not looked at again with each octet that comes."""

    def cost(octets: bytes) -> float:
        framer, begin = HdlcFramer(), time.process_time()
        for at in range(len(octets)):
            framer.feed(octets[at : at + 1])
        return time.process_time() - begin

    frame = FLAG + encoder.frame(bytes(2000)) + FLAG
    assert cost(frame * 8) < 12 * min(cost(frame * 2) for _ in range(3)) + 0.01
