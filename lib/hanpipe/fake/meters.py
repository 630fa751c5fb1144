"""The meters: which lists each sends, how they are laid out, and when. A data file each, in the folder meters/.

A file's keys (base: the file whose keys it takes where it has none of its own; tables are merged):

    meter, source   what it is, and where that stands
    link            hdlc, mbus, p1 or apdu (no link layer)
    phases          1 or 3 (3 if left out)
    address         HDLC: destination, source, control, and the control of frames that more follow, in hex
    information     HDLC: octets of information that a frame holds; transfer: segments or blocks where there are more
    telegram        M-Bus: octets that a telegram counts at the most
    identification, check, season     P1: the first line; false where there is no CRC; what the clock's last letter is
    ciphering       {title, control}: system title and security control, in hex
    invoke_id       of the first APDU; counting: true where it rises
    date_time       of the APDU: none, sent or tagged; clock: {weekday, hundredths, deviation, status}
    body            {outer, entries, scalers, objects, flat}: see Layout
    texts           what stands in the lists beside values: name -> text or number
    rows            name -> rows of a list, "CODE TYPE QUANTITY SCALER UNIT"; of P1, "CODE BRACKET ..."
    [[list]]        rows: names of them; every: s; at: s behind that; lag: s that its clock object stands behind

CODE is a COSEM attribute descriptor, CLASS/OBIS/ATTRIBUTE, the OBIS code alone (class 3, attribute 2), or - for none.
QUANTITY is one of the house, a text's name, clock, self (the code's own logical name) or zero. A bracket is the name of
a text, clock, or QUANTITY:DIGITS.DECIMALS:UNIT.
"""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources

from hanpipe.apdu import cosem
from hanpipe.apdu.cosem import LLC
from hanpipe.fake import encoder
from hanpipe.fake.encoder import Address, Clock, Data, Security
from hanpipe.unix.typed import Any, Final, NamedTuple

_CODE: Final = re.compile(r"(?:(\d+)/)?(\d+)-(\d+):(\d+)\.(\d+)\.(\d+)(?:/(\d+))?")
_UNITS: Final = {name or "count": unit for unit, name in reversed(cosem.UNITS.items())}
_PREFIXES: Final = {"k": 3}  # of the units in P1 telegrams


class Row(NamedTuple):
    """One element of a list.

    object:   class-id, logical name and attribute-id; None if there is no code
    type:     of its value; "" if it has none
    quantity: what the value is of
    scaler:   power of ten; unit: None where the list says neither
    """

    object: tuple[int, bytes, int] | None
    type: str
    quantity: str
    scaler: int
    unit: int | None

    @property
    def logical_name(self) -> bytes:
        """The six octets of the code, b"" if there is none."""
        return self.object[1] if self.object else b""


class Layout(NamedTuple):
    """How the rows of a list become its body.

    outer:   array or structure, of them all; entries: whether each row is a structure of its own
    scalers: whether {scaler, unit} stands behind the value, where the row has a unit
    objects: whether the first element is an array of the push objects; no codes stand in front of the values then
    flat:    codes of rows that are no structure though the others are
    """

    outer: str = "structure"
    entries: bool = False
    scalers: bool = False
    objects: bool = False
    flat: tuple[str, ...] = ()

    def body(self, rows: list[Row], values: list[Any]) -> Data:
        """Lay the values out."""
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


class List(NamedTuple):
    """A list that a meter sends. rows: as they stand in the file; every, at, lag: ms."""

    rows: list[str]
    every: int
    at: int
    lag: int

    def next(self, local_ms: int) -> int:
        """Return when it is sent for the first time from local_ms on."""
        return local_ms + (self.at - local_ms) % self.every


