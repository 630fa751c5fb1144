"""The figures of one meter at one moment. Times are ns since 1970-01-01 UTC; None is a value that is not known."""

from hanpipe.periods.averages import Number
from hanpipe.unix.typed import NamedTuple


class Phase(NamedTuple):
    """The last values of a phase.

    volt: V; curr: A; power: W, import less export; at: when the oldest of them came
    """

    volt: Number | None
    curr: Number | None
    power: Number | None
    at: int


class Point(NamedTuple):
    """The power from a moment on. power: W, import less export."""

    at: int
    power: Number


class Span(NamedTuple):
    """An hour, quarter hour or day that is still open.

    begin, end: of the span; since: the first reading in it
    imported, exported: Wh so far
    projected: Wh imported in all of the span if it goes on like this
    estimated: whether the energy does not follow from the registers alone
    """

    begin: int
    end: int
    since: int
    imported: Number | None
    exported: Number | None
    projected: int | None
    estimated: bool


class Month(NamedTuple):
    """The peaks of a month so far, as a tariff counts them.

    power: W, by the rule; highest, begin: the highest period, in W, and when it began, RFC 3339 in local time
    estimated: whether the energy of the highest period does not follow from the registers alone
    """

    power: Number
    highest: Number
    begin: str
    estimated: bool


class Faults(NamedTuple):
    """The faults of a meter that its readings show, from the line to its registers.

    silences: how often the meter was silent for much longer than usual; silent_for: how long in all, ns
    missed:   single lists that are missing in its rhythm: their frames were damaged
    fallen:   registers that ran backwards
    """

    silences: int
    silent_for: int
    missed: int
    fallen: int


class Figures(NamedTuple):
    """All figures of a meter.

    source, meter: which one it is; "" if unknown
    maker, model:  as the meter sends them, "" if it does not
    at:            when its last reading came
    silent:        whether it has sent nothing for much longer than usual
    lists:         lists in the last minute; rhythm: usual time between two, ns
    imported, exported: power, W; power_at: when it came
    trail:         the power of the last ten minutes, at most one point per second, the oldest first
    phases:        L1, L2 and L3, those that the meter sends
    clock:         the meter's own clock, ISO 8601; clock_at: when it came
    registers:     name -> Wh: act_energy_pos and act_energy_neg
    period:        the open period of the rule for peaks: an hour or a quarter; day: today
    """

    source: str
    meter: str
    maker: str
    model: str
    at: int
    silent: bool
    lists: int
    rhythm: int | None
    imported: Number | None
    exported: Number | None
    power_at: int
    trail: tuple[Point, ...]
    phases: dict[str, Phase]
    clock: str
    clock_at: int
    registers: dict[str, Number]
    period: Span | None
    day: Span | None
    month: Month | None
    faults: Faults

    @property
    def power(self) -> Number | None:
        """Return import less export, W."""
        return None if self.imported is None and self.exported is None else (self.imported or 0) - (self.exported or 0)
