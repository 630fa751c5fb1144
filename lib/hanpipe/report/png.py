"""The pictures of a report, one below the other, as one PNG. Only this imports cairosvg."""

import re
import textwrap
from collections.abc import Callable

from hanpipe.report import pictures, tables
from hanpipe.report.page import Report, heading, name_of, style
from hanpipe.report.svg import WIDTH, Picture
from hanpipe.report.words import text
from hanpipe.unix.typed import Final

try:
    import cairosvg
except ModuleNotFoundError as error:
    from hanpipe.unix.missing import needed

    raise needed("cairosvg", "--png") from error
except OSError as error:  # of the library that cairosvg loads
    raise ModuleNotFoundError("--png needs the library cairo: apt install libcairo2", name="cairo") from error

MOST_METERS: Final = 4  # a picture of more would be too high to look at
_MARGIN: Final = 24
_SCALE: Final = 2  # pixels per unit: sharp on a screen of a telephone
_LINE: Final = 18
_COLUMNS: Final = 64  # characters of a remark in a line
_FIGURES: Final = 8  # rows of key figures at most
_COLOUR: Final = re.compile(r"(--[a-z0-9]+): (#[0-9a-f]{6});")


def png(report: Report, warn: Callable[[str], None]) -> bytes:
    """Return the picture. warn: receives a warning if meters are left out."""
    if len(report.accounts) > MOST_METERS:
        warn(f"--png shows {MOST_METERS} meters; the page shows all {len(report.accounts)}")
    octets: bytes = cairosvg.svg2png(bytestring=poster(report).encode(), scale=_SCALE)
    return octets


def poster(report: Report) -> str:
    """Return all pictures as one SVG of its own."""
    name, span = heading(report)
    parts = [_text(0, 24, name, "title"), _text(0, 46, span)]
    top = 66
    for number, account in enumerate(report.accounts[:MOST_METERS]):
        parts.append(_text(0, top + 20, name_of(report, number), "title"))
        top += 34
        for row, value, remark in tables.key_figures(account, report.zone)[:_FIGURES]:
            parts += [_text(0, top + 12, row), _text(120, top + 12, value, "value")]
            for line in textwrap.wrap(remark, _COLUMNS) or [""]:
                parts.append(_text(210, top + 12, line))
                top += _LINE
        for picture in pictures.of(account, report.zone):
            parts.append(_text(0, top + 28, picture.title, "title"))
            parts += _key(picture, top + 28)
            parts.append(f'<g transform="translate(0 {top + 38})">{picture.body}</g>')
            top += 38 + picture.height
        top += 10
    width, height = WIDTH + 2 * _MARGIN, top + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<style>{_style()}</style><rect class="paper" width="{width}" height="{height}"/>'
        f'<g transform="translate({_MARGIN} {_MARGIN})">{"".join(parts)}</g></svg>'
    )


def _text(x: int, y: int, words: str, kind: str = "soft") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{text(words)}</text>'


def _key(picture: Picture, y: int) -> list[str]:
    """Return what each colour means, at the right side of the picture."""
    right, parts = float(WIDTH), []
    for kind, label in reversed(picture.key):
        right -= _width(label)
        parts.append(_text(round(right), y, label))
        right -= 14
        parts.append(f'<path class="fill {kind}" d="M{right:.0f} {y - 9}h9v9h-9z"/>')
        right -= 12
    return parts


def _width(words: str) -> float:
    """Return how wide a text is, about: that of the font which cairosvg finds is not known."""
    return sum(4.2 if letter in "ijlftr,. " else 11.0 if letter in "mwMW" else 7.4 for letter in words)


def _style() -> str:
    """Return the rules for pictures with the light colours in place of their names, which cairosvg does not know."""
    sheet = style()
    colours = dict(_COLOUR.findall(sheet[: sheet.index("}")]))
    rules = sheet[sheet.index("\ntext {") : sheet.index("\n@media screen and (max-width")]
    more = ".paper{fill:var(--paper)}.title,.value{fill:var(--ink);font-weight:bold}.title{font-size:15px}"
    named = rules.replace("system-ui, ", "") + more
    return re.sub(r"var\((--[a-z0-9]+)\)", lambda found: colours[found[1]], named)
