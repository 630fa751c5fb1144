"""The columns of tables: a name has the same type in every table, whatever meter sends it.

time                  timestamp[ms, UTC]; so are other times that have an offset
a measured value      double: it holds every whole number up to 2^53, and a fraction as its nearest double
a count or a state    int64
true and false        bool
all else              string: texts, the meter's clock, and codes that have no name

The column `other` is JSON text with the values of a row that have no column, or that their column cannot hold exactly.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hanpipe.readings import quantities
from hanpipe.readings.arrow import pyarrow
from hanpipe.readings.decimals import exact_json
from hanpipe.unix.typed import Any, Final

TYPES: Final = {
    "int": pyarrow.int64(),
    "double": pyarrow.float64(),
    "bool": pyarrow.bool_(),
    "time": pyarrow.timestamp("ms", tz="UTC"),
    "text": pyarrow.string(),
}
OTHER: Final = "other"
FIRST: Final = (
    "time", "source", "meter_ID", "begin", "end", "meter_maker", "meter_model", "obis_list_version", "date_time",
)  # fmt: skip  # which meter, and when: the columns on the left

_PHASES: Final = ("L1", "L2", "L3")
# The columns of tables by default: names that meters in several countries send. All others are in `other`.
USUAL: Final = (
    *(name for name in FIRST if name not in ("begin", "end")),
    "act_pow_pos", "act_pow_neg", "react_pow_pos", "react_pow_neg",
    *(f"act_pow_{direction}_{phase}" for direction in ("pos", "neg") for phase in _PHASES),
    *(f"react_pow_{direction}_{phase}" for direction in ("pos", "neg") for phase in _PHASES),
    *(f"{base}_{phase}" for base in ("curr", "volt") for phase in _PHASES),
    "power_factor", "frequency",
    "act_energy_pos", "act_energy_neg", "react_energy_pos", "react_energy_neg",
    *(f"act_energy_{direction}_T{tariff}" for direction in ("pos", "neg") for tariff in (1, 2)),
    "react_energy_Q1", "react_energy_Q2", "react_energy_Q3", "react_energy_Q4", "act_energy_sum",
    "act_pow_pos_avg", "act_pow_pos_max", "tariff", "breaker", "act_pow_limit",
    "power_failures", "long_power_failures",
    *(f"{base}_{phase}" for base in ("volt_sags", "volt_swells") for phase in _PHASES),
    "gas_volume", "gas_time", "gas_ID", "water_volume", "water_time", "water_ID", "heat_energy", "heat_time", "heat_ID",
    OTHER,
)  # fmt: skip

LARGEST: Final = 1 << 53  # a double holds every whole number up to here
_INT64: Final = 1 << 63
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def table_schema(names: Iterable[str] | None = None) -> "pyarrow.Schema":
    """Return the schema of tables with these columns, in this order; by default those that meters often send."""
    return schema_of(kinds_of(USUAL if names is None else names))


def kinds_of(names: Iterable[str]) -> dict[str, str]:
    """Return the kinds of columns of readings. names: from left to right."""
    return {name: kind_of(name, quantities.named(name)) for name in names}


def schema_of(kinds: dict[str, str]) -> "pyarrow.Schema":
    """Return the schema of columns. kinds: name -> int, double, bool, time or text."""
    return pyarrow.schema([(utf8(name), TYPES[kind]) for name, kind in kinds.items()])


def kind_of(name: str, quantity: quantities.Quantity | None) -> str:
    """Return the kind of a column: int, double, bool, time or text. quantity: of the name, None if it has none."""
    if name == "time":
        return "time"
    if quantity is None or quantity.what == quantities.TEXT:
        return "text"
    return "double" if quantity.unit or quantity.fractional else "int"


def cell(kind: str, value: Any) -> Any:
    """Return a value as the cell of a column of this kind; None if the column cannot hold it exactly."""
    if kind == "text":
        return utf8(value if isinstance(value, str) else exact_json(value))
    if kind == "double":
        return float(value) if is_double(value) else None
    if kind == "int":
        return value if type(value) is int and -_INT64 <= value < _INT64 else None
    if kind == "bool":
        return value if isinstance(value, bool) else None
    return milliseconds(value)


def is_double(value: Any) -> bool:
    """Return whether a double holds a number: a whole one itself, a fraction so that it reads back as the same one."""
    if type(value) is Decimal:
        return len(str(value)) <= 16 or Decimal(repr(float(value))) == value
    return type(value) is float or (type(value) is int and abs(value) <= LARGEST)


def milliseconds(text: Any) -> int | None:
    """Return a time as ms since 1970-01-01 UTC, None if it has no offset or no whole ms."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        return None
    count, rest = divmod(at - _EPOCH, _MILLISECOND)
    return None if rest else count


def utf8(text: str) -> str:
    """Return a text that UTF-8 can hold: with ? for surrogates, which JSON can hold."""
    return text if text.isascii() else text.encode(errors="replace").decode()
