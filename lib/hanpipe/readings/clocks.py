"""The clock of a message: an object of its list, the date-time of its APDU, or a date and a time in the list."""

from collections.abc import Mapping

from hanpipe.apdu import cosem
from hanpipe.apdu.template import Slot
from hanpipe.link.octets import Malformed
from hanpipe.readings import quantities
from hanpipe.readings.items import Item
from hanpipe.readings.reading import Field
from hanpipe.readings.values import Clock, Fixed, Joined, Octets, Source
from hanpipe.unix.typed import Any


def clock_beside(keys: Mapping[str, Any], items: list[Item]) -> list[Field]:
    """Return the clock of a list without a clock object: that of the APDU, or of a date and a time in the list.

    keys: of the line of han-decode
    """
    if keys.get("date_time"):
        return [Field("date_time", "", "date_time", None, clock(keys["date_time"]))]
    found = {item.key: item.value for item in items if is_clock(item.value)}
    time, date = (found.get(code, (0, 0)) for code in quantities.TIME_AND_DATE)
    if (time[1], date[1]) != (4, 5):
        return []
    return [Field("date_time", "", "date_time", None, Joined(Octets(*date), Octets(*time)))]


def is_clock(value: Any) -> bool:
    """Return whether a value is the slot of a clock, a date or a time."""
    return type(value) is Slot and value.size > 0


def clock(value: Any) -> Source:
    """Return a COSEM date-time, or its slot, as the clock of a reading; a value that is not one has no text."""
    if is_clock(value):
        return Clock(*value)
    try:
        return Fixed(cosem.read_clock(bytes.fromhex(value)))  # of a line too long to have holes
    except (Malformed, TypeError, ValueError):
        return Fixed(None)
