"""One open file of the log."""

import os
import zlib

from hanpipe.unix.state import open_own


class File:
    """A file that grows. pending: octets that it has taken and the disk has not."""

    def __init__(self, path: str, *, gzip: bool) -> None:
        """Open it to append. raise: OSError."""
        self._zip = _new_zip(path) if gzip else None
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


def _new_zip(path: str) -> "zlib._Compress":
    """Return what compresses the octets that come; mend what is there already. raise: OSError."""
    from hanpipe.log.mend import mend  # only --gzip needs it
    from hanpipe.unix.gunzip import WBITS

    mend(path)
    return zlib.compressobj(wbits=WBITS)
