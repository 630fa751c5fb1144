"""gzip data -> what it holds, in pieces of any size: the files of han-log --gzip, one or several in a row."""

import contextlib
import zlib

from hanpipe.unix.typed import Any, Final

MAGIC: Final = b"\x1f\x8b"  # RFC 1952, 2.3.1
WBITS: Final = 31  # zlib's number for a gzip header and trailer, with the longest window


class Damaged(OSError):
    """gzip data that cannot be read any further."""


class Gunzip:
    """Feed it gzip data in pieces; each returns what it holds. A file that was cut gives all that is there."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(WBITS)
        self._between = True  # whether the next octet begins a member
        self._padded = False  # whether there were zeros between members: the padding of a block on a disk or tape
        self._damage: Damaged | None = None

    @property
    def whole(self) -> bool:
        """Whether more gzip data may follow the data so far, so that every reader finds all of it."""
        return self._between and not (self._padded or self._damage)

    def feed(self, data: bytes) -> bytes:
        """Return what data holds, up to the first damage. b"" means that the input has ended.

        raise: Damaged: an earlier piece was damaged
        """
        if self._damage:
            raise self._damage
        found = []
        while data := self._without_padding(data):
            before = self._member.copy()
            try:
                found.append(self._member.decompress(data))
            except zlib.error as error:
                self._damage = Damaged(0, f"damaged gzip data ({error})")
                found.append(_up_to_damage(before, data))
                break
            data = self._member.unused_data
            self._between = self._member.eof
            if self._member.eof:
                self._member = zlib.decompressobj(WBITS)
        return b"".join(found)

    def _without_padding(self, data: bytes) -> bytes:
        if not self._between or data[:1] != b"\0":
            return data
        self._padded = True
        return data.lstrip(b"\0")


def _up_to_damage(member: Any, data: bytes) -> bytes:
    """Return what can be read before the damage in data: zlib keeps nothing of a piece in which it meets an error."""
    found = bytearray()
    with contextlib.suppress(zlib.error):
        for at in range(len(data)):
            found += member.decompress(data[at : at + 1])
    return bytes(found)
