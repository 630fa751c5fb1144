"""The input on its way into the queue, so that a kill at any moment costs none of it.

Between the read of a pipe and the write of a file, only the process has the octets. So the kernel moves them from the
pipe into the file DIR/intake (splice(2)); the process reads them there, and empties the file when the queue has them.
"""

import contextlib
import os
from typing import Final

from hanpipe.spool.segments import written
from hanpipe.unix.program import read_piece
from hanpipe.unix.state import open_own, replace

_MOST: Final = 262_144  # octets from which on the file is begun anew, though a line is not whole
_FULL: Final = 1_000_000  # octets of a file that cannot be emptied, because the disk takes no lines


class Intake:
    """Standard input, a pipe, through a file."""

    def __init__(self, directory: str) -> None:
        """Open the file. raise: OSError."""
        self._path = f"{directory}/intake"
        self._descriptor = open_own(self._path, os.O_RDWR | os.O_CREAT)
        self._size = os.fstat(self._descriptor).st_size

    def left(self) -> tuple[bytes, int]:
        """Return whole lines that an earlier run took and may not have put in the queue, and when it took the last, ns.

        raise: OSError
        """
        octets = written(os.pread(self._descriptor, self._size, 0))
        if octets and not octets.endswith(b"\n"):  # the other half may have been lost with the pipe
            octets += b"\n"
        return octets, os.fstat(self._descriptor).st_mtime_ns

    def read(self, most: int) -> bytes:
        """Return octets that have come, at most so many; b"" at the end. raise: OSError."""
        if self._size >= _FULL:
            return read_piece(0, most)
        try:
            count = os.splice(0, self._descriptor, most, offset_dst=self._size)
        except BlockingIOError:
            raise
        except OSError:  # the disk is full, or its file system cannot: then they are in memory alone
            return read_piece(0, most)
        data = os.pread(self._descriptor, count, self._size)
        self._size += count
        return data

    def clear(self, rest: bytes) -> None:
        """Forget what was read, which the queue has, but for a rest that it does not have yet."""
        with contextlib.suppress(OSError):  # what stays comes twice after a kill
            if not rest and self._size:
                os.ftruncate(self._descriptor, 0)
                self._size = 0
            elif self._size > _MOST:
                replace(self._path, rest, durable=False)
                descriptor = open_own(self._path, os.O_RDWR)
                os.close(self._descriptor)
                self._descriptor, self._size = descriptor, len(rest)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
