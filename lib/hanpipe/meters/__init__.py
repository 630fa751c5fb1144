"""What is known of meters: a data file each. This module reads them and finds the layout of a list.

A file holds what the line does not say: which quantity stands where, and in which power of ten. CONTRIBUTING.md, "How
to add a meter", tells its keys.
"""

import functools
import tomllib
from importlib import resources
from typing import Any, Final, NamedTuple

from hanpipe.lists import Item, text_of

_KEYS: Final = frozenset(("name", "elements", "texts", "codes", "scaler", "example"))


class WrongMeterFile(Exception):
    """A meter file does not say what it should."""


class Layout(NamedTuple):
    """How a list is recognised, and what its values are.

    name:   for --layout
    types:  of all its elements, several joined by "|" where any will do; None if they are not what tells it
    texts:  position or code -> the text that stands there
    codes:  position -> OBIS code
    scaler: unit or OBIS code -> power of ten
    """

    name: str
    types: tuple[str, ...] | None
    texts: dict[str, str]
    codes: dict[str, str]
    scaler: dict[str, int]

    def holds(self, items: list[Item]) -> bool:
        """Tell whether the items have the types of this list."""
        if self.types is None:
            return True
        return len(self.types) == len(items) and all(
            item.key == f"#{number}" and item.type in types.split("|")
            for number, (types, item) in enumerate(zip(self.types, items, strict=True), 1)
        )

    def fits(self, items: list[Item]) -> bool:
        """Tell whether these are the items of this list, and no other's."""
        found = {item.key: item for item in items}
        return self.holds(items) and all(
            key in found and text_of(found[key]) == text for key, text in self.texts.items()
        )


@functools.cache
def shipped() -> tuple[Layout, ...]:
    """Return every layout of every meter file.

    raise: WrongMeterFile
    """
    return tuple(
        layout for name, text in files() for layout in read_layouts(name, text) if layout.types or layout.texts
    )


def files() -> list[tuple[str, str]]:
    """Return name and text of every meter file."""
    found = [file for file in resources.files(__name__).iterdir() if file.name.endswith(".toml")]
    return sorted((file.name, file.read_text("utf-8")) for file in found)


def read_layouts(name: str, text: str) -> list[Layout]:
    """Read the layouts out of the text of a meter file; name it where it is wrong.

    raise: WrongMeterFile
    """
    try:
        return [_layout(entry) for entry in tomllib.loads(text)["list"]]
    except KeyError as error:
        raise WrongMeterFile(f"{name}: {error.args[0]} is missing") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise WrongMeterFile(f"{name}: {error}") from error


def _layout(entry: dict[str, Any]) -> Layout:
    if unknown := set(entry) - _KEYS:
        raise ValueError(f"list {entry['name']}: unknown key {min(unknown)}")
    rows = [row.split() for row in entry.get("elements", ())]
    if wrong := [row for row in rows if len(row) != 2]:
        raise ValueError(f"list {entry['name']}: an element is 'CODE TYPE', not '{' '.join(wrong[0])}'")
    codes = {f"#{number}": code for number, (code, _) in enumerate(rows, 1) if code != "-"}
    scaler = {str(of): int(power) for of, power in entry.get("scaler", {}).items()}
    types = tuple(kind for _, kind in rows) or None
    return Layout(entry["name"], types, dict(entry.get("texts", {})), codes | entry.get("codes", {}), scaler)
