"""A simulated port: a pseudo-terminal under a chosen name. Like a meter, it sends whether or not anybody reads."""

import contextlib
import os
import select
import termios
import tty


class Port:
    """A pseudo-terminal that can be read at `path`, a symbolic link, until it is closed. raise: OSError."""

    def __init__(self, path: str) -> None:
        self._ours, theirs = os.openpty()
        tty.setraw(theirs)
        self._device = os.ttyname(theirs)
        self._path = path
        self._heard = False
        os.close(theirs)  # so that poll() shows whether another program has it open
        os.set_blocking(self._ours, False)
        with contextlib.suppress(OSError):  # nothing is there, or something else, which symlink() refuses
            if os.readlink(path).startswith("/dev/pts/"):  # left by a han-fake that was killed
                os.unlink(path)
        os.symlink(self._device, path)

    def write(self, octets: bytes) -> int | None:
        """Send octets without waiting; return for how many there was room, None if no program has the port open."""
        if not self._listened():
            self._forget()
            return None
        self._heard = True
        try:
            return os.write(self._ours, octets)
        except BlockingIOError:
            return 0

    def _listened(self) -> bool:
        poll = select.poll()
        poll.register(self._ours, select.POLLOUT)
        return not any(events & select.POLLHUP for _, events in poll.poll(0))

    def _forget(self) -> None:
        """Drop what the last reader left unread, as the next reader of a real port would not get it either."""
        if self._heard:
            self._heard = False
            theirs = os.open(self._device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            termios.tcflush(theirs, termios.TCIFLUSH)
            os.close(theirs)

    def close(self) -> None:
        """Remove the name and the terminal. A program that reads it sees a hang-up, as from an unplugged adapter."""
        with contextlib.suppress(OSError):
            if os.readlink(self._path) == self._device:
                os.unlink(self._path)
        os.close(self._ours)
