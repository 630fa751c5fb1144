"""Lines of han-decode -> readings: the way of han-fields."""

import json
from collections.abc import Hashable

from hanpipe.link.octets import Malformed
from hanpipe.readings.line_shape import LineShape, LineShapes, read_keys
from hanpipe.readings.naming import Naming
from hanpipe.readings.reading import Plan, Reading, Writer
from hanpipe.readings.values import Values
from hanpipe.unix.typed import Any, Final

LONGEST_SHAPED: Final = 100_000  # characters: a pattern of a longer one would cost more than it saves
LONGEST_LINE: Final = 4_000_000  # characters: more than any APDU makes
_MOST_WRITERS: Final = 256  # kept; a hostile line makes a new one with each message


class LineReader:
    """Feed it lines of han-decode in pieces of any size; each line that holds a list gives its plan and values.

    read: readings given; passed: faults and lines without a list; wrong: lines that are not from han-decode
    """

    def __init__(self, naming: Naming) -> None:
        """Take the naming of the values."""
        self._naming = naming
        self._shapes = LineShapes()
        self._rest = b""
        self._writers: dict[object, Writer] = {}
        self.read = self.passed = self.wrong = 0

    def feed(self, data: bytes) -> list[tuple[Plan, Values, str]]:
        """Return plan, values and front of each reading that data completes. b"": the end.

        front: its time and source as first keys, each with its comma, "" without either
        """
        readings: list[tuple[Plan, Values, str]] = []
        for line in self._whole(data):
            found = self._shapes.find(line) or self._learn(line)
            if found is None:
                continue
            shape, holes = found
            if isinstance(shape, Plan):
                readings.append((shape, (), holes[0]))
            else:
                values = shape.values(holes)
                readings.append((self._naming.plan_of(shape, values), values, shape.front(holes)))
        self.read += len(readings)
        return readings

    def lines(self, data: bytes) -> list[str]:
        """Return the flat line of each reading that data completes, without its line end. b"": the end."""
        written: list[str] = []
        find, writers = self._shapes.find, self._writers
        for line in self._whole(data):
            found = find(line) or self._learn(line)
            if found is None:
                continue
            shape, holes = found
            if isinstance(shape, Plan):
                written.append(shape.line((), holes[0]))
                continue
            write = writers.get(shape) or self._writer(shape, holes)
            written.append(write(holes))
        self.read += len(written)
        return written

    def counters(self) -> dict[str, int]:
        """Return what was counted so far."""
        return {"readings": self.read, "passed": self.passed, "wrong": self.wrong}

    def _whole(self, data: bytes) -> list[str]:
        """Return the lines that data completes."""
        head, end, self._rest = (self._rest + data).rpartition(b"\n")
        if not data and self._rest:
            head, end, self._rest = head + end + self._rest, b"\n", b""
        elif len(self._rest) > LONGEST_LINE:
            self._rest = b""
            self.wrong += 1
        return head.decode("utf-8", "replace").split("\n") if end else []

    def _writer(self, shape: LineShape, holes: tuple[str, ...]) -> Writer:
        """Make what writes the readings of a shape. holes: of the first one."""
        write = self._writer_by_texts(shape) if shape.texts else self._plan(shape, holes).writer(shape)
        return self._keep(shape, write)

    def _writer_by_texts(self, shape: LineShape) -> Writer:
        """Make what chooses the writer of each reading by what its texts decide."""
        known: dict[Hashable, Writer] = {}  # those of this shape; they count among all
        decided = self._naming.deciding(shape, shape.octets_of, shape.fronted)

        def write(holes: tuple[str, ...]) -> str:
            key = decided(holes)
            chosen = known.get(key)
            if chosen is None:
                chosen = known[key] = self._keep((shape, key), self._plan(shape, holes).writer(shape))
            return chosen(holes)

        return write

    def _plan(self, shape: LineShape, holes: tuple[str, ...]) -> Plan:
        return self._naming.plan_of(shape, shape.values(holes))

    def _keep(self, key: object, write: Writer) -> Writer:
        if len(self._writers) == _MOST_WRITERS:
            self._writers.clear()
        self._writers[key] = write
        return write

    def _learn(self, line: str) -> tuple[LineShape | Plan, tuple[str, ...]] | None:
        """Read a line that is the first of its kind, or a telegram; None if it holds no list.

        return: its shape and the texts in the holes; or, where there will be no second one, its plan and its front
        """
        try:
            if '"body":' in line:
                return self._shape(line)
            keys = read_keys(line)
            if "objects" in keys:
                plan = self._naming.plan(keys)
                self._naming.doubt(Reading(plan, ()))
                return plan, (_front(keys),)
            self.passed += 1
        except (ValueError, RecursionError, Malformed):
            self.wrong += 1
        return None

    def _shape(self, line: str) -> tuple[LineShape | Plan, tuple[str, ...]] | None:
        if len(line) > LONGEST_SHAPED:
            keys = read_keys(line)
            return self._naming.plan(keys), (_front(keys),)
        shape = self._shapes.make(line)
        if "body" not in read_keys(shape.skeleton, shape.slots):
            self.passed += 1
            return None
        plan = self._naming.plan_of(shape, shape.values(shape.holes(line) or ()))
        self._shapes.add(line, shape)
        found = self._shapes.find(line)
        if found:
            self._naming.doubt(Reading(plan, shape.values(found[1])))
        return found


def _front(keys: dict[str, Any]) -> str:
    """Return time and source of a line as the first keys of another. After `link`, a source is an address."""
    first = list(keys)
    first = first[: first.index("link")] if "link" in keys else first
    return "".join(f'"{key}":{json.dumps(keys[key])},' for key in ("time", "source") if key in first)
