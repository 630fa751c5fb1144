"""The pictures of one meter: each from its account, None where the meter sends nothing of the kind."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import pairwise

from hanpipe.periods.every import Line
from hanpipe.report import axes
from hanpipe.report.account import HIGHEST, LOWEST, PHASES, Account
from hanpipe.report.bins import Span
from hanpipe.report.svg import Picture, Plot
from hanpipe.report.words import bin_name, kilo, length, moment, percent, quantity
from hanpipe.unix.typed import Final

_EACH: Final = {"10m": "10-minute period", "30m": "half hour", "1h": "hour", "1d": "day", "1mo": "month"}
_LEVELS: Final = 6  # colours of import in the heat map; half as many of export
_USUAL: Final = 0.98  # share of the hours that the colours tell apart; the rest has the last colour
_FEWEST_COLUMNS: Final = 3  # of a heat map; the power over time shows less
_MOST_ROWS: Final = 62
_SHARES: Final = (0, 1, 5, 10, 25, 50, 75, 90, 100)  # %, in the table of the duration curve


def of(account: Account, zone: tzinfo) -> list[Picture]:
    """Return the pictures of a meter, in the order in which they are shown."""
    made = (
        power(account, zone),
        energy(account, zone),
        heat_map(account, zone),
        duration(account),
        peaks(account, zone),
        states(account, zone, "volt", "Voltage", "V"),
        states(account, zone, "curr", "Current", "A"),
        known(account, zone),
    )
    return [picture for picture in made if picture]


def power(account: Account, zone: tzinfo) -> Picture | None:
    """Draw the power over time: its mean, and from the lowest to the highest value of each bin."""
    spans = [span for span in account.curve.spans() if "power" in span.bin]
    if not spans or account.highest is None:
        return None
    bands = [_band(span, ["power"], 1000) for span in spans]
    low, high = min(band[2] for band in bands), max(band[3] for band in bands)
    ticks = axes.of_numbers(min(0.0, low), max(high, 0.1))
    plot = _over_time(account.curve.spans(), 240, ticks, "kW", zone)
    plot.band(bands, "band")
    plot.steps([(*span[:2], span.bin["power"].mean() / 1000) for span in spans], "import")
    if low < 0:
        plot.base(0)
    each = _EACH[account.curve.period]
    key = [("import", f"mean of each {each}"), ("band", "lowest to highest")]
    about = (
        f"Power over time, import less export: the mean of each {each}, and its lowest and highest value. "
        f"The highest is {kilo(account.highest[0], 'W')}, about {moment(account.highest[1], zone)}."
    )
    return Picture("Power", about, plot.body(), plot.height, key)


def energy(account: Account, zone: tzinfo) -> Picture | None:
    """Draw what flowed in each hour, day or month: import upwards, export downwards."""
    names = [name for name in ("act_energy_pos", "act_energy_neg") if account.totals.get(name)]
    spans = [span for span in account.energy.spans() if any(name in span.bin for name in names)]
    if not names or not spans:
        return None
    bars: dict[str, list[tuple[int, int, float]]] = {
        name: [(*span[:2], float(span.bin[name].area) / 1000) for span in spans if name in span.bin] for name in names
    }
    imported, exported = bars.get("act_energy_pos", []), bars.get("act_energy_neg", [])
    ticks = axes.of_numbers(-_most(exported), max(_most(imported), 0.001))
    plot = _over_time(spans, 200, ticks, "kWh", zone)
    gap = min(3.0, 0.15 * (plot.x(spans[0].end) - plot.x(spans[0].begin)))
    plot.boxes([(begin, end, 0, value) for begin, end, value in imported if value > 0], "import", gap)
    plot.boxes([(begin, end, -value, 0) for begin, end, value in exported if value > 0], "export", gap)
    plot.base(0)
    kinds = {"act_energy_pos": ("import", "import"), "act_energy_neg": ("export", "export")}
    key = [kinds[name] for name in names] if exported else []
    each = _EACH[account.energy.period]
    total = " and ".join(f"{kilo(account.totals[name], 'Wh')} {kinds[name][1]}" for name in names)
    rows = [
        [bin_name(span.begin, account.energy.period, zone)]
        + [kilo(span.bin[name].area, "Wh") if name in span.bin else "" for name in names]
        for span in spans
    ]
    header = [each.capitalize(), *(kinds[name][1].capitalize() for name in names)]
    title = f"Energy of each {each}"
    return Picture(title, f"{title}. In all {total}.", plot.body(), plot.height, key, _table(header, rows))


def heat_map(account: Account, zone: tzinfo) -> Picture | None:
    """Draw the mean power of each hour as a colour: a column for each day, or month, a row for each hour."""
    spans = account.hours.spans()
    if len(spans) < _FEWEST_COLUMNS:
        return None
    cells = [(span, int(hour), one.mean() / 1000) for span in spans for hour, one in span.bin.items()]
    values = sorted(max(value, 0.0) for _, _, value in cells)
    distance = axes.step(max(values[int(_USUAL * (len(values) - 1))], 0.06), _LEVELS - 1, axes.FINE)
    lowest = min(value for _, _, value in cells)
    kinds: dict[str, list[tuple[float, float, float, float]]] = {}
    for span, hour, value in cells:
        kinds.setdefault(_level(value, distance, lowest), []).append((span.begin, span.end, hour + 1, hour))
    plot = Plot(250, (spans[0].begin, spans[-1].end), (24, 0))
    plot.axes(axes.of_time(spans[0].begin, spans[-1].end, zone), [axes.Tick(h, f"{h:02}:00") for h in range(0, 25, 6)])
    for kind, boxes in sorted(kinds.items()):
        plot.boxes(boxes, kind)
    key = [("sun2", "export")] if lowest < 0 else []
    key += [(f"heat{number + 1}", f"{number * distance:g}-{(number + 1) * distance:g}") for number in range(_LEVELS)]
    key[-1] = key[-1][0], f"{(_LEVELS - 1) * distance:g} kW and more"
    means = _by_hour((hour, value) for _, hour, value in cells)
    most = max(means, key=lambda hour: means[hour])
    each = _EACH[account.hours.period]
    about = (
        f"Mean power of each hour: a column for each {each}, a row for each hour of the day. "
        f"On average it is highest from {most:02}:00 on, with {quantity(means[most], 'kW')}."
    )
    rows = [[f"{hour:02}:00", quantity(mean, "kW")] for hour, mean in means.items()]
    table = _table(["Hour from", "Mean power"], rows)
    return Picture(f"Power by hour and {each}", about, plot.body(), plot.height, key, table)


def _by_hour(values: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Return the mean of the values of each hour of the day."""
    of_each: dict[int, list[float]] = {}
    for hour, value in values:
        of_each.setdefault(hour, []).append(value)
    return {hour: sum(found) / len(found) for hour, found in sorted(of_each.items())}


