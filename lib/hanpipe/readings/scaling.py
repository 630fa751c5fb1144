"""Numbers of a list -> fields with name, unit and scaler.

A scaler comes from the line, else from the user (--scale), else from the layout of the meter. A value without a scaler
stays raw under its code.
"""

import struct
from collections.abc import Mapping

from hanpipe.apdu.template import Slot
from hanpipe.readings import quantities
from hanpipe.readings.items import Item
from hanpipe.readings.names import Names
from hanpipe.readings.quantities import Quantity
from hanpipe.readings.reading import Field
from hanpipe.readings.values import Fixed, Number, Sized, Source, scaled
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from hanpipe.readings.layouts import Layout

_MOST_POWER: Final = 9  # of ten, that a ratio may need
_PREFIXES: Final = {-3: "k", -6: "M", 3: "m", 6: "u"}  # of a unit whose values are 10^power as large

# Scalers that many lists have, as an example for the user; they are never assumed.
_USUAL: Final = {"V": -1, "A": -2, "pf": -3}

# The units of quantities that a current transformer divides; it does not change voltages and power factors.
_TRANSFORMED: Final = ("A", "W", "var", "VA", "Wh", "varh", "VAh")


class Sizes(NamedTuple):
    """The raw values of a unit whose scaler depends on magnitude. slots: indices of holes; largest: of the others."""

    slots: tuple[int, ...] = ()
    largest: int = 0


class Scaling:
    """Makes the fields of numbers, by the scalers and names that the user gives."""

    def __init__(self, scale: Mapping[str, int], ratio: tuple[int, int], names: Names) -> None:
        """Take unit -> scaler, the ratio of the current transformers as number and power of ten, and other names."""
        self._scale = scale
        self.ratio = ratio
        self._names = names

    def field(self, item: Item, layout: "Layout | None", sizes: dict[str, Sizes]) -> Field:
        """Make the field of a number, raw under its code if its scaler is unknown. sizes: of the list, see sizes_of."""
        quantity = quantities.quantity(item.key)
        raw, power = _decimal(item) if type(item.value) is float else (item.value, 0)
        unit = item.unit or None if item.unit is not None or not quantity else quantity.unit
        scaler = item.scaler
        if scaler is None and quantity:
            scaler = 0 if quantity.unscaled else self._known_scaler(item.key, unit or "pf", layout)
        if scaler is None:
            return Field(item.key, item.key, None, item.unit or None, _number(raw, power, 1))
        named = quantity.name if quantity and quantity.unit == unit else None
        if item.scaler is None and unit in sizes and unit not in self._scale and layout and unit:
            return self._sized(item.key, named, unit, raw, scaler + power, layout, sizes[unit])
        return self.measured(item.key, named, unit, raw, scaler + power)

    def _sized(
        self, code: str, name: str | None, unit: str, raw: Any, scaler: int, layout: "Layout", sizes: Sizes
    ) -> Field:
        """Make the field of a number whose scaler depends on the largest raw value of its unit."""
        limit, above = layout.above[unit]
        larger = self.measured(code, name, unit, raw, above)
        if sizes.largest > limit:
            return larger
        field = self.measured(code, name, unit, raw, scaler)
        return field._replace(source=Sized(field.source, larger.source, sizes.slots, limit)) if sizes.slots else field

    def measured(self, code: str, name: str | None, unit: str | None, value: Any, scaler: int) -> Field:
        """Make the field of a number, or of the slot of one, in the user's names and units."""
        factor, power = self.ratio if unit in _TRANSFORMED else (1, 0)
        renamed = self._names.power(name) if name else 0
        source = _number(value, scaler + power + renamed, factor)
        if renamed and unit:
            unit = _PREFIXES.get(renamed, f"10^{-renamed} ") + unit
        return Field(name or code, code, name, unit, source)

    def _known_scaler(self, code: str, unit: str, layout: "Layout | None") -> int | None:
        """Return the scaler of a value whose list does not send it: the user's, else that of the meter's file."""
        if unit in self._scale:
            return self._scale[unit]
        return layout.scaler.get(code, layout.scaler.get(unit)) if layout else None


def sizes_of(items: list[Item], layout: "Layout | None") -> dict[str, Sizes]:
    """Return, by unit, the values of a list whose magnitude tells their scaler."""
    sizes: dict[str, Sizes] = {}
    for item in items if layout and layout.above else ():
        quantity: Quantity | None = quantities.quantity(item.key)
        if not layout or not quantity or quantity.unit not in layout.above or not is_number(item.value):
            continue  # not a number: damage put a clock in its place
        known = sizes.setdefault(quantity.unit, Sizes())
        if type(item.value) is Slot:
            sizes[quantity.unit] = known._replace(slots=(*known.slots, item.value.at))
        elif type(item.value) is int:
            sizes[quantity.unit] = known._replace(largest=max(known.largest, item.value))
    return sizes


def open_scalers(items: list[Item], fields: list[Field]) -> str:
    """Return how the user can set the scalers that neither the line nor a meter file has, "" if none is open."""
    units: list[str] = []
    for item, field in zip(items, fields, strict=False):
        quantity = quantities.quantity(item.key) if field.name is None and item.scaler is None else None
        if quantity and is_number(item.value) and (quantity.unit or "pf") not in units:
            units.append(quantity.unit or "pf")
    if not units:
        return ""
    example = ",".join(f"{unit}={_USUAL.get(unit, 0)}" for unit in units)
    return (
        f"no scaler for {', '.join(units)} in a list of {counted(len(items), 'value')}, so raw values are shown under "
        f"their OBIS codes; set it with e.g. --scale {example}"
    )


def decimal_ratio(text: str) -> tuple[int, int]:
    """Read the ratio of a current transformer, 40, 62.5 or 200/5, as number and power of ten.

    raise: ValueError: no number, or none that a decimal can say exactly
    """
    from fractions import Fraction

    upper, slash, lower = text.partition("/")
    try:
        ratio = Fraction(upper) / (Fraction(lower) if slash else 1)
    except ZeroDivisionError:
        raise ValueError(text) from None
    if ratio <= 0 or 10**_MOST_POWER % ratio.denominator:
        raise ValueError(text)
    power = next(power for power in range(_MOST_POWER + 1) if 10**power % ratio.denominator == 0)
    return int(ratio * 10**power), -power


def is_number(value: Any) -> bool:
    """Return whether a value is a number, or the slot of one."""
    return type(value) in (int, float) or (type(value) is Slot and not value.size)


def _decimal(item: Item) -> tuple[int, int]:
    """Return the shortest decimal that is read back as a float: its digits as an int, and the power of ten."""
    from decimal import Decimal  # no meter met sends floats

    sign, digits, power = Decimal(_shortest(item.value, item.type)).as_tuple()
    raw = int("".join(map(str, digits)))
    return -raw if sign else raw, int(power)


def _shortest(value: float, kind: str) -> str:
    if kind == "float32":
        import contextlib  # costs each start half a millisecond

        form = struct.Struct(">f")
        with contextlib.suppress(OverflowError):  # no float32, whoever wrote the line
            for count in range(6, 10):
                text = f"{value:.{count}g}"
                if form.unpack(form.pack(float(text)))[0] == value:
                    return text
    return repr(value)


def _number(value: Any, scaler: int, factor: int) -> Source:
    if type(value) is Slot:
        return Number(value.at, scaler, factor)
    return Fixed(scaled(value * factor, scaler))
