"""Which program wrote a line, and what the line is about: a reading, a period, the peaks of a month, a warning."""

from datetime import datetime, time

from hanpipe.unix.typed import Any, Final, NamedTuple

# Groups.
PERIOD: Final = "period"  # a period that has ended (han-every)
RUNNING: Final = "running"  # a period that is open (han-every --running)
PEAKS: Final = "peaks"  # the peaks of a month (han-peaks)
LIMIT: Final = "limit"  # the open period heads above a limit, or no longer does (han-peaks --limit)

_NOUNS: Final = {"1m": "minute", "15m": "quarter hour", "1h": "hour", "1d": "day", "1mo": "month"}
_UNITS: Final = ((3600, "h", "hours"), (60, "m", "minutes"), (1, "s", "seconds"))


class Kind(NamedTuple):
    """What a line of han-every or han-peaks is about.

    label: the length of the period as the operand of han-every (15m, 1h, 1d, 1mo), or the rule of the peaks
    noun:  the period for people: hour, 10 minutes
    """

    group: str
    label: str = ""
    noun: str = ""

    @property
    def key(self) -> str:
        """The kind as a part of names: 1h, 1h_running, peaks_no, limit."""
        parts = {PERIOD: (self.label,), RUNNING: (self.label, RUNNING), PEAKS: (PEAKS, self.label)}
        return "_".join(parts.get(self.group, (self.group,)))

    @property
    def lasts(self) -> bool:
        """Whether its values are true until the next line of this kind."""
        return self.group != RUNNING


def kind_of(reading: dict[str, Any]) -> Kind | None:
    """Return what a line is about, None for a reading of a meter."""
    if "begin" not in reading or "end" not in reading:
        return None
    try:
        begin, end = (datetime.fromisoformat(reading[key]) for key in ("begin", "end"))
        label, noun = _length(begin, end)
    except (TypeError, ValueError):
        return None
    if "above_limit" in reading:
        return Kind(LIMIT, noun=noun)
    if isinstance(rule := reading.get("rule"), str):
        return Kind(PEAKS, rule, noun)
    return Kind(RUNNING if reading.get("running") is True else PERIOD, label, noun)


def _length(begin: datetime, end: datetime) -> tuple[str, str]:
    """Return the label and the noun of a period; a day of 23 or 25 hours is a day."""
    days = (end.date() - begin.date()).days
    if begin.time() == end.time() == time(0):
        if days == 1:
            return "1d", _NOUNS["1d"]
        if 28 <= days <= 31 and begin.day == end.day == 1:
            return "1mo", _NOUNS["1mo"]
    seconds = int((end - begin).total_seconds())
    for unit, letter, words in _UNITS:
        if seconds % unit == 0:
            label = f"{seconds // unit}{letter}"
            return label, _NOUNS.get(label, f"{seconds // unit} {words}")
    raise AssertionError
