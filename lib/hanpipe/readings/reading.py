"""Reading: what a meter said at one time, by name. Plan: what all readings of a shape share."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import call, itemgetter

from hanpipe.apdu.arrival import front
from hanpipe.apdu.template import Template
from hanpipe.link.octets import Malformed
from hanpipe.readings import quantities
from hanpipe.readings.line_shape import LineShape
from hanpipe.readings.values import Sized, Source, Value, Values
from hanpipe.unix.typed import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

# The keys that say whose reading this is, and the codes that give them, the first that is sent.
IDENTITY: Final = {
    "obis_list_version": quantities.LIST_VERSION,
    "meter_ID": quantities.METER_ID,
    "meter_model": quantities.METER_MODEL,
    "date_time": quantities.CLOCK,
}


Writer = Callable[[tuple[str, ...]], str]


class Field(NamedTuple):
    """One value of a reading.

    key:  in a flat reading: its name, or its code where no name is known
    code: OBIS code or position; "" for a value outside of the list (the time of the APDU)
    name: as docs/fields.md lists it, None if no table knows
    unit: None for texts, factors and counts
    """

    key: str
    code: str
    name: str | None
    unit: str | None
    source: Source


class Plan:
    """The part that all readings of a shape share: their fields, in order."""

    __slots__ = ("_flat", "_sources", "by_key", "fields", "value_of")

    def __init__(self, fields: list[Field]) -> None:
        """Take the fields; no two have the same key."""
        self.fields = fields
        self.by_key = {field.key: field for field in fields}
        self.value_of = {field.key: field.source.getter() for field in fields}
        self._flat = [f"{json.dumps(field.key)}:" for field in fields]
        self._sources = [field.source.json for field in fields]

    def line(self, values: Values, front: str) -> str:
        """Return the flat line of a reading, without a line end; front: the keys before it, each with a comma."""
        known = [key + text for key, source in zip(self._flat, self._sources, strict=True) if (text := source(values))]
        return "{" + front + ",".join(known) + "}" if known else "{" + front.rstrip(",") + "}"

    def writer(self, shape: LineShape) -> Writer:
        """Return what line() is for lines of this shape: it takes the texts in their holes."""
        sized = next((field.source for field in self.fields if isinstance(field.source, Sized)), None)
        return self._writer(shape) if sized is None else self._either_writer(shape, sized)

    def _either_writer(self, shape: LineShape, sized: Sized) -> Writer:
        """Make a writer for messages where such numbers are above their limit, and one for all others."""
        below, above = (self._where(sized, is_above).writer(shape) for is_above in (False, True))
        pick, limit = _picker([shape.fronted + index for index in sized.indices]), sized.limit
        return lambda holes: (above if max(map(int, pick(holes))) > limit else below)(holes)

    def _where(self, sized: Sized, is_above: bool) -> "Plan":
        """Return the plan of messages where it is known what the size of some numbers tells."""
        fields = []
        for field in self.fields:
            source = field.source
            if isinstance(source, Sized) and (source.indices, source.limit) == (sized.indices, sized.limit):
                source = source.above if is_above else source.below
            fields.append(field._replace(source=source))
        return Plan(fields)

    def _writer(self, shape: LineShape) -> Writer:
        """Make a writer that fills a template; where a value has no parts, or is unknown, line() does it."""
        template, holes, texts = Template(), [0] * shape.fronted, [_as_it_is] * shape.fronted
        template.add("{")
        if shape.fronted:
            template.hole()
        comma = "," * shape.fronted
        for key, field in zip(self._flat, self.fields, strict=True):
            parts = field.source.parts()
            if parts is None:
                return lambda found: self.line(shape.values(found), shape.front(found))
            fixed = "" if parts else field.source.json(())
            if not (parts or fixed):
                continue
            template.add(comma + key + fixed)
            comma = ","
            for index, text_of in parts:
                template.hole()
                holes.append(shape.fronted + index)
                texts.append(text_of)
        template.add("}")
        fill, pick = template.fill, _picker(holes)

        def write(found: tuple[str, ...]) -> str:
            try:
                return fill(map(call, texts, pick(found)))
            except Malformed:
                return self.line(shape.values(found), shape.front(found))

        return write

    def obis_line(self, values: Values, front: str) -> str:
        """Return the line of a reading by its codes, without a line end."""
        known = [(field, text) for field in self.fields if (text := field.source.json(values))]
        by_name = {field.name: text for field, text in known}
        keys = ['"checked":false'] if "checked" in by_name else []
        keys += [f'"{name}":{by_name.get(name, "null")}' for name in IDENTITY]
        codes = [
            f'{json.dumps(field.code)}:{{"name":{json.dumps(field.name)},"value":{text},"unit":{json.dumps(field.unit)}}}'
            for field, text in known
            if field.code
        ]
        return "{" + front + ",".join(keys) + ',"values":{' + ",".join(codes) + "}}"


class Reading(Mapping[str, Value]):
    """The values that a meter sent at one time: reading["act_pow_pos"] in W, reading["volt_L1"] in V (docs/fields.md).

    Numbers are exact: int where the quantity comes in whole units, else Decimal. A value that was not sent has no key.
    """

    __slots__ = ("holes", "plan", "source", "time_ns")

    def __init__(self, plan: Plan, values: Values, time_ns: int = 0, source: str = "") -> None:
        """Put the values of a message, those of its holes, into the plan of its shape.

        time_ns: since 1970-01-01 UTC, 0 = unknown
        source:  the meter, topic or device that its octets came from, "" where only one sends
        """
        self.plan = plan
        self.holes = values
        self.time_ns = time_ns
        self.source = source

    def __getitem__(self, key: str) -> Value:
        value = self.plan.value_of[key](self.holes)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return (field.key for field in self.plan.fields if field.source.value(self.holes) is not None)

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
        return self.plan.by_key[key]

    def line(self) -> str:
        """Return the reading as han-fields writes it: flat JSON, without a line end."""
        return self.plan.line(self.holes, front(self.time_ns, self.source))

    def obis_line(self) -> str:
        """Return the reading as han-fields --obis writes it."""
        return self.plan.obis_line(self.holes, front(self.time_ns, self.source))


_as_it_is: Callable[[str], str] = str


def _picker(holes: list[int]) -> Callable[[tuple[str, ...]], Iterable[str]]:
    """Return what takes the digits of these holes out of those of all."""
    if len(holes) > 1:
        return itemgetter(*holes)
    return lambda digits: [digits[hole] for hole in holes]
