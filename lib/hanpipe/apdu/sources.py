"""What waits for more at each of many sources: the beginnings of their APDUs."""

from hanpipe.apdu.message import Opened, Refusal
from hanpipe.apdu.opener import Opener
from hanpipe.unix.typed import Any, Final

MOST_WAITING: Final = 16384  # sources whose APDU has begun and not ended


class Openers:
    """The opener of each source. A source with nothing that waits has none, and costs nothing."""

    def __init__(self, first: Opener) -> None:
        """Take the opener of the records without a source, which has the keys for all."""
        self._first = first
        self._waiting: dict[str, Opener] = {}  # the source that was silent for longest first

    def waits(self, source: str) -> bool:
        """Tell whether an APDU of a source has begun."""
        return source in self._waiting

    def take(self, source: str) -> Opener:
        """Return the opener of a source."""
        return self._waiting.pop(source, None) or self._first.beside()

    def keep(self, source: str, opener: Opener) -> list[Refusal]:
        """Keep the opener of a source if something waits in it. Return the pieces that must be given up for that."""
        if opener.waits():
            self._waiting[source] = opener
        if len(self._waiting) <= MOST_WAITING:
            return []
        oldest = next(iter(self._waiting))
        return _lost(oldest, self._waiting.pop(oldest))

    def end(self) -> list[Refusal]:
        """Return the pieces that were never completed: the input has ended."""
        waiting, self._waiting = self._waiting, {}
        return [one for source, opener in waiting.items() for one in _lost(source, opener)]


def of_source(source: str, one: Opened) -> Opened:
    """Return what was opened with its source, which has the key `source` of its line."""
    return one._replace(keys=_keys(one.keys), source=source)


def _lost(source: str, opener: Opener) -> list[Refusal]:
    return [one._replace(keys=_keys(one.keys), source=source) for one in opener.end()]


def _keys(keys: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a line that has a source of its own: the address of that name gets another."""
    return {("source_address" if key == "source" else key): value for key, value in keys.items()}
