"""Other programs' names for the values of a reading: a table each. This module reads them."""

import os
from collections.abc import Mapping

from hanpipe.unix.typed import Any, Final, NamedTuple

_MOST_POWER: Final = 9  # of ten, that a table may ask for


class Names(NamedTuple):
    """A table of other names.

    names:       ours -> theirs, and the power of ten by which their values are larger
    unit_behind: our names get their unit at their end
    """

    names: Mapping[str, tuple[str, int]]
    unit_behind: bool = False

    def name(self, ours: str, unit: str | None) -> str:
        """Return their name; what the table does not name keeps ours."""
        if ours in self.names:
            return self.names[ours][0]
        return f"{ours}_{unit}" if self.unit_behind and unit else ours

    def power(self, ours: str) -> int:
        """Return the power of ten from our unit to theirs."""
        return self.names.get(ours, (ours, 0))[1]

    @classmethod
    def read(cls, text: str) -> "Names":
        """Read a table of names: TOML. raise: ValueError."""
        import tomllib

        table = tomllib.loads(text)
        if unknown := set(table) - {"title", "names", "unit_behind"}:
            raise ValueError(f"unknown key {min(unknown)}")
        names = table.get("names", {})
        if not isinstance(names, dict):
            raise ValueError("names is a table: ours = theirs")
        return cls({ours: _other_name(ours, theirs) for ours, theirs in names.items()}, bool(table.get("unit_behind")))


def _other_name(ours: str, theirs: Any) -> tuple[str, int]:
    """Read "P", or { name = "tPI", power = -3 }. raise: ValueError."""
    if isinstance(theirs, str):
        return theirs, 0
    name, power = (theirs.get("name"), theirs.get("power", 0)) if isinstance(theirs, dict) else (None, None)
    if not isinstance(name, str) or type(power) is not int or abs(power) > _MOST_POWER:
        raise ValueError(f'{ours} is a name, or {{ name = "...", power = -3 }}')
    return name, power


def tables() -> dict[str, str]:
    """Return the tables that are shipped: name -> file."""
    home = os.path.join(os.path.dirname(os.path.dirname(__file__)), "names")
    files = sorted(file for file in os.listdir(home) if file.endswith(".toml"))
    return {file.removesuffix(".toml"): os.path.join(home, file) for file in files}
