"""The simulated meters: which lists each sends, their layout, and when. Each is a data file in the folder meters/.

A file's keys (base: the file whose keys it takes where it has none of its own; tables are merged):

    meter, source   its name, and the document or capture that shows it
    link            hdlc, mbus, p1 or apdu (no link layer); line: {baud, parity, bits}, default 2400 8E1
    phases          1 or 3 (3 if left out)
    address         HDLC: destination, source, control, and the control of a frame after which more follow, in hex
    information     HDLC: the most octets of information in a frame; transfer: segments or blocks for more
    telegram        M-Bus: the most octets that a telegram counts
    identification, check, season     P1: the first line; false for no CRC; the last letter of the clock
    ciphering       {title, control}: system title and security control, in hex
    invoke_id       of the first APDU; counting: true where it rises
    date_time       of the APDU: none, sent or tagged; clock: {weekday, hundredths, deviation, status}
    body            {outer, entries, scalers, objects, flat}: see Layout
    texts           the texts in the lists: name -> text or number; "number" is the meter's number
    rows            name -> rows of a list, "CODE TYPE QUANTITY SCALER UNIT"; of P1, "CODE BRACKET ..."
    [[list]]        rows: their names; every: s; at: s after that; lag: s by which its clock object is late

rows.py reads CODE. QUANTITY is one of household.py, the name of a text, clock, self (the code's own logical name) or
zero. A bracket is the name of a text, clock, or QUANTITY:DIGITS.DECIMALS:UNIT.
"""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources

from hanpipe.fake import encoder
from hanpipe.fake.encoder import Address, Clock, Security
from hanpipe.fake.rows import Layout, Row, read_row
from hanpipe.line.settings import Line
from hanpipe.link.content import LLC
from hanpipe.unix.typed import Any, Final, NamedTuple

MOST_NUMBERS: Final = 99_999_999  # so many meters differ in the last digits of their numbers
_PREFIXES: Final = {"k": 3}  # of the units in P1 telegrams
_LAST_DIGITS: Final = re.compile(r"\d+(?=\D*$)")
_HEX_DIGITS: Final = re.compile(r"[3-5]\d(?:3\d)+")  # a letter or digit and digits, as ASCII in hex


class List(NamedTuple):
    """A list that a meter sends. rows: as in the file; every, at, lag: ms."""

    rows: list[str]
    every: int
    at: int
    lag: int

    def next(self, local_ms: int) -> int:
        """Return when it is next sent, at or after local_ms."""
        return local_ms + (self.at - local_ms) % self.every


class Meter:
    """One meter, which makes the octets of its lists and counts them.

    lists:  those that it can send; phases: the number that it measures; link, line: of its frames, of its port
    needed: the system title of the key that it needs, b"" if it does not cipher
    """

    def __init__(self, keys: Mapping[str, Any]) -> None:
        """Make a meter from the keys of its file."""
        self._keys = keys
        self.line = Line(**keys.get("line", {}))
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
        """Set the keys with which it ciphers its APDUs."""
        self._secrets = (key, authentication_key)

    def instants(self, local_ms: int) -> Iterator[tuple[int, List]]:
        """Yield each list and when it is sent, from local_ms on, for ever. Of two at one time it sends the rarer."""
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
        rows = [read_row(text) for text in due.rows]
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


def meter(name: str, number: int = 1) -> Meter:
    """Return a meter. number: from 1 on; each has a meter number, and a system title, of its own.

    raise: FileNotFoundError: no meter has this name
    """
    keys = _keys(name)
    if number > 1:
        texts = keys.get("texts", {})
        if "number" in texts:
            keys = keys | {"texts": texts | {"number": renumbered(texts["number"], number - 1)}}
        if "ciphering" in keys:
            title = int(keys["ciphering"]["title"], 16) + number - 1
            keys = keys | {"ciphering": keys["ciphering"] | {"title": f"{title:016x}"}}
    return Meter(keys)


def number(text: str) -> int:
    """Read which meter number is meant, as of meter(). raise: ValueError."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST_NUMBERS):
        raise ValueError(text)
    return int(text)


def renumbered(number: str | int, more: int) -> str | int:
    """Return a higher meter number in the same form: text, a number, or text that is written in hex."""
    if isinstance(number, int):
        return number + more
    if len(number) % 2 == 0 and _HEX_DIGITS.fullmatch(number):
        return str(renumbered(bytes.fromhex(number).decode(), more)).encode().hex()
    found = _LAST_DIGITS.search(number)
    if found is None:
        return number
    size = len(found[0])
    return number[: found.start()] + f"{(int(found[0]) + more) % 10**size:0{size}}" + number[found.end() :]


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


def scaled(thousandths: int, scaler: int) -> int:
    """Return thousandths as a number in units of 10^scaler, rounded towards 0."""
    power = scaler + 3
    if power <= 0:
        return thousandths * int(10**-power)
    whole = abs(thousandths) // int(10**power)
    return -whole if thousandths < 0 else whole
