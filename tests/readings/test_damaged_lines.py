"""Damaged lines: a reading depends on its own line alone, whatever shapes came before it."""

import os
import re
from functools import cache

import pytest
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


def read_each(lines: list[str]) -> tuple[list[str], dict[str, int]]:
    """Do the same with a reader for each line."""
    alone = [read([line]) for line in lines]
    counted = {key: sum(counters[key] for _, counters in alone) for key in ("readings", "passed", "wrong")}
    return [reading for readings, _ in alone for reading in readings], counted


@given(groups())
def test_lines_in_a_row_give_what_each_gives_alone(lines: list[str]) -> None:
    assert read(lines) == read_each(lines)


@pytest.mark.parametrize("line", [line for line in golden_lines() if '"identification"' not in line][::3])
@pytest.mark.parametrize("clock", ['{"time":"e11200e6"}', '{"octet-string":"07ea0b16070a0f04ff800000"}'])
def test_a_clock_in_the_place_of_a_number_is_read_line_by_line_as_alone(line: str, clock: str) -> None:
    for found in re.finditer(r'\{"(?:double-long|long|long64)(?:-unsigned)?":-?[0-9]+\}', line):
        changed = line[: found.start()] + clock + line[found.end() :]
        assert read([changed, changed, line]) == read_each([changed, changed, line])
