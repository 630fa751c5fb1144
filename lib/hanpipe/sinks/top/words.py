"""Numbers and times as a person reads them, within the width of a screen."""

from datetime import tzinfo

from hanpipe.periods.averages import Number
from hanpipe.periods.calendar import local
from hanpipe.unix.stderr import duration


def watts(power: Number) -> str:
    """Return a power as 2,345 W."""
    return f"{power:,.0f} W"


def kilowatts(power: Number) -> str:
    """Return a power in W as 2.35 kW."""
    return f"{power / 1000:,.2f} kW"


def kilowatt_hours(energy: Number, *, estimated: bool = False) -> str:
    """Return an energy in Wh as 1.62 kWh, with ~ if it is estimated."""
    return f"{'~' if estimated else ''}{energy / 1000:,.2f} kWh"


def clock(at: int, zone: tzinfo) -> str:
    """Return a time as 10:15."""
    return f"{local(at, zone):%H:%M}"


def age(ns: int) -> str:
    """Return how long ago something was, in one unit."""
    return f"{duration(max(0, ns) // 1_000_000_000)} ago"
