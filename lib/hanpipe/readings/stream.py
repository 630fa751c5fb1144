"""A stream of octets -> readings: all stages in one process."""

import time
from collections.abc import Callable, Iterator

from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message, Telegram
from hanpipe.link import FRAMERS
from hanpipe.readings.naming import Naming
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    from hanpipe.apdu.keys import Keys
    from hanpipe.readings.reading import Reading

_MOST_TOLD = 1000  # texts; a hostile line makes new ones for ever


def readings(
    stream: "BinaryIO",
    *,
    link: str = "auto",
    keys: "Keys | None" = None,
    naming: "Naming | None" = None,
    descriptors: bool = False,
    tell: "Callable[[str], None] | None" = None,
) -> "Iterator[Reading]":
    """Yield the readings in a stream of octets from a HAN port; what cannot be read is passed over.

    stream: opened for reading octets; each reading is yielded as soon as its last octet can be read. It has a time if
            the stream is none that can be sought in (a port, a pipe)
    link:   auto, hdlc, mbus, p1, apdu or escaped
    keys:   of ciphered meters: hanpipe.apdu.keys.read_key_file(path)[0]
    naming: how values are named and scaled, where the line does not say it: hanpipe.readings.naming.Naming(...)
    descriptors: read values with an untagged descriptor in front, as han-decode --descriptors does
    tell:   is told, each word once, what a person should know: a message without a key, a power of ten that is open.
            As the programs say it; where it is None, it is a RuntimeWarning
    raise:  OSError of the stream; KeyError: no such link
    """
    tell = _once(tell or _warn)
    deciphering = None
    if keys is not None:
        from hanpipe.apdu.deciphering import Deciphering

        deciphering = Deciphering(keys, warn=tell)
    framer, decoder = FRAMERS[link](), Decoder(deciphering, tell, descriptors=descriptors)
    naming = naming or Naming(tell=tell)
    read = getattr(stream, "read1", stream.read)
    dated = not stream.seekable()
    data = b"-"
    while data:
        data = read(65536)
        now = time.time_ns() if dated else 0
        for told in decoder.feed_all([(kind, octets, now) for kind, octets in framer.feed(data)]):
            if type(told) is Message:
                yield naming.reading(told)
            elif type(told) is Telegram:
                yield naming.telegram(told.keys, told.time)


def _once(tell: "Callable[[str], None]") -> "Callable[[str], None]":
    """Return what passes each text on once."""
    told: set[str] = set()

    def first(text: str) -> None:
        if text not in told and len(told) < _MOST_TOLD:
            told.add(text)
            tell(text)

    return first


def _warn(text: str) -> None:
    import warnings

    warnings.warn(text, RuntimeWarning, stacklevel=2)
