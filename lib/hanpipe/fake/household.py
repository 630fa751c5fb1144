"""A believable house: the values that its meter measures, from one list to the next, in integers.

Between two lists the power stays as the first one reported it. So the registers are the exact integral of the reported
power, to the Wh, at any rhythm; and the phases add up: the power is the sum of U x I x power factor.
"""

import math
import random
import time

from hanpipe.unix.typed import Final, NamedTuple

_HOUR: Final = 3_600_000  # ms
_DAY: Final = 24 * _HOUR


class Appliance(NamedTuple):
    """A load that is switched on and off.

    phases:  those that share its power; watts, vars: in total; vars < 0: capacitive
    starts:  per day, on average, at hours from `begin` to before `end`; minutes: for which it stays on
    """

    phases: tuple[int, ...]
    watts: int
    vars: int
    starts: float
    minutes: int
    begin: int
    end: int


# A house of four with a heat store, an electric car and panels on the roof; invented.
APPLIANCES: Final = (
    #          phases    W      var  starts min begin end
    Appliance((2,),        90,   45, 32,    19,  0,   24),  # fridge
    Appliance((1,),       110,   40, 20,    16,  0,   24),  # freezer
    Appliance((1,),       240,  -35,  4,    75,  6,    9),  # lights and screens in the morning
    Appliance((2,),       310,  -60,  6,    90, 16,   23),  # and in the evening
    Appliance((3,),      2050,    0,  5,     4,  6,   22),  # kettle
    Appliance((2,),      1800,    0,  1.5,  25, 15,   19),  # hob
    Appliance((3,),      2400,    0,  0.9,  45, 15,   19),  # oven
    Appliance((1,),      2100,  160,  0.7,  55,  8,   20),  # washing machine
    Appliance((3,),      1950,    0,  5,    30,  0,   24),  # hot water
    Appliance((1, 2, 3), 6900, -210,  0.6, 200, 21,   24),  # car
)  # fmt: skip

_STANDBY: Final = (55, -38)  # W and var of a phase: always
_HEATING: Final = (1400, 12)  # W of a phase in deep winter at night, at the most; var
_PANELS: Final = 6200  # W of the panels, the sun above them
_LATITUDE: Final = 60.0  # degrees north
_VOLTAGE: Final = 231_500  # mV of a phase with nothing switched on
_RESISTANCE: Final = 0.11  # ohm between the substation and the house
_GAS: Final = 9_000  # W of heat in a m3/h, about
_FIRST: Final = (
    # register          Wh or varh of a tariff at the start, between
    ("act_energy_pos",   9_000_000, 45_000_000),
    ("act_energy_neg",     500_000,  4_500_000),
    ("react_energy_pos",   100_000,  1_000_000),
    ("react_energy_neg", 1_000_000,  4_500_000),
)  # fmt: skip

PHASES: Final = (1, 2, 3)


