"""sources.py and decoder.py: the records of many sources, mixed, are read as those of each alone."""

import json
import random

import pytest

import encoder
from fake_meters import sent
from hanpipe.apdu import sources
from hanpipe.apdu.decoder import Decoder
from hanpipe.fake import meters
from hanpipe.link import FRAMERS
from hanpipe.link.kinds import Event

APDU = bytes.fromhex("0f000000010002010600000280")


def events(name: str, number: int) -> list[Event]:
    octets = b"".join(frame for frames, *_ in sent(name, 3, seed=number) for frame in frames)
    framer = FRAMERS["auto"]()
    return framer.feed(octets) + framer.feed(b"")


def lines(target: Decoder, records: list[tuple[str, bytes, int, str]]) -> list[dict[str, object]]:
    return [json.loads(result.line()) for result in [*target.feed_all(records), *target.end()]]


@pytest.mark.parametrize("seed", range(5))
def test_mixed_sources_are_read_like_each_alone(seed: int) -> None:
    """Segments, M-Bus sequences and block transfers of all simulated meters, and a damaged frame here and there."""
    mix = random.Random(seed)
    each = {f"haus/{name}": events(name, number) for number, name in enumerate(meters.names())}
    for some in each.values():
        if mix.random() < 0.5:
            at = mix.randrange(len(some))
            some[at] = type(some[at])("c", some[at].octets)
    order = [source for source, some in each.items() for _ in some]
    mix.shuffle(order)
    left = {source: iter(some) for source, some in each.items()}
    mixed = lines(Decoder(), [(*next(left[source]), 7 * 10**9, source) for source in order])
    for source, some in each.items():
        alone = lines(Decoder(), [(*event, 7 * 10**9, "") for event in some])
        ours = [dict(line) for line in mixed if line["source"] == source]
        for line in ours:
            assert list(line)[:2] == ["time", "source"]
            del line["source"]
            if "source_address" in line:
                line["source"] = line.pop("source_address")
        assert ours == alone


def test_a_source_with_nothing_that_waits_costs_nothing() -> None:
    target = Decoder()
    for number in range(100):
        target.feed("H", encoder.pushed(APDU), source=str(number))
    assert not target._openers._waiting


def test_the_pieces_of_the_source_that_was_silent_for_longest_give_way_and_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "MOST_WAITING", 2)
    begun, target = encoder.pushed_in_pieces(APDU, 4)[0], Decoder()
    results = [result for source in "abc" for result in target.feed("H", begun, source=source)]
    assert [(result.source, result.keys["fault"]) for result in results] == [("a", "segment lost")]
    assert [(result.source, result.keys["fault"]) for result in target.end()] == [
        ("b", "segment lost"), ("c", "segment lost")
    ]  # fmt: skip


def test_a_source_is_written_as_json() -> None:
    name = 'Haus "7" \\ æ \t€ \U0001f600'
    (result,) = Decoder().feed("H", encoder.pushed(APDU), source=name)
    assert json.loads(result.line())["source"] == name
    assert result.line().isascii()
