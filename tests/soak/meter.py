"""A simulated meter that is plugged in, and what becomes of each list that it sends."""

from datetime import UTC, datetime, timedelta
from itertools import islice

METER = "kaifa"


class House:
    """A meter to plug in. number: tells the seed and the day."""

    def __init__(self, number, speed, fault):
        self.seed, self.speed, self.fault = number, speed, fault
        self.start = datetime(2026, 1, 1, 11, 30, tzinfo=UTC) + timedelta(days=number)

    def options(self, path):
        start = self.start.replace(tzinfo=None).isoformat()
        known = ["--meter", METER, "--seed", str(self.seed), "--start", start, "--speed", str(self.speed)]
        return [*known, *(["--fault", self.fault] if self.fault else []), "-v", "--pty", path]

    def lists(self, count):
        """Return the first lists as the meter made them and as they were sent: pairs of octets."""
        from hanpipe.fake import faults, household, meters

        meter, start = meters.meter(METER), round(self.start.timestamp() * 1000)
        house = household.Household(self.seed, start, meter.phases)
        damage = faults.Faults(faults.read(self.fault) if self.fault else {}, self.seed).damage
        made = []
        for when, due in islice(meter.instants(start), count):
            house.advance(when)
            frames = meter.frames(due, house.values, when)
            made.append((b"".join(frames), damage(frames, when - start)))
        return made


KINDS = ("due", "damaged", "cut", "in doubt", "unheard")


def due(house, lines):
    """Return for each list of a house its undamaged octets, and what became of it: one of KINDS.

    raise: SystemExit: what han-fake sent is not what the seed gives
    """
    reports = [line for line in lines if line.startswith("han-fake: ") and line.endswith((" octets", "nobody listens"))]
    opened = next(number for number, line in enumerate(lines) if line.endswith(": open"))
    sure = sum(line in reports for line in lines[:opened]) + 1  # the first list that was surely sent after "open"
    found = []
    for number, (whole, sent) in enumerate(house.lists(len(reports) + 1)):
        report = reports[number] if number < len(reports) else ""
        words = report.split()
        if words[1:2] == ["sent"] and int(words[4]) != len(sent):
            raise SystemExit(f"soak: list {number} of house {house.seed}: {report}, but the seed gives {len(sent)}")
        if not report or (number <= sure - 1 and words[1] == "sent"):
            kind = "in doubt"
        elif words[1] != "sent":
            kind = "unheard"
        elif words[2] != words[4]:
            kind = "cut"
        else:
            kind = "due" if whole == sent else "damaged"
        found.append((whole, kind))
    return found
