"""A picture with two axes, as SVG. Its colours are classes of report.css, so that it is dark or light like the page."""

import math
from collections.abc import Iterable, Sequence

from hanpipe.report.axes import Tick
from hanpipe.report.words import text
from hanpipe.unix.typed import Final, NamedTuple

WIDTH: Final = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 30, 32
_CHARACTER: Final = 7.0  # width of a character of a label, about

Value = tuple[float, float, float]  # begin, end and value


class Picture(NamedTuple):
    """A picture that is ready to be put into a page.

    title: what it shows; about: the same for those who do not see it, with its main figures
    body:  SVG elements; height: of the picture, whose width is WIDTH
    key:   what each colour means: class and meaning
    table: its figures, header first, where they are few; else empty
    """

    title: str
    about: str
    body: str
    height: int
    key: Sequence[tuple[str, str]] = ()
    table: Sequence[Sequence[str]] = ()

    def element(self, name: str) -> str:
        """Return the whole svg element. name: its id, which is unique in the page."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" role="img" '
            f'aria-labelledby="{name}-title {name}-about"><title id="{name}-title">{text(self.title)}</title>'
            f'<desc id="{name}-about">{text(self.about)}</desc>{self.body}</svg>'
        )


class Plot:
    """Draws into a rectangle between an axis of x, mostly time, and an axis of y."""

    def __init__(self, height: int, x: tuple[float, float], y: tuple[float, float], unit: str = "") -> None:
        """Take the height of the picture and the values at the ends of both axes. unit: of y."""
        self.height = height
        self._x, self._y = x, y
        self._parts: list[str] = []
        if unit:
            self._text(0, 14, unit, "start")

    def body(self) -> str:
        """Return what was drawn."""
        return "".join(self._parts)

    def x(self, value: float) -> float:
        """Return where a value is on the axis of x."""
        begin, end = self._x
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (value - begin) / ((end - begin) or 1)

    def y(self, value: float) -> float:
        """Return where a value is on the axis of y."""
        low, high = self._y
        return self.height - _BOTTOM - (self.height - _BOTTOM - _TOP) * (value - low) / ((high - low) or 1)

    def axes(self, x: Iterable[Tick], y: Iterable[Tick]) -> None:
        """Draw the lines of both axes with their labels."""
        right, bottom = WIDTH - _RIGHT, self.height - _BOTTOM
        for tick in y:
            at = self.y(tick.value)
            self._parts.append(f'<path class="grid" d="M{_LEFT} {_short(at)}H{right}"/>')
            self._text(_LEFT - 6, at + 4, tick.label, "end")
        for tick in x:
            at = self.x(tick.value)
            self._parts.append(f'<path class="axis" d="M{_short(at)} {bottom}v4"/>')
            half = len(tick.label) * _CHARACTER / 2
            if at + half > WIDTH:
                self._text(WIDTH, self.height - 10, tick.label, "end", minor=tick.minor)
            else:
                self._text(at, self.height - 10, tick.label, "middle", minor=tick.minor)

    def base(self, value: float) -> None:
        """Draw a stronger line at a value of y, such as 0."""
        self._parts.append(f'<path class="axis" d="M{_LEFT} {_short(self.y(value))}H{WIDTH - _RIGHT}"/>')

    def limit(self, value: float, label: str) -> None:
        """Draw a dashed line at a value of y, with its meaning."""
        self._parts.append(f'<path class="limit" d="M{_LEFT} {_short(self.y(value))}H{WIDTH - _RIGHT}"/>')
        self._text(WIDTH - _RIGHT, self.y(value) - 4, label, "end")

    def steps(self, values: Sequence[Value], kind: str) -> None:
        """Draw values that hold from their begin to their end as a line, with a gap where a value is missing."""
        path, last = [], math.inf
        for begin, end, value in values:
            at = _short(self.y(value))
            path.append(f"V{at}" if begin == last else f"M{_short(self.x(begin))} {at}")
            path.append(f"H{_short(self.x(end))}")
            last = end
        self._path(f"line {kind}", "".join(path))

    def band(self, values: Sequence[tuple[float, float, float, float]], kind: str) -> None:
        """Fill the area between two values, low and high, that hold from begin to end: begin, end, low, high."""
        paths, run = [], list(values[:1])
        for one in values[1:]:
            if one[0] != run[-1][1]:
                paths.append(self._outline(run))
                run = []
            run.append(one)
        self._path(f"fill {kind}", "".join([*paths, self._outline(run)]) if run else "")

    def _outline(self, run: Sequence[tuple[float, float, float, float]]) -> str:
        above = [f"V{_short(self.y(high))}H{_short(self.x(end))}" for _, end, _, high in run]
        below = [f"V{_short(self.y(low))}H{_short(self.x(begin))}" for begin, _, low, _ in reversed(run)]
        begin, _, low, _ = run[0]
        return f"M{_short(self.x(begin))} {_short(self.y(low))}{''.join(above)}{''.join(below)}z"

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> None:
        """Draw a line through points."""
        path = "L".join(f"{_short(self.x(x))} {_short(self.y(y))}" for x, y in points)
        self._path(f"line {kind}", f"M{path}" if path else "")

    def boxes(self, boxes: Iterable[tuple[float, float, float, float]], kind: str, gap: float = 0) -> None:
        """Fill rectangles: begin and end on x, low and high on y. gap: left out at their right side."""
        path = []
        for begin, end, low, high in boxes:
            left, top = self.x(begin), self.y(high)
            width, height = max(self.x(end) - left - gap, 0.3), max(self.y(low) - top, 0.3)
            path.append(f"M{_short(left)} {_short(top)}h{_short(width)}v{_short(height)}h{_short(-width)}z")
        self._path(f"fill {kind}", "".join(path))

    def _path(self, kind: str, path: str) -> None:
        if path:
            self._parts.append(f'<path class="{kind}" d="{path}"/>')

    def _text(self, x: float, y: float, words: str, anchor: str, *, minor: bool = False) -> None:
        kind = ' class="minor"' if minor else ""
        self._parts.append(
            f'<text{kind} x="{_short(x)}" y="{_short(y)}" text-anchor="{anchor}">{text(words)}</text>' if words else ""
        )


def _short(value: float) -> str:
    """Return a coordinate with one decimal at most."""
    written = f"{value:.1f}".removesuffix(".0")
    return "0" if written == "-0" else written
