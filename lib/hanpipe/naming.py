"""Items -> Reading: named, scaled, with units.

What can be said once for all messages of a shape (names, codes, units, scalers, texts) is its Plan; a message's values
put into it are a Reading.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hanpipe import lists, obis
from hanpipe.decoder import Message, stamp
from hanpipe.lines import LineShape, LineShapes, read_keys
from hanpipe.lists import Item
from hanpipe.octets import Malformed
from hanpipe.values import Clock, Digits, Fixed, Nested, Number, Octets, Source, Value, Values, decimal_text, scaled

if TYPE_CHECKING:
    from datetime import datetime

    from hanpipe.meters import Layout
    from hanpipe.shape import Shape

LONGEST_LINE: Final = 4_000_000  # characters: more than any APDU makes
_MOST_PLANS: Final = 256  # kept; a hostile line makes a new one with each message

# The keys that say whose reading this is, and the codes that give them, the first that is sent.
IDENTITY: Final = {
    "obis_list_version": obis.LIST_VERSION,
    "meter_ID": obis.METER_ID,
    "meter_model": obis.METER_MODEL,
    "date_time": obis.CLOCK,
}


class Field(NamedTuple):
    """One value of a reading.

    key:  in a flat reading: its name, or its code where no name is known
    code: OBIS code or position; "" if it is no element of the list (the time of the APDU)
    name: as docs/fields.md lists it, None if no table knows
    unit: None for texts, factors and counts
    """

    key: str
    code: str
    name: str | None
    unit: str | None
    source: Source


class Names(NamedTuple):
    """A table of other names: ours -> theirs, and the power of ten by which their values are larger."""

    names: Mapping[str, tuple[str, int]]

    def name(self, ours: str) -> str:
        """Return their name; what the table does not name keeps ours."""
        return self.names.get(ours, (ours, 0))[0]

    def power(self, ours: str) -> int:
        """Return the power of ten from our unit to theirs."""
        return self.names.get(ours, (ours, 0))[1]


class Plan:
    """What all readings of a shape share: their fields, in order."""

    __slots__ = ("_flat", "_sources", "by_key", "fields")

    def __init__(self, fields: list[Field]) -> None:
        """Take the fields; no two have the same key."""
        self.fields = fields
        self.by_key = {field.key: field for field in fields}
        self._flat = [f"{json.dumps(field.key)}:" for field in fields]
        self._sources = [field.source.json for field in fields]

    def line(self, values: Values, front: str) -> str:
        """Return the flat line of a reading, without a line end; front: the keys before it, a comma behind each."""
        told = [key + text for key, source in zip(self._flat, self._sources, strict=True) if (text := source(values))]
        return "{" + front + ",".join(told) + "}" if told else "{" + front.rstrip(",") + "}"

    def obis_line(self, values: Values, front: str) -> str:
        """Return the line of a reading by its codes, without a line end."""
        told = [(field, text) for field in self.fields if (text := field.source.json(values))]
        by_name = {field.name: text for field, text in told}
        keys = [f'"{name}":{by_name.get(name, "null")}' for name in IDENTITY]
        codes = [
            f'{json.dumps(field.code)}:{{"name":{json.dumps(field.name)},"value":{text},"unit":{json.dumps(field.unit)}}}'
            for field, text in told
            if field.code
        ]
        return "{" + front + ",".join(keys) + ',"values":{' + ",".join(codes) + "}}"


class Reading(Mapping[str, Value]):
    """What a meter said at one time, by name: reading["act_pow_pos"] in W, reading["volt_L1"] in V (docs/fields.md).

    Numbers are exact: int where the quantity comes in whole units, else Decimal. What was not sent is no key.
    """

    __slots__ = ("_plan", "_values", "time_ns")

    def __init__(self, plan: Plan, values: Values, time_ns: int = 0) -> None:
        """Put the values of a message into the plan of its shape. time_ns: since 1970-01-01 UTC, 0 = unknown."""
        self._plan = plan
        self._values = values
        self.time_ns = time_ns

    def __getitem__(self, key: str) -> Value:
        value = self._plan.by_key[key].source.value(self._values)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return (field.key for field in self._plan.fields if field.source.value(self._values) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Reading({self.line()})"

    @property
    def time(self) -> "datetime | None":
        """When the message arrived, in UTC; None if unknown (a file)."""
        if not self.time_ns:
            return None
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.time_ns // 1000 / 1_000_000, UTC)

    def field(self, key: str) -> Field:
        """Return code, name and unit of a value. raise: KeyError."""
        return self._plan.by_key[key]

    def line(self) -> str:
        """Return the reading as han-fields writes it: flat JSON, without a line end."""
        return self._plan.line(self._values, stamp(self.time_ns))

    def obis_line(self) -> str:
        """Return the reading as han-fields --obis writes it."""
        return self._plan.obis_line(self._values, stamp(self.time_ns))


class Naming:
    """How messages become readings: what the user says of them, and what was worked out before.

    layouts: those to try first, by --layout; scale: unit (pf = power factor) -> power of ten, in the place of the meter
    data's; ratio: (factor, power of ten) of the current transformers; names: other names; only: keys to keep, all if
    empty; tell: is told, once each, what a person should know
    """

    def __init__(
        self,
        layouts: "tuple[Layout, ...]" = (),
        scale: Mapping[str, int] | None = None,
        ratio: tuple[int, int] = (1, 0),
        names: Names | None = None,
        only: tuple[str, ...] = (),
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._layouts = layouts
        self._scale = scale or {}
        self._ratio = ratio
        self._names = names or Names({})
        self._only = only
        self._tell = tell
        self._plans: dict[Shape | LineShape, Plan] = {}

    def reading(self, message: Message) -> Reading:
        """Name and scale a message. raise: Malformed: it holds no list."""
        return Reading(self.plan_of(message.shape), message.values, message.time)

    def plan_of(self, shape: "Shape | LineShape") -> Plan:
        """Return the plan of a shape. raise: Malformed, ValueError: it holds no list."""
        plan = self._plans.get(shape)
        if plan is None:
            if len(self._plans) == _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[shape] = self.plan(read_keys(shape.skeleton))
        return plan

    def plan(self, keys: Mapping[str, Any]) -> Plan:
        """Work out what all readings of a shape share.

        keys:  a line of han-decode as JSON, with markers for its holes
        raise: Malformed: it holds no list
        """
        items = lists.read_items(keys.get("body", {}))
        layout = self._layout(items)
        if layout:
            items = [item._replace(key=layout.codes.get(item.key, item.key)) for item in items]
        sent = {item.key for item in items}
        identity = {
            first: name for name, codes in IDENTITY.items() if (first := next(filter(sent.__contains__, codes), ""))
        }
        fields = [self._field(item, identity.get(item.key), layout) for item in items]
        if "date_time" not in identity.values() and keys.get("date_time"):
            fields.append(Field("date_time", "", "date_time", None, _clock(keys["date_time"])))
        return Plan(self._arranged(fields))

    def _field(self, item: Item, name: str | None, layout: "Layout | None") -> Field:
        """Make the field of an item. name: if it is the one that says whose reading this is."""
        if name == "date_time":
            return Field(name, item.key, name, None, _clock(item.value))
        if name:
            return Field(name, item.key, name, None, _identity(item))
        if not _is_number(item.value):
            return Field(item.key, item.key, None, None, _text(item))
        quantity = obis.quantity(item.key)
        unit = item.unit or None if item.unit is not None or not quantity else quantity.unit
        scaler = item.scaler
        if scaler is None and quantity:
            scaler = self._known_scaler(item.key, unit or "pf", layout)
        if scaler is None:
            return Field(item.key, item.key, None, item.unit or None, _number(item.value, 0, 1))
        named = quantity.name if quantity and quantity.unit == unit else None
        factor, power = self._ratio if unit in _TRANSFORMED else (1, 0)
        power += self._names.power(named) if named else 0
        source = _number(item.value, scaler + power, factor)
        return Field(self._names.name(named) if named else item.key, item.key, named, unit, source)

    def _known_scaler(self, code: str, unit: str, layout: "Layout | None") -> int | None:
        """Return the scaler of a value whose list does not send it: as the user says, else as the meter's file says."""
        known = {**layout.scaler, **self._scale} if layout else self._scale
        return known.get(code, known.get(unit))

    def _layout(self, items: list[Item]) -> "Layout | None":
        """Find the layout of a list that does not tell all by itself."""
        if all(item.scaler is not None or not _is_number(item.value) for item in items):
            return None
        for layout in self._layouts:
            if layout.holds(items):
                return layout
        from hanpipe import meters  # reads every meter file: only who meets a list that needs one should wait for it

        fitting = [layout for layout in meters.shipped() if layout.fits(items)]
        if len(fitting) > 1:
            names = " or ".join(layout.name for layout in fitting)
            self._tell(f"a list of {len(items)} values is known in {len(fitting)} layouts; name one: --layout {names}")
        return fitting[0] if len(fitting) == 1 else None

    def _arranged(self, fields: list[Field]) -> list[Field]:
        """Put what says whose reading this is in front, and give no key twice; keep what the user asked for."""
        order = {name: number for number, name in enumerate(IDENTITY)}
        fields.sort(key=lambda field: order.get(field.name or "", len(order)))
        arranged: dict[str, Field] = {}
        seen: dict[str, int] = {}
        for field in fields:
            seen[field.code] = seen.get(field.code, 0) + 1
            code = f"{field.code}#{seen[field.code]}" if seen[field.code] > 1 else field.code
            key = self._names.name(field.key)
            if key in arranged:
                key = code
            if not self._only or not {key, field.name, code}.isdisjoint(self._only):
                arranged[key] = field._replace(key=key, code=code)
        return list(arranged.values())


