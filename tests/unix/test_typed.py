"""The stand-in for typing at run time."""

import copy
import pickle

import pytest

from hanpipe.unix.typed import NamedTuple


class Pair(NamedTuple):
    """Two of a kind."""

    one: int
    other: int = 5

    @property
    def both(self):
        return self.one + self.other


class Words(NamedTuple):
    """Fields with names that a constructor might use itself."""

    cls: int
    new: int
    self: int
    tuple: int


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


def test_a_named_tuple_is_one_as_collections_makes_them():
    pair = Pair(1)
    assert repr(pair) == "Pair(one=1, other=5)"
    assert Pair._fields == Pair.__match_args__ == ("one", "other")
    assert Pair._field_defaults == {"other": 5}
    assert Pair._make([1, 5]) == pickle.loads(pickle.dumps(pair)) == copy.deepcopy(pair) == pair
    assert type(pickle.loads(pickle.dumps(pair))) is Pair
    assert hash(pair) == hash((1, 5))
    match pair:
        case Pair(one, other):
            assert (one, other) == (1, 5)


def test_a_field_may_have_any_name():
    assert Words(1, 2, 3, tuple=4) == Words(cls=1, new=2, self=3, tuple=4) == (1, 2, 3, 4)
    assert Words(1, 2, 3, 4)._replace(new=5, self=6)._asdict() == {"cls": 1, "new": 5, "self": 6, "tuple": 4}


@pytest.mark.parametrize("wrong", [lambda: Pair(), lambda: Pair(1, 2, 3), lambda: Pair(1)._replace(third=3)])
def test_wrong_fields_are_a_type_error_the_first_time_and_later(wrong):
    for _ in range(2):
        with pytest.raises(TypeError):
            wrong()


def test_fields_cannot_be_set_and_no_others_added():
    for name in ("one", "third"):
        with pytest.raises(AttributeError):
            setattr(Pair(1), name, 2)
