"""The names of a reading whose values are averaged over a period, and those that are registers."""

import functools

from hanpipe.readings.quantities import POWER, REGISTER, STATE, named


@functools.lru_cache(1024)
def is_averaged(name: str) -> bool:
    """Return whether the values of a name are averaged over time, for example power and voltage."""
    quantity = named(name)
    return quantity is not None and quantity.what in (POWER, STATE)


@functools.lru_cache(1024)
def is_register(name: str) -> bool:
    """Return whether a name is that of a register of energy, which only grows."""
    quantity = named(name)
    return quantity is not None and quantity.what == REGISTER and quantity.direction != ""


@functools.lru_cache(1024)
def power_of(register: str) -> str:
    """Return the name of the power that a register counts; a register of one tariff counts the power of all."""
    quantity = named(register)
    tariff = f"_T{quantity.tariff}" if quantity and quantity.tariff else ""
    return register.removesuffix(tariff).replace("_energy_", "_pow_")