def _level(value: float, distance: float, lowest: float) -> str:
    if value < 0:
        return f"sun{min(3, 1 + int(3 * value / lowest))}"
    return f"heat{min(_LEVELS, 1 + int(value / distance))}"


def duration(account: Account) -> Picture | None:
    """Draw for which share of the time the power was at least so high."""
    points = [(100 * share, power / 1000) for power, share in account.duration.descending()]
    if not points:
        return None
    ticks = axes.of_numbers(min(0.0, points[-1][1]), max(points[0][1], 0.1))
    plot = Plot(200, (0, 100), (ticks[0].value, ticks[-1].value), "kW")
    plot.axes([axes.Tick(share, f"{share} %", minor=share % 50 == 25) for share in range(0, 101, 25)], ticks)
    plot.line([(0, points[0][1]), *(one for pair in pairwise(_drawn(points)) for one in _corner(*pair))], "import")
    if points[-1][1] < 0:
        plot.base(0)
    median = account.duration.at(0.5) or 0.0
    about = (
        "Duration curve: for which share of the time the mean of ten minutes, import less export, was at least so "
        f"high. For half of the time it was at least {kilo(round(median), 'W')}."
    )
    rows = [[f"{share} %", kilo(round(account.duration.at(share / 100) or 0), "W")] for share in _SHARES]
    table = _table(["Share of the time", "Power at least"], rows)
    return Picture("Duration curve", about, plot.body(), plot.height, (), table)


