"""Items -> the plan of a reading: named, scaled, with units.

A Plan holds the names, codes, units, scalers and texts that all messages of a shape share. A Reading is a plan with the
values of one message.
"""

import json
from collections.abc import Callable, Mapping

from hanpipe.apdu.template import Slot, Text, TextSlot
from hanpipe.readings import quantities
from hanpipe.readings.clocks import clock, clock_beside, is_clock
from hanpipe.readings.items import Item, is_push_list, read_items, text_of
from hanpipe.readings.line_shape import LineShape, read_keys
from hanpipe.readings.makers import FLAG_SIZE, maker
from hanpipe.readings.names import Names
from hanpipe.readings.reading import IDENTITY, Field, Plan, Reading
from hanpipe.readings.scaling import Scaling, Sizes, is_number, open_scalers, sizes_of
from hanpipe.readings.values import Digits, Fixed, Nested, Octets, Sent, Source, Value
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.apdu.message import Message
    from hanpipe.apdu.shape import Shape
    from hanpipe.readings.deciding import Deciding
    from hanpipe.readings.layouts import Layout

_ORDER: Final = ("obis_list_version", "meter_ID", "meter_maker", "meter_model", "date_time")  # then the values
_MOST_PLANS: Final = 256  # kept; a hostile line makes a new one with each message
_ROOM: Final = 1_000_000  # characters of the messages whose plans are kept
# A reading of a frame whose check failed says so before its values.
_UNCHECKED: Final = Field("checked", "", "checked", None, Fixed(False))


