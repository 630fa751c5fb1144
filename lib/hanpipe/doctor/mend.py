"""Octets as they arrived -> as the meter sent them, in pieces of any size."""

from collections.abc import Callable

from hanpipe.doctor.undo import UNDOS
from hanpipe.unix.typed import Final

_LONGEST: Final = 4096  # octets without a flag that are held back for one


class Mender:
    """Feed it octets in pieces, b"" at the end; each returns the octets that can be given out.

    mends: whether it changes anything
    """

    def __init__(self, undo: Callable[[bytes], bytes] | None) -> None:
        """Take what undoes the change; None: nothing is changed."""
        self._undo = undo
        self._row = next((row for row in UNDOS if row.undo is undo), None)
        self._rest = b""
        self.mends = undo is not None

    def feed(self, data: bytes) -> bytes:
        """Return mended octets, all but those that may begin a changed sequence."""
        if self._undo is None or self._row is None:
            return data
        octets = self._rest + data
        cut = len(octets)
        if data and self._row.link == "escaped":
            cut = octets.rfind(b"\x7e")  # it closes a frame, or opens the next one: both sides need it
            cut = cut if cut >= 0 or len(octets) < _LONGEST else len(octets)
        elif data:
            while cut and octets[cut - 1] in self._row.begin:
                cut -= 1
        cut = max(cut, 0)
        self._rest = octets[cut:]
        return self._undo(octets[:cut])
