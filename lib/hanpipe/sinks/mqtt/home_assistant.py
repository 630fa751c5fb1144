"""The names of docs/fields.md -> Home Assistant's device classes, state classes and units. A table, with its readers.

Source: the documentation of Home Assistant's sensor integration and its MQTT sensor; tried with 2025.4 to 2026.11:

- reactive_energy is a device class from 2025.6 on; without one a register has its statistics in all versions. Apparent
  energy has none.
- total_increasing takes a fall for a new meter. What may fall, import less export, is "total".
- What stays away makes power unavailable after `expire` seconds. A register comes hourly: none.

The direction stands before the quantity, the phase before both: Domoticz gives each kWh sensor the W sensor whose
unique_id shares the longest start with its own, and reads none whose id ends in _min or _max.
"""

import re

from hanpipe.unix.typed import Final, NamedTuple


class Sensor(NamedTuple):
    """What an entity is.

    object:    its id within the meter, the last level of its topic
    name:      what people read
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

CLOCK: Final = Sensor("clock", "Clock", None, 0, "timestamp")  # only where the meter tells its offset

# Quantity and measure, before their direction: object and name have a place for it.
_FLOWS: Final = {
    ("act", "pow"):         Sensor("{}_power", "Active power {}", "W", 0, "power", MEASUREMENT, 0, 60),
    ("act", "energy"):      Sensor("{}_energy", "Active energy {}", "kWh", -3, "energy", INCREASING, 3),
    ("react", "pow"):       Sensor("{}_reactive_power", "Reactive power {}", "var", 0, "reactive_power", MEASUREMENT),
    ("react", "energy"):    Sensor("{}_reactive_energy", "Reactive energy {}", "kvarh", -3, None, INCREASING, 3),
    ("apparent", "pow"):    Sensor("{}_apparent_power", "Apparent power {}", "VA", 0, "apparent_power", MEASUREMENT),
    ("apparent", "energy"): Sensor("{}_apparent_energy", "Apparent energy {}", "kVAh", -3, None, INCREASING, 3),
}  # fmt: skip
_DIRECTIONS: Final = {"pos": "import", "neg": "export"}  # the others have our name: sum, net, Q1
_PERIODS: Final = {"_avg": ("mean_", " mean"), "_max": ("peak_", " maximum")}  # before the object, behind the name

# What has no direction. Behind it may stand a phase (_L1), N, or which of several meters it is of (_2).
_STATES: Final = {
    "volt":                Sensor("voltage", "Voltage", "V", 0, "voltage", MEASUREMENT, 1),
    "curr":                Sensor("current", "Current", "A", 0, "current", MEASUREMENT, 2),
    "curr_limit":          Sensor("current_limit", "Current limit", "A", 0, "current", MEASUREMENT, 0),
    "power_factor":        Sensor("power_factor", "Power factor", None, 0, "power_factor", MEASUREMENT, 3),
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

_FLOW = re.compile(r"(act|react|apparent)_(pow|energy)_(pos|neg|sum|net|Q[1-4])(_avg|_max)?(_L[123])?(_T\d{1,3})?")
_STATE = re.compile(r"([a-z_]+?)(_L[123]|_N|_\d{1,2})?")


def sensor(field: str) -> Sensor | None:
    """Return what the entity of a field is; None if no table knows the field, or its unit may be one of several."""
    if flow := _FLOW.fullmatch(field):
        return _flow(*flow.groups(default=""))
    state = _STATE.fullmatch(field)
    if state is None or (made := _STATES.get(state[1])) is None:
        return None
    behind = state[2] or ""
    return made._replace(object=made.object + behind, name=made.name + behind.replace("_", " "))


def _flow(quantity: str, measure: str, direction: str, period: str, phase: str, tariff: str) -> Sensor:
    made = _FLOWS[quantity, measure]
    way = _DIRECTIONS.get(direction, direction)
    before, behind = _PERIODS.get(period, ("", ""))
    front = f"{phase[1:]}_{before}" if phase else before
    said = made.name.format(way) + phase.replace("_", " ") + behind + tariff.replace("_T", " tariff ")
    return made._replace(
        object=front + made.object.format(way) + tariff,
        name=said,
        state_class=TOTAL if direction == "net" and measure == "energy" else made.state_class,
        expire=None if period else made.expire,
    )
