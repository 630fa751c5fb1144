"""Archives for the tests of han-report: houses whose every watt is known. As a script: the archive of house.html."""

import json
import math
import random
import sys
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 4, tzinfo=UTC)


def reading(at, number="7359990000000001", **values):
    return {"time": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "meter_ID": number, **values}


def house(hours, *, start=START, step=60, seed=1, sun=0, number="7359990000000001", volts=True, registers=True):
    """Readings of a house, one each step seconds, with registers once an hour. sun: W that it exports at noon."""
    chance = random.Random(seed)
    made, imported, exported = [], 10_000_000, 500_000
    for place in range(int(hours * 3600 / step)):
        at = start + timedelta(seconds=place * step)
        noon = math.sin(math.pi * (at.hour * 60 + at.minute) / 1440)
        power = chance.choice((300, 350, 2500)) - int(sun * noon)
        values = {"act_pow_pos": max(power, 0), "act_pow_neg": max(-power, 0)}
        if volts:
            values |= {f"volt_L{phase}": round(230 + chance.random() * 4, 1) for phase in (1, 2, 3)}
            values |= {f"curr_L{phase}": round(abs(power) / 690, 2) for phase in (1, 2, 3)}
        if registers and at.minute == at.second == 0:
            values |= {
                "date_time": at.strftime("%Y-%m-%dT%H:%M:%S"),
                "act_energy_pos": imported,
                "act_energy_neg": exported,
            }
        imported += max(power, 0) * step // 3600
        exported += max(-power, 0) * step // 3600
        made.append(reading(at, number, **values))
    return made


def lines(readings):
    return b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in readings)


def golden():
    """The archive of house.html: three days with sun and a gap."""
    return lines(one for one in house(60, sun=1500) if not one["time"].startswith("2026-03-05T1"))


if __name__ == "__main__":
    sys.stdout.buffer.write(golden())
