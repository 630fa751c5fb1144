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

_Records = Callable[[bytes, int], list[tuple[str, bytes, int, str]]]

_MOST_WARNED = 1000  # texts; a hostile line makes new ones for ever


def readings(
    stream: "BinaryIO",
    *,
    link: str = "auto",
    lines: bool = False,
    keys: "Keys | None" = None,
    naming: "Naming | None" = None,
    descriptors: bool = False,
    warn: "Callable[[str], None] | None" = None,
) -> "Iterator[Reading]":
    """Yield the readings in a stream of octets from a HAN port. Octets that cannot be read are passed over.

    stream: opened for reading octets; each reading is yielded as soon as its last octet can be read. It has a time if
            the stream cannot seek (a port, a pipe)
    link:   auto, hdlc, mbus, p1, apdu or escaped
    lines:  whether the stream is text, a line SOURCE HEX or SOURCE TIME HEX for the octets of each of many meters; each
            reading then has a source. A line that cannot be read is passed over with a warning
    keys:   of ciphered meters: hanpipe.read_key_file(path)[0]
    naming: how values are named and scaled if the meter does not send it: hanpipe.Naming(...)
    descriptors: also read values after an untagged descriptor, as han-decode --descriptors does
    warn:   receives each warning once, as a text: a message without a key, a missing scaler. By default each is a
            RuntimeWarning
    raise:  OSError of the stream; KeyError: unknown link; ModuleNotFoundError: the package cryptography is missing
    """
    warn = once(warn)
    naming = naming or Naming(warn=warn)
    for results in decoded(stream, link, keys, warn, lines=lines, descriptors=descriptors):
        yield from named(results, naming)


def decoded(
    stream: "BinaryIO", link: str, keys: "Keys | None", warn: "Callable[[str], None]", *, lines: bool, descriptors: bool
) -> "Iterator[list[Result]]":
    """Yield what each read of a stream completes. Parameters: as of readings."""
    deciphering = None
    if keys is not None:
        from hanpipe.apdu.deciphering import Deciphering

        deciphering = Deciphering(keys, warn=warn)
    read_records = _of_lines(link, warn) if lines else _of_octets(link)
    decoder = Decoder(deciphering, warn, descriptors=descriptors)
    read = getattr(stream, "read1", stream.read)
    dated = not stream.seekable()
    data = b"-"
    while data:
        data = read(65536)
        now = time.time_ns() if dated else 0
        yield decoder.feed_all(read_records(data, now))


def _of_octets(link: str) -> "_Records":
    """Return what makes the records of the frames and faults that a piece of octets, read at a time, completes."""
    framer = FRAMERS[link]()
    return lambda data, now: [(kind, octets, now, "") for kind, octets in framer.feed(data)]


def _of_lines(link: str, warn: "Callable[[str], None]") -> "_Records":
    """Return the same for text in lines of many sources."""
    from hanpipe.link.sources import LineFramer

    framer = LineFramer(link)

    def records(text: bytes, now: int) -> list[tuple[str, bytes, int, str]]:
        pieces = framer.feed(text)
        if framer.lines.why:
            warn(f"{framer.lines.why}; such a line is passed over")
        return [(kind, octets, time or now, source) for source, time, _, events in pieces for kind, octets in events]

    return records


def named(
    results: "Iterable[Result]", naming: "Naming", refuse: "Callable[[Refusal], None]" = lambda refusal: None
) -> "Iterator[Reading]":
    """Yield the readings in the results of a decoder. refuse: receives what could not be read."""
    for result in results:
        if type(result) is Message:
            yield naming.reading(result)
        elif type(result) is Telegram:
            yield naming.telegram(result.keys, result.time, result.source)
        elif type(result) is Refusal:
            refuse(result)


def once(warn: "Callable[[str], None] | None") -> "Callable[[str], None]":
    """Return a function that passes each text on once; without warn, as a RuntimeWarning."""
    warn = warn or _warn
    warned: set[str] = set()

    def first(text: str) -> None:
        if text not in warned and len(warned) < _MOST_WARNED:
            warned.add(text)
            warn(text)

    return first


def _warn(text: str) -> None:
    import warnings

    warnings.warn(text, RuntimeWarning, stacklevel=2)
