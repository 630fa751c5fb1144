"""Readings -> the metrics of Prometheus's text format, in its base units, without time stamps.

    # HELP han_active_energy_import_joules_total Active energy, import: register of the meter.
    # TYPE han_active_energy_import_joules_total counter
    han_active_energy_import_joules_total{meter_id="7359992890123456"} 76044420000

A total and its parts (phases, tariffs) are families of their own: so sum() over a family counts nothing twice. So are
the values of periods, peaks and warnings: han_period_, han_running_, han_peaks_ and han_limit_.
"""

from collections import Counter
from collections.abc import Iterator

from hanpipe.periods.kinds import LIMIT, PEAKS, Kind, kind_of
from hanpipe.periods.meters import MOST_METERS
from hanpipe.periods.names import AMOUNT, FLAG, quantity_of
from hanpipe.readings.decimals import plain
from hanpipe.readings.flat import nanoseconds, number, source_of
from hanpipe.readings.quantities import REGISTER, Quantity
from hanpipe.unix.typed import Any, Final, NamedTuple

_MOST_SERIES: Final = 1000  # of a meter; none has more than a few dozen
_MOST_KEPT: Final = 1_000_000  # series of all meters

_WAY: Final = {"pos": "import", "neg": "export"}
_PERIOD: Final = {
    "": "", "avg": "_average", "max": "_maximum", "min": "_minimum", "avg_last": "_last_average",
    "avg3": "_third_average", "delta": "",
}  # fmt: skip
_WORDS: Final = {"max": "maximum", "min": "minimum", "delta": "what flowed"}
# Prometheus's base unit of energy is the joule: rate() of it is watts. So is rate() of var seconds var.
_FLOWS: Final = {
    "act_pow":         ("active_power",    "watts"),
    "react_pow":       ("reactive_power",  "var"),
    "apparent_pow":    ("apparent_power",  "voltamperes"),
    "act_energy":      ("active_energy",   "joules"),
    "react_energy":    ("reactive_energy", "var_seconds"),
    "apparent_energy": ("apparent_energy", "voltampere_seconds"),
}  # fmt: skip

# Quantities by base, with _L or _N if phases have a family of their own: family, factor to its unit, meaning.
# A family in _total counts up.
_OTHERS: Final = {
    "volt":                ("meter_voltage_volts",       1, "Voltage, of any phase."),
    "volt_L":              ("voltage_volts",             1, "Voltage of a phase."),
    "curr":                ("meter_current_amperes",     1, "Current, of any phase."),
    "curr_L":              ("current_amperes",           1, "Current of a phase."),
    "curr_N":              ("neutral_current_amperes",   1, "Current in the neutral conductor."),
    "curr_limit":          ("current_limit_amperes",     1, "Current limit of a phase."),
    "frequency":           ("frequency_hertz",           1, "Frequency of the net."),
    "power_factor":        ("power_factor_ratio",        1, "Power factor."),
    "power_factor_L":      ("phase_power_factor_ratio",  1, "Power factor of a phase."),
    "volt_sags":           ("voltage_sags_total",        1, "Voltage sags of a phase."),
    "volt_swells":         ("voltage_swells_total",      1, "Voltage swells of a phase."),
    "power_failures":      ("power_failures_total",      1, "Power failures."),
    "long_power_failures": ("long_power_failures_total", 1, "Power failures that lasted long."),
    "tariff":              ("tariff",                    1, "Tariff in force."),
    "gas_volume":          ("gas_cubic_meters_total",    1, "Gas: register of the meter."),
    "water_volume":        ("water_cubic_meters_total",  1, "Water: register of the meter."),
    "warm_water_volume":   ("warm_water_cubic_meters_total", 1, "Warm water: register of the meter."),
    "heat_volume":         ("heat_cubic_meters_total",   1, "Water of the heating: register of the meter."),
    "cooling_volume":      ("cooling_cubic_meters_total", 1, "Water of the cooling: register of the meter."),
    "heat_energy":         ("heat_joules_total",  10 ** 9, "Heat: register of the meter."),
    "cooling_energy":      ("cooling_joules_total", 10 ** 9, "Cooling: register of the meter."),
    # Periods and peaks, without their group
    "known":               ("known_ratio",               1, "Share of the time for which a power was known."),
    "estimated":           ("estimated",                 1, "Whether the energy is estimated."),
    "projected":           ("projected_active_energy_import_joules", 3600, "Energy at the end, at the mean power."),
    "peak":                ("tariff_watts",              1, "Figure that the tariff counts."),
    "peak_month":          ("month_watts",               1, "Figure of this month alone."),
    "peak_N":              ("highest_watts",             1, "Peak of the month, the highest is 1."),
    "limit":               ("watts",                     1, "Limit of the power."),
    "heading":             ("heading_watts",             1, "Mean power that the open period will have."),
    "above_limit":         ("exceeded",                  1, "Whether that is above the limit."),
}  # fmt: skip


