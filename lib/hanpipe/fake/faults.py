"""Damage on demand: everything that goes wrong between a meter and its reader. The same seed gives the same damage.

The faults act in the order of their way: in the meter and its adapter (repeated lists, lost tails, cut lists, shared
flags, octet stuffing), on the wire (a port with other settings than the meter), by noise, and in whatever takes the
octets for text.
"""

import math
import random
from collections.abc import Callable

from hanpipe.line.settings import PARITIES, Line
from hanpipe.line.uart import inverted, levels, receive
from hanpipe.unix.typed import Any, Final, NamedTuple

_FLAG: Final = b"\x7e"
_LONG: Final = 120  # octets of a frame that may lose its tail
_TAIL: Final = 12  # octets that it loses at most


class Kind(NamedTuple):
    """A kind of fault. amount: how its amount is called, "" for none; hdlc: whether it is for HDLC frames alone."""

    amount: str
    about: str
    hdlc: bool = False


KINDS: Final = {
    "repeated-hour": Kind("RATE", "send the hourly list before once more, instead of the next one"),
    "tail": Kind("RATE", "lose the last octets of a long frame"),
    "cut": Kind("RATE", "end a list early"),
    "shared-flag": Kind("", "let the flag that closes a frame open the next", hdlc=True),
    "stuffing": Kind("", "escape 7D and 7E by octet stuffing", hdlc=True),
    "silence": Kind("SECONDS", "send nothing for SECONDS out of every 10 x SECONDS"),
    "baud": Kind("BAUD", "set the port to this baud rate"),
    "parity": Kind("PARITY", "set the port to this parity: none, even or odd"),
    "inverted": Kind("", "exchange the levels of the line"),
    "strict": Kind("", "lose the octets that the port finds with a wrong parity or stop bit"),
    "seven-bit": Kind("", "lose the top bit of each octet"),
    "drop": Kind("RATE", "lose an octet"),
    "flip": Kind("RATE", "flip a bit of an octet"),
    "insert": Kind("RATE", "insert an octet"),
    "flow-control": Kind("", "lose 11 and 13, which are XON and XOFF"),
    "telnet": Kind("", "double FF, and put 00 after 0D"),
    "crlf": Kind("", "turn 0A into 0D 0A"),
    "cr-to-lf": Kind("", "turn 0D into 0A"),
    "no-cr": Kind("", "lose 0D"),
    "utf-8": Kind("", "turn each octet from 80 on into the two of UTF-8"),
}  # in the order in which they act


def help_text() -> str:
    """Return the kinds with their amounts, for --help."""
    return ", ".join(f"{name}:{kind.amount}" if kind.amount else name for name, kind in KINDS.items())


def read(text: str) -> dict[str, Any]:
    """Read faults as --fault gives them: drop:0.1%,flip:0.0005,shared-flag,silence:60s,baud:9600.

    return: rates from 0 to 1 (of octets, frames or lists), durations in ms, a baud rate, the name of a parity
    raise:  ValueError
    """
    faults = {}
    for entry in text.split(","):
        name, _, amount = entry.strip().partition(":")
        if name not in KINDS:
            raise ValueError(f"unknown fault {name!r}; known are {', '.join(KINDS)}")
        try:
            faults[name] = _READERS[KINDS[name].amount](amount)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return faults


def _rate(text: str) -> float:
    rate = _number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= rate <= 1:
        raise ValueError(f"expected a rate from 0 to 100%, got {text!r}")
    return rate


def _duration(text: str) -> float:
    duration = _number(text.removesuffix("s")) * 1000
    if not 0 < duration < math.inf:
        raise ValueError(f"expected a number of seconds, got {text!r}")
    return duration


