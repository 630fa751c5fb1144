"""lines.py and sources.py: lines of many sources -> the frames of each."""

import itertools
import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.link import FRAMERS, Event, sources
from hanpipe.link.kinds import Fault
from hanpipe.link.lines import LONGEST_LINE, LONGEST_SOURCE, Lines, Sent, read_line
from hanpipe.link.octets import Malformed
from hanpipe.link.sources import Framers, LineFramer
from strategies import cuts, in_pieces, streams

_NAMES = st.text(st.characters(exclude_characters=" \t\r\n", exclude_categories=["Cs"]), min_size=1, max_size=20)
_SENT = st.builds(Sent, _NAMES, st.integers(0, 2**63), st.binary(max_size=20))
NEWEST = 1_769_854_500_250_000_000


def line(sent: Sent, between: str = " ") -> bytes:
    parts = [sent.source, *([str(sent.time)] if sent.time else []), sent.octets.hex()]
    return between.join(parts).encode() + b"\n"


@given(st.lists(_SENT.filter(lambda sent: sent.time == 0 or sent.time > 10**17)), st.sampled_from(" \t"), cuts())
def test_lines_are_read_in_pieces_of_any_size(sent: list[Sent], between: str, sizes: list[int]) -> None:
    text, lines = b"".join(line(each, between) for each in sent), Lines()
    read = [each for piece in [*in_pieces(text, sizes), b""] for each in lines.feed(piece)]
    assert (read, lines.wrong, lines.why) == (sent, 0, "")


@pytest.mark.parametrize(
    "time",
    ["1769854500.25", "1769854500250", "1769854500250000", "1769854500250000000", "2026-01-31T10:15:00.25Z",
     "2026-01-31T11:15:00.250+0100", "2026-01-31T10:15:00.250000+00:00", "1769854500.2500000001"],
)  # fmt: skip
def test_a_time_is_of_any_unit_that_clients_print(time: str) -> None:
    assert read_line(f"haus {time} 7e\r\n".encode()) == Sent("haus", NEWEST, b"\x7e")


def test_whole_seconds_and_no_time() -> None:
    assert read_line(b"haus 1769854500 7e").time == 1_769_854_500_000_000_000
    assert read_line(b"haus 7e").time == 0


def test_a_tab_lets_a_source_hold_spaces_and_octets_too() -> None:
    assert read_line(b"Haus 7, Keller\t7e a0\n") == Sent("Haus 7, Keller", 0, b"\x7e\xa0")


@pytest.mark.parametrize("text", [b"haus \n", b"haus\t\n", b"haus 1769854500 \n", b"haus\t1769854500\t\n"])
def test_a_message_without_octets_is_none_lost(text: bytes) -> None:
    assert read_line(text).octets == b""


@pytest.mark.parametrize(
    ("text", "said"),
    [(b"7ea0", "expected SOURCE HEX or SOURCE TIME HEX"), (b"haus 7", "'haus 7'"), (b"haus 7g", "'haus 7g'"),
     (b" 7e", "SOURCE"), (b"haus soon 7e", "expected a time such as"), (b"haus 2026-01-31T10:15:00 7e", "a time"),
     (b"haus 0 7e", "a time"), (b"haus 99999999999999999999 7e", "a time"), (b"haus 1. 7e", "a time"),
     (b"a b c d 7e", "SOURCE"), (b"ha\xff 7e", "xff"), (b"x" * (LONGEST_SOURCE + 1) + b" 7e", "xxx'...")],
)  # fmt: skip
def test_a_line_that_cannot_be_read_says_what_was_expected(text: bytes, said: str) -> None:
    with pytest.raises(Malformed) as raised:
        read_line(text)
    assert said in raised.value.what