class Metric(NamedTuple):
    """A name of a reading in Prometheus.

    family: with its unit; labels: name, value; factor: from the reading's unit to the family's; help: what it is
    lasts:  a gauge that stays true until the next line of its kind
    """

    family: str
    labels: tuple[tuple[str, str], ...]
    factor: int
    help: str
    lasts: bool = False

    @property
    def stays(self) -> bool:
        """Whether the last value is true until the next one: a counter, and what is about a time that has ended."""
        return self.lasts or self.family.endswith("_total")


def metric(name: str, kind: Kind | None = None) -> Metric:
    """Return the metric of a name. A quantity without one keeps its name, as a label of one family for all.

    kind: of the line that has the value, if it is not a reading
    """
    made = _metric(name)
    if kind is None:
        return made
    family = f"han_{kind.group}_" + made.family.removeprefix("han_")
    label = {LIMIT: {}, PEAKS: {"rule": kind.label}}.get(kind.group, {"period": kind.label})
    return made._replace(family=family, labels=_labels(**label) + made.labels, lasts=kind.lasts)


def _metric(name: str) -> Metric:
    quantity = quantity_of(name)
    if quantity and quantity.base in _FLOWS and quantity.period in _PERIOD:
        return _flow(quantity)
    if quantity is None or (key := _key(quantity)) not in _OTHERS:
        return Metric("han_other", (("name", name),), 1, "Number that has no metric of its own, in the reading's unit.")
    family, factor, words = _OTHERS[key]
    if quantity.period:
        stem, _, unit = family.removesuffix("_total").rpartition("_")
        family = f"{stem}{_PERIOD[quantity.period]}_{unit}"
        words = words.removesuffix(": register of the meter.").rstrip(".") + f", {_WORDS[quantity.period]}."
    number = "place" if quantity.base == "peak_N" else "device"
    labels = _labels(phase=quantity.phase.strip("LN"), **{number: quantity.number})
    return Metric(f"han_{family}", labels, factor, words)


def _key(quantity: Quantity) -> str:
    """Return the key of a quantity in _OTHERS."""
    by_phase = f"{quantity.base}_{quantity.phase[:1]}"
    return by_phase if by_phase in _OTHERS else quantity.base


def _flow(quantity: Quantity) -> Metric:
    """Return the metric of a power or an energy."""
    kind, unit = _FLOWS[quantity.base]
    phase, tariff, way = quantity.phase.removeprefix("L"), quantity.tariff, quantity.direction
    flow = f"{kind}_{_WAY.get(way, way.lower())}{_PERIOD[quantity.period]}"
    flow += ("_phase" if phase else "") + ("_tariff" if tariff else "")
    words = flow.replace("_", " ").capitalize()
    labels = _labels(phase=phase, tariff=tariff)
    if quantity.what == AMOUNT:
        return Metric(f"han_{flow}_{unit}", labels, 3600, f"{words}, what flowed.")
    if quantity.what != REGISTER:
        return Metric(f"han_{flow}_{unit}", labels, 1, f"{words}.")
    total = "" if way == "net" else "_total"  # import less export may fall
    return Metric(f"han_{flow}_{unit}{total}", labels, 3600, f"{words}: register of the meter.")


def _labels(**labels: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in labels.items() if value)


class _Sample(NamedTuple):
    metric: Metric
    value: str
    seen: float  # s of the clock that Metrics is given


class _Meter:
    """The values of a meter. time: of its last reading, s since 1970-01-01 as text, "" if it had none."""

    def __init__(self) -> None:
        self.samples: dict[str, _Sample] = {}
        self.readings = 0
        self.time = ""


