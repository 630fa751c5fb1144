"""Damage on demand: what goes wrong between a meter and its reader. Seeded: the same faults every time."""

import math
import random

from hanpipe.unix.typed import Final

# What --fault knows, and what stands behind its colon.
KINDS: Final = {
    "drop": "rate",  # an octet is lost
    "flip": "rate",  # a bit of an octet is turned
    "insert": "rate",  # an octet stands in front of one that the meter never sent
    "cut": "rate",  # a list ends early
    "shared-flag": "",  # a flag closes an HDLC frame and opens the next
    "crlf": "",  # a bridge that takes the octets for text puts 0D in front of each 0A
    "silence": "duration",  # nothing for so long, after the same time, and again every ten times as long
}
_FLAG: Final = b"\x7e"


def read(text: str) -> dict[str, float]:
    """Read faults as --fault has them: drop:0.1%,flip:0.0005,shared-flag,silence:60s.

    return: rates from 0 to 1 (of octets; cut: of lists), durations in ms
    raise:  ValueError
    """
    faults = {}
    for entry in text.split(","):
        kind, _, amount = entry.strip().partition(":")
        if kind not in KINDS:
            raise ValueError(f"no fault is called {kind!r}: {', '.join(KINDS)}")
        faults[kind] = _READERS[KINDS[kind]](amount)
    return faults


def _rate(text: str) -> float:
    rate = _number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= rate <= 1:
        raise ValueError(f"{text!r} is no rate from 0 to 100%")
    return rate


def _duration(text: str) -> float:
    duration = _number(text.removesuffix("s")) * 1000
    if not 0 < duration < math.inf:
        raise ValueError(f"{text!r} is no number of seconds")
    return duration


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _nothing(text: str) -> float:
    if text:
        raise ValueError(f"{text!r} is one word too many")
    return 1.0


_READERS: Final = {"rate": _rate, "duration": _duration, "": _nothing}


class Faults:
    """Damages lists as they are sent, one after the other."""

    def __init__(self, faults: dict[str, float], seed: int) -> None:
        """Take the faults that read() gives."""
        self._faults = faults
        self._random = random.Random(seed)  # noqa: S311  no secret
        self._sent = b""  # the last octet that the meter sent, with shared flags

    def damage(self, frames: list[bytes], elapsed_ms: int) -> bytes:
        """Return what is left of the frames of a list. elapsed_ms: since the meter began."""
        if self._silent(elapsed_ms):
            return b""
        octets = self._share_flags(frames) if "shared-flag" in self._faults else b"".join(frames)
        if self._random.random() < self._faults.get("cut", 0):
            octets = octets[: self._random.randrange(len(octets))]
        if not self._faults.keys().isdisjoint(("drop", "flip", "insert")):
            octets = b"".join([self._octet(octet) for octet in octets])
        return octets.replace(b"\n", b"\r\n") if "crlf" in self._faults else octets

    def _silent(self, elapsed_ms: int) -> bool:
        duration = self._faults.get("silence", 0)
        return bool(duration) and duration <= elapsed_ms % (10 * duration) < 2 * duration

    def _share_flags(self, frames: list[bytes]) -> bytes:
        octets = b""
        for frame in frames:
            shared = self._sent == _FLAG and frame[:1] == _FLAG
            octets += frame[shared:]
            self._sent = frame[-1:]
        return octets

    def _octet(self, octet: int) -> bytes:
        draw, rates = self._random.random, self._faults
        inserted = bytes((self._random.randrange(256),)) if draw() < rates.get("insert", 0) else b""
        if draw() < rates.get("drop", 0):
            return inserted
        if draw() < rates.get("flip", 0):
            octet ^= 1 << self._random.randrange(8)
        return inserted + bytes((octet,))
