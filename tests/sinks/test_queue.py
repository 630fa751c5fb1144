"""The queue of every sink: order, replacement, delivery of lines, and bounds that hold."""

from hypothesis import given
from hypothesis import strategies as st

from hanpipe.sinks import queue as module
from hanpipe.sinks.queue import Queue

SIZE = 4_000_000  # octets: the room of the largest queue is twice as much


def taken_all(queue):
    items = []
    while item := queue.take():
        items.append(item)
    return items


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.integers(0, 9))), st.randoms())
def test_values_leave_in_order_and_only_a_later_one_of_its_key_replaces_one(values, random):
    queue, sent = Queue(10_000), []
    for number, (key, value) in enumerate(values):
        queue.put([(key, (number, value))])
        if random.random() < 0.3 and (item := queue.take()):
            sent.append(item)
    sent += taken_all(queue)
    numbers = [item.value[0] for item in sent]
    assert numbers == sorted(numbers)
    missing = [number for number in range(len(values)) if number not in numbers]
    assert len(missing) == queue.replaced
    for number in missing:
        assert values[number][0] is not None
        assert values[number][0] in [key for key, _ in values[number + 1 :]]


@given(st.lists(st.lists(st.sampled_from([None, "a", "b"]), max_size=3), max_size=20), st.randoms())
def test_lines_are_delivered_in_order_after_their_values(lines, random):
    queue, flying, out = Queue(10_000), [], b""
    for number, keys in enumerate(lines):
        queue.put([(key, number) for key in keys], b"%d\n" % number)
        if random.random() < 0.5 and (item := queue.take()):
            flying.append(item)
        if flying and random.random() < 0.5:
            queue.done([flying.pop(random.randrange(len(flying)))])
        out += queue.delivered()
        left = min((item.value for item in flying + queue.waiting()), default=len(lines))
        assert all(int(line) < left for line in out.split())
    queue.done(flying + queue.waiting())
    assert out + queue.delivered() == b"".join(b"%d\n" % number for number in range(len(lines)))
    assert len(queue) == 0


def test_the_oldest_lines_go_when_too_many_wait_and_their_values_with_them():
    queue = Queue(100)
    for number in range(50):
        queue.put([(None, number)], b"%9d\n" % number)
    assert queue.full
    assert queue.given_up == 40
    assert queue.delivered() == b"".join(b"%9d\n" % number for number in range(40))
    assert queue.take().value == 40


def test_what_is_done_makes_room_whoever_asks_for_the_lines():
    """Only a sink under han-spool asks for the lines that are delivered; the others have values alone."""
    queue = Queue(100)
    for _ in range(50):
        queue.put([(None, 1)], size=60)
        assert queue.full
        queue.done(queue.waiting())
        assert not queue.full
    queue.put([(None, 1)], b"line\n", 60)
    queue.done([queue.take()])
    assert (queue.full, queue.given_up, queue.delivered()) == (False, 0, b"line\n")


def test_a_value_with_a_key_outlasts_all_values_without_one_and_these_stay_within_their_bound():
    """JSON of readings goes; the register that the broker is to retain, and that comes once, does not."""
    queue = Queue(100_000)
    queue.put([("register", "old")])
    for number in range(20_000):
        queue.put([(None, number), ("power", number)], size=10)
    queue.put([("power", "new")])
    left = [item.value for item in queue.waiting()]
    assert left == ["old", *range(10_000, 20_000), "new"]
    assert queue.given_up == 10_000


def test_a_lossless_queue_gives_nothing_up():
    queue = Queue(100, lossless=True)
    for number in range(50):
        queue.put([(None, number)], b"%9d\n" % number)
    assert (queue.full, queue.given_up, queue.delivered()) == (True, 0, b"")
    assert [item.value for item in queue.waiting()] == [*range(50)]


def test_values_under_keys_are_bounded():
    """This fails when the bound is raised: 10,000 topics are more than 300 meters have."""
    queue = Queue(100)
    for number in range(10_001):
        given_up = queue.put([(number, number)])
    assert given_up == [0]
    assert (len(queue), queue.given_up, module.MOST_KEYS) == (10_000, 1, 10_000)


def test_a_value_is_changed_in_its_place():
    queue = Queue(100)
    queue.put([("a", 1), ("b", 2)], b"line")
    assert queue.change("a", 3)
    assert not queue.change("c", 4)
    assert [item.value for item in queue.waiting()] == [3, 2]
