"""Counters of han-frame, and why no frame was found."""

from collections.abc import Callable

from hanpipe.link.kinds import FAULTS, Event
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Any, Final

_ENOUGH_TO_WORRY: Final = 4096  # octets without a frame: twice the longest frame
_SAMPLE: Final = 8192  # octets that may show why no frame is found


TITLES: Final = {"hdlc": "HDLC", "mbus": "M-Bus", "p1": "P1", "apdu": "APDU"}  # links, as people write them


class Tally:
    """Counts octets, frames and faults."""

    def __init__(self, why: Callable[[bytes], str] = lambda octets: "", link: str = "auto") -> None:
        """Take what is expected.

        why:  returns why the first octets of the input hold no frame: the end of a sentence, from its comma or colon on
        link: the only one whose frames are looked for
        """
        self._why, self._link = why, link
        self._reason = ""
        self._octets = self._frames = 0
        self._begin = b""  # the first octets
        self._faults = dict.fromkeys(FAULTS.values(), 0)

    def add(self, octets: bytes, events: list[Event]) -> None:
        """Count a piece and its events."""
        self._octets += len(octets)
        if not self._frames and len(self._begin) < _SAMPLE:
            self._begin = (self._begin + octets)[:_SAMPLE]
        faults = [FAULTS[kind] for kind, _ in events if kind in FAULTS]
        self._frames += len(events) - len(faults)
        for fault in faults:
            self._faults[fault] += 1

    def nothing_yet(self, ended: bool) -> bool:
        """Return whether a frame was expected by now, and none was found."""
        return not self._frames and (ended or self._octets > _ENOUGH_TO_WORRY)

    def why_nothing(self) -> str:
        """Return the likely reason."""
        if not self._octets:
            return "found no octets in the input"
        from hanpipe.link.apdu.framer import looks_like_apdu

        if looks_like_apdu(self._begin) and self._link != "apdu":
            return "no frame in these octets, but they begin like an APDU without a link layer: try --link apdu"
        frame = f"{TITLES[self._link]} frame" if self._link in TITLES else "frame"
        self._reason = self._reason or f"no {frame} in {counted(self._octets, 'octet')}{self._why(self._begin)}"
        return self._reason

    def counters(self) -> dict[str, Any]:
        """Return the counters of --stats."""
        return {"octets": self._octets, "frames": self._frames, "faults": self._faults}

    def summary(self) -> str:
        """Return the counters as a sentence."""
        kinds = ", ".join(f"{number:,} {fault}" for fault, number in self._faults.items() if number)
        return f"{counted(self._frames, 'frame')}, {counted(sum(self._faults.values()), 'fault')}" + (
            f" ({kinds})" if kinds else ""
        )
