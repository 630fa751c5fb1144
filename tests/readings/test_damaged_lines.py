"""Damaged lines: a reading depends on its own line alone, whatever shapes came before it."""

import os
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader

GOLDEN = os.path.join(ROOT, "tests", "golden")
TEXTS = st.text('x0"{}-[],:9.eE\\ NaN\x00ÿ', min_size=1, max_size=2)


@cache
def golden_lines() -> list[str]:
    lines = []
    for name in sorted(os.listdir(GOLDEN)):
        if name.endswith(".jsonl") and ".readings." not in name:
            with open(os.path.join(GOLDEN, name), encoding="utf-8") as file:
                lines += file.read().splitlines()
    return lines


@st.composite
def damaged(draw: st.DrawFn, line: str) -> str:
    """Draw a line with up to three pieces replaced, removed, inserted or doubled."""
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, max(0, len(line) - 1)))
        end = begin + draw(st.integers(0, 30))
        put = draw(st.one_of(TEXTS, st.just(""), st.just(line[begin:end] * 2)))
        line = line[:begin] + put + line[end:]
    return line


@st.composite
def groups(draw: st.DrawFn) -> list[str]:
    """Draw lines that mostly come from one good line, so that they share shapes or nearly do."""
    some = draw(st.lists(st.sampled_from(golden_lines()), min_size=1, max_size=2))
    return [draw(damaged(draw(st.sampled_from(some)))) for _ in range(draw(st.integers(2, 8)))]


def read(lines: list[str]) -> tuple[list[str], dict[str, int]]:
    reader = LineReader(Naming())
    readings = reader.lines("".join(line + "\n" for line in lines).encode("utf-8", "replace")) + reader.lines(b"")
    return readings, reader.counters()


@given(groups())
def test_lines_in_a_row_give_what_each_gives_alone(lines: list[str]) -> None:
    alone = [read([line]) for line in lines]
    counted = {key: sum(counters[key] for _, counters in alone) for key in ("readings", "passed", "wrong")}
    assert read(lines) == ([reading for readings, _ in alone for reading in readings], counted)