def _drawn(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points that a picture can show apart: a quarter of a percent from each other."""
    drawn = [(0.0, points[0][1])]
    for point in points:
        if point[0] - drawn[-1][0] >= 0.25 or abs(point[1] - drawn[-1][1]) > 0.02 * abs(points[0][1] - points[-1][1]):
            drawn.append(point)
    return [*drawn, points[-1]]


def _corner(before: tuple[float, float], after: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """Yield the points of a step from one value to the next: the lower value holds from where the higher ends."""
    yield before[0], after[1]
    yield after


def peaks(account: Account, zone: tzinfo) -> Picture | None:
    """Draw the highest hour, or quarter hour, of each day or month, and which of them the rule counts."""
    spans = account.periods.spans()
    months = [month for month in account.months if "peak" in month]
    if not spans or not months:
        return None
    counted = [
        (datetime.fromisoformat(month[key]).timestamp() * 1e9, float(month[key.removesuffix("_begin")]))
        for month in months
        for key in month
        if key.startswith("peak_") and key.endswith("_begin")
    ]
    bars = [(*span[:2], float(span.bin["power"].high or 0) / 1000) for span in spans]
    ticks = axes.of_numbers(0, max(_most(bars), 0.1))
    plot = _over_time(spans, 200, ticks, "kW", zone)
    gap = min(3.0, 0.15 * (plot.x(spans[0].end) - plot.x(spans[0].begin)))
    for kind, wanted in (("band", False), ("peak", True)):
        chosen = [bar for bar in bars if any(bar[0] <= at < bar[1] for at, _ in counted) is wanted]
        plot.boxes([(begin, end, 0, value) for begin, end, value in chosen if value > 0], kind, gap)
    plot.base(0)
    each = _EACH[account.periods.period]
    key = [("band", f"highest of each {each}"), ("peak", "counts")]
    rows = [
        [
            _month(month),
            kilo(month["peak"], "W"),
            ", ".join(
                f"{kilo(month[f'peak_{place}'], 'W')} on {_then(month[f'peak_{place}_begin'])}"
                for place in range(1, 10)
                if f"peak_{place}" in month
            ),
        ]
        for month in months[-_MOST_ROWS:]
    ]
    highest = max(months, key=lambda month: month["peak"])
    about = f"{account.rule.title}. The highest figure is {kilo(highest['peak'], 'W')}, of {_month(highest)}."
    table = _table(["Month", "Figure", "Highest"], rows)
    return Picture("Peaks", about, plot.body(), plot.height, key, table)


def _month(line: Line) -> str:
    return f"{datetime.fromisoformat(line['begin']):%B %Y}"


def _then(begin: str) -> str:
    at = datetime.fromisoformat(begin)
    return f"{at.day} {at:%b %H:%M}"


def states(account: Account, zone: tzinfo, base: str, title: str, unit: str) -> Picture | None:
    """Draw voltages or currents: the mean of each phase, and the band from the lowest to the highest of all."""
    names = [name for phase in PHASES if any((name := f"{base}_{phase}") in span.bin for span in account.curve.spans())]
    spans = [span for span in account.curve.spans() if any(name in span.bin for name in names)]
    if not names:
        return None
    bands = [_band(span, names) for span in spans]
    low, high = min(band[2] for band in bands), max(band[3] for band in bands)
    ticks = axes.of_numbers(low if base == "volt" else min(0.0, low), max(high, low + 1))
    plot = _over_time(account.curve.spans(), 200, ticks, unit, zone)
    plot.band(bands, "band")
    for name in names:
        means = [(*span[:2], span.bin[name].mean()) for span in spans if name in span.bin]
        plot.steps(means, f"phase{name[-1]}")
    if base == "volt":
        for limit in (LOWEST, HIGHEST):
            if ticks[0].value <= limit <= ticks[-1].value:
                plot.limit(float(limit), f"{limit} V")
    key = [*((f"phase{name[-1]}", f"mean of {name[-2:]}") for name in names), ("band", "lowest to highest of all")]
    about = f"{title} of each phase over time: from {quantity(low, unit)} to {quantity(high, unit)}."
    return Picture(title, about, plot.body(), plot.height, key)


def known(account: Account, zone: tzinfo) -> Picture | None:
    """Draw for which share of each bin values are known, and list the longest gaps."""
    spans = [span for span in account.curve.spans() if "known" in span.bin]
    if not account.gaps.count or not any(span.bin["known"].area for span in spans):
        return None
    plot = _over_time(spans, 90, [axes.Tick(0, "0 %"), axes.Tick(100, "100 %")], "", zone)
    shares = [(*span[:2], 100 * span.bin["known"].mean()) for span in spans]
    plot.band([(begin, end, 0, share) for begin, end, share in shares if share > 0], "known")
    gaps = account.gaps
    about = f"Share of the time for which values are known. {gap_words(account)}"
    rows = [[moment(begin, zone), length(ns)] for begin, ns in gaps.longest()]
    header = ["Longest gaps from" if gaps.count > len(rows) else "Gaps from", "Length"]
    return Picture("Gaps", about, plot.body(), plot.height, (), _table(header, rows))


def gap_words(account: Account) -> str:
    """Return a sentence about the gaps of a meter."""
    gaps = account.gaps
    if not gaps.count:
        return "No gap is longer than a minute."
    several = f"{gaps.count:,} gaps longer than a minute" if gaps.count > 1 else "One gap longer than a minute"
    share = percent(gaps.total, max(account.last - account.first, 1))
    return f"{several}, {length(gaps.total)} in all, {share} of the time."


def _over_time(spans: Sequence[Span], height: int, ticks: list[axes.Tick], unit: str, zone: tzinfo) -> Plot:
    """Return a plot of these bins with its axes."""
    begin, end = spans[0].begin, spans[-1].end
    plot = Plot(height, (begin, end), (ticks[0].value, ticks[-1].value), unit)
    plot.axes(axes.of_time(begin, end, zone), ticks)
    return plot


def _band(span: Span, names: Sequence[str], divisor: int = 1) -> tuple[int, int, float, float]:
    """Return begin and end of a bin, and the lowest and highest value of those of some quantities that it has."""
    figures = [span.bin[name] for name in names if name in span.bin]
    low, high = min(one.low or 0 for one in figures), max(one.high or 0 for one in figures)
    return span.begin, span.end, float(low) / divisor, float(high) / divisor


def _most(bars: Sequence[tuple[int, int, float]]) -> float:
    return max((value for _, _, value in bars), default=0.0)


def _table(header: list[str], rows: list[list[str]]) -> list[list[str]]:
    return [header, *rows] if len(rows) <= _MOST_ROWS else []
