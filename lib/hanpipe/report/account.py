"""The account of one meter, from which a report is drawn: bins, sums and extremes, all bounded."""

from datetime import tzinfo
from decimal import Decimal

from hanpipe.periods.averages import Number
from hanpipe.periods.calendar import Calendar
from hanpipe.periods.every import Dated, Line, Meter, runs
from hanpipe.periods.names import is_register
from hanpipe.periods.peaks import Peaks, Rule
from hanpipe.readings.flat import number, short, time_ns
from hanpipe.report.bins import Bins, Histogram
from hanpipe.report.gaps import Gaps
from hanpipe.unix.typed import Final

PHASES: Final = ("L1", "L2", "L3")
_COUNTED: Final = frozenset(("act_pow_pos", "act_pow_neg"))  # by registers
_STATES: Final = frozenset((*_COUNTED, *(f"{base}_{phase}" for base in ("volt", "curr") for phase in PHASES)))
TEXTS: Final = ("source", "meter_ID", "meter_maker", "meter_model", "obis_list_version")
# EN 50160:2010, 4.2.2: during each week, 95 % of the 10-minute means are within 230 V +-10 %.
LOWEST, HIGHEST = Decimal(207), Decimal(253)

_MOST_REGISTERS: Final = 100


class Quality:
    """The voltage of one phase by its 10-minute means, V. within: those inside of EN 50160's limits."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.within = self.count = 0
        self.low: Number | None = None
        self.high: Number | None = None

    def add(self, mean: Number) -> None:
        """Take a mean of ten minutes."""
        self.count += 1
        self.within += LOWEST <= mean <= HIGHEST
        self.low = mean if self.low is None else min(self.low, mean)
        self.high = mean if self.high is None else max(self.high, mean)


class Account:
    """Feed it the readings of one meter in order; then finish().

    readings:     how many; first, last: their times, ns since 1970-01-01 UTC
    texts:        what the meter says of itself
    totals:       register -> what flowed by it; estimated: how much of it all han-every would call estimated, Wh
    registers:    register -> its last value at the end of a period
    highest:      highest power, W, and the begin of its ten minutes; None if no power came
    curve:        bins of power, "voltage_L1" ...; energy: bins of "act_energy_pos" ..., Wh
    hours:        bins of the mean power of each hour of the day, by "00" to "23"
    periods:      bins of the power of the periods that the rule counts, W
    months:       the lines of han-peaks, by the rule
    """

    def __init__(self, zone: tzinfo, rule: Rule) -> None:
        """Take the zone of local hours and days, and the rule by which peaks count."""
        self.readings = self.first = self.last = 0
        self.texts: dict[str, str] = {}
        self.totals: dict[str, Number] = {}
        self.estimated: Number = 0
        self.registers: dict[str, Number] = {}
        self.highest: tuple[Number, int] | None = None
        self.quality: dict[str, Quality] = {}
        self.duration = Histogram()
        self.gaps = Gaps()
        self.curve = Bins(("10m", "30m", "1h", "1d", "1mo"), zone, 800)
        self.energy = Bins(("1h", "1d", "1mo"), zone, 62)
        self.hours = Bins(("1d", "1mo"), zone, 400)
        self.periods = Bins(("1d", "1mo"), zone, 62)
        self.months: list[Line] = []
        self.rule = rule
        self._peaks = Peaks(rule)
        self._by_period = Meter(Calendar(rule.period, zone), averaged=_COUNTED.__contains__)
        states = Calendar("10m", zone)
        self._by_ten_minutes = Meter(states, lows=True, averaged=_STATES.__contains__, registers=lambda name: False)

    def take(self, dated: list[Dated]) -> None:
        """Take readings with their times."""
        times = [at for at, _ in dated]
        self.first = min(self.first or times[0], *times)
        self.last = max(self.last, *times)
        self.readings += len(dated)
        self.gaps.add(times)
        for names, run in runs(dated):
            self._add(self._by_period.add_run(names, run), self._by_ten_minutes.add_run(names, run))

    def finish(self) -> None:
        """The archive has ended."""
        self._add(self._by_period.finish(), self._by_ten_minutes.finish())
        self.months += self._peaks.finish()

    def _add(self, periods: list[Line], ten_minutes: list[Line]) -> None:
        for line in periods:
            self._add_period(line)
        for line in ten_minutes:
            self._add_ten_minutes(line)

    def _add_period(self, line: Line) -> None:
        """Add a line of han-every, an hour or quarter hour."""
        begin = time_ns(line["begin"]) or 0
        self.texts |= {name: short(line[name]) for name in TEXTS if name in line}
        if not _holds_a_gap(line, self.rule.seconds):
            self._add_power(line, begin)
            self.months += self._peaks.add(line)
        for name, value in line.items():
            if is_register(name) and (name in self.registers or len(self.registers) < _MOST_REGISTERS):
                self.registers[name] = value
            register = name.removesuffix("_delta")
            if register != name and (register in self.totals or len(self.totals) < _MOST_REGISTERS):
                self.totals[register] = self.totals.get(register, 0) + value
                self.energy.add(begin, register, value, 1, value, value)
        if line.get("estimated"):
            self.estimated += sum(
                number(line.get(f"{name}_delta")) or 0 for name in ("act_energy_pos", "act_energy_neg")
            )

    def _add_power(self, line: Line, begin: int) -> None:
        """Add the mean power of an hour or quarter hour, import less export, by its energy."""
        imported, exported = number(line.get("act_energy_pos_delta")), number(line.get("act_energy_neg_delta"))
        if imported is None and exported is None:
            return
        power = Decimal((imported or 0) - (exported or 0)) * 3600 / self.rule.seconds
        self.hours.add(begin, line["begin"][11:13], power, 1, power, power)
        if imported is not None:
            power = Decimal(imported) * 3600 / self.rule.seconds
            self.periods.add(begin, "power", power, 1, power, power)

    def _add_ten_minutes(self, line: Line) -> None:
        """Add a line of han-every 10m."""
        begin, end = time_ns(line["begin"]) or 0, time_ns(line["end"]) or 0
        weight = int(line["known"] * (end - begin))
        self.curve.add(begin, "known", weight, end - begin, 0, 1)
        if not weight:
            return
        if (net := _net(line)) is not None:
            mean, low, high = net
            self.curve.add(begin, "power", mean * weight, weight, low, high)
            self.duration.add(mean, weight)
            if self.highest is None or high > self.highest[0]:
                self.highest = high, begin
        for phase in PHASES:
            for base in ("volt", "curr"):
                name = f"{base}_{phase}"
                if name in line:
                    mean = line[name]
                    self.curve.add(begin, name, mean * weight, weight, line[f"{name}_min"], line[f"{name}_max"])
            if f"volt_{phase}" in line:
                self.quality.setdefault(phase, Quality()).add(line[f"volt_{phase}"])


def _holds_a_gap(line: Line, seconds: int) -> bool:
    """Return whether a period's energy is an estimate above every power in it: then that of a gap is in it too."""
    energy, highest = number(line.get("act_energy_pos_delta")), number(line.get("act_pow_pos_max"))
    if not line.get("estimated") or energy is None or highest is None:
        return False
    return Decimal(energy) * 3600 / seconds > highest + 1


def _net(line: Line) -> tuple[Number, Number, Number] | None:
    """Return mean, lowest and highest power, import less export, W; None if neither is known."""
    imported, exported = line.get("act_pow_pos"), line.get("act_pow_neg")
    if imported is None and exported is None:
        return None
    mean = (imported or 0) - (exported or 0)
    low = -line["act_pow_neg_max"] if line.get("act_pow_neg_max") else line.get("act_pow_pos_min", 0)
    high = line["act_pow_pos_max"] if line.get("act_pow_pos_max") else -line.get("act_pow_neg_min", 0)
    return mean, min(low, mean), max(high, mean)
