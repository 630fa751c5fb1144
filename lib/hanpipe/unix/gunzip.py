"""gzip data -> what it holds, in pieces of any size: the files of han-log --gzip, one or several in a row."""

import zlib

from hanpipe.unix.typed import Final

MAGIC: Final = b"\x1f\x8b"  # RFC 1952, 2.3.1
_GZIP: Final = 31  # wbits of zlib for a gzip header and trailer


class Gunzip:
    """Feed it gzip data in pieces; each returns what it holds. A file that was cut gives all that is there."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    def feed(self, data: bytes) -> bytes:
        """Return what data holds. raise: OSError: the data is damaged."""
        found = []
        try:
            while data:
                found.append(self._member.decompress(data))
                data = self._member.unused_data.lstrip(b"\0")
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP)
        except zlib.error as error:
            raise OSError(0, f"damaged gzip data ({error})") from error
        return b"".join(found)
