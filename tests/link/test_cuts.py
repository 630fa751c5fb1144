"""All framers: what they find depends on the octets of the line alone, never on the pieces in which these come."""

from hypothesis import given

from hanpipe.link import FRAMERS, Fault, Frame
from strategies import cuts, fed, mbus_frames, mixed_streams


@given(mixed_streams(), cuts())
def test_a_mixed_line_gives_the_same_in_any_pieces_on_every_link(stream: bytes, sizes: list[int]) -> None:
    for link, new_framer in FRAMERS.items():
        whole = fed(new_framer().feed, stream, [])
        assert fed(new_framer().feed, stream, [1]) == whole, link
        assert fed(new_framer().feed, stream, sizes) == whole, link
        found = b"".join(event.octets for event in whole)
        assert link == "escaped" or found.replace(b"\x7e", b"") == stream.replace(b"\x7e", b""), link


@given(mbus_frames().filter(lambda frame: frame[1] > 2 and len(frame) == frame[1] + 6))
def test_a_whole_mbus_frame_is_found_octet_by_octet_among_all_links(frame: bytes) -> None:
    assert fed(FRAMERS["auto"]().feed, frame, [1]) == [Frame("M", frame)]


def test_a_length_of_two_flags_is_not_taken_for_idle_flags() -> None:
    assert fed(FRAMERS["auto"]().feed, b"h\x7e\x7ehS", [1]) == [Fault("t", b"h"), Fault("n", b"hS")]


def test_a_flag_after_a_damaged_telegram_does_not_close_it() -> None:
    damaged = b"/TST\n!F\n"
    assert fed(FRAMERS["auto"]().feed, damaged + b"\x7e\xa0", [1]) == [Fault("c", damaged), Fault("n", b"\x7e\xa0")]