class LineReader:
    """Feed it lines of han-decode in pieces of any size; each line that holds a list gives its plan and values.

    passed: lines that tell of a fault or hold no list; wrong: lines that are none of han-decode's
    """

    def __init__(self, naming: Naming) -> None:
        """Take what names the values."""
        self._naming = naming
        self._shapes = LineShapes()
        self._rest = b""
        self.passed = self.wrong = 0

    def feed(self, data: bytes) -> list[tuple[Plan, Values, str]]:
        """Return plan, values and time (as a first key, or "") of each reading that data completes. b"": the end."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            whole, self._rest = [self._rest], b""
        elif len(self._rest) > LONGEST_LINE:
            self._rest = b""
            self.wrong += 1
        return [told for line in whole if (told := self._read(line.decode("utf-8", "replace"))) is not None]

    def _read(self, line: str) -> tuple[Plan, Values, str] | None:
        found = self._shapes.find(line)
        if found is None:
            found = self._learn(line)
            if found is None:
                return None
        shape, time, values = found
        plan = self._naming.plan_of(shape)
        return plan, values, f'"time":"{time}",' if time else ""

    def _learn(self, line: str) -> tuple[LineShape, str, tuple[int, ...]] | None:
        """Make the shape of a line that is the first of its kind; None if it holds no list."""
        shape = LineShape(line)
        try:
            if "body" not in read_keys(shape.skeleton):
                self.passed += 1
                return None
            self._naming.plan_of(shape)
        except (ValueError, Malformed):
            self.wrong += 1
            return None
        self._shapes.add(line, shape)
        return self._shapes.find(line)


# What a current transformer divides; voltages and factors it leaves as they are.
_TRANSFORMED: Final = ("A", "W", "var", "VA", "Wh", "varh", "VAh")


def _is_number(value: Any) -> bool:
    """Tell a number, or the marker of one."""
    return (type(value) is int) or (isinstance(value, list) and len(value) == 1 and type(value[0]) is int)


def _number(value: Any, scaler: int, factor: int) -> Source:
    if isinstance(value, list):
        return Number(value[0], scaler, factor)
    return Fixed(scaled(value * factor, scaler), decimal_text(value * factor, scaler))


def _is_clock(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value)


def _clock(value: Any) -> Source:
    return Clock(*value) if _is_clock(value) else Fixed(None, "")


def _identity(item: Item) -> Source:
    """Return a meter's number or model as the text that it is."""
    if isinstance(item.value, list) and _is_number(item.value):
        return Digits(item.value[0])
    if type(item.value) is int:
        return Fixed(str(item.value))
    return Fixed(None, "") if lists.text_of(item) == "" else _text(item)  # nothing but NULs: nobody wrote it


def _text(item: Item) -> Source:
    if _is_clock(item.value):
        return Octets(*item.value)
    if isinstance(item.value, dict | list):
        return Nested(item.value)
    text = lists.text_of(item)
    return Fixed(item.value if text is None else text)
