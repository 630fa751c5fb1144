"""What the periods do with the values of a name: average them, or take them for a register."""

import functools

from hanpipe.readings.quantities import POWER, REGISTER, STATE, named


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
