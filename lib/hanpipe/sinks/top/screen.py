"""Figures of a meter -> the rows of a screen, each at most as wide as the screen."""

from datetime import datetime, tzinfo

from rich.text import Text

from hanpipe.periods.averages import HOLD, Number
from hanpipe.periods.calendar import local
from hanpipe.sinks.house.figures import Faults, Figures, Phase, Span
from hanpipe.sinks.top.chart import Glyphs, bar, columns, line
from hanpipe.sinks.top.words import age, clock, kilowatt_hours, kilowatts, watts
from hanpipe.unix.stderr import duration, printable
from hanpipe.unix.typed import Final, NamedTuple

_LABEL: Final = 14  # columns of the names on the left
_SCALE: Final = 10  # columns of the scale on the right
_SHORTEST: Final = 2  # rows of the line
_TALLEST: Final = 12
_NEAR: Final = 0.8  # share of a limit from which the bar is yellow
_NS: Final = 1_000_000_000

HELP: Final = """
q      quit                    p      stop the screen, and go on
tab    next meter              ?      this page; any key leaves it

fuse         the phase with the highest current, against --fuse
limit        the power now, against --limit
ten minutes  import less export; empty where the meter was silent
heading for  the energy of all of the hour, if it goes on like this
~            estimated: the registers of the meter do not tell it yet
month peak   the highest hour that was heard, or the peaks of --rule
lists        a meter is silent after three times its usual pause
faults       line:      silences, and how long they were
             frames:    lists that are missing in the meter's rhythm
             registers: an energy register ran backwards
             input:     lines that are not readings
"""


Part = str | tuple[str, str]  # a text, or a text and its style


class Settings(NamedTuple):
    """The options of a screen. fuse: A of a phase; limit: W; zone: of local times; glyphs: of charts."""

    fuse: float | None
    limit: int | None
    zone: tzinfo
    glyphs: Glyphs


class View(NamedTuple):
    """The state of a screen. place: which meter of how many, from 1; unreadable: lines."""

    width: int
    height: int
    place: int = 1
    meters: int = 1
    paused: bool = False
    unreadable: int = 0


def screen(figures: Figures, now: int, settings: Settings, view: View) -> list[Text]:
    """Return the rows of a meter's screen. now: ns since 1970-01-01 UTC."""
    above = [_power(figures, now), *_bars(figures, settings, view.width), Text()]
    below = [
        Text(),
        *_phases(figures.phases, now),
        Text(),
        _period(figures.period, settings),
        _today(figures.day, settings.zone),
        _month(figures),
        _registers(figures.registers),
        Text(),
        _meter_clock(figures, now),
        _lists(figures, now),
        _faults(figures.faults, view.unreadable),
    ]
    head, foot = _head(figures, now, settings, view), _foot(view)
    free = view.height - len([*head, *above, *below, foot]) - 1  # without the axis of the line
    trail = _trail(figures, now, settings, view.width, min(max(free, _SHORTEST), _TALLEST))
    return _fit(head, [*above, *trail, *below], foot, view)


def page(title: str, text: str, settings: Settings, view: View) -> list[Text]:
    """Return the rows of a page of text."""
    head = [Text(f" han-top  {title}", "bold"), _rule(settings, view)]
    return _fit(head, [Text(f" {row}") for row in text.splitlines()], _foot(view), view)


def _fit(head: list[Text], rows: list[Text], foot: Text, view: View) -> list[Text]:
    """Fill a screen: leave out empty rows if need be, then the last ones; the foot is at the bottom."""
    room = view.height - len(head) - 1
    for place in [place for place, row in enumerate(rows) if not row][::-1]:
        if len(rows) > room:
            del rows[place]
    rows = rows[: max(0, room)]
    made = [*head, *rows, *[Text() for _ in range(room - len(rows))], foot][: view.height]
    for row in made:
        row.truncate(view.width)
    return made


def _row(label: str, *parts: Part) -> Text:
    """Return a row: a label, and its text in parts, each with or without a style."""
    return Text.assemble((f" {label}".ljust(_LABEL), "dim"), *parts)


