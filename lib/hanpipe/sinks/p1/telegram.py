"""Readings -> P1 telegrams: DSMR P1 5.0.2, in the dialects of dialects.toml.

/XXX5 ident CR LF CR LF  objects  !CRC CR LF
"""

import functools
import re
import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from hanpipe.periods.averages import HOLD, Energy, Number
from hanpipe.periods.names import is_energy, own_power_of
from hanpipe.readings.flat import number
from hanpipe.sinks.meter_finder import OneMeter
from hanpipe.unix.files import read_data
from hanpipe.unix.typed import Any, Final, NamedTuple

Reading = dict[str, Any]

_IDENTIFICATION: Final = "/HAN5hanpipe"
_LINE: Final = re.compile(r"(\S+)\s+(\S+)\s+(\d)\.(\d)(?:\*(\w+))?")
_TARIFF: Final = re.compile(r"[0-9]{1,4}")
_LONGEST_NUMBER: Final = 48  # octets of the meter's number: DSMR 5.0.2 gives it 96 digits
_NS: Final = 1_000_000_000
_NONE: Final = timedelta(0)  # Dublin's winter has less: its standard time is that of the summer


class Line(NamedTuple):
    """A line of a telegram. whole, places: digits before and after the point; unit: "" for none."""

    code: str
    name: str
    whole: int
    places: int
    unit: str

    def text(self, value: Number) -> str:
        """Write the line. P1 has no signs: that of a current is left out, and any other value below 0 is 0."""
        positive = abs(Decimal(value)) if self.unit == "A" else max(Decimal(0), Decimal(value))
        shown = positive / (1000 if self.unit.startswith("k") else 1)
        width = self.whole + self.places + bool(self.places)
        return f"{self.code}({shown:0{width}.{self.places}f}{'*' * bool(self.unit)}{self.unit})"


class Dialect(NamedTuple):
    """How the telegrams of a country look. version: its line, "" for none; number: code of the meter's number."""

    version: str
    number: str
    summer_time: bool
    lines: tuple[Line, ...]


@functools.cache
def dialects() -> dict[str, Dialect]:
    """Return the dialects of dialects.toml by name."""
    tables = tomllib.loads(read_data("sinks/p1/dialects.toml"))
    return {
        name: Dialect(
            table.get("version", ""), table.get("number", ""), table["summer_time"], tuple(map(_line, table["lines"]))
        )
        for name, table in tables.items()
    }


def _line(text: str) -> Line:
    found = _LINE.fullmatch(text)
    assert found, text
    return Line(found[1], found[2], int(found[3]), int(found[4]), found[5] or "")


class Telegrams:
    """Makes a telegram of the last readings. Registers that come once an hour go on with the power between them.

    A telegram is of one meter: OneMeter chooses it.
    """

    def __init__(
        self,
        dialect: Dialect,
        crc: Callable[[bytes], int],
        zone: tzinfo | None = None,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Take the dialect, and a way to warn of a second meter.

        crc: CRC-16/ARC; zone: of the telegram's clock, None for the machine's
        """
        self._dialect = dialect
        self._crc = crc
        self._zone = zone
        self._values: dict[str, tuple[Number, int]] = {}  # and when they came
        self._energies: dict[str, Energy] = {}
        self._number = ""
        self._meter = OneMeter(warn)

    def add(self, reading: Reading, at: int) -> bool:
        """Take a reading; return whether it is of the meter. at: ns since 1970-01-01 UTC."""
        if not self._meter.has(reading, at):
            return False
        if isinstance(meter := reading.get("meter_ID"), str) and meter != self._number:
            self._number = meter
            self._energies.clear()
        for name, value in reading.items():
            figure = number(value)
            if figure is None and name == "tariff" and isinstance(value, str) and _TARIFF.fullmatch(value):
                figure = int(value)
            if figure is None:
                continue
            if is_energy(name):
                self._energy(name).add_register(figure, at)
            else:
                self._values[name] = figure, at
        for name, energy in self._energies.items():
            power = self._values.get(own_power_of(name))
            if power is not None and power[1] == at:
                energy.add_power(power[0], at)
        return True

    def _energy(self, name: str) -> Energy:
        return self._energies.setdefault(name, Energy())

    def telegram(self, at: int) -> bytes:
        """Return the telegram of this moment. at: ns since 1970-01-01 UTC."""
        dialect = self._dialect
        lines = [_IDENTIFICATION, "", *([dialect.version] if dialect.version else []), f"0-0:1.0.0({self._clock(at)})"]
        if dialect.number and 0 < len(self._number.encode()) <= _LONGEST_NUMBER:
            lines.append(f"{dialect.number}({self._number.encode().hex().upper()})")
        values = self._known(at)
        lines += [line.text(values[line.name]) for line in dialect.lines if line.name in values]
        body = "\r\n".join([*lines, "!"]).encode()
        return body + f"{self._crc(body):04X}\r\n".encode()

    def _known(self, at: int) -> dict[str, Number]:
        """Return the values that are not too old, and the registers. Without tariffs all energy is of tariff 1."""
        values = {name: value for name, (value, came) in self._values.items() if abs(at - came) <= HOLD}
        for name, energy in self._energies.items():
            if (register := energy.total(at)) is not None:
                values[name] = register
        for total in ("act_energy_pos", "act_energy_neg"):
            if total in values and f"{total}_T1" not in values:
                values |= {f"{total}_T1": values[total], f"{total}_T2": 0}
        if "act_energy_pos_T1" in values:
            values.setdefault("tariff", 1)
        return values

    def _clock(self, at: int) -> str:
        """Return YYMMDDhhmmss and S or W, local time; in some dialects standard time all year."""
        local = (
            datetime.fromtimestamp(at // _NS, self._zone)
            if self._zone
            else datetime.fromtimestamp(at // _NS).astimezone()
        )
        summer = (local.dst() or _NONE) > _NONE if self._zone else _is_summer(at)
        if summer and not self._dialect.summer_time:
            local, summer = local - timedelta(hours=1), False
        return f"{local:%y%m%d%H%M%S}{'S' if summer else 'W'}"


def _is_summer(at: int) -> bool:
    import time

    return time.localtime(at // _NS).tm_isdst > 0
