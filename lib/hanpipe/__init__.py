"""hanpipe: what electricity meters say on their HAN port.

    import hanpipe
    for reading in hanpipe.readings(open("raw.log", "rb")):
        print(reading.time, reading["act_pow_pos"])

Each stage stands alone, fed by hand, without input or output of its own: link (octets -> frames), records, decoder
(frames -> messages), naming (messages -> readings). docs/formats.md and docs/fields.md tell what they say.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from hanpipe.version import VERSION as __version__

if TYPE_CHECKING:
    from hanpipe.naming import Naming, Reading

__all__ = ["__version__", "readings"]


def readings(stream: BinaryIO, *, link: str = "auto", naming: "Naming | None" = None) -> "Iterator[Reading]":
    """Yield the readings in a stream of octets from a HAN port; what cannot be read is passed over.

    stream: a file or pipe opened for reading octets; each reading is yielded as soon as its last octet can be read
    link:   auto, hdlc or apdu
    naming: how values are named and scaled, where the line does not say it (hanpipe.naming.Naming)
    raise:  OSError of the stream
    """
    import time

    from hanpipe.decoder import Decoder, Message
    from hanpipe.link import FRAMERS
    from hanpipe.naming import Naming

    framer, decoder, naming = FRAMERS[link](), Decoder(), naming or Naming()
    read = getattr(stream, "read1", stream.read)
    dated = not (stream.seekable())
    while True:
        data = read(65536)
        now = time.time_ns() if dated else 0
        for kind, octets in framer.feed(data):
            for told in decoder.feed(kind, octets, now):
                if type(told) is Message:
                    yield naming.reading(told)
        if not data:
            return