def _head(figures: Figures, now: int, settings: Settings, view: View) -> list[Text]:
    who = (figures.maker, figures.model, figures.meter or figures.source or "meter without a number")
    left = f" han-top  {' '.join(printable(text) for text in who if text)}"
    several = f"meter {view.place} of {view.meters}  " if view.meters > 1 else ""
    right = f"{several}{local(now, settings.zone):%H:%M:%S} "
    return [Text(left.ljust(view.width - len(right)) + right, "bold"), _rule(settings, view)]


def _rule(settings: Settings, view: View) -> Text:
    return Text(settings.glyphs.rule * view.width, "dim")


def _foot(view: View) -> Text:
    keys = " q quit   p pause   " + ("tab next meter   " if view.meters > 1 else "") + "? help"
    return Text.assemble((keys, "dim"), ("   PAUSED: p goes on", "bold yellow") if view.paused else "")


def _power(figures: Figures, now: int) -> Text:
    power = figures.power
    silence = f"   SILENT for {duration((now - figures.at) // _NS)}" if figures.silent else ""
    if power is None:
        return _row("power now", "not sent", (silence, "bold red"))
    way = "" if not power else "  import" if power > 0 else "  export"
    style = "dim" if figures.silent else "bold green" if power < 0 else "bold"
    old = f"   {age(now - figures.power_at)}" if now - figures.power_at > HOLD and not silence else ""
    return _row("power now", (watts(max(power, -power)) + way, style), (old, "dim"), (silence, "bold red"))


def _bars(figures: Figures, settings: Settings, width: int) -> list[Text]:
    """Return the bars against the main fuse and the peak limit, those that were asked for."""
    rows = []
    if settings.fuse is not None:
        currents = {name: abs(float(phase.curr)) for name, phase in figures.phases.items() if phase.curr is not None}
        label = f"fuse {settings.fuse:g} A"
        highest = max(currents, key=lambda name: currents[name], default="")
        rows.append(
            _bar(label, currents[highest] / settings.fuse, f"{highest} {currents[highest]:.1f} A", settings, width)
            if highest
            else _row(label, "the meter sends no current")
        )
    if settings.limit is not None:
        label, power = f"limit {settings.limit / 1000:g} kW", figures.power
        rows.append(
            _row(label, "the meter sends no power")
            if power is None
            else _bar(label, max(0, power) / settings.limit, kilowatts(max(0, power)), settings, width)
        )
    return rows


def _bar(label: str, share: Number | float, words: str, settings: Settings, width: int) -> Text:
    style = "green" if share < _NEAR else "yellow" if share < 1 else "bold red"
    room = max(0, width - _LABEL - 20)
    return _row(label, (bar(float(share), room, settings.glyphs), style), f"  {words}, {share:.0%}")


