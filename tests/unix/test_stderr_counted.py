"""Numbers of things in messages."""

import pytest

from hanpipe.unix.stderr import counted


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (counted(0, "frame"), "0 frames"),
        (counted(1, "frame"), "1 frame"),
        (counted(1234, "frame"), "1,234 frames"),
        (counted(1, "good frame", 1), "1 of 1 good frame"),
        (counted(1, "frame", 1200), "1 of 1,200 frames"),
    ],
)
def test_a_noun_is_in_the_singular_if_there_is_one_in_all(words, expected):
    assert words == expected
