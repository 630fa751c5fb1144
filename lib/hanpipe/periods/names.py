"""The names of periods and peaks, what their values are, and what a period does with the values of a name."""

import functools
import re

from hanpipe.readings.quantities import COUNT, DEMAND, LIMIT, POWER, REGISTER, STATE, TEXT, Quantity, named
from hanpipe.unix.typed import Final

# Kinds of quantity that only periods and peaks have.
AMOUNT: Final = "amount"  # energy or volume that flowed in a period
FLAG: Final = "flag"  # true or false
MOMENT: Final = "moment"  # a time, RFC 3339

# What han-every and han-peaks write beside the names of readings. N is the place of a peak.
OWN: Final = {
    # name              unit   what    meaning
    "begin":            (None, MOMENT, "begin of the period, or of what was read of the month"),
    "end":              (None, MOMENT, "its end"),
    "known":            (None, DEMAND, "share of the period for which a power was known, 0 to 1"),
    "estimated":        (None, FLAG,   "whether the active energy does not follow from registers alone"),
    "running":          (None, FLAG,   "whether the period is still open"),
    "projected":        ("Wh", AMOUNT, "imported active energy of the whole open period at its mean power"),
    "rule":             (None, TEXT,   "rule of the tariff"),
    "month":            (None, TEXT,   "local month"),
    "ended":            (None, FLAG,   "whether a period of a later month was read"),
    "peak":             ("W",  DEMAND, "figure that the tariff counts: mean of the peaks, or of the last months"),
    "peak_month":       ("W",  DEMAND, "figure of this month alone"),
    "months":           (None, COUNT,  "months of which peak is the mean: those of the last twelve that were read"),
    "peak_N":           ("W",  DEMAND, "peak of the month, the highest is 1"),
    "peak_N_begin":     (None, MOMENT, "when that period began"),
    "peak_N_estimated": (None, FLAG,   "whether its energy is estimated"),
    "limit":            ("W",  LIMIT,  "power of han-peaks --limit"),
    "heading":          ("W",  DEMAND, "mean power that the open period will have, as the tariff counts it"),
    "above_limit":      (None, FLAG,   "whether that is above the limit, in a period that can be a peak"),
}  # fmt: skip


@functools.lru_cache(1024)
def quantity_of(name: str) -> Quantity | None:
    """Return the quantity of a name in a reading, a period or the peaks; None if it is unknown."""
    place = re.fullmatch(r"peak_(\d{1,3})((?:_begin|_estimated)?)", name)
    base = f"peak_N{place[2]}" if place else name
    if base in OWN:
        unit, what, meaning = OWN[base]
        return Quantity(name, unit, what, base, number=place[1] if place else "", meaning=meaning)
    return named(name) or _of_period(name)


def _of_period(name: str) -> Quantity | None:
    """Return the quantity of what a period has beside a mean or a register: an extreme, or what flowed."""
    head, _, part = name.rpartition("_")
    quantity = named(head)
    if quantity and part == "delta" and is_register(head):
        return quantity._replace(name=name, what=AMOUNT, period=part)
    if quantity and part in ("max", "min") and is_averaged(head):
        return quantity._replace(name=name, what=DEMAND, period=part)
    return None


@functools.lru_cache(1024)
def is_averaged(name: str) -> bool:
    """Return whether the values of a name are averaged over time, for example power and voltage."""
    quantity = named(name)
    return quantity is not None and quantity.what in (POWER, STATE)


@functools.lru_cache(1024)
def is_register(name: str) -> bool:
    """Return whether a name is that of a register of energy or volume, which only grows."""
    quantity = named(name)
    return quantity is not None and quantity.what == REGISTER


@functools.lru_cache(1024)
def is_energy(name: str) -> bool:
    """Return whether a name is that of a register of the electricity meter itself, which counts a power."""
    quantity = named(name)
    return quantity is not None and quantity.what == REGISTER and quantity.direction != ""


@functools.lru_cache(1024)
def power_of(register: str) -> str:
    """Return the name of the power that a register counts; a register of one tariff counts the power of all."""
    quantity = named(register)
    tariff = f"_T{quantity.tariff}" if quantity and quantity.tariff else ""
    return register.removesuffix(tariff).replace("_energy_", "_pow_")


@functools.lru_cache(1024)
def own_power_of(register: str) -> str:
    """Return the name of the power that counts in a register alone, "" for one of a tariff.

    Nobody says which tariff is in force, and the power would count in the registers of all.
    """
    return "" if total_of(register) else power_of(register)


@functools.lru_cache(1024)
def total_of(register: str) -> str:
    """Return the name of the register that counts all tariffs, "" if the register is not of one tariff."""
    quantity = named(register)
    return register.removesuffix(f"_T{quantity.tariff}") if quantity and quantity.tariff else ""


@functools.lru_cache(1024)
def clock_of(register: str) -> str:
    """Return the name of the clock that dates a register: the meter's, or the time of its sub-meter."""
    quantity = named(register)
    if quantity is None or quantity.direction:
        return "date_time"
    return f"{quantity.base.rpartition('_')[0]}_time" + (f"_{quantity.number}" if quantity.number else "")