def _trail(figures: Figures, now: int, settings: Settings, width: int, height: int) -> list[Text]:
    """Return the power of the last ten minutes as a line, with its scale and its axis."""
    room = max(1, width - _LABEL - _SCALE)
    values = columns(figures.trail, now, room)
    known = [value for value in values if value is not None]
    low, high = round(min([0.0, *known])), round(max([0.0, *known]))
    style = "dim" if figures.silent else "cyan"
    rows = [
        _row("ten minutes" if not number else "", (row, style))
        for number, row in enumerate(line(values, low, high, height, settings.glyphs))
    ]
    if known:
        rows[0].append(f" {watts(high)}", "dim")
        rows[-1].append(f" {watts(low)}", "dim")
    axis = "-10 min".ljust(room // 2 - 3) + "-5 min".ljust(room - room // 2) + "now"
    return [*rows, _row("", (axis[:room], "dim"))]


def _phases(phases: dict[str, Phase], now: int) -> list[Text]:
    if not phases:
        return [_row("phases", "not sent")]
    has_power = any(phase.power is not None for phase in phases.values())
    rows = [_row("phases", (f"{'voltage':>10}{'current':>12}" + (f"{'power':>14}" if has_power else ""), "dim"))]
    for name, phase in phases.items():
        is_old = now - phase.at > HOLD
        cells = _cell(phase.volt, 1, "V", 10) + _cell(phase.curr, 1, "A", 12)
        cells += _cell(phase.power, 0, "W", 14) if has_power else ""
        rows.append(
            _row(name, (cells, "dim" if is_old else ""), (f"   {age(now - phase.at)}" if is_old else "", "dim"))
        )
    return rows


def _cell(value: Number | None, places: int, unit: str, width: int) -> str:
    return ("-" if value is None else f"{value:,.{places}f} {unit}").rjust(width)


def _period(span: Span | None, settings: Settings) -> Text:
    """Return the row of the open period: what flowed so far, and how much it will be."""
    if span is None:
        return _row("hour", "not known")
    hours = (span.end - span.begin) / _NS / 3600
    begin, end = local(span.begin, settings.zone), local(span.end, settings.zone)
    heading: list[Part] = []
    if span.projected is not None:
        power = round(span.projected / hours)
        over = settings.limit is not None and power > settings.limit
        words = kilowatt_hours(span.projected) + ("" if hours == 1 else f" ({kilowatts(power)})")
        heading = ["  heading for ", (words + (" above the limit" if over else ""), "bold red" if over else "bold")]
    label = f"hour {begin:%H}-{end:%H}" if hours == 1 else f"{begin:%H:%M}-{end:%H:%M}"
    return _row(label, *_energies(span, settings.zone, heading))


def _today(span: Span | None, zone: tzinfo) -> Text:
    return _row("today", "not known") if span is None else _row("today", *_energies(span, zone, []))


def _energies(span: Span, zone: tzinfo, heading: list[Part]) -> list[Part]:
    """Return what flowed so far in a span, where it is heading, and since when it was heard if not from its begin."""
    parts: list[Part] = []
    if span.imported is not None:
        parts = [(kilowatt_hours(span.imported, estimated=span.estimated), "bold"), *heading]
    if span.exported:
        parts += ["  export ", (kilowatt_hours(span.exported, estimated=span.estimated), "bold green")]
    if parts and span.since - span.begin > HOLD:
        parts.append((f"  since {clock(span.since, zone)}", "dim"))
    return parts or ["not known"]


def _month(figures: Figures) -> Text:
    month = figures.month
    if month is None:
        return _row("month peak", "no hour or quarter hour has ended yet")
    begin = datetime.fromisoformat(month.begin)
    estimated = "~" if month.estimated else ""
    if month.power == month.highest:
        return _row("month peak", (estimated + kilowatts(month.power), "bold"), f"   {begin:%d %b %H:%M}")
    return _row(
        "month peak",
        (estimated + kilowatts(month.power), "bold"),
        f"   highest {kilowatts(month.highest)}, {begin:%d %b %H:%M}",
    )


def _registers(registers: dict[str, Number]) -> Text:
    words = {"act_energy_pos": "import", "act_energy_neg": "export"}
    known = [f"{kilowatt_hours(registers[name])} {word}" for name, word in words.items() if name in registers]
    return _row("registers", "   ".join(known) or "not sent yet")


def _meter_clock(figures: Figures, now: int) -> Text:
    if not figures.clock:
        return _row("clock", "not sent yet")
    return _row("clock", printable(figures.clock).replace("T", " ", 1), (f"   {age(now - figures.clock_at)}", "dim"))


def _lists(figures: Figures, now: int) -> Text:
    seconds = (figures.rhythm or 0) / _NS
    rhythm = f"   usually every {f'{seconds:.3g} s' if seconds < 120 else duration(seconds)}" if seconds else ""
    return _row("lists", f"{figures.lists} in the last minute   last {age(now - figures.at)}{rhythm}")


def _faults(faults: Faults, unreadable: int) -> Text:
    long = f" ({duration(faults.silent_for // _NS)})" if faults.silences else ""
    counts: list[tuple[int, str]] = [
        (faults.silences, f"line {faults.silences} silence{long}"),
        (faults.missed, f"frames {faults.missed} missing"),
        (faults.fallen, f"registers {faults.fallen} fell"),
        (unreadable, f"input {unreadable} unreadable"),
    ]
    found: list[Part] = [(f"{words}   ", "bold red") for count, words in counts if count]
    return _row("faults", *(found or ["none"]))
