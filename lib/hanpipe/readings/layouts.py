"""Knowledge of meters, one data file per meter: this module reads the files and recognises lists.

A file adds what a meter does not send: which quantity each value is, and with which scaler. Its keys are explained in
CONTRIBUTING.md, "How to add a meter".
"""

import functools
import tomllib
from fnmatch import fnmatchcase
from importlib import resources

from hanpipe.readings.items import Item, text_of
from hanpipe.readings.makers import FLAG_SIZE
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Any, Final, NamedTuple

# The keys of a file, and of a list in it. A scaler beside the lists holds for each of them.
_METER_KEYS: Final = frozenset(
    ("meter", "title", "maker", "models", "country", "link", "line", "ciphered", "tested", "source", "note")
)
_LIST_KEYS: Final = frozenset(
    ("name", "about", "push", "title", "destination", "elements", "texts", "types", "codes", "scaler", "above")
)
_LINE: Final = {"baud": 2400, "parity": "even", "bits": 8, "stop": 1}  # the default
_EXAMPLES: Final = "\n[[example]]"  # the end of a file, and most of it: recognising a list does not read it
_OWN_KINDS: Final = frozenset(
    ("clock", "date", "time", "name")
)  # of elements; all others are types, which prove little


class WrongMeterFile(Exception):
    """A meter file has an unknown or missing key, or a value that cannot be read."""


class Layout(NamedTuple):
    """How a list is recognised, and what its values are.

    name:   for --layout
    rows:   code ("-" if unknown) and kinds or types ("*" for any) of each element of a list of bare values; else ()
    push:   whether the list first names the objects whose values it holds
    texts:  code or position -> pattern of the text there
    types:  code or position -> kinds or types that the value there may have
    line:   key of the typed JSON line -> how its value begins: the sender's system title, the destination
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
    def proof(self) -> int:
        """How many things recognise the list, beyond the types of bare values; 0 if only --layout may choose it."""
        own_types = sum(not key.startswith("#") or _OWN_KINDS.issuperset(types) for key, types in self.types.items())
        own_row = any(_OWN_KINDS.issuperset(types) for _, types in self.rows)
        return self.push + len(self.texts) + len(self.line) + own_types + own_row

    def holds(self, items: list[Item]) -> bool:
        """Return whether a list has the elements of this layout: as many, in order, of the right kinds."""
        if not self.rows:
            return True
        return len(self.rows) == len(items) and all(
            (item.key == code or item.key.startswith("#")) and _is_of(item, types)
            for (code, types), item in zip(self.rows, items, strict=True)
        )

    def fits(self, items: list[Item], push: bool, line: dict[str, str]) -> bool:
        """Return whether everything agrees: the items, whether they are a push list, and the keys of their line."""
        found = {item.key: item for item in items}
        return (
            (push or not self.push)
            and all(line.get(key, "").startswith(begin) for key, begin in self.line.items())
            and all(key in found and _is_of(found[key], types) for key, types in self.types.items())
            and all(key in found and _is_like(found[key], pattern) for key, pattern in self.texts.items())
            and self.holds(items)
        )

    def code(self, items: list[Item]) -> list[Item]:
        """Give the items that have positions as keys their codes."""
        if self.rows:
            items = [
                item._replace(key=code) if item.key.startswith("#") and code != "-" else item
                for item, (code, _) in zip(items, self.rows, strict=True)
            ]
        return [item._replace(key=self.codes.get(item.key, item.key)) for item in items]


def recognise(items: list[Item], push: bool, line: dict[str, str]) -> tuple[Layout | None, str]:
    """Find the shipped layout of a list.

    push:   whether it is a push list; line: the keys of its line whose values are strings
    return: the layout, or None and, where --layout could choose one, a sentence that says so
    raise:  WrongMeterFile
    """
    fitting = [layout for layout in shipped() if layout.proof and layout.fits(items, push, line)]
    most = max((layout.proof for layout in fitting), default=0)
    fitting = [layout for layout in fitting if layout.proof == most]
    if len(fitting) == 1:
        return fitting[0], ""
    sender = _sender(items, line)
    found = f"a list of {counted(len(items), 'value')}{f' from {sender}' * bool(sender)}"
    if fitting:
        names = " or ".join(f"--layout {layout.name}" for layout in fitting)
        return None, f"{found} fits {len(fitting)} layouts, so its values are shown by position; choose one: {names}"
    likely = [layout.name for layout in shipped() if layout.rows and layout.holds(items)]
    if not likely:
        return None, ""
    return None, (
        f"{found} looks like {' or '.join(likely)}, but its types alone do not prove that, so its values are shown by "
        f"position; if you know that it is, add --layout {likely[0]}"
    )


def _sender(items: list[Item], line: dict[str, str]) -> str:
    """Return the three letters of the maker in the system title, else in the first text; "" without either."""
    try:
        maker = bytes.fromhex(line.get("system_title", ""))[:3].decode("ascii")
    except ValueError:
        maker = ""
    text = next((text for item in items if (text := text_of(item)) is not None), "")
    return maker or (text[:3] if text[:3].isupper() else "")


def _is_of(item: Item, types: tuple[str, ...]) -> bool:
    return types == ("*",) or item.type in types or item.kind in types


def _is_like(item: Item, pattern: str) -> bool:
    text = text_of(item)
    return text is not None and fnmatchcase(text, pattern)


def names() -> list[str]:
    """Return the short name of every meter: for --meter. A file is named after its meter."""
    return [name.removesuffix(".toml") for name, _ in files()]


def line_settings(name: str) -> dict[str, Any]:
    """Return the settings of a meter's line: baud, parity (none, even, odd), bits, stop.

    raise: KeyError: no meter has this name
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
    """Read the layouts in the text of a meter file; name: of the file, for the error.

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
        if len(entry["title"]) > FLAG_SIZE:
            raise ValueError(
                f"list {name}: title: expected the {FLAG_SIZE} letters of the maker, got '{entry['title']}'"
            )
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
        raise ValueError(f"list {name}: expected an element 'CODE TYPE', got '{text}'")
    return [(code, tuple(types.split("|"))) for code in codes]
