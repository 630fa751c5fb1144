"""One open file of the log, and the mending of a gzip file that was cut."""

import contextlib
import os
import zlib
from collections.abc import Callable

from hanpipe.unix.state import create, open_own
from hanpipe.unix.typed import Final

_GZIP: Final = 31  # zlib's number for a gzip header and trailer, with the longest window
_PIECE: Final = 65536  # octets


class File:
    """A file that grows. pending: octets that it has taken and the disk has not."""

    def __init__(self, path: str, *, gzip: bool) -> None:
        """Open it to append. raise: OSError."""
        if gzip:
            _mend(path)
        self._zip = zlib.compressobj(wbits=_GZIP) if gzip else None
        self.pending = b""
        self._descriptor = open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def take(self, octets: bytes) -> None:
        """Take octets, without writing them."""
        if self._zip and octets:
            octets = self._zip.compress(octets) + self._zip.flush(zlib.Z_SYNC_FLUSH)
        self.pending += octets

    def write(self) -> None:
        """Write what is pending. raise: OSError: the disk does not take it all."""
        while self.pending:
            self.pending = self.pending[os.write(self._descriptor, self.pending) :]

    def close(self) -> None:
        """Write the end and close. raise: OSError."""
        try:
            if self._zip:
                self.pending += self._zip.flush(zlib.Z_FINISH)
            self.write()
        finally:
            os.close(self._descriptor)


def _mend(path: str) -> None:
    """Give a gzip file that was cut an end, so that more can follow; leave out what cannot be read of it."""
    if not os.path.exists(path) or _copy_readable(path, lambda octets: None):
        return
    packed = zlib.compressobj(wbits=_GZIP)
    try:
        with open(create(f"{path}.part", 0o640), "wb") as mended:
            _copy_readable(path, lambda octets: mended.write(packed.compress(octets)))
            mended.write(packed.flush())
        os.replace(f"{path}.part", path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(f"{path}.part")
        raise


def _copy_readable(path: str, write: Callable[[bytes], object]) -> bool:
    """Copy what can be read of a gzip file; return whether that is all of it."""
    import gzip  # only a file that exists already needs it

    try:
        with gzip.open(path) as packed:
            while octets := packed.read1(_PIECE):
                write(octets)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return True
