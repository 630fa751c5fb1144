"""Each link is a row of kinds.LINKS and a room; nothing else needs to know its name."""

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import CAPTURES, NO_CAPTURES, captures
from hanpipe.link import FRAMERS
from hanpipe.link.content import reader
from hanpipe.link.kinds import FAULTS, GOOD, LINKS, Link
from hanpipe.link.octets import Malformed
from hanpipe.views.parts import parts_of

each_link = pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)


@each_link
@given(octets=st.binary(min_size=1, max_size=80), kind=st.sampled_from([*FAULTS]), whole=st.booleans())
def test_any_octets_have_parts_and_content_or_are_malformed(link: Link, octets: bytes, kind: str, whole: bool) -> None:
    octets = link.first[:1] + octets
    for each in (kind, link.letter):
        assert sum(len(part.octets) for part in parts_of(each, octets)) == len(octets)
    try:
        content = reader(link.letter)(octets, whole=whole)
    except Malformed:
        return
    assert octets[content.begin :].startswith(content.data)


@each_link
def test_a_check_made_anew_is_the_one_that_was_there(link: Link) -> None:
    frames = [octets for kind, octets in real_frames() if kind == link.letter]
    if not frames:
        pytest.skip(NO_CAPTURES)
    remake = importlib.import_module(f"hanpipe.link.{link.name}.check").remake
    assert [frame for frame in frames if remake(frame, frame) != frame] == []


def real_frames() -> list[tuple[str, bytes]]:
    """Return the good frames of the real captures, without those whose P1 telegrams have parity."""
    frames = []
    for name in captures():
        with open(f"{CAPTURES}/{name}.raw", "rb") as file:
            octets = file.read()
        for kind in ("auto", "apdu"):
            framer = FRAMERS[kind]()
            frames += [event for event in (*framer.feed(octets), *framer.feed(b"")) if event.kind in GOOD]
    return [(kind, octets) for kind, octets in frames if octets[:1] != b"\xaf" or kind != "P"]
