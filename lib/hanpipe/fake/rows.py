"""The rows of a simulated meter's lists, as text in its file -> the body of an APDU.

A row is "CODE TYPE QUANTITY SCALER UNIT". CODE is a COSEM attribute descriptor, CLASS/OBIS/ATTRIBUTE, or the OBIS code
alone (class 3, attribute 2), or - for none. meters.py lists the quantities.
"""

import functools
import re

from hanpipe.apdu import cosem
from hanpipe.fake.encoder import Data
from hanpipe.unix.typed import Any, Final, NamedTuple

_CODE: Final = re.compile(r"(?:(\d+)/)?(\d+)-(\d+):(\d+)\.(\d+)\.(\d+)(?:/(\d+))?")
_UNITS: Final = {name or "count": unit for unit, name in reversed(cosem.UNITS.items())}


class Row(NamedTuple):
    """One element of a list.

    object:   class-id, logical name and attribute-id; None without a code
    type:     of its value; "" if it has none
    quantity: of which the value is
    scaler:   power of ten; unit: None if the list gives neither
    """

    object: tuple[int, bytes, int] | None
    type: str
    quantity: str
    scaler: int
    unit: int | None

    @property
    def logical_name(self) -> bytes:
        """The six octets of the code, b"" without a code."""
        return self.object[1] if self.object else b""


class Layout(NamedTuple):
    """How the rows of a list become its body.

    outer:   array or structure, around all of them; entries: whether each row is a structure of its own
    scalers: whether {scaler, unit} follows the value, if the row has a unit
    objects: whether the first element is an array of the push objects; then the values have no codes
    flat:    codes of the rows that are not structures although the others are
    """

    outer: str = "structure"
    entries: bool = False
    scalers: bool = False
    objects: bool = False
    flat: tuple[str, ...] = ()

    def body(self, rows: list[Row], values: list[Any]) -> Data:
        """Return the body that holds these values."""
        elements: list[Data] = [("array", [_push_object(row) for row in rows])] if self.objects else []
        flat = {_logical_name(code) for code in self.flat}
        for row, value in zip(rows, values, strict=True):
            members = self._members(row, value)
            if self.entries and row.logical_name not in flat:
                elements.append(("structure", members))
            else:
                elements += members
        return (self.outer, elements)

    def _members(self, row: Row, value: Any) -> list[Data]:
        members: list[Data] = []
        if row.object and not self.objects:
            members.append(("octet-string", row.logical_name))
        if row.type:
            members.append((row.type, value))
        if self.scalers and row.unit is not None:
            members.append(("structure", [("integer", row.scaler), ("enum", row.unit)]))
        return members


@functools.cache
def read_row(text: str) -> Row:
    """Read a row of a list."""
    columns = text.split()
    code, kind, quantity, scaler, unit = columns + ["", "", "0", ""][len(columns) - 1 :]
    return Row(_object(code), "" if kind == "-" else kind, quantity, int(scaler), _UNITS[unit] if unit else None)


def _object(text: str) -> tuple[int, bytes, int] | None:
    found = _CODE.fullmatch(text)
    return (int(found[1] or 3), _logical_name(text), int(found[7] or 2)) if found else None


def _logical_name(text: str) -> bytes:
    found = _CODE.fullmatch(text)
    if found is None:
        raise ValueError(f"expected an OBIS code, got {text!r}")
    return bytes([*map(int, found.groups()[1:6]), 255])


def _push_object(row: Row) -> Data:
    if row.object is None:
        raise ValueError("a push object needs a code")
    class_id, logical_name, attribute = row.object
    return (
        "structure",
        [
            ("long-unsigned", class_id),
            ("octet-string", logical_name),
            ("integer", attribute),
            ("long-unsigned", 0),
        ],
    )
