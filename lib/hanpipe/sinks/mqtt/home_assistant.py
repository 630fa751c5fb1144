"""The names of docs/fields.md -> Home Assistant's device classes, state classes and units: tables and their readers.

Source: the documentation of Home Assistant's sensor integration and its MQTT sensor; tried with 2025.4 to 2026.11:

- reactive_energy is a device class from 2025.6 on; without one a register has its statistics in all versions. Apparent
  energy has none.
- total_increasing takes a fall for a new meter. A net register, import less export, may fall: it is "total".
- Power becomes unavailable `expire` seconds after its last message. A register may come hourly: it never expires.

The direction goes before the quantity, the phase before both: Domoticz gives each kWh sensor the W sensor whose
unique_id shares the longest start with its own, and reads none whose id ends in _min or _max.
"""

from hanpipe.readings.quantities import Quantity, named
from hanpipe.unix.typed import Final, NamedTuple


class Sensor(NamedTuple):
    """An entity.

    object:    its id within the meter, the last level of its topic
    name:      for people
    unit:      in which it is published; None for counts and factors
    power:     of ten, from our unit to this one
    precision: decimals shown; None as Home Assistant likes
    expire:    s after which the last value is no longer true, None for never
    """

    object: str
    name: str
    unit: str | None
    power: int = 0
    device_class: str | None = None
    state_class: str | None = None
    precision: int | None = None
    expire: int | None = None


MEASUREMENT, TOTAL, INCREASING = "measurement", "total", "total_increasing"  # state classes

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
}  # fmt: skip


def sensor(field: str) -> Sensor | None:
    """Return the entity of a field, None if its quantity has no entity, or its unit may be one of several."""
    quantity = named(field)
    if quantity is None:
        return None
    if quantity.base in _FLOWS:
        return _flow(quantity) if quantity.period in ("", *_PERIODS) else None
    made = _STATES.get(quantity.base)
    if made is None:
        return None
    part = quantity.phase or quantity.number
    return made._replace(object=f"{made.object}_{part}", name=f"{made.name} {part}") if part else made


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
