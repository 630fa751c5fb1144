"""What is known of meters: a data file each. This module reads them and finds the layout of a list.

A file holds what the line does not say: which quantity stands where, and in which power of ten. CONTRIBUTING.md, "How
to add a meter", tells its keys.
"""

import functools
import tomllib
from fnmatch import fnmatchcase
from importlib import resources

from hanpipe.readings.items import Item, text_of
from hanpipe.unix.typed import Any, Final, NamedTuple

# What a file may say of its meter, and of a list. "scaler" beside the lists counts for each of them.
_METER_KEYS: Final = frozenset(
    ("meter", "title", "maker", "models", "country", "link", "line", "ciphered", "tested", "source")
)
_LIST_KEYS: Final = frozenset(
    ("name", "about", "push", "title", "destination", "elements", "texts", "types", "codes", "scaler", "above")
)
_LINE: Final = {"baud": 2400, "parity": "even", "bits": 8, "stop": 1}  # where a file says nothing else
_EXAMPLES: Final = "\n[[example]]"  # they are most of a file, and stand at its end: who looks for a list skips them


class WrongMeterFile(Exception):
    """A meter file does not say what it should."""


class Layout(NamedTuple):
    """How a list is recognised, and what its values are.

    name:   for --layout
    rows:   code ("-" if unknown) and types ("*" for any) of each of its elements, () if they are not what tells it
    push:   whether it says first which objects its values are of
    texts:  code or position -> the text that stands there, as a pattern
    types:  code -> the types that its value may have
    line:   key of the typed JSON line -> how its value begins: who sent it, and to whom
    codes:  position -> OBIS code
    scaler: unit (pf = power factor) or OBIS code -> power of ten
    above:  unit -> (limit, power of ten if a raw value of that unit is larger)
    """

    name: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    push: bool
    texts: dict[str, str]
    types: dict[str, tuple[str, ...]]
    line: dict[str, str]
    codes: dict[str, str]
    scaler: dict[str, int]
    above: dict[str, tuple[int, int]]

    @property
    def weight(self) -> int:
        """How much must agree; none if only --layout names it."""
        return bool(self.rows) + self.push + len(self.texts) + len(self.types) + len(self.line)

    def holds(self, items: list[Item]) -> bool:
        """Tell whether the items stand and have types as in this list."""
        if not self.rows:
            return True
        return len(self.rows) == len(items) and all(
            (item.key == code or item.key.startswith("#")) and (types == ("*",) or item.type in types)
            for (code, types), item in zip(self.rows, items, strict=True)
        )

    def fits(self, items: list[Item], push: bool, line: dict[str, str]) -> bool:
        """Tell whether everything agrees: the items, whether they are a push list, and the keys of their line."""
        found = {item.key: item for item in items}
        return (
            (push or not self.push)
            and all(line.get(key, "").startswith(begin) for key, begin in self.line.items())
            and all(key in found and found[key].type in types for key, types in self.types.items())
            and all(key in found and _is_like(found[key], pattern) for key, pattern in self.texts.items())
            and self.holds(items)
        )

    def code(self, items: list[Item]) -> list[Item]:
        """Give those items their codes that went by their positions."""
        if self.rows:
            items = [
                item._replace(key=code) if item.key.startswith("#") and code != "-" else item
                for item, (code, _) in zip(items, self.rows, strict=True)
            ]
        return [item._replace(key=self.codes.get(item.key, item.key)) for item in items]


def _is_like(item: Item, pattern: str) -> bool:
    text = text_of(item)
    return text is not None and fnmatchcase(text, pattern)


def names() -> list[str]:
    """Return the short name of every meter: for --meter. A file is named after its meter."""
    return [name.removesuffix(".toml") for name, _ in files()]


def line_settings(name: str) -> dict[str, Any]:
    """Return the settings of a meter's line: baud, parity (none, even, odd), bits, stop.

    raise: KeyError: no such meter
    """
    texts = {file.removesuffix(".toml"): text for file, text in files()}
    line: dict[str, Any] = tomllib.loads(texts[name].partition(_EXAMPLES)[0]).get("line", {})
    return _LINE | line


@functools.cache
def shipped() -> tuple[Layout, ...]:
    """Return every layout of every meter file. raise: WrongMeterFile."""
    return tuple(layout for name, text in files() for layout in read_layouts(name, text.partition(_EXAMPLES)[0]))


@functools.cache
def files() -> list[tuple[str, str]]:
    """Return name and text of every meter file."""
    found = [file for file in (resources.files("hanpipe") / "meters").iterdir() if file.name.endswith(".toml")]
    return sorted((file.name, file.read_text("utf-8")) for file in found)


def read_layouts(name: str, text: str) -> list[Layout]:
    """Read the layouts out of the text of a meter file; name it where it is wrong.

    raise: WrongMeterFile
    """
    try:
        meter = tomllib.loads(text)
        if unknown := set(meter) - _METER_KEYS - {"scaler", "list", "example"}:
            raise ValueError(f"unknown key {min(unknown)}")
        return [_layout(entry, meter.get("scaler", {})) for entry in meter.get("list", ())]
    except KeyError as error:
        raise WrongMeterFile(f"{name}: {error.args[0]} is missing") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise WrongMeterFile(f"{name}: {error}") from error


def _layout(entry: dict[str, Any], shared: dict[str, int]) -> Layout:
    name = entry["name"]
    if unknown := set(entry) - _LIST_KEYS:
        raise ValueError(f"list {name}: unknown key {min(unknown)}")
    line = {"destination": entry["destination"]} if "destination" in entry else {}
    if "title" in entry:
        line["system_title"] = entry["title"].encode("ascii").hex()
    return Layout(
        name,
        tuple(row for text in entry.get("elements", ()) for row in _rows(name, text)),
        bool(entry.get("push", False)),
        {str(key): str(text) for key, text in entry.get("texts", {}).items()},
        {str(key): tuple(types.split("|")) for key, types in entry.get("types", {}).items()},
        line,
        {str(key): str(code) for key, code in entry.get("codes", {}).items()},
        {str(of): int(power) for of, power in (shared | entry.get("scaler", {})).items()},
        {str(unit): (int(limit), int(power)) for unit, (limit, power) in entry.get("above", {}).items()},
    )


def _rows(name: str, text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Read a row of elements: one or more codes, then the type that they all have."""
    *codes, types = text.split()
    if not codes:
        raise ValueError(f"list {name}: an element is 'CODE TYPE', not '{text}'")
    return [(code, tuple(types.split("|"))) for code in codes]
