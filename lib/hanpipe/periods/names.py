"""Which names of a reading are averaged over a period, and which are registers."""

import functools
import re

from hanpipe.unix.typed import Final

# Names of docs/fields.md: what is averaged, and the registers. All else (texts, demands) stays as it came last.
_AVERAGED: Final = re.compile(
    r"(act|react|apparent)_pow_(pos|neg|sum|net|Q[1-4])(_L[123])?|(curr|volt)_(L[123]|N)|frequency|power_factor(_L[123])?"
)
_REGISTER: Final = re.compile(
    r"(act|react|apparent)_energy_(pos|neg|sum|net|Q[1-4])(_L[123])?(_T\d+)?|[a-z]+_(m3|GJ)(_\d+)?"
)
_TARIFF: Final = re.compile(r"_T\d+$")


@functools.lru_cache(1024)
def is_averaged(name: str) -> bool:
    """Tell whether the values of a name are averaged over time, for example power and voltage."""
    return _AVERAGED.fullmatch(name) is not None


@functools.lru_cache(1024)
def is_register(name: str) -> bool:
    """Tell whether a name is that of a register, which only grows."""
    return _REGISTER.fullmatch(name) is not None


@functools.lru_cache(1024)
def power_of(register: str) -> str:
    """Return the name of the power that a register counts; a register of one tariff counts the power of all."""
    return _TARIFF.sub("", register.replace("_energy_", "_pow_"))