class Metrics:
    """The last value of everything that was read, meter by meter.

    A gauge that was not seen for so long is left out, or an old power would look current. A counter stays: a register
    is true until it changes, and many meters send theirs once an hour.
    """

    def __init__(self, stale: float) -> None:
        """Take after how many seconds a gauge is left out."""
        self._stale = stale
        self._meters: dict[tuple[str, str], _Meter] = {}  # by source and number, the longest silent first
        self._numbered: Counter[str] = Counter()  # how many of them have a number, by source
        self._kept = 0  # series of all
        self._metrics: dict[tuple[str, Kind | None], Metric] = {}  # of the names met

    def take(self, reading: dict[str, Any], meter_id: str, now: float) -> None:
        """Take a reading.

        meter_id: "" if that is not known yet: the values then move to the first meter of its source that sends its
                  number
        """
        source = source_of(reading)
        key = source, meter_id
        meter = self._meters.pop(key, None) or self._new(source, meter_id)
        self._meters[key] = meter
        before = len(meter.samples)
        meter.readings += 1
        at = nanoseconds(reading)
        meter.time = meter.time if at is None else f"{at // 10**6 / 1000:.3f}"
        kind = kind_of(reading)
        prefix = f"{kind.key} " if kind else ""
        for name, value in reading.items():
            figure = int(value) if _is_flag(name, value) else number(value)
            series = prefix + name
            if figure is not None and (series in meter.samples or len(meter.samples) < _MOST_SERIES):
                made = self._metric(name, kind)
                meter.samples[series] = _Sample(made, plain(figure * made.factor), now)
        self._kept += len(meter.samples) - before
        while len(self._meters) > MOST_METERS or (self._kept > _MOST_KEPT and len(self._meters) > 1):
            self._forget(next(iter(self._meters)))

    def _new(self, source: str, meter_id: str) -> _Meter:
        """Return the state for a meter that was not heard before."""
        self._numbered[source] += bool(meter_id)
        if meter_id and self._numbered[source] == 1:
            return self._meters.pop((source, ""), None) or _Meter()  # its first readings had no number
        return _Meter()  # readings without a number, after two meters, are of neither

    def _forget(self, key: tuple[str, str]) -> None:
        source, meter_id = key
        self._kept -= len(self._meters.pop(key).samples)
        if meter_id:
            self._numbered[source] -= 1
        if not self._numbered[source]:
            del self._numbered[source]

    def _metric(self, name: str, kind: Kind | None) -> Metric:
        key = (name, kind)
        if (known := self._metrics.get(key)) is None:
            if len(self._metrics) >= _MOST_SERIES:
                self._metrics.clear()
            known = self._metrics[key] = metric(name, kind)
        return known

    def until_stale(self, now: float) -> float | None:
        """Return the seconds until the next gauge is left out, None if all are."""
        seen = [sample.seen for meter in self._meters.values() for sample in meter.samples.values()
                if not sample.metric.stays and now - sample.seen < self._stale]  # fmt: skip
        return min(seen) + self._stale - now if seen else None

    def text(self, now: float) -> str:
        """Return all of it as Prometheus's text format 0.0.4 has it."""
        families: dict[str, tuple[str, list[str]]] = {}
        for (source, meter_id), meter in self._meters.items():
            label = _labels(meter_id=meter_id, source=source)
            for family, words, labels, value in self._series(meter, now):
                families.setdefault(family, (words, []))[1].append(f"{family}{_braces(label + labels)} {value}\n")
        return "".join([_head(family, words) + "".join(lines) for family, (words, lines) in sorted(families.items())])

    def _series(self, meter: _Meter, now: float) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...], str]]:
        """Yield family, help, labels and value of what is known of a meter."""
        for made, value, seen in meter.samples.values():
            if made.stays or now - seen < self._stale:
                yield made.family, made.help, made.labels, value
        yield "han_readings_total", "Readings of the meter so far.", (), str(meter.readings)
        if meter.time:
            yield "han_last_reading_timestamp_seconds", "When the last reading was sent.", (), meter.time


def _is_flag(name: str, value: Any) -> bool:
    """Return whether a value is the true or false of a quantity that has a metric."""
    quantity = quantity_of(name) if isinstance(value, bool) else None
    return quantity is not None and quantity.what == FLAG and quantity.base in _OTHERS


def _head(family: str, words: str) -> str:
    kind = "counter" if family.endswith("_total") else "gauge"
    return f"# HELP {family} {words}\n# TYPE {family} {kind}\n"


def _braces(labels: tuple[tuple[str, str], ...]) -> str:
    written = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{written}}}" if written else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