def test_the_octets_of_a_wrong_line_are_kept_and_the_first_one_is_named() -> None:
    lines = Lines()
    assert lines.feed(b"haus 7e\n\nwrong\nworse\n") == [
        Sent("haus", 0, b"\x7e"), Sent("", 0, b"wrong"), Sent("", 0, b"worse")
    ]  # fmt: skip
    assert lines.wrong == 2
    assert lines.why.startswith("line 3: expected SOURCE")


@given(st.binary(max_size=60), cuts())
def test_no_octet_of_a_wrong_line_is_lost(text: bytes, sizes: list[int]) -> None:
    lines = Lines()
    read = [each for piece in [*in_pieces(text, sizes), b""] for each in lines.feed(piece)]
    wrong = [each.octets for each in read if not each.source]
    given = [each for each in text.split(b"\n") if each.strip()]
    assert [each for each in given if each in wrong] == wrong
    assert len(read) == len(given)


def test_an_endless_line_is_given_up_in_bounded_pieces() -> None:
    lines, read = Lines(), list[Sent]()
    for _ in range(40):
        read += lines.feed(b"a" * 65536)
    assert len(read) == 40 * 65536 // (LONGEST_LINE + 65536)
    assert not any(each.source for each in read)


def events_of(made: Iterable[tuple[str, list[Event]]], source: str) -> list[Event]:
    return [event for sender, events in made if sender == source for event in events]


@pytest.mark.slow
@given(st.lists(st.tuples(streams(), cuts()), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_frames_of_each_source_are_those_of_its_octets_alone(parts, random) -> None:  # type: ignore[no-untyped-def]
    """However the sources are mixed."""
    pieces = [[(str(name), piece) for piece in in_pieces(*part)] for name, part in enumerate(parts)]
    order = [name for name, some in enumerate(pieces) for _ in some]
    random.shuffle(order)
    left = [iter(some) for some in pieces]
    framers = Framers("auto")
    made = [one for name in order for one in framers.feed(*next(left[name]))] + framers.end()
    for name, (octets, _) in enumerate(parts):
        alone = FRAMERS["auto"]()
        assert events_of(made, str(name)) == alone.feed(octets) + alone.feed(b"")


def test_an_apdu_without_a_link_ends_with_its_line() -> None:
    framers = Framers("apdu")
    assert framers.feed("a", b"\x0f\0") == [("a", [("A", b"\x0f\0")])]
    assert framers.feed("b", b"") == framers.end() == []


def test_the_source_that_was_silent_for_longest_gives_way_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_SOURCES", 2)
    framers = Framers("hdlc")
    for source in "aba":
        assert framers.feed(source, b"\x7e\xa0") == [(source, [])]
    ((source, events),) = framers.feed("c", b"")
    assert source == "b"
    assert b"".join(octets for _, octets in events) in (b"\xa0", b"\x7e\xa0")
    assert {source for source, _ in framers.end()} == {"a", "c"}


@pytest.mark.slow
def test_memory_of_many_sources_is_bounded() -> None:
    framers = Framers("auto")
    for number in itertools.islice(itertools.count(), sources.MOST_SOURCES + 1000):
        framers.feed(str(number), b"\x7e")
    assert len(framers._framers) == sources.MOST_SOURCES
    assert not re.fullmatch("[0-9]{1,3}", next(iter(framers._framers)))


def test_text_becomes_the_events_of_each_source_and_a_wrong_line_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_SOURCES", 1)
    framer = LineFramer("hdlc")
    assert framer.feed(b"a 1769854500 7ea0\nwrong\nb 7e") == [
        ("a", 1_769_854_500_000_000_000, b"\x7e\xa0", []), ("", 0, b"", [Fault("n", b"wrong")])
    ]  # fmt: skip
    second, evicted, end = framer.feed(b"")
    assert second == ("b", 0, b"\x7e", [])
    assert (evicted.source, evicted.octets) == ("a", b"")
    assert b"".join(octets for _, octets in evicted.events) in (b"\xa0", b"\x7e\xa0")
    assert (end.source, end.octets) == ("b", b"")
    assert framer.lines.wrong == 1
