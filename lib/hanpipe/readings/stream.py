"""A stream of octets -> readings: all stages in one process."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, starmap

from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Message, Refusal, Telegram
from hanpipe.link import FRAMERS, Event
from hanpipe.readings.naming import Naming
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    from hanpipe.apdu.keys import Keys
    from hanpipe.apdu.message import Result
    from hanpipe.readings.reading import Reading

_Record = tuple[str, bytes, int, str]  # kind, octets, time and source

# How other things begin, and what reads them.
_OTHERS = (
    (b"\x1f\x8b", "gzip data: open it with gzip.open"),
    (b"HAN", "records of han-frame: feed them to RecordReader, and what it returns to Decoder"),
    (b'{"', "lines of JSON: feed those of han-decode to LineReader"),
)
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
    decoder = new_decoder(keys, warn, descriptors=descriptors)
    results = (
        map(decoder.feed_all, of_lines(stream, link, warn))
        if lines
        else starmap(decoder.feed_events, of_octets(stream, link, warn))
    )
    return named(chain.from_iterable(results), naming)


def new_decoder(keys: "Keys | None", warn: "Callable[[str], None]", *, descriptors: bool) -> Decoder:
    """Return a decoder. Parameters: as of readings."""
    deciphering = None
    if keys is not None:
        from hanpipe.apdu.deciphering import Deciphering

        deciphering = Deciphering(keys, warn=warn)
    return Decoder(deciphering, warn, descriptors=descriptors)


def _read(stream: "BinaryIO") -> "Iterator[tuple[bytes, int]]":
    """Yield the octets of a stream as they come, then b"", each with the time of the read; 0 if the stream can seek."""
    read = getattr(stream, "read1", stream.read)
    dated = not stream.seekable()
    data = b"-"
    while data:
        data = read(65536)
        now = time.time_ns() if dated else 0
        yield data, now


def of_octets(stream: "BinaryIO", link: str, warn: "Callable[[str], None]") -> "Iterator[tuple[list[Event], int]]":
    """Yield the frames and faults that each read of a stream completes, and its time, as _read does."""
    framer = FRAMERS[link]()
    begun = False
    for data, now in _read(stream):
        if not begun:
            begun = True
            _warn_of_others(data, warn)
        yield framer.feed(data), now


def _warn_of_others(begin: bytes, warn: "Callable[[str], None]") -> None:
    """Warn if the first octets of a stream are not those of a line."""
    for magic, found in _OTHERS:
        if begin.startswith(magic):
            warn(f"expected octets of a line, found {found}")


def of_lines(stream: "BinaryIO", link: str, warn: "Callable[[str], None]") -> "Iterator[list[_Record]]":
    """Yield the records that each read of lines of many sources completes."""
    from hanpipe.link.sources import LineFramer

    framer = LineFramer(link)
    for text, now in _read(stream):
        pieces = framer.feed(text)
        if framer.lines.why:
            warn(f"{framer.lines.why}; such a line is passed over")
        yield [(kind, octets, time or now, source) for source, time, _, events in pieces for kind, octets in events]


def named(
    results: "Iterable[Result]", naming: "Naming", refuse: "Callable[[Refusal], None]" = lambda refusal: None
) -> "Iterator[Reading]":
    """Yield the readings in results of a decoder. refuse: receives what could not be read."""
    read = naming.reading
    for result in results:
        if type(result) is Message:
            yield read(result)
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
