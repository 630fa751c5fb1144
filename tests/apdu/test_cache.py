"""The cache of shapes: what it keeps, and that it is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from hanpipe.apdu.cache import MOST_PER_KEY, BoundedCache

CAPACITY = 20_000


def kept(cache):
    return [thing for things in cache.values() for thing in things]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30_000)), max_size=200))
def test_no_more_characters_than_the_capacity_are_kept(added):
    cache, sizes = BoundedCache(CAPACITY), {}
    for number, (key, size) in enumerate(added):
        sizes[number] = size
        cache.add(key, number, size)
        assert sum(sizes[thing] for thing in kept(cache)) <= CAPACITY
        assert all(len(things) <= MOST_PER_KEY == 32 for things in cache.values())
        assert (number in kept(cache)) == (size + 1000 <= CAPACITY)


def test_things_without_text_are_bounded_too():
    cache = BoundedCache(CAPACITY)
    for key in range(1000):
        cache.add(key, key, 0)
    assert len(kept(cache)) <= 20


def test_the_thing_unused_for_longest_makes_room_for_another_of_its_key():
    cache = BoundedCache(1_000_000)
    for thing in range(MOST_PER_KEY):
        cache.add(1, thing, 0)
    cache.touch(1, 0)
    cache.add(1, "new", 0)
    assert cache[1] == ["new", 0, *range(MOST_PER_KEY - 1, 1, -1)]
