"""What systemd is told of a pipe that it runs."""

import contextlib
import os
import socket
import stat
import time


class Service:
    """What systemd is told: that the pipe stands, and that records come through. sd_notify(3), without its library.

    All programs of a unit's pipe have the socket; the last one, whose stdout is no pipe, speaks for them all.
    """

    def __init__(self) -> None:
        """Tell that the pipe stands. $NOTIFY_SOCKET is set."""
        self._last = not stat.S_ISFIFO(os.fstat(1).st_mode)
        self._pause = int(os.environ.get("WATCHDOG_USEC", "0")) / 4e6  # s; WATCHDOG_PID is the shell's: not looked at
        self._next = 0.0
        self._tell("READY=1")

    def alive(self) -> None:
        """A record has come through: feed the watchdog, some times within its interval."""
        if self._pause and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._pause
            self._tell("WATCHDOG=1")

    def _tell(self, state: str) -> None:
        address = os.environ["NOTIFY_SOCKET"]
        if self._last:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
