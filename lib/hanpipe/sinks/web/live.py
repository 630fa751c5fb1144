"""Figures of the house -> what the page shows live, as JSON.

All times are ms since 1970-01-01 UTC, as JavaScript counts them; powers W, energies Wh.
"""

import json
from decimal import Decimal

from hanpipe.sinks.house.figures import Figures, Span
from hanpipe.unix.typed import Any, Final

_MS: Final = 1_000_000  # ns
_FRESH: Final = 60_000_000_000  # ns for which the clock of the meter is shown: some send it once an hour


def event(name: str, data: Any) -> bytes:
    """Return a server-sent event. source: HTML Living Standard, 9.2."""
    return f"event: {name}\ndata: {text_of(data)}\n\n".encode()


def text_of(data: Any) -> str:
    """Return JSON without spaces. Decimals become floats: the page shows four digits of them."""
    return json.dumps(data, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(value)


def figures_of(meter: int, figures: Figures, *, ids: bool) -> dict[str, Any]:
    """Return the figures of a meter, without the trail of its power.

    meter: its id in the store; ids: whether its number and source may be seen
    """
    shown = {
        "meter": meter,
        "model": " ".join(filter(None, (figures.maker, figures.model))),
        "at": figures.at // _MS,
        "rhythm": figures.rhythm and figures.rhythm // _MS,
        "lists": figures.lists,
        "power": figures.power,
        "power_at": figures.power_at // _MS,
        "phases": {name: [phase.volt, phase.curr, phase.power] for name, phase in figures.phases.items()},
        "clock": figures.clock if figures.at - figures.clock_at < _FRESH else "",
        "registers": figures.registers,
        "period": _span(figures.period),
        "day": _span(figures.day),
    }
    if ids:
        shown |= {"number": figures.meter, "source": figures.source}
    return shown


def trail_of(figures: Figures) -> list[list[Any]]:
    """Return the power of the last ten minutes: times, and W."""
    return [[point.at // _MS for point in figures.trail], [point.power for point in figures.trail]]


def _span(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {
        "begin": span.begin // _MS,
        "end": span.end // _MS,
        "since": span.since // _MS,
        "import": span.imported,
        "export": span.exported,
        "projected": span.projected,
    }