class Household:
    """Advance its time; its values are those that the meter shows then. Same seed and times, same values.

    values: quantity -> thousandths of W, var, Wh, varh, A, V, Hz, m3 or 1, by the names that readings have; and, for
            the meters that send them so, curr_L1_signed (negative while the phase exports)
    """

    def __init__(self, seed: int, start_ms: int, phases: int = 3) -> None:
        """Start the house. start_ms: local time, ms since 1970-01-01; phases: 1 or 3 that its meter has."""
        self._random = random.Random(seed)  # noqa: S311  not a secret
        self._now = start_ms
        self._phases = PHASES[:phases]
        self._off_at: dict[int, int] = {}  # appliance -> when it is switched off
        self._clouds = 0.3
        self._drift = dict.fromkeys(PHASES, 0.0)
        self._watts = dict.fromkeys(PHASES, 0)
        self._vars = dict.fromkeys(PHASES, 0)
        self._registers = self._first_registers()  # W x ms and var x ms, by the names of the values in Wh and varh
        self._gas = self._random.randrange(4_000_000, 9_000_000) * _HOUR  # thousandths of m3, x ms
        self._draw(_HOUR)
        self.values = self._measure()

    def _first_registers(self) -> dict[str, int]:
        draw = self._random.randrange
        first: dict[str, int] = {}
        for name, least, most in _FIRST:
            day, night = draw(least, most), draw(least, most)
            first |= {name: day + night, name + "_T1": day, name + "_T2": night}
        for phase in PHASES:
            for name in ("act_energy_pos", "act_energy_neg"):
                first[f"{name}_L{phase}"] = first[name] // 3 + draw(100_000)
        return {name: start * _HOUR for name, start in first.items()}

    def advance(self, to_ms: int) -> None:
        """Advance the time to to_ms, never back: integrate the power since then, and draw the new one."""
        elapsed = to_ms - self._now
        if elapsed <= 0:
            return
        self._integrate(elapsed)
        self._now = to_ms
        self._draw(elapsed)
        self.values = self._measure()

    def _integrate(self, elapsed: int) -> None:
        watts, reactive = sum(self._watts.values()), sum(self._vars.values())
        tariff = "_T1" if 6 <= self._hour() < 22 else "_T2"
        for name, power in (("act_energy", watts), ("react_energy", reactive)):
            side = f"{name}_pos" if power > 0 else f"{name}_neg"
            self._registers[side] += abs(power) * elapsed
            self._registers[side + tariff] += abs(power) * elapsed
        for phase in self._phases:
            power = self._watts[phase]
            self._registers[f"act_energy_{'pos' if power > 0 else 'neg'}_L{phase}"] += abs(power) * elapsed
        self._gas += round(self._cold() * 8_000 * 1000 / _GAS) * elapsed

    def _hour(self) -> int:
        return self._now % _DAY // _HOUR

    def _draw(self, elapsed: int) -> None:
        """Draw which loads are on, and how the sun shines, after so many ms."""
        for number, appliance in enumerate(APPLIANCES):
            self._switch(number, appliance, elapsed)
        share = min(1.0, elapsed / 240_000)
        self._clouds += (self._random.uniform(-0.2, 0.9) - self._clouds) * share
        for phase in self._phases:
            share = min(1.0, elapsed / 60_000)
            self._drift[phase] += (self._random.uniform(-4_000, 4_000) - self._drift[phase]) * share
        on = [APPLIANCES[number] for number in self._off_at]
        for phase in PHASES:
            self._watts[phase], self._vars[phase] = self._load(phase, on)
        if len(self._phases) == 1:
            self._watts = {1: sum(self._watts.values()), 2: 0, 3: 0}
            self._vars = {1: sum(self._vars.values()), 2: 0, 3: 0}

    def _switch(self, number: int, appliance: Appliance, elapsed: int) -> None:
        if number in self._off_at:
            if self._now >= self._off_at[number]:
                del self._off_at[number]
            return
        chance = self._random.random()
        busy = (appliance.end - appliance.begin) * _HOUR
        since = min(elapsed, appliance.minutes * 60_000)  # a load that was switched on before that is off again
        if appliance.begin <= self._hour() < appliance.end and chance < appliance.starts * since / busy:
            self._off_at[number] = self._now + round(appliance.minutes * 60_000 * self._random.uniform(0.6, 1.4))

    def _load(self, phase: int, on: list[Appliance]) -> tuple[int, int]:
        """Return W and var of a phase: the loads, the heating and a little noise, less the power of the panels."""
        watts, reactive = float(_STANDBY[0]), float(_STANDBY[1])
        for appliance in on:
            if phase in appliance.phases:
                watts += appliance.watts / len(appliance.phases)
                reactive += appliance.vars / len(appliance.phases)
        watts += self._cold() * _HEATING[0] + self._random.uniform(0, 25)
        reactive += self._cold() * _HEATING[1] + self._random.uniform(-6, 6)
        shade = 1 - min(1.0, max(0.0, self._clouds))
        return round(watts - _PANELS / 3 * self._sun() * (0.15 + 0.85 * shade)), round(reactive)

    def _season(self) -> float:
        """Return the sun's place in the year: 1 at midsummer, -1 at midwinter."""
        return math.cos(2 * math.pi * (time.gmtime(self._now // 1000).tm_yday - 172) / 365.25)

    def _cold(self) -> float:
        """Return the share of the heating that is on: most in winter, before dawn."""
        night = 0.95 + 0.05 * math.cos(2 * math.pi * (self._now % _DAY / _HOUR - 4) / 24)
        return max(0.0, 0.45 - 0.55 * self._season()) * night

    def _sun(self) -> float:
        """Return the sine of the sun's height, 0 at night."""
        latitude, declination = math.radians(_LATITUDE), math.radians(23.4 * self._season())
        angle = 2 * math.pi * (self._now % _DAY / _DAY - 0.5)
        high = math.sin(latitude) * math.sin(declination)
        return max(0.0, high + math.cos(latitude) * math.cos(declination) * math.cos(angle))

    def _measure(self) -> dict[str, int]:
        """Return the values."""
        watts, reactive = sum(self._watts.values()), sum(self._vars.values())
        values = _sides("", watts, reactive)
        values["power_factor"] = _factor(watts, reactive)
        values["frequency"] = 50_000 + self._now // 1000 % 7 * 5 - 15
        for phase in PHASES:
            values |= self._measure_phase(phase)
        values |= {name: amount // 3600 for name, amount in self._registers.items()}  # W ms -> thousandths of Wh
        values["gas"] = self._gas // _HOUR
        return values

    def _measure_phase(self, phase: int) -> dict[str, int]:
        watts, reactive = self._watts[phase], self._vars[phase]
        wired = phase in self._phases
        millivolts = round(_VOLTAGE + self._drift[phase] - _RESISTANCE * watts / 0.231) if wired else 0
        milliamperes = round(math.hypot(watts, reactive) * 1_000_000 / millivolts) if wired else 0
        return _sides(f"_L{phase}", watts, reactive) | {
            f"volt_L{phase}": millivolts,
            f"curr_L{phase}": milliamperes,
            f"curr_L{phase}_signed": -milliamperes if watts < 0 else milliamperes,
            f"power_factor_L{phase}": _factor(watts, reactive),
        }


def _sides(phase: str, watts: int, reactive: int) -> dict[str, int]:
    """Return power as meters show it: import and export separately, one of them 0."""
    return {
        f"act_pow_pos{phase}": max(0, watts) * 1000,
        f"act_pow_neg{phase}": max(0, -watts) * 1000,
        f"react_pow_pos{phase}": max(0, reactive) * 1000,
        f"react_pow_neg{phase}": max(0, -reactive) * 1000,
    }


def _factor(watts: int, reactive: int) -> int:
    """Return the power factor in thousandths, 1000 with no power at all."""
    apparent = math.hypot(watts, reactive)
    return round(1000 * abs(watts) / apparent) if apparent else 1000
