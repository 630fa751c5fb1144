"""Reports to systemd about a pipe that it runs: sd_notify(3), without its library."""

import contextlib
import os
import socket
import stat
import time


class Service:
    """Reports that the pipe is ready, and that records come through.

    All programs of a unit's pipe have the socket. The last one, whose stdout is not a pipe, reports for all of them.
    """

    def __init__(self) -> None:
        """Report that the pipe is ready. $NOTIFY_SOCKET is set."""
        self.last = not stat.S_ISFIFO(os.fstat(1).st_mode)
        self._pause = int(os.environ.get("WATCHDOG_USEC", "0")) / 4e6  # s
        self._next = 0.0
        if self.last:
            self._notify("READY=1")

    def alive(self) -> None:
        """Feed the watchdog: a record has come through."""
        if self.last and self.is_due():
            self._notify("WATCHDOG=1")

    def is_due(self) -> bool:
        """Return whether a sign of life is due, and count it as given: four per interval of the watchdog at most."""
        if not self._pause or time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._pause
        return True

    def _notify(self, state: str) -> None:
        address = os.environ["NOTIFY_SOCKET"]
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
