"""Numbers as characters: bars, and a line over time; in blocks, or in ASCII where a terminal has no Unicode."""

from collections.abc import Sequence

from hanpipe.periods.averages import HOLD, Number
from hanpipe.sinks.house.figures import Point
from hanpipe.sinks.house.rhythm import TRAIL
from hanpipe.unix.typed import Final, NamedTuple


class Glyphs(NamedTuple):
    """The characters of charts. levels: from empty to full; full, rest: of a bar; rule: of a horizontal line."""

    levels: str
    full: str
    rest: str
    rule: str


BLOCKS: Final = Glyphs(" ▁▂▃▄▅▆▇█", "█", "░", "─")
ASCII: Final = Glyphs(" _.-:=+*#", "#", ".", "-")


def bar(share: float, width: int, glyphs: Glyphs) -> str:
    """Return a bar of so many characters. share: of its full length, which it never exceeds."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return glyphs.full * full + glyphs.rest * (width - full)


def columns(trail: Sequence[Point], now: int, count: int) -> list[float | None]:
    """Return the mean power in each of so many equal parts of the last ten minutes, W; None where it is not known.

    The parts begin at multiples of their length, so that the line moves on without changing its shape.
    """
    length = TRAIL // count
    begin = (now // length + 1 - count) * length
    parts: list[list[float]] = [[] for _ in range(count)]
    for point in trail:
        if 0 <= (number := (point.at - begin) // length) < count:
            parts[number].append(float(point.power))
    made: list[float | None] = []
    earlier = [point for point in trail if point.at < begin]
    last, until = (float(earlier[-1].power), earlier[-1].at + HOLD) if earlier else (0.0, 0)
    for number, part in enumerate(parts):
        if part:
            last, until = part[-1], begin + (number + 1) * length + HOLD
        held = last if begin + number * length < until else None
        made.append(sum(part) / len(part) if part else held)
    return made


def line(values: Sequence[float | None], low: Number, high: Number, height: int, glyphs: Glyphs) -> list[str]:
    """Return rows of characters, the highest first. A value that is not known is empty; the lowest one is not."""
    steps = len(glyphs.levels) - 1
    span = float(high - low) or 1.0
    levels = [0 if value is None else 1 + round((value - float(low)) / span * (steps * height - 1)) for value in values]
    return [
        "".join(glyphs.levels[min(max(level - row * steps, 0), steps)] for level in levels)
        for row in reversed(range(height))
    ]