class Naming:
    """How messages become readings: what the user says of them, and what was worked out before.

    layouts: those to try first, by --layout; scale: unit (pf = power factor) -> power of ten, in the place of the meter
    data's; ratio: (factor, power of ten) of the current transformers; names: other names; only: keys to keep, all if
    empty; warn: is called with each text for the user
    """

    def __init__(
        self,
        layouts: "tuple[Layout, ...]" = (),
        scale: Mapping[str, int] | None = None,
        ratio: tuple[int, int] | None = None,
        names: Names | None = None,
        only: tuple[str, ...] | None = None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._layouts = layouts
        self._names = names or Names({})
        self._scaling = Scaling(scale or {}, ratio or (1, 0), self._names)
        self._only = only or ()
        self.unmet = set(self._only)  # those that no value was found for yet
        self.unfit = {layout.name for layout in layouts}  # those that no list had the elements of so far
        self._warn = warn
        self._plans: dict[object, Plan] = {}
        self._deciding: dict[object, Deciding] = {}  # of the shapes with texts
        self._left = _ROOM
        self._doubted: set[str] = set()

    def reading(self, message: "Message") -> Reading:
        """Name and scale a message. raise: Malformed: it holds no list."""
        time_ns, envelope, shape, values, source = message
        plan = None if envelope else self._plans.get(shape)
        if plan is None:
            plan = self.plan_of(shape, values, _sender(envelope) if envelope else ())
        return Reading(plan, values, time_ns, source)

    def telegram(self, keys: Mapping[str, Any], time_ns: int = 0, source: str = "") -> Reading:
        """Name the objects of a P1 telegram. keys: of its line. raise: Malformed: not objects."""
        return Reading(self.plan(keys), (), time_ns, source)

    def plan_of(
        self, shape: "Shape | LineShape", values: tuple[Any, ...] = (), sender: tuple[tuple[str, str], ...] = ()
    ) -> Plan:
        """Return the plan of a message, which all messages share that have its shape and whose texts decide the same.

        values: of the message; sender: keys of its line that the shape does not hold
        raise:  Malformed, ValueError: it holds no list
        """
        key: object = (shape, sender) if sender else shape
        deciding = None
        if shape.texts:
            deciding = self._deciding.get(shape) or self.deciding(shape)
            key = key, deciding(values)
        plan = self._plans.get(key)
        if plan is None:
            slots = [Text.of(slot, values[slot.at]) if isinstance(slot, TextSlot) else slot for slot in shape.slots]
            plan = self.plan(read_keys(shape.skeleton, slots) | dict(sender))
            self._left -= len(shape.skeleton)
            if len(self._plans) == _MOST_PLANS or self._left < 0:
                self._plans.clear()
                self._deciding.clear()
                self._left = _ROOM
            self._plans[key] = plan
            if deciding:
                self._deciding[shape] = deciding
        return plan

    def deciding(
        self,
        shape: "Shape | LineShape",
        octets_of: Callable[[TextSlot], Callable[[Any], bytes]] = lambda slot: bytes,
        first: int = 0,
    ) -> "Deciding":
        """Return what makes a key of what the texts of a message of a shape decide.

        octets_of: slot -> what makes the octets of the text in its hole; first: index of the hole of the first value
        raise:     Malformed, ValueError: the shape holds no list
        """
        from hanpipe.readings.deciding import Decided, deciding  # a single meter has no texts as holes

        items = read_items(read_keys(shape.skeleton, shape.slots).get("body", {}))
        texts = [item for item in items if isinstance(item.value, TextSlot)]
        needs_layout = _needs_layout(items)
        decided = [Decided(item, needs_layout, octets_of(item.value)) for item in texts]
        return deciding(decided, [first + item.value.at for item in texts])

    def plan(self, keys: Mapping[str, Any]) -> Plan:
        """Work out what all readings of a shape share.

        keys:  a line of han-decode as JSON, with a Slot in each of its holes
        raise: Malformed: it holds no list
        """
        fields = self._arranged(_with_maker(keys, self._telegram(keys) if "objects" in keys else self._list(keys)))
        return Plan([_UNCHECKED, *fields] if keys.get("checked") is False else fields)

    def doubt(self, reading: Mapping[str, Value]) -> None:
        """Tell what is not plausible in a reading, as far as that was not said before. It is not changed."""
        if self._names.names or self._names.unit_behind or self._only:
            return  # its names are others', or some are missing
        from hanpipe.readings import plausible

        for word, doubt in plausible.doubts(reading):
            if word not in self._doubted:
                self._doubted.add(word)
                self._warn(doubt)

    def _list(self, keys: Mapping[str, Any]) -> list[Field]:
        """Name the values in the body of a notification."""
        body = keys.get("body", {})
        items = read_items(body)
        layout = self._layout(items, keys)
        if layout:
            items = layout.code(items)
        sent = {item.key for item in items if (item.key in quantities.CLOCK) == (item.kind == "clock")}
        identity = {
            first: name for name, codes in IDENTITY.items() if (first := next(filter(sent.__contains__, codes), ""))
        }
        sizes = sizes_of(items, layout)
        fields = [self._field(item, identity.get(item.key), layout, sizes) for item in items]
        if "date_time" not in identity.values():
            fields += clock_beside(keys, items)
        if hint := open_scalers(items, fields):
            self._warn(hint)
        return fields

    def _telegram(self, keys: Mapping[str, Any]) -> list[Field]:
        """Name the objects of a P1 telegram."""
        from hanpipe.readings import p1

        fields = []
        for entry in p1.read_telegram(keys):
            code, name, value, scaler, unit = entry
            if isinstance(value, int):
                fields.append(self._scaling.measured(code, name, unit, value, scaler))
                continue
            key = name or (code if "." in code else f"#{code}")  # never one of our names, whatever the telegram says
            log = (
                p1.read_log(entry) if self._scaling.ratio == (1, 0) else None
            )  # the values of a log are as they were printed
            fields.append(
                Field(log[0], code, log[0], None, Fixed(log[1])) if log else Field(key, code, name, None, Fixed(value))
            )
        return fields

    def _field(self, item: Item, name: str | None, layout: "Layout | None", sizes: dict[str, Sizes]) -> Field:
        """Make the field of an item. name: meter_ID or another key that identifies the meter, None for a value."""
        if name == "date_time":
            return Field(name, item.key, name, None, clock(item.value))
        if name:
            return Field(name, item.key, name, None, _identity(item))
        if is_number(item.value):
            return self._scaling.field(item, layout, sizes)
        quantity = quantities.quantity(item.key)
        name = quantity.name if quantity and quantity.what == quantities.TEXT else None
        return Field(name or item.key, item.key, name, None, _text(item))

    def _layout(self, items: list[Item], keys: Mapping[str, Any]) -> "Layout | None":
        """Find the layout of a list that does not tell all by itself."""
        if not _needs_layout(items):
            return None
        for layout in self._layouts:
            if layout.holds(items):
                self.unfit.discard(layout.name)
                return layout
        from hanpipe.readings import layouts  # reads every meter file: most lists need none

        line = {key: value for key, value in keys.items() if isinstance(value, str)}
        found, doubt = layouts.recognise(items, is_push_list(keys["body"]), line)
        if doubt:
            self._warn(doubt)
        return found

    def _arranged(self, fields: list[Field]) -> list[Field]:
        """Put what says whose reading this is in front, and give no key twice; keep what the user asked for."""
        order = {name: number for number, name in enumerate(_ORDER)}
        fields.sort(key=lambda field: order.get(field.name or "", len(order)))
        arranged: dict[str, Field] = {}
        seen: dict[str, int] = {}
        for field in fields:
            seen[field.code] = seen.get(field.code, 0) + 1
            code = f"{field.code}#{seen[field.code]}" if seen[field.code] > 1 and field.code else field.code
            key = self._names.name(field.name, field.unit) if field.name else field.key
            if key in arranged:
                key = code
            if self._wanted(key, field.name, code):
                arranged[key] = field._replace(key=key, code=code)
        return list(arranged.values())

    def _wanted(self, *names: str | None) -> bool:
        """Tell whether the user asked for something of one of these names."""
        if not self._only:
            return True
        from fnmatch import fnmatchcase

        met = {wanted for name in names if name for wanted in self._only if fnmatchcase(name, wanted)}
        self.unmet -= met
        return bool(met)


def _needs_layout(items: list[Item]) -> bool:
    """Return whether a list leaves open what some of its values are, or their scalers."""
    return any(item.key.startswith("#") or (item.scaler is None and is_number(item.value)) for item in items)


def _with_maker(keys: Mapping[str, Any], fields: list[Field]) -> list[Field]:
    """Add the maker of the meter, if the message tells it."""
    texts = {
        field.name or field.code: field.source.here if isinstance(field.source, Sent) else field.source.value(())
        for field in fields
        if isinstance(field.source, Fixed | Sent)
    }
    device = next((value for name, value in texts.items() if name.endswith("42.0.0")), texts.get("meter_ID"))
    list_version = texts.get("obis_list_version")
    name = maker(keys, *(text if isinstance(text, str) else None for text in (list_version, device)))
    return [*fields, Field("meter_maker", "", "meter_maker", None, Fixed(name))] if name else fields


def _sender(envelope: str) -> tuple[tuple[str, str], ...]:
    """Return what the envelope of a message says that a layout may ask for: of a system title, the maker's letters."""
    keys = json.loads("{" + envelope.rstrip(",") + "}")
    sizes = ("destination", None), ("system_title", 2 * FLAG_SIZE)
    return tuple((key, keys[key][:size]) for key, size in sizes if isinstance(keys.get(key), str))


def _identity(item: Item) -> Source:
    """Return a meter's number or model as the text that it is."""
    if type(item.value) is Slot and not item.value.size:
        return Digits(item.value.at)
    if type(item.value) is int:
        return Fixed(str(item.value))
    return Fixed(None) if text_of(item) == "" else _text(item)  # nothing but NULs: nobody wrote it


def _text(item: Item) -> Source:
    if is_clock(item.value):
        return Octets(*item.value)
    if isinstance(item.value, Text):
        return Sent(item.type, item.value)
    if isinstance(item.value, dict | list):
        return Nested(item.value)
    text = text_of(item)
    return Fixed(item.value if text is None else text)
