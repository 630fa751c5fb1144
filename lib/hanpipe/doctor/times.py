"""Lists that come late, twice or not at all, and a clock that is wrong."""

import itertools
import statistics

from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found, share
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Final

_HOUR: Final = 3600.0
_ZONES: Final = 14 * _HOUR  # the largest difference between a local clock and UTC
_SLACK: Final = 120.0  # s that a clock may differ
_ENOUGH: Final = 5
_GAP: Final = 1.6  # intervals without a list from which one is missing
_SHARE: Final = 0.02  # share of missed lists that is worth a word
_DAY: Final = 86400.0


def repeated_hour(case: Case) -> Found | None:
    """Look for hourly lists that were sent before."""
    lists = case.lists
    if not lists.repeated:
        return None
    repeated = counted(lists.repeated, "hourly list", lists.hours)
    evidence = f"clock and registers are those of an earlier list in {repeated}"
    return Found(evidence, 0.0, {"repeated": lists.repeated, "hourly": lists.hours})


def clock(case: Case) -> Found | None:
    """Look for a clock of the meter that differs from the time of arrival by other than whole hours."""
    clocks = case.lists.clocks
    if len(clocks) < _ENOUGH:
        return None
    offset_sent = clocks[-1][0]
    ahead = statistics.median(seconds for sent, seconds in clocks if sent == offset_sent)
    off = ahead
    if not offset_sent and abs(ahead) < _ZONES + _HOUR / 2:
        off = ahead - _HOUR * round(ahead / _HOUR)
    elif offset_sent and abs(abs(ahead) - _HOUR) < _SLACK:
        return None  # many meters send the offset of winter all year
    if abs(off) <= _SLACK:
        return None
    words = f"{abs(off) / 60:,.0f} min {'fast' if off > 0 else 'slow'}"
    if not offset_sent and abs(ahead) < _ZONES + _HOUR / 2:
        words += " but for whole hours"
    evidence = f"the meter's clock is {words}, compared to the times of arrival of {counted(len(clocks), 'list')}"
    return Found(evidence, 0.0, {"seconds": round(off), "lists": len(clocks)})


def missed_lists(case: Case) -> Found | None:
    """Look for gaps between the times of arrival."""
    times = sorted(case.lists.arrivals)
    gaps = [(after - before) / 1e9 for before, after in itertools.pairwise(times) if after > before]
    if len(gaps) < 2 * _ENOUGH:
        return None
    usual = statistics.median(gaps)
    missed = sum(round(gap / usual) - 1 for gap in gaps if _GAP * usual < gap < _DAY)
    whole = len(gaps) + 1 + missed
    if missed <= _SHARE * whole or missed <= 2 * case.bad:
        return None
    longest = max(gaps)
    evidence = (
        f"{counted(missed, 'list', whole)} did not come: one is due every {usual:.3g} s, "
        f"the longest gap is {longest:,.0f} s"
    )
    return Found(evidence, share(missed, whole), {"missed": missed, "lists": whole, "interval": round(usual, 3)})
