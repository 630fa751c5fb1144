"""The meter that a reading is of: most lists that come every few seconds leave its number out."""

from collections.abc import Callable

from hanpipe.readings.flat import source_of
from hanpipe.unix.typed import Any, Final

MOST_SOURCES: Final = 32768
SILENCE: Final = 2 * 3600 * 1_000_000_000  # ns; some meters send their number once an hour


class Whose:
    """A reading without a number is of the only meter heard at its source; once two were heard, it is of neither."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Take a way to warn the user of a second meter."""
        self._say = say
        # By source, the one longest heard first: its one meter, "" for none yet, None for several
        self._only: dict[str, str | None] = {}

    def of(self, reading: dict[str, Any]) -> str:
        """Return the number of the meter that a reading is of, "" if it is not known."""
        number, source = reading.get("meter_ID"), source_of(reading)
        only = self._only.get(source, "")
        if not isinstance(number, str) or not number:
            return only or ""
        if only and number != only:
            self._say(f"readings of another meter, {number}: from here on a reading without a number is of neither")
            self._only[source] = None
        elif only == "":
            if len(self._only) >= MOST_SOURCES:
                del self._only[next(iter(self._only))]
            self._only[source] = number
        return number

    def several(self, source: str) -> bool:
        """Return whether several meters were heard at a source."""
        return self._only.get(source, "") is None

    def forget(self, source: str) -> None:
        """Forget the meters of a source."""
        self._only.pop(source, None)


class OneMeter:
    """Chooses the readings of one meter, for a sink that can show only one: the first that is heard.

    A meter that was replaced is not heard again: another one takes its place once it has been silent for SILENCE. A
    reading without a number is of the one meter of its source; while numbers of two come there, it is of neither.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """Take a way to warn the user of a second meter."""
        self._say = say
        self._meter: tuple[str, str] | None = None  # its source and number, "" for none
        self._heard = 0  # when its last reading came, ns
        self._other: int | None = None  # when another number came last from its source, ns
        self._warned = False

    def has(self, reading: dict[str, Any], at: int) -> bool:
        """Return whether a reading is of the one meter. at: its time, ns."""
        number = reading.get("meter_ID")
        meter = source_of(reading), number if isinstance(number, str) else ""
        self._meter = self._meter or meter
        self._heard = min(self._heard, at)  # the clock may be set back
        if self._is_same(meter, at):
            self._meter = meter[0], meter[1] or self._meter[1]
        elif at - self._heard > SILENCE and meter != (self._meter[0], ""):
            self._say(f"{_called(self._meter)} was silent for 2 h: the readings of {_called(meter)} take its place")
            self._meter, self._other, self._warned = meter, None, False
        else:
            self._skip(meter, at)
            return False
        self._heard = at
        return True

    def _is_same(self, meter: tuple[str, str], at: int) -> bool:
        source, number = self._meter or meter
        if meter[0] != source:
            return False
        if meter[1] and number:
            return meter[1] == number
        return self._other is None or not 0 <= at - self._other <= SILENCE

    def _skip(self, meter: tuple[str, str], at: int) -> None:
        """Note a reading of another meter, or of neither."""
        ours = self._meter or meter
        if meter[1] and meter[0] == ours[0]:
            self._other = at
        if not self._warned:
            self._warned = True
            self._say(
                f"skipped a reading of another meter, {_called(meter)}; only one can be shown: {_called(ours)}, which "
                "was the first"
            )


def _called(meter: tuple[str, str]) -> str:
    """Return what to call a meter of this source and number."""
    return meter[1] or meter[0] or "a meter without a number"
