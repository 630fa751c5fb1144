"""A stream of octets -> readings: all stages in one process."""

import time
from collections.abc import Callable, Iterable, Iterator

from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message, Refusal, Telegram
from hanpipe.link import FRAMERS
from hanpipe.readings.naming import Naming
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    from hanpipe.apdu.keys import Keys
    from hanpipe.apdu.message import Result
    from hanpipe.readings.reading import Reading

_MOST_WARNED = 1000  # texts; a hostile line makes new ones for ever


def readings(
    stream: "BinaryIO",
    *,
    link: str = "auto",
    keys: "Keys | None" = None,
    naming: "Naming | None" = None,
    descriptors: bool = False,
    warn: "Callable[[str], None] | None" = None,
) -> "Iterator[Reading]":
    """Yield the readings in a stream of octets from a HAN port. Octets that cannot be read are passed over.

    stream: opened for reading octets; each reading is yielded as soon as its last octet can be read. It has a time if
            the stream cannot seek (a port, a pipe)
    link:   auto, hdlc, mbus, p1, apdu or escaped
    keys:   of ciphered meters: hanpipe.read_key_file(path)[0]
    naming: how values are named and scaled if the meter does not send it: hanpipe.Naming(...)
    descriptors: also read values after an untagged descriptor, as han-decode --descriptors does
    warn:   receives each warning once, as a text: a message without a key, a missing scaler. By default each is a
            RuntimeWarning
    raise:  OSError of the stream; KeyError: unknown link; ModuleNotFoundError: the package cryptography is missing
    """
    warn = _once(warn or _warn)
    deciphering = None
    if keys is not None:
        from hanpipe.apdu.deciphering import Deciphering

        deciphering = Deciphering(keys, warn=warn)
    framer, decoder = FRAMERS[link](), Decoder(deciphering, warn, descriptors=descriptors)
    naming = naming or Naming(warn=warn)
    read = getattr(stream, "read1", stream.read)
    dated = not stream.seekable()
    data = b"-"
    while data:
        data = read(65536)
        now = time.time_ns() if dated else 0
        yield from named(decoder.feed_all([(kind, octets, now) for kind, octets in framer.feed(data)]), naming)


def named(
    results: "Iterable[Result]", naming: "Naming", refuse: "Callable[[Refusal], None]" = lambda refusal: None
) -> "Iterator[Reading]":
    """Yield the readings in the results of a decoder. refuse: receives what could not be read."""
    for result in results:
        if type(result) is Message:
            yield naming.reading(result)
        elif type(result) is Telegram:
            yield naming.telegram(result.keys, result.time)
        elif type(result) is Refusal:
            refuse(result)


def _once(warn: "Callable[[str], None]") -> "Callable[[str], None]":
    """Return a function that passes each text on once."""
    warned: set[str] = set()

    def first(text: str) -> None:
        if text not in warned and len(warned) < _MOST_WARNED:
            warned.add(text)
            warn(text)

    return first


def _warn(text: str) -> None:
    import warnings

    warnings.warn(text, RuntimeWarning, stacklevel=2)
