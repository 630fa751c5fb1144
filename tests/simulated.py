"""Readings of han-fake's house over days, without a line in between: for stores, pages and pictures.

tests/simulated.py 14       the last 14 days, a reading per minute
"""

import datetime
import json
import os
import sys
from collections.abc import Iterator

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from hanpipe.fake.household import Household

_NAMES = ("act_pow_pos", "act_pow_neg", *(f"{base}_L{phase}" for base in ("volt", "curr") for phase in (1, 2, 3)))
_REGISTERS = ("act_energy_pos", "act_energy_neg")


def readings(
    begin: datetime.datetime, end: datetime.datetime, seconds: int = 60, seed: int = 1, meter: str = "7359990000000001"
) -> Iterator[bytes]:
    """Yield lines of han-fields, one every so many seconds; registers once an hour. begin, end: with their zone."""
    offset = begin.utcoffset() or datetime.timedelta()
    house = Household(seed, int((begin.timestamp() + offset.total_seconds()) * 1000))
    for at in range(int(begin.timestamp()), int(end.timestamp()), seconds):
        house.advance(int((at + offset.total_seconds()) * 1000))
        reading: dict[str, object] = {
            "time": datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat().replace("+00:00", "Z"),
            "meter_ID": meter,
            "meter_maker": "Aidon",
            "meter_model": "6534",
        }
        names = (*_NAMES, *_REGISTERS) if at % 3600 < seconds else _NAMES
        # Thousandths, as the meter shows them: tenths of V and A, whole W and Wh.
        for name in names:
            value = house.values[name]
            reading[name] = value // 1000 if name.startswith("act_") else value // 100 / 10
        yield json.dumps(reading).encode() + b"\n"


if __name__ == "__main__":
    now = datetime.datetime.now().astimezone()
    for line in readings(now - datetime.timedelta(days=int(sys.argv[1])), now):
        sys.stdout.buffer.write(line)
