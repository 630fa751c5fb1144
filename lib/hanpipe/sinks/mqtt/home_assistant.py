"""The names of docs/fields.md -> Home Assistant's device classes, state classes and units: tables and their readers.

Source: the documentation of Home Assistant's sensor integration and its MQTT sensor; tried with 2025.4 to 2026.11:

- reactive_energy is a device class from 2025.6 on; without one a register has its statistics in all versions. Apparent
  energy has none.
- total_increasing takes a fall for a new meter. A net register, import less export, may fall: it is "total". So is the
  amount of a period, which begins at 0 at its last_reset: the begin of the period.
- Power becomes unavailable `expire` seconds after its last message, with --interval perhaps later. A register may come
  hourly: it never expires.

The direction goes before the quantity, the phase before both: Domoticz gives each kWh sensor the W sensor whose
unique_id shares the longest start with its own, and reads none whose id ends in _min or _max.
"""

from hanpipe.periods.kinds import PEAKS, PERIOD, RUNNING, Kind
from hanpipe.periods.names import AMOUNT, quantity_of
from hanpipe.readings.quantities import POWER, REGISTER, STATE, Quantity
from hanpipe.unix.typed import Final, NamedTuple


class Sensor(NamedTuple):
    """An entity.

    object:    its id within the meter, the last level of its topic
    name:      for people
    unit:      in which it is published; None for counts and factors
    power:     of ten, from our unit to this one
    precision: decimals shown; None as Home Assistant likes
    expire:    s after which the last value of a meter that sends every 10 s is no longer true, None for never
    platform:  of Home Assistant: sensor, or binary_sensor for true and false
    """

    object: str
    name: str
    unit: str | None
    power: int = 0
    device_class: str | None = None
    state_class: str | None = None
    precision: int | None = None
    expire: int | None = None
    platform: str = "sensor"


MEASUREMENT, TOTAL, INCREASING = "measurement", "total", "total_increasing"  # state classes
BINARY: Final = "binary_sensor"  # platform

CLOCK: Final = Sensor("clock", "Clock", None, 0, "timestamp")  # only if the meter sends its offset

# Quantity and measure, before their direction: object and name have a place for it.
_FLOWS: Final = {
    "act_pow":         Sensor("{}_power", "Active power {}", "W", 0, "power", MEASUREMENT, 0, 60),
    "act_energy":      Sensor("{}_energy", "Active energy {}", "kWh", -3, "energy", INCREASING, 3),
    "react_pow":       Sensor("{}_reactive_power", "Reactive power {}", "var", 0, "reactive_power", MEASUREMENT),
    "react_energy":    Sensor("{}_reactive_energy", "Reactive energy {}", "kvarh", -3, None, INCREASING, 3),
    "apparent_pow":    Sensor("{}_apparent_power", "Apparent power {}", "VA", 0, "apparent_power", MEASUREMENT),
    "apparent_energy": Sensor("{}_apparent_energy", "Apparent energy {}", "kVAh", -3, None, INCREASING, 3),
}  # fmt: skip
_DIRECTIONS: Final = {"pos": "import", "neg": "export"}  # the others have our name: sum, net, Q1
_PERIODS: Final = {
    # period    before the object  after the name
    "avg":      ("mean_",          " mean"),
    "avg_last": ("last_mean_",     " last mean"),
    "avg3":     ("third_mean_",    " third mean"),
    "max":      ("peak_",          " maximum"),
    "min":      ("lowest_",        " minimum"),
    "delta":    ("delta_",         ""),
}  # fmt: skip

