"""The meter that a reading is of: most lists that come every few seconds leave its number out."""

from collections.abc import Callable

from hanpipe.readings.flat import source_of
from hanpipe.unix.typed import Any, Final

MOST_SOURCES: Final = 32768


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

    def forget(self, source: str) -> None:
        """Forget the meters of a source."""
        self._only.pop(source, None)
