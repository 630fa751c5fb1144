"""The figures of a meter as rows of a table: name, value and remark."""

from datetime import tzinfo

from hanpipe.periods.averages import Number
from hanpipe.report.account import HIGHEST, LOWEST, Account
from hanpipe.report.pictures import gap_words
from hanpipe.report.words import kilo, length, moment, percent, quantity
from hanpipe.unix.typed import Final

Row = tuple[str, str, str]

_DIRECTIONS: Final = {"pos": "Import", "neg": "Export"}
_ENERGIES: Final = {
    "act_energy": ("", "Wh"),
    "react_energy": ("Reactive ", "varh"),
    "apparent_energy": ("Apparent ", "VAh"),
}


def key_figures(account: Account, zone: tzinfo) -> list[Row]:
    """Return the main figures of a meter."""
    rows = [_energy(account, name) for name in sorted(account.totals, key=_order) if _name(name)]
    rows += _powers(account, zone)
    rows += _peaks(account)
    when = f"{moment(account.first, zone)} to {moment(account.last, zone)}, {length(account.last - account.first)}."
    return [*rows, ("Readings", f"{account.readings:,}", f"{when} {gap_words(account)}")]


def _order(register: str) -> tuple[bool, bool, str]:
    """Active energy first, and import before export."""
    return not register.startswith("act_"), "_neg" in register, register


def _name(register: str) -> tuple[str, str] | None:
    """Return a register's name for people, and its unit; None for a register of another kind."""
    for base, (kind, unit) in _ENERGIES.items():
        direction, _, more = register.removeprefix(f"{base}_").partition("_")
        if register.startswith(f"{base}_") and direction in _DIRECTIONS:
            return f"{kind}{_DIRECTIONS[direction]}".capitalize() + (
                f", {more.replace('T', 'tariff ')}" if more else ""
            ), unit
    return None


def _energy(account: Account, register: str) -> Row:
    name, unit = _name(register) or (register, "")
    value = account.registers.get(register)
    return name, kilo(account.totals[register], unit), "" if value is None else f"register at {kilo(value, unit)}"


def _powers(account: Account, zone: tzinfo) -> list[Row]:
    rows = []
    if account.estimated and "act_energy_pos" in account.totals:
        flowed = account.totals["act_energy_pos"] + account.totals.get("act_energy_neg", 0)
        share = percent(account.estimated, max(flowed, account.estimated))
        rows.append(("Estimated", kilo(account.estimated, "Wh"), f"{share} of the energy follows from the power alone"))
    if account.highest:
        power, begin = account.highest
        rows.append(("Highest power", kilo(power, "W"), f"about {moment(begin, zone)}"))
    if (base := account.duration.at(0.95) or 0) > 0:
        rows.append(("Base load", kilo(round(base), "W"), "reached for 95 % of the time"))
    return rows


def _peaks(account: Account) -> list[Row]:
    months = [month for month in account.months if "peak" in month]
    if not months:
        return []
    highest: Number = max(month["peak"] for month in months)
    return [("Peak of the month", kilo(highest, "W"), account.rule.title)]


def voltage_quality(account: Account) -> list[list[str]]:
    """Return a row per phase: which share of the 10-minute means EN 50160 allows. Empty if no voltage came."""
    rows = [
        [
            phase,
            percent(one.within, one.count),
            f"{one.count:,}",
            quantity(one.low or 0, "V"),
            quantity(one.high or 0, "V"),
        ]
        for phase, one in sorted(account.quality.items())
    ]
    header = ["Phase", f"{LOWEST} to {HIGHEST} V", "10-minute means", "Lowest", "Highest"]
    return [header, *rows] if rows else []