class Meter:
    """One meter: what it sends, as octets. It counts what it sends.

    lists:  what it can send; phases: that it measures; link: of its frames
    needed: system title of the key that it needs, b"" if it is not ciphered
    """

    def __init__(self, keys: Mapping[str, Any]) -> None:
        """Make a meter out of the keys of its file."""
        self._keys = keys
        self.link: str = keys["link"]
        self.phases: int = keys.get("phases", 3)
        self.lists = [_list(entry, keys["rows"]) for entry in keys["list"]]
        self.needed = bytes.fromhex(keys["ciphering"]["title"]) if "ciphering" in keys else b""
        self._layout = Layout(**keys.get("body", {}))
        self._clock = Clock(**keys.get("clock", {}))
        self._invoke_id: int = keys.get("invoke_id", 0)
        self._counter = 0
        self._secrets = (b"", b"")

    def use(self, key: bytes, authentication_key: bytes) -> None:
        """Take the keys that its APDUs are ciphered with."""
        self._secrets = (key, authentication_key)

    def instants(self, local_ms: int) -> Iterator[tuple[int, List]]:
        """Yield when which list is sent, from local_ms on for ever. Of two at the same time, only the rarer one is."""
        while True:
            when = min(each.next(local_ms) for each in self.lists)
            yield when, max((each for each in self.lists if each.next(local_ms) == when), key=lambda each: each.every)
            local_ms = when + 1

    def frames(self, due: List, values: Mapping[str, int], local_ms: int) -> list[bytes]:
        """Return the octets of a list, frame by frame.

        values: thousandths, by the names of household.py
        """
        plain = self._telegram(due, values, local_ms) if self._is_text() else self._apdu(due, values, local_ms)
        if self.needed:
            security = Security(self.needed, int(self._keys["ciphering"]["control"], 16), *self._secrets)
            self._counter = self._counter + 1 if self._counter else local_ms // 1000  # higher than in the run before
            plain = encoder.ciphered(plain, security, self._counter)
        return self._framed(plain)

    def _is_text(self) -> bool:
        return "identification" in self._keys

    def _framed(self, octets: bytes) -> list[bytes]:
        if self.link == "mbus":
            return encoder.mbus(octets, self._keys["telegram"])
        if self.link != "hdlc":
            return [octets]
        destination, source, control, *more = map(bytes.fromhex, self._keys["address"].split())
        address = Address(destination, source, control[0], (more or [control])[0][0])
        size = self._keys.get("information", 2000)
        if self._keys.get("transfer") == "blocks":
            return [encoder.hdlc(block, address) for block in encoder.blocks(octets, size)]
        return encoder.segments(LLC + octets, size, address)

    def _apdu(self, due: List, values: Mapping[str, int], local_ms: int) -> bytes:
        rows = [_row(text) for text in due.rows]
        body = self._layout.body(rows, [self._value(row, values, local_ms - due.lag) for row in rows])
        sent = self._keys.get("date_time", "none")
        header = b"" if sent == "none" else encoder.date_time(local_ms, self._clock)
        invoke_id = self._invoke_id
        self._invoke_id += self._keys.get("counting", False)
        return encoder.notification(invoke_id, header, body, tagged=sent == "tagged")

    def _value(self, row: Row, values: Mapping[str, int], local_ms: int) -> Any:
        if row.type in ("", "null-data"):
            return None
        if row.quantity == "zero":
            return 0
        if row.quantity == "self":
            return row.logical_name
        if row.quantity == "clock":
            return encoder.date_time(local_ms, self._clock)
        text = self._keys.get("texts", {}).get(row.quantity)
        if text is not None:
            return text.encode("latin-1") if isinstance(text, str) else text
        return scaled(values[row.quantity], row.scaler)

    def _telegram(self, due: List, values: Mapping[str, int], local_ms: int) -> bytes:
        objects = []
        for text in due.rows:
            code, *brackets = text.split()
            objects.append(code + "".join(f"({self._bracket(one, values, local_ms)})" for one in brackets))
        return encoder.p1(self._keys["identification"], objects, check=self._keys.get("check", True))

    def _bracket(self, bracket: str, values: Mapping[str, int], local_ms: int) -> str:
        quantity, _, form = bracket.partition(":")
        if quantity == "clock":
            return encoder.p1_time(local_ms) + str(self._keys["season"])
        if not form:
            return str(self._keys["texts"][quantity])
        digits, unit = form.split(":")
        whole, decimals = map(int, digits.split("."))
        number = scaled(values[quantity], _PREFIXES.get(unit[0], 0) - decimals)
        text = f"{number:0{whole + decimals}}"
        return f"{text[:-decimals]}.{text[-decimals:]}*{unit}" if decimals else f"{text}*{unit}"


def names() -> list[str]:
    """Return the names of all meters."""
    return sorted(file.name.removesuffix(".toml") for file in _folder().iterdir() if file.name.endswith(".toml"))


def meter(name: str) -> Meter:
    """Return the meter of a name. raise: FileNotFoundError."""
    return Meter(_keys(name))


@functools.cache
def _keys(name: str) -> dict[str, Any]:
    keys = tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8"))
    base = _keys(keys["base"]) if "base" in keys else {}
    tables = {key: base[key] | keys[key] for key in ("texts", "rows") if key in keys and key in base}
    return base | keys | tables


def _folder() -> Any:
    return resources.files(__package__) / "meters"


def _list(entry: Mapping[str, Any], rows: Mapping[str, list[str]]) -> List:
    texts = [row for name in entry["rows"] for row in rows[name]]
    every, at, lag = (round(1000 * entry.get(key, 0)) for key in ("every", "at", "lag"))
    return List(texts, every, at, lag)


@functools.cache
def _row(text: str) -> Row:
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
        raise ValueError(f"{text!r} is no OBIS code")
    return bytes([*map(int, found.groups()[1:6]), 255])


def _push_object(row: Row) -> Data:
    if row.object is None:
        raise ValueError("a row without a code is no push object")
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


def scaled(thousandths: int, scaler: int) -> int:
    """Return thousandths as a number in units of 10^scaler, what is left over cut off."""
    power = scaler + 3
    if power <= 0:
        return thousandths * int(10**-power)
    whole = abs(thousandths) // int(10**power)
    return -whole if thousandths < 0 else whole
