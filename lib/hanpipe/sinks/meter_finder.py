"""The meter that a reading is of: most lists that come every few seconds leave its number out."""

from collections.abc import Callable

from hanpipe.unix.typed import Any


class Whose:
    """A reading without a number is of the only meter heard so far; once two were heard, it is of neither."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Take a way to warn the user of a second meter."""
        self._say = say
        self._only: str | None = ""  # the one meter heard so far, "" for none yet, None for several

    def of(self, reading: dict[str, Any]) -> str:
        """Return the number of the meter that a reading is of, "" if it is not known."""
        number = reading.get("meter_ID")
        if not isinstance(number, str) or not number:
            return self._only or ""
        if self._only and number != self._only:
            self._say(f"readings of another meter, {number}: from here on a reading without a number is of neither")
            self._only = None
        elif self._only == "":
            self._only = number
        return number
