"""The page: one HTML file without a script and without a link to anything outside of it."""

import functools
from collections.abc import Sequence
from datetime import tzinfo

from hanpipe.report import pictures, tables
from hanpipe.report.account import Account
from hanpipe.report.svg import Picture
from hanpipe.report.words import moment, text, title
from hanpipe.unix.files import read_data
from hanpipe.unix.typed import NamedTuple

_NAMES = ("meter_maker", "meter_model")


class Report(NamedTuple):
    """All that a page shows.

    accounts: of each meter; zone, zone_name: of local time
    faults:   what could not be read: words and how often
    show_ids: whether meter numbers and sources are shown
    """

    accounts: Sequence[Account]
    zone: tzinfo
    zone_name: str
    faults: Sequence[tuple[str, int]]
    show_ids: bool


@functools.cache
def style() -> str:
    """Return the style sheet of pages and pictures."""
    return read_data("report/report.css")


def heading(report: Report) -> tuple[str, str]:
    """Return the title of a report, and the line that follows it."""
    first = min(account.first for account in report.accounts)
    last = max(account.last for account in report.accounts)
    span = f"{moment(first, report.zone)} to {moment(last, report.zone)}, local time of {report.zone_name}"
    return title(first, last, report.zone), span.replace("local time of UTC", "UTC")


def name_of(report: Report, number: int) -> str:
    """Return what a meter is called: by its place, its maker and model, and by its number if that may be shown."""
    texts = report.accounts[number].texts
    place = f"Meter {number + 1}" if len(report.accounts) > 1 else "Meter"
    words = [place, *(texts[name] for name in _NAMES if name in texts)]
    if report.show_ids:
        words += [texts[name] for name in ("source", "meter_ID") if name in texts]
    return " ".join(words)


def html(report: Report) -> str:
    """Return the page."""
    name, span = heading(report)
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>',
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
        '<meta name="color-scheme" content="light dark"/>',
        f"<title>Electricity: {text(name)}</title><style>{text(style())}</style></head><body><main>",
        f'<header><h1>{text(name)}</h1><p class="span">{text(span)}</p></header>\n',
        *(_section(report, number) for number in range(len(report.accounts))),
        _faults(report.faults),
        "<footer><p>Made by han-report (hanpipe).</p></footer></main></body></html>\n",
    ]
    return "".join(parts)


def _section(report: Report, number: int) -> str:
    """Return all of one meter."""
    account = report.accounts[number]
    name = f"m{number + 1}"
    quality = tables.voltage_quality(account)
    parts = [
        f'<section class="meter" aria-labelledby="{name}"><h2 id="{name}">{text(name_of(report, number))}</h2>',
        '<table class="key"><caption>Key figures</caption><tbody>',
        *(
            f'<tr><th scope="row">{text(row)}</th><td>{text(value)}</td><td class="remark">{text(remark)}</td></tr>'
            for row, value, remark in tables.key_figures(account, report.zone)
        ),
        "</tbody></table>\n",
        *(_figure(picture, f"{name}p{place}") for place, picture in enumerate(pictures.of(account, report.zone), 1)),
        _quality(quality) if quality else "",
        "</section>\n",
    ]
    return "".join(parts)


def _figure(picture: Picture, name: str) -> str:
    table = _table(picture.table, "") if picture.table else ""
    details = f"<details><summary>{text(picture.title)}: the figures</summary>{table}</details>" if table else ""
    return (
        f"<figure><figcaption><h3>{text(picture.title)}</h3><p>{text(picture.about)}</p></figcaption>"
        f"{_key(picture)}{picture.element(name)}{details}</figure>\n"
    )


def _key(picture: Picture) -> str:
    """Return what each colour of a picture means."""
    swatch = '<svg viewBox="0 0 10 10" aria-hidden="true"><path class="fill {}" d="M0 0h10v10H0z"/></svg>'
    entries = "".join(f"<li>{swatch.format(kind)}{text(label)}</li>" for kind, label in picture.key)
    return f'<ul class="colours">{entries}</ul>' if entries else ""


def _quality(rows: Sequence[Sequence[str]]) -> str:
    about = (
        "EN 50160 asks that, in each week, 95 % of the means of ten minutes are within 10 % of 230 V. "
        "This table counts all means of the archive together."
    )
    return f"<h3>Voltage quality</h3><p>{text(about)}</p>{_table(rows, 'Voltage quality by EN 50160')}\n"


def _faults(faults: Sequence[tuple[str, int]]) -> str:
    rows = [["Fault", "Count"], *([words, f"{count:,}"] for words, count in faults)]
    table = (
        _table(rows, "Octets and lines that could not be read")
        if faults
        else "<p>All of the archive could be read.</p>"
    )
    return f'<section aria-labelledby="faults"><h2 id="faults">Faults</h2>{table}</section>\n'


def _table(rows: Sequence[Sequence[str]], caption: str) -> str:
    """Return a table. rows: the header first; the first cell of each row is its name."""
    header = "".join(f'<th scope="col">{text(cell)}</th>' for cell in rows[0])
    body = "".join(
        f'<tr><th scope="row">{text(row[0])}</th>' + "".join(f"<td>{text(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows[1:]
    )
    captioned = f"<caption>{text(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{captioned}<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>'
