"""The lists of the meters of han-fake, in-process."""

import calendar

from hanpipe.fake import meters
from hanpipe.fake.household import Household

NOON = calendar.timegm((2026, 6, 21, 11, 59, 50)) * 1000
KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(16, 32))


def sent(name, count, start=NOON, seed=1):
    """Yield the lists of a meter: frames, the values that the house had, rows, when."""
    meter = meters.meter(name)
    meter.use(KEY, AUTHENTICATION_KEY)
    house = Household(seed, start, meter.phases)
    for _, (when, due) in zip(range(count), meter.instants(start), strict=False):
        house.advance(when)
        yield meter.frames(due, house.values, when), house.values, due.rows, when
