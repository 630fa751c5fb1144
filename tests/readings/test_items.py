"""Lists: items by code or by position, in every form that meters send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.link.octets import Malformed
from hanpipe.readings import items
from hanpipe.readings.items import Item, read_items

P, U = "0100010700ff", "0100200700ff"


def name(code: str) -> dict:
    return {"octet-string": code}


def number(value: int) -> dict:
    return {"long-unsigned": value}


def unit(scaler: int, of: int) -> dict:
    return {"structure": [{"integer": scaler}, {"enum": of}]}


def pushed(code: str, *more: dict) -> dict:
    return {"structure": [{"long-unsigned": 3}, name(code), {"integer": 2}, {"long-unsigned": 0}, *more]}


def described(code: str) -> dict:
    return {"cosem-attribute-descriptor": {"class_id": 3, "logical_name": code, "attribute_id": 2}}


@pytest.mark.parametrize(
    ("elements", "items"),
    [
        (
            [{"structure": [name(P), number(7), unit(0, 27)]}],
            [Item("1-0:1.7.0", "long-unsigned", 7, 0, "W")],
        ),
        ([{"structure": [name(P), number(7)]}], [Item("1-0:1.7.0", "long-unsigned", 7)]),
        (
            [name(P), number(7), name(U), number(236)],
            [Item("1-0:1.7.0", "long-unsigned", 7), Item("1-0:32.7.0", "long-unsigned", 236)],
        ),
        (
            [name(P), number(7), {"null-data": None}, {"null-data": None}, name(U), number(236)],
            [Item("1-0:1.7.0", "long-unsigned", 7), Item("1-0:32.7.0", "long-unsigned", 236)],
        ),
        (
            [number(1), name(P), number(7), unit(-1, 255), number(2)],
            [
                Item("#1", "long-unsigned", 1),
                Item("1-0:1.7.0", "long-unsigned", 7, -1, ""),
                Item("#5", "long-unsigned", 2),
            ],
        ),
        (
            [{"array": [pushed(P), pushed(U)]}, number(7), number(236)],
            [Item("1-0:1.7.0", "long-unsigned", 7), Item("1-0:32.7.0", "long-unsigned", 236)],
        ),
        (
            [{"array": [pushed("0008190900ff"), pushed(P, {"unsigned": 0}, {"long-unsigned": 0})]}, number(7)],
            [Item("1-0:1.7.0", "long-unsigned", 7)],
        ),
        (
            [{"enum": 1}, {"array": [{"structure": [described(P), number(7)]}]}],
            [Item("#1", "enum", 1), Item("1-0:1.7.0", "long-unsigned", 7)],
        ),
        ([number(1), number(2)], [Item("#1", "long-unsigned", 1), Item("#2", "long-unsigned", 2)]),
        ([name(P)], [Item("#1", "octet-string", P)]),
        ([], []),
    ],
)  # fmt: skip
def test_forms(elements, items):
    assert read_items({"structure": elements}) == items
    assert read_items({"array": elements}) == items


def test_a_clock_in_front_is_no_push_list():
    body = {"structure": [{"octet-string": [0, 12]}, name(P), {"long-unsigned": [3]}]}
    assert not items.is_push_list(body)
    assert read_items(body) == [Item("#1", "octet-string", [0, 12]), Item("1-0:1.7.0", "long-unsigned", [3])]


def test_six_octets_of_text_are_no_code():
    assert read_items({"structure": [name(b"123456".hex()), number(1)]})[0].key == "#1"


def test_a_single_value_is_a_list_of_one():
    assert read_items(number(3)) == [Item("#1", "long-unsigned", 3)]


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (Item("", "octet-string", b"KFM\0\0".hex()), "KFM"),
        (Item("", "visible-string", "abc"), "abc"),
        (Item("", "octet-string", "ff00"), None),
        (Item("", "long", 3), None),
        (Item("", "bit-string", "0101"), None),
    ],
)
def test_texts(item, text):
    assert items.text_of(item) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(P) | st.just({"logical_name": P}),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["array", "structure", "octet-string", "long-unsigned", "cosem-attribute-descriptor"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_any_json_gives_items_or_malformed(body):
    try:
        items = read_items(body)
    except Malformed:
        return
    assert all(isinstance(item, Item) for item in items)
