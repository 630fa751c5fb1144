"""Whose reading is it? Most lists that come every few seconds leave the meter's number out."""

from collections.abc import Callable

from hanpipe.unix.typed import Any


class Whose:
    """A reading without a number is of the meter that was heard before, as long as only one was heard.

    Where the readings of several meters run together nobody can tell: then it is of none.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """Take a way to tell the user of a second meter."""
        self._say = say
        self._only: str | None = ""  # the one meter heard so far, "" for none yet, None for several

    def of(self, reading: dict[str, Any]) -> str:
        """Return the number of the meter that a reading is of, "" if that cannot be told."""
        told = reading.get("meter_ID")
        if not isinstance(told, str) or not told:
            return self._only or ""
        if self._only and told != self._only:
            self._say(f"readings of another meter, {told}: one without a number is of neither now")
            self._only = None
        elif self._only == "":
            self._only = told
        return told
