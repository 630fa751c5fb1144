"""Readings of one meter -> its figures."""

from datetime import tzinfo

from hanpipe.periods.averages import HOLD, Number
from hanpipe.periods.calendar import Calendar
from hanpipe.periods.every import Line, Meter, Reading
from hanpipe.periods.names import is_energy
from hanpipe.periods.peaks import Peaks, Rule
from hanpipe.periods.tariffs import Tariffs
from hanpipe.readings.flat import number, short
from hanpipe.sinks.house.figures import Faults, Figures, Month, Phase, Span
from hanpipe.sinks.house.rhythm import Rhythm, Trail
from hanpipe.unix.typed import Final

_PHASES: Final = ("L1", "L2", "L3")
_REGISTERS: Final = ("act_energy_pos", "act_energy_neg")
_POWERS: Final = ("act_pow_pos", "act_pow_neg")
_STATES: Final = tuple(
    f"{base}_{phase}" for phase in _PHASES for base in ("volt", "curr", "act_pow_pos", "act_pow_neg")
)


class HouseMeter:
    """Feed it the readings of one meter in the order of their times; figures() shows what is known of it."""

    def __init__(self, zone: tzinfo, rule: Rule) -> None:
        """Take the zone of local days, and the rule by which peaks count."""
        self.at = 0  # of the last reading
        self._values: dict[str, tuple[Number, int]] = {}  # name -> last value, and when it came
        self._texts: dict[str, tuple[str, int]] = {}
        self._tariffs = Tariffs()
        self._fallen = 0
        self._rhythm, self._trail = Rhythm(), Trail()
        self._period = Meter(Calendar(rule.period, zone))
        self._day = Meter(Calendar("1d", zone))
        self._peaks = Peaks(rule, changes=True)
        self._month: Line | None = None

    def add(self, reading: Reading, at: int) -> None:
        """Take a reading. Time may run backwards a little; if it runs far, ten minutes and rhythm begin anew."""
        if at < self.at - HOLD:
            self.at = 0
            self._rhythm, self._trail = Rhythm(), Trail()
        at = self.at = max(at, self.at)
        self._rhythm.add(at)
        numbers = self._numbers(reading)
        self._keep(reading, numbers, at)
        if any(name in numbers for name in _POWERS):
            self._trail.add(self._power() or 0, at)
        counted: Reading = {name: numbers[name] for name in (*_POWERS, *_REGISTERS) if name in numbers}
        if clock := short(reading.get("date_time")):
            counted["date_time"] = clock
        self._day.add(counted, at)
        for line in self._period.add(counted, at):
            for peak in self._peaks.add(line):
                self._month = None if peak["ended"] else peak

    def _numbers(self, reading: Reading) -> dict[str, Number]:
        """Return the numbers of a reading that the figures show; a register as the sum of its tariffs if need be."""
        found = {name: value for name in (*_POWERS, *_STATES) if (value := number(reading.get(name))) is not None}
        registers = [
            (name, value) for name in reading if is_energy(name) and (value := number(reading[name])) is not None
        ]
        return found | {name: value for name, value in self._tariffs.with_totals(registers)[0] if name in _REGISTERS}

    def _keep(self, reading: Reading, numbers: dict[str, Number], at: int) -> None:
        """Keep the numbers and texts of a reading."""
        for name in _REGISTERS:
            if name in numbers and name in self._values:
                self._fallen += numbers[name] < self._values[name][0]
        self._values |= {name: (value, at) for name, value in numbers.items()}
        if numbers.get("act_pow_pos") and "act_pow_neg" not in numbers:
            self._values.pop("act_pow_neg", None)  # of a longer list; a meter that imports does not export
        for name in ("meter_maker", "meter_model", "date_time"):
            if text := short(reading.get(name)):
                self._texts[name] = text, at

    def _power(self) -> Number | None:
        return _difference(self._value("act_pow_pos"), self._value("act_pow_neg"))

    def _value(self, name: str) -> Number | None:
        return self._values[name][0] if name in self._values else None

    def figures(self, source: str, meter: str, now: int) -> Figures:
        """Return what is known. source, meter: whose figures they are; now: ns since 1970-01-01 UTC."""
        clock, clock_at = self._texts.get("date_time", ("", 0))
        rhythm = self._rhythm
        return Figures(
            source=source,
            meter=meter,
            maker=self._texts.get("meter_maker", ("", 0))[0],
            model=self._texts.get("meter_model", ("", 0))[0],
            at=self.at,
            silent=rhythm.is_silent(now),
            lists=rhythm.in_last_minute(now),
            rhythm=rhythm.usual,
            imported=self._value("act_pow_pos"),
            exported=self._value("act_pow_neg"),
            power_at=max(self._values.get(name, (0, 0))[1] for name in _POWERS),
            trail=self._trail.points(now),
            phases={phase: known for phase in _PHASES if (known := self._phase(phase))},
            clock=clock,
            clock_at=clock_at,
            registers={name: self._values[name][0] for name in _REGISTERS if name in self._values},
            period=_span(self._period, now),
            day=_span(self._day, now),
            month=_month(self._month),
            faults=Faults(rhythm.silences, rhythm.silent_for, rhythm.missed, self._fallen),
        )

    def _phase(self, phase: str) -> Phase | None:
        names = [f"{base}_{phase}" for base in ("volt", "curr", "act_pow_pos", "act_pow_neg")]
        if not any(name in self._values for name in names):
            return None
        volt, curr, imported, exported = map(self._value, names)
        at = min(self._values[name][1] for name in names if name in self._values)
        return Phase(volt, curr, _difference(imported, exported), at)


def _difference(imported: Number | None, exported: Number | None) -> Number | None:
    """Return import less export, None if neither is known."""
    return None if imported is None and exported is None else (imported or 0) - (exported or 0)


def _span(meter: Meter, now: int) -> Span | None:
    """Return the open period of a meter; None if it ended long ago, and the meter has been silent since."""
    if not meter.end or now >= meter.end + HOLD:
        return None
    line = meter.open_line(meter.at)
    return Span(
        begin=meter.begin,
        end=meter.end,
        since=meter.since,
        imported=line.get("act_energy_pos_delta"),
        exported=line.get("act_energy_neg_delta"),
        projected=line.get("projected"),
        estimated=line.get("estimated", True),
    )


def _month(line: Line | None) -> Month | None:
    if line is None or "peak" not in line:
        return None
    return Month(line["peak"], line["peak_1"], line["peak_1_begin"], line["peak_1_estimated"])
