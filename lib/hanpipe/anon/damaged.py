"""The names in octets that no check has confirmed: frames that failed, pieces without the others, and noise."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from hanpipe.anon.names import NAMING, is_name, names_in
from hanpipe.anon.traces import most_wrong
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.dlms import Notification
from hanpipe.apdu.message import Message, Result, Telegram
from hanpipe.apdu.partial import read_partly
from hanpipe.apdu.shape import Shape, notification_pieces
from hanpipe.link.content import LLCS
from hanpipe.link.kinds import FAULTS, link_of
from hanpipe.link.p1.parity import without_parity
from hanpipe.readings.naming import Naming
from hanpipe.unix.typed import Final

_LONGEST: Final = 2048  # octets of an APDU that are read
_LLC: Final = re.compile(b"|".join(map(re.escape, LLCS)))
# A logical name of six octets and the string after it, which is then read as the body of an APDU.
_NAMED: Final = re.compile(
    rb"([\x00\x01][\x00-\x40](?:\x60[\x01\x0d\x35].|\x00\x00.|\x2a\x00\x00)\xff)([\x09\x0a].)", re.DOTALL
)
# A string of digits, perhaps after the FLAG id of a maker, wherever it is: in a later piece of a list without codes.
_NUMBER: Final = re.compile(rb"[\x09\x0a]([\x08-\x1f])((?:[A-Z]{3})?[0-9]{8,28})")
_BODY: Final = b"\x0f\0\0\0\0\0\x02\x02\x09\x06"  # data-notification of a structure of two: a logical name, a value
_OBJECT: Final = re.compile(rb"(\d{1,3}-\d{1,3}:([\d.]{5,11})(?:\*\d{1,3})?)\(([^()\r\n]{1,200})\)")


def names_in_damage(events: Iterable[tuple[str, bytes]], cut: Iterable[bytes], known: set[str]) -> set[str]:
    """Return the names that faults hold, apart from known ones, and from those that differ by a wrong octet only.

    events: all of a capture, kind and octets, as in link/kinds.py; cut: APDUs of which pieces are missing
    """
    naming = Naming()
    events = list(events)
    results = [*_as_if_good(events)]
    texts = list[str]()
    for octets in [*(octets for kind, octets in events if kind in FAULTS), *cut]:
        results += _results(octets)
        texts += [text.decode() for size, text in _NUMBER.findall(octets) if size[0] == len(text)]
    found = Counter([name for result in results for name in names_in(result, naming)] + texts)
    chosen: set[str] = set()
    for name, _ in sorted(found.items(), key=lambda pair: (-pair[1], pair[0])):
        if is_name(name) and not any(_differs_little(name, other) for other in (*known, *chosen)):
            chosen.add(name)
    return chosen


def read_what_is_left(octets: bytes) -> Message | None:
    """Return the APDU at the beginning of octets as far as it can be read; None if nothing of it can."""
    notification, body, _ = read_partly(octets[:_LONGEST])
    return _message(octets[:_LONGEST], notification._replace(body=body)) if notification and body else None


def _as_if_good(events: Iterable[tuple[str, bytes]]) -> Iterator[Result]:
    """Yield everything that can be read if frames whose check failed are taken for good, so that pieces are joined."""
    decoder = Decoder()
    for kind, octets in events:
        link = link_of(kind, octets) if kind == "c" else None
        yield from decoder.feed(link.letter if link else kind, octets)


def _results(octets: bytes) -> Iterator[Result]:
    """Yield everything that can be read in damaged octets, wherever it begins."""
    begins = [found.end() for found in _LLC.finditer(octets)]
    parts = [octets[begin : begin + _LONGEST] for begin in begins]
    parts += [
        _BODY + found[1] + octets[found.start(2) : found.end() + found[2][1]] for found in _NAMED.finditer(octets)
    ]
    for part in [octets, *parts]:
        if message := read_what_is_left(part):
            yield message
    for code, kind_of, text in _OBJECT.findall(without_parity(octets)):
        if NAMING.fullmatch(kind_of.decode()):
            objects = [[code.decode(), text.decode("latin-1")]]
            yield Telegram(0, {"link": "p1", "identification": "/", "objects": objects})


def _message(octets: bytes, notification: Notification) -> Message:
    shape = Shape(octets, notification_pieces(notification, 0))
    return Message(0, "", shape, shape.unpack(octets))


def _differs_little(name: str, other: str) -> bool:
    if len(name) != len(other):
        return False
    return sum(a != b for a, b in zip(name, other, strict=True)) <= most_wrong(len(name))
