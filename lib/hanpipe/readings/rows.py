"""Rows of readings -> an Arrow RecordBatch. Rows of a plan wait together, and its columns are made in bulk.

The columns of several plans are put one after the other, and then into the order of the rows:

    rows      L1 a, L2 b, L1 c        groups    L1: a c    L2: b        order    0 2 1
"""

from collections.abc import Iterable, Mapping

from hanpipe.apdu.bulk import Bulk
from hanpipe.apdu.message import Message
from hanpipe.readings.arrow import compute, pyarrow
from hanpipe.readings.columns import by_value, column
from hanpipe.readings.decimals import exact_json
from hanpipe.readings.holes import Array, Holes
from hanpipe.readings.reading import Reading
from hanpipe.readings.schema import OTHER, schema_of
from hanpipe.readings.stream import named
from hanpipe.readings.values import Source, Value
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.apdu.message import Result
    from hanpipe.readings.naming import Naming

_MANY: Final = 64  # plans; if each message has a plan of its own, as a telegram, rows wait by their names


class Rows:
    """Rows that wait for a batch."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._clear()

    def _clear(self) -> None:
        self._groups: dict[object, _Group] = {}
        self._of_shape: dict[object, _Group] = {}  # of those shapes whose messages are all of one plan
        self._which: list[int] = []  # number of the group of each row
        self._times: list[int] = []
        self._sources: list[str] = []

    def __len__(self) -> int:
        return len(self._which)

    def add_results(self, results: "Iterable[Result]", naming: "Naming") -> None:
        """Add the readings in the results of a decoder, mostly without an object for each."""
        of_shape, which, times, sources = self._of_shape, self._which, self._times, self._sources
        for result in results:
            if type(result) is not Message:
                self.add(named((result,), naming))
                continue
            time_ns, envelope, shape, values, source = result
            group = None if envelope else of_shape.get(shape)
            if group is None:
                self.add((naming.reading(result),))
                if not (envelope or shape.texts) and (known := self._groups.get(naming.plan_of(shape))):
                    of_shape[shape] = known
                continue
            group.rows.append(values)
            which.append(group.number)
            times.append(time_ns)
            sources.append(source)

    def add_bulk(self, bulk: Bulk, naming: "Naming") -> None:
        """Add the readings in messages that came together."""
        of_shape = self._of_shape
        if not all(shape in of_shape for shape, _ in bulk.frames.values()):
            self.add_results(bulk.messages(), naming)
            return
        for shape, octets in bulk.frames.values():
            of_shape[shape].add_frames(shape, octets)
        numbers = {size: of_shape[shape].number for size, (shape, _) in bulk.frames.items()}
        count = len(bulk.sizes)
        self._which += map(numbers.__getitem__, bulk.sizes)
        self._times += [bulk.time] * count
        self._sources += [""] * count

    def add(self, readings: Iterable[Reading]) -> None:
        """Add readings."""
        groups, which, times, sources = self._groups, self._which, self._times, self._sources
        for reading in readings:
            group = groups.get(reading.plan)
            if group is None:
                if len(groups) >= _MANY or not reading.holes:
                    self.add_named(dict(reading), reading.time_ns, reading.source)
                    continue
                group = self._new_group(reading.plan, [(field.key, field.source) for field in reading.plan.fields])
            group.rows.append(reading.holes)
            which.append(group.number)
            times.append(reading.time_ns)
            sources.append(reading.source)

    def add_named(self, reading: Mapping[str, Value], time_ns: int = 0, source: str = "") -> None:
        """Add a reading by its names and values. They may include time and source."""
        names = tuple(reading)
        group = self._groups.get(names)
        if group is None:
            group = self._new_group(names, [(name, None) for name in names])
        group.rows.append(tuple(reading.values()))
        self._which.append(group.number)
        self._times.append(time_ns)
        self._sources.append(source)

    def _new_group(self, key: object, fields: "list[tuple[str, Source | None]]") -> "_Group":
        group = self._groups[key] = _Group(len(self._groups), fields)
        return group

    def names(self) -> list[str]:
        """Return the names in all rows, in the order in which they came."""
        return list(dict.fromkeys(name for group in self._groups.values() for name, _ in group.fields))

    def batch(self, kinds: dict[str, str]) -> "pyarrow.RecordBatch":
        """Return the rows that wait, and forget them.

        kinds: of the columns, from left to right: name -> kind, as of schema.kind_of
        """
        groups, schema = list(self._groups.values()), schema_of(kinds)
        made = [group.columns(kinds, schema) for group in groups]
        for name, values in (("time", self._times), ("source", self._sources)):
            if any(values):
                for columns in made:
                    columns.pop(name, None)
        order = self._order()
        arrays = [self._array(field, groups, made, order) for field in schema]
        batch = pyarrow.RecordBatch.from_arrays(arrays, schema=schema)
        self._clear()
        return batch

    def _order(self) -> Array:
        """Return, for each row, its place in the columns of all groups, one after the other."""
        row_at = compute.sort_indices(pyarrow.array(self._which, pyarrow.int32()))  # rows of a group stay in order
        return compute.sort_indices(row_at)

    def _array(self, field: Any, groups: "list[_Group]", made: list[dict[str, Array]], order: Array) -> Array:
        """Return a column of all rows."""
        if field.name == "time" and any(self._times):
            return pyarrow.array([time // 1_000_000 if time else None for time in self._times], field.type)
        if field.name == "source" and any(self._sources):
            return pyarrow.array([source or None for source in self._sources], field.type)
        if not any(field.name in columns for columns in made):
            return pyarrow.nulls(len(self), field.type)
        parts = [
            columns[field.name] if field.name in columns else pyarrow.nulls(len(group), field.type)
            for group, columns in zip(groups, made, strict=True)
        ]
        return parts[0] if len(parts) == 1 else pyarrow.concat_arrays(parts).take(order)


class _Group(Holes):
    """Rows with the same fields.

    number: of the group, counted from 0
    """

    __slots__ = ("fields", "number")

    def __init__(self, number: int, fields: list[tuple[str, Source | None]]) -> None:
        """Take names and sources: where in the holes of a message a value is; None: the row holds the values."""
        super().__init__()
        self.number, self.fields = number, fields

    def columns(self, kinds: dict[str, str], schema: "pyarrow.Schema") -> dict[str, Array]:
        """Return name -> array of the fields that have a column; the other values are in that of their own."""
        columns: dict[str, Array] = {}
        others: dict[int, dict[str, Any]] = {}  # by the row; most have none
        for number, (name, source) in enumerate(self.fields):
            lost: Mapping[int, Any]
            if name not in kinds or name == OTHER:
                lost = dict(enumerate(self._values(number, source))) if OTHER in kinds else {}
            elif source is None:
                columns[name], lost = by_value(kinds[name], self.values(number), schema.field(name).type)
            else:
                columns[name], lost = column(source, kinds[name], self, schema.field(name).type)
            for row, value in lost.items():
                if value is not None:
                    others.setdefault(row, {})[name] = value
        if others and OTHER in kinds:
            texts = [exact_json(others[row]) if row in others else None for row in range(len(self))]
            columns[OTHER] = pyarrow.array(texts, pyarrow.string())
        return columns

    def _values(self, number: int, source: Source | None) -> Iterable[Any]:
        """Return the values of a field."""
        return map(source.getter(), self.all_rows()) if source else self.values(number)
