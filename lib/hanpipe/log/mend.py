"""The mending of a gzip file that was cut, so that more can follow."""

import contextlib
import os
import zlib

from hanpipe.unix.gunzip import WBITS, Damaged, Gunzip
from hanpipe.unix.state import create
from hanpipe.unix.typed import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

_PIECE: Final = 65536  # octets


def mend(path: str) -> None:
    """Give a gzip file that was cut an end; leave out what cannot be read of it. raise: OSError."""
    if not os.path.exists(path) or _is_whole(path):
        return
    try:
        with open(path, "rb") as cut, open(create(f"{path}.part", 0o640), "wb") as mended:
            _copy(cut, mended)
        os.replace(f"{path}.part", path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(f"{path}.part")
        raise


def _is_whole(path: str) -> bool:
    gunzip = Gunzip()
    with open(path, "rb") as file, contextlib.suppress(Damaged):
        while data := file.read(_PIECE):
            gunzip.feed(data)
    return gunzip.whole


def _copy(cut: "BinaryIO", mended: "BinaryIO") -> None:
    """Copy what can be read of gzip data."""
    left = _written(cut)
    cut.seek(0)
    gunzip, packed = Gunzip(), zlib.compressobj(wbits=WBITS)
    with contextlib.suppress(Damaged):
        while data := cut.read(min(_PIECE, left)):
            left -= len(data)
            mended.write(packed.compress(gunzip.feed(data)))
    mended.write(packed.flush())


def _written(cut: "BinaryIO") -> int:
    """Return how many octets were written: a power cut may leave zeros after them, which would be read as data."""
    end = cut.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - _PIECE)
        cut.seek(begin)
        if octets := cut.read(end - begin).rstrip(b"\0"):
            return begin + len(octets)
        end = begin
    return 0
