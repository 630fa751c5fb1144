"""The results of decoding, and the line of typed JSON that each becomes (docs/formats.md).

The opener takes an Apdu, a Telegram or a Refusal out of a record; the decoder makes a Message of each Apdu.
"""

import json

from hanpipe.apdu.arrival import front
from hanpipe.apdu.shape import Shape
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Any, NamedTuple


class Apdu(NamedTuple):
    """An APDU in clear text, put together but not read.

    time:   ns since 1970-01-01 UTC of its last frame, 0 = unknown
    keys:   the first keys of its line: link, addresses, ciphering
    octets: from its tag on; more APDUs may follow in them, which Opener.cut takes off
    frame:  the frame that alone carries it, b"" if there is more than one, or something around it
    joined: whether its pieces had no numbers, so that a missing one shows only in what the octets hold
    source: where its octets came from, "" where only one sends
    """

    time: int
    keys: dict[str, Any]
    octets: bytes
    frame: bytes = b""
    joined: bool = False
    source: str = ""


class Message(NamedTuple):
    """An APDU that was read.

    time:     ns since 1970-01-01 UTC of its last frame, 0 = unknown
    envelope: JSON text of the keys that are not part of the shape, each followed by a comma
    shape:    the part that it shares with other messages
    values:   the numbers and clocks that differ from message to message, and the texts that differ from meter to meter
    source:   as of Apdu
    """

    time: int
    envelope: str
    shape: Shape
    values: tuple[Any, ...]
    source: str = ""

    def line(self) -> str:
        """Return the line of han-decode, without a line end."""
        time, envelope, shape, values, source = self
        if shape.texts:
            values = shape.written(values)
        if time or envelope or source:
            return "{" + front(time, source) + envelope + shape.template % values
        return "{" + shape.template % values


class Telegram(NamedTuple):
    """A P1 telegram that was read. keys: those of its line, "identification" and "objects" among them."""

    time: int
    keys: dict[str, Any]
    source: str = ""

    def line(self) -> str:
        """Return the line of han-decode, without a line end."""
        return "{" + front(self.time, self.source) + json_text(self.keys)[1:]


class Refusal(NamedTuple):
    """Octets that could not be read. keys: those of its line, "fault" among them."""

    time: int
    keys: dict[str, Any]
    source: str = ""

    def line(self) -> str:
        """Return the line of han-decode, without a line end."""
        return "{" + front(self.time, self.source) + json_text(self.keys)[1:]


Opened = Apdu | Telegram | Refusal
Result = Message | Telegram | Refusal


def refusal(fault: str, malformed: Malformed, octets: bytes, keys: dict[str, Any], time: int) -> Refusal:
    """Make the refusal of octets that are not what they should be. keys: the first ones of its line."""
    why = {"fault": fault, "detail": malformed.what, "offset": malformed.offset}
    return Refusal(time, keys | why | {"octets": octets.hex()})


def json_text(value: Any) -> str:
    """Write JSON as compactly as all lines are."""
    return json.dumps(value, separators=(",", ":"))
