"""The stand-in for typing at run time."""

import pytest

from hanpipe.unix.typed import NamedTuple


class Pair(NamedTuple):
    """Two of a kind."""

    one: int
    other: int = 5

    @property
    def both(self):
        return self.one + self.other


# How Python tells the annotations of a class body: at once, and from 3.14 on when it is asked.
AT_ONCE = {"__annotations__": {"one": int, "other": int}}
WHEN_ASKED = {"__annotate_func__": lambda form: {"one": int, "other": int} if form == 1 else None}


@pytest.mark.parametrize("annotated", [AT_ONCE, WHEN_ASKED])
def test_the_annotations_of_a_named_tuple_are_its_fields(annotated):
    made = type(NamedTuple)("Pair", (NamedTuple,), {"__module__": "tests", "other": 5, **annotated})
    for pair in (made, Pair):
        assert pair(1) == pair(one=1, other=5) == (1, 5)
        assert pair(1, 2)._replace(one=3)._asdict() == {"one": 3, "other": 2}
        assert pair.__annotations__ == {"one": int, "other": int}
    assert Pair(1).both == 6