# Quantities without direction, by their base: a phase (_L1, _N) or the number of a sub-meter (_2) may follow.
_STATES: Final = {
    "volt":                Sensor("voltage", "Voltage", "V", 0, "voltage", MEASUREMENT, 1),
    "curr":                Sensor("current", "Current", "A", 0, "current", MEASUREMENT, 2),
    "curr_limit":          Sensor("current_limit", "Current limit", "A", 0, "current", MEASUREMENT, 0),
    "power_factor":        Sensor("power_factor", "Power factor", None, 0, "power_factor", MEASUREMENT, 3),
    "curr_sum":            Sensor("current_sum", "Current sum", "A", 0, "current", MEASUREMENT, 2),
    "power_factor_min":    Sensor("lowest_power_factor", "Lowest power factor", None, 0, "power_factor", MEASUREMENT),
    "act_pow_limit":       Sensor("power_limit", "Power limit", "W", 0, "power", MEASUREMENT, 0),
    "breaker":             Sensor("breaker", "Breaker", None),
    "volt_sag_duration":   Sensor("last_sag_duration", "Last sag duration", "s", 0, "duration", MEASUREMENT),
    "volt_sag_volt":       Sensor("last_sag_voltage", "Last sag voltage", "V", 0, "voltage", MEASUREMENT, 1),
    "volt_swell_duration": Sensor("last_swell_duration", "Last swell duration", "s", 0, "duration", MEASUREMENT),
    "volt_swell_volt":     Sensor("last_swell_voltage", "Last swell voltage", "V", 0, "voltage", MEASUREMENT, 1),
    "frequency":           Sensor("frequency", "Frequency", "Hz", 0, "frequency", MEASUREMENT, 2),
    "tariff":              Sensor("tariff", "Tariff", None),
    "volt_sags":           Sensor("voltage_sags", "Voltage sags", None, 0, None, INCREASING),
    "volt_swells":         Sensor("voltage_swells", "Voltage swells", None, 0, None, INCREASING),
    "power_failures":      Sensor("power_failures", "Power failures", None, 0, None, INCREASING),
    "long_power_failures": Sensor("long_power_failures", "Long power failures", None, 0, None, INCREASING),
    "gas_volume":          Sensor("gas_volume", "Gas", "m³", 0, "gas", INCREASING, 3),
    "water_volume":        Sensor("water_volume", "Water", "m³", 0, "water", INCREASING, 3),
    "warm_water_volume":   Sensor("warm_water_volume", "Warm water", "m³", 0, "water", INCREASING, 3),
    "heat_volume":         Sensor("heat_volume", "Heat volume", "m³", 0, "volume", INCREASING, 3),
    "cooling_volume":      Sensor("cooling_volume", "Cooling volume", "m³", 0, "volume", INCREASING, 3),
    "heat_energy":         Sensor("heat_energy", "Heat", "GJ", 0, "energy", INCREASING, 3),
    "cooling_energy":      Sensor("cooling_energy", "Cooling", "GJ", 0, "energy", INCREASING, 3),
    # Periods and peaks
    "known":               Sensor("known", "Known share", "%", 2, None, MEASUREMENT, 0),
    "estimated":           Sensor("estimated", "Estimate", None, platform=BINARY),
    "projected":           Sensor("projected_import_energy", "Projected energy import", "kWh", -3, "energy", None, 3),
    "peak":                Sensor("peak", "Month peak", "W", 0, "power", MEASUREMENT, 0),
    "peak_month":          Sensor("peak_month", "Peak of this month alone", "W", 0, "power", MEASUREMENT, 0),
    "peak_N":              Sensor("peak", "Peak", "W", 0, "power", MEASUREMENT, 0),
    "peak_N_begin":        Sensor("peak_begin", "Begin of peak", None, 0, "timestamp"),
    "limit":               Sensor("limit", "Limit", "W", 0, "power", MEASUREMENT, 0),
    "heading":             Sensor("heading", "Power that the period heads for", "W", 0, "power", MEASUREMENT, 0),
    "above_limit":         Sensor("above_limit", "Above limit", None, 0, "problem", platform=BINARY),
}  # fmt: skip

_OF_PERIOD: Final = {POWER: "{}, mean of the {}", STATE: "{}, mean of the {}", REGISTER: "{} at the end of the {}"}


def sensor(field: str, kind: Kind | None = None) -> Sensor | None:
    """Return the entity of a field, None if its quantity has no entity, or its unit may be one of several.

    kind: of the line that has the field, if it is not a reading
    """
    quantity = quantity_of(field)
    if quantity is None or quantity.period not in ("", *_PERIODS):
        return None
    made = _flow(quantity) if quantity.base in _FLOWS else _state(quantity)
    if made is None:
        return None
    if quantity.what == AMOUNT and made.state_class:
        made = made._replace(state_class=TOTAL)
    return _within(made, quantity, kind) if kind else made


def _within(made: Sensor, quantity: Quantity, kind: Kind) -> Sensor:
    """Return an entity of a period, or of peaks, which are named by their rule; its last value stays true."""
    name = made.name
    if kind.group in (PERIOD, RUNNING):
        noun = f"running {kind.noun}" if kind.group == RUNNING else kind.noun
        name = _OF_PERIOD.get(quantity.what, "{} of the {}").format(name, noun)
    elif kind.group == PEAKS:
        name = f"{name} ({kind.label})"
    return made._replace(name=name, expire=None)


def _state(quantity: Quantity) -> Sensor | None:
    made = _STATES.get(quantity.base)
    if made is None:
        return None
    before, after = _PERIODS.get(quantity.period, ("", ""))
    part = quantity.phase or quantity.number
    return made._replace(
        object=before + made.object + (f"_{part}" if part else ""),
        name=made.name + (f" {part}" if part else "") + after,
    )


def _flow(quantity: Quantity) -> Sensor:
    made = _FLOWS[quantity.base]
    way = _DIRECTIONS.get(quantity.direction, quantity.direction)
    before, after = _PERIODS.get(quantity.period, ("", ""))
    front = f"{quantity.phase}_{before}" if quantity.phase else before
    name = made.name.format(way) + (f" {quantity.phase}" if quantity.phase else "") + after
    return made._replace(
        object=front + made.object.format(way) + (f"_T{quantity.tariff}" if quantity.tariff else ""),
        name=name + (f" tariff {quantity.tariff}" if quantity.tariff else ""),
        state_class=TOTAL if quantity.direction == "net" and made.state_class == INCREASING else made.state_class,
        expire=None if quantity.period else made.expire,
    )
