"""The sink: another program, between two pipes. Nothing in here waits."""

import contextlib
import os
import signal
from typing import Final

from hanpipe.sinks.passing import DELIVERED
from hanpipe.unix.program import read_piece

_RESTORED: Final = (signal.SIGPIPE, signal.SIGXFSZ)  # what Python ignores, and no other program expects to be ignored


class Process:
    """A program that runs. Its stderr is ours.

    lines: descriptor of what it writes; end: descriptor that can be read from when it has ended
    entry: descriptor of what it reads, -1 when that is closed
    """

    def __init__(self, command: list[str]) -> None:
        """Start it. raise: OSError: that cannot be done."""
        theirs_in, self.entry = os.pipe()
        self.lines, theirs_out = os.pipe()
        try:
            self._pid = os.posix_spawnp(
                command[0],
                command,
                {**os.environ, DELIVERED[0]: DELIVERED[1]},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs_in, 0), (os.POSIX_SPAWN_DUP2, theirs_out, 1)],
                setsigdef=_RESTORED,
            )
            self.end = os.pidfd_open(self._pid)
        except OSError:
            os.close(self.entry)
            os.close(self.lines)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        os.set_blocking(self.entry, False)
        os.set_blocking(self.lines, False)
        self._pending = b""  # whole lines, but for the first, which may have been begun
        self._begun = False
        self._finishing = False

    @property
    def pending(self) -> bool:
        """Tell whether it is to read what it was given before."""
        return bool(self._pending)

    def give(self, octets: bytes) -> None:
        """Take whole lines for it, when nothing is pending: push writes them."""
        self._pending = octets

    def push(self) -> None:
        """Write what is pending as far as it reads. raise: BrokenPipeError: it reads no more."""
        with contextlib.suppress(BlockingIOError):
            while self._pending:
                done = os.write(self.entry, self._pending)
                self._begun = self._pending[done - 1 : done] != b"\n"
                self._pending = self._pending[done:]
        if self._finishing and not self._pending:
            self.close_entry()

    def finish(self) -> None:
        """Tell it that there is no more: its input ends with the line that is begun."""
        if self.entry >= 0 and not self._finishing:
            self._finishing = True
            self._pending = self._pending[: self._pending.find(b"\n") + 1] if self._begun else b""
            self.push()

    def close_entry(self) -> None:
        """End its input here and now."""
        if self.entry >= 0:
            os.close(self.entry)
        self.entry = -1
        self._pending = b""

    def read(self) -> bytes | None:
        """Return what it has written; b"" if it writes no more, None if there is nothing now."""
        try:
            return read_piece(self.lines)
        except BlockingIOError:
            return None

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._pid, number)

    def wait(self) -> int:
        """Return the exit status of a process that has ended, that of a shell (128 + signal) where a signal did it."""
        self.close_entry()
        os.close(self.lines)
        os.close(self.end)
        _, state = os.waitpid(self._pid, 0)
        status = os.waitstatus_to_exitcode(state)
        return status if status >= 0 else 128 - status