def _baud(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError(f"expected a baud rate, got {text!r}")
    return int(text)


def _parity(text: str) -> str:
    if text not in PARITIES:
        raise ValueError(f"expected {', '.join(PARITIES)}, got {text!r}")
    return text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _nothing(text: str) -> bool:
    if text:
        raise ValueError(f"expected no amount, got {text!r}")
    return True


_READERS: Final = {
    "RATE": _rate,
    "SECONDS": _duration,
    "BAUD": _baud,
    "PARITY": _parity,
    "": _nothing,
}
_TEXT: Final[dict[str, Callable[[bytes], bytes]]] = {
    "flow-control": lambda octets: octets.translate(None, b"\x11\x13"),
    "telnet": lambda octets: octets.replace(b"\xff", b"\xff\xff").replace(b"\r", b"\r\0"),
    "crlf": lambda octets: octets.replace(b"\n", b"\r\n"),
    "cr-to-lf": lambda octets: octets.replace(b"\r", b"\n"),
    "no-cr": lambda octets: octets.replace(b"\r", b""),
    "utf-8": lambda octets: octets.decode("latin-1").encode(),
}


class Faults:
    """Damages lists as they are sent, one after the other."""

    def __init__(self, faults: dict[str, Any], seed: int, line: Line = Line()) -> None:  # noqa: B008 it is constant
        """Take the faults that read() returns. line: the settings of the meter's line."""
        self._faults = faults
        self._random = random.Random(seed)  # noqa: S311  no secret
        self._line = line
        self._last = b""  # the last octet that the meter sent, for shared flags
        self._hour: list[bytes] = []  # the frames of the last hourly list

    def damage(self, frames: list[bytes], elapsed_ms: int, *, hourly: bool = False) -> bytes:
        """Return what is left of the frames of a list. elapsed_ms: since the meter began."""
        if hourly:
            frames = self._repeat(frames)
        if self._silent(elapsed_ms):
            return b""
        octets = self._cut(self._join([self._lose_tail(frame) for frame in frames]))
        if not self._faults.keys().isdisjoint(("baud", "parity", "inverted", "strict")):
            octets = self._receive(octets)
        if "seven-bit" in self._faults:
            octets = bytes(octet & 0x7F for octet in octets)
        if not self._faults.keys().isdisjoint(("drop", "flip", "insert")):
            octets = b"".join([self._octet(octet) for octet in octets])
        for name, change in _TEXT.items():
            octets = change(octets) if name in self._faults else octets
        return octets

    def _hits(self, name: str) -> bool:
        """Return whether a fault with a rate happens now."""
        return name in self._faults and self._random.random() < self._faults[name]

    def _repeat(self, frames: list[bytes]) -> list[bytes]:
        if self._hour and self._hits("repeated-hour"):
            return self._hour
        self._hour = frames
        return frames

    def _silent(self, elapsed_ms: int) -> bool:
        duration = self._faults.get("silence", 0)
        return bool(duration) and duration <= elapsed_ms % (10 * duration) < 2 * duration

    def _lose_tail(self, frame: bytes) -> bytes:
        if len(frame) > _LONG and self._hits("tail"):
            return frame[: -self._random.randint(1, _TAIL)]
        return frame

    def _join(self, frames: list[bytes]) -> bytes:
        octets = b""
        for frame in frames:
            sent = _stuffed(frame) if "stuffing" in self._faults else frame
            shared = "shared-flag" in self._faults and self._last == _FLAG and sent[:1] == _FLAG
            octets += sent[shared:]
            self._last = sent[-1:]
        return octets

    def _cut(self, octets: bytes) -> bytes:
        cut = self._random.random() < self._faults.get("cut", 0)
        return octets[: self._random.randrange(len(octets))] if cut else octets

    def _receive(self, octets: bytes) -> bytes:
        """Return what a port reads whose settings are not the meter's."""
        parity = self._faults.get("parity", self._line.parity)
        baud = self._faults.get("baud", self._line.baud)
        sent = levels(octets, self._line)
        if "inverted" in self._faults:
            sent = inverted(sent)
        port = self._line._replace(parity=parity)
        return receive(sent, baud / self._line.baud, port, strict="strict" in self._faults)

    def _octet(self, octet: int) -> bytes:
        draw, rates = self._random.random, self._faults
        extra = bytes((self._random.randrange(256),)) if draw() < rates.get("insert", 0) else b""
        if draw() < rates.get("drop", 0):
            return extra
        if draw() < rates.get("flip", 0):
            octet ^= 1 << self._random.randrange(8)
        return extra + bytes((octet,))


def _stuffed(frame: bytes) -> bytes:
    """Return an HDLC frame with its octets 7D and 7E escaped: ISO/IEC 13239, octet transparency."""
    inside = frame[1:-1].replace(b"\x7d", b"\x7d\x5d").replace(_FLAG, b"\x7d\x5e")
    return frame[:1] + inside + frame[-1:]
