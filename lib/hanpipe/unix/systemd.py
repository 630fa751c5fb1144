"""Reports to systemd about a pipe that it runs: sd_notify(3), without its library."""

import contextlib
import os
import socket
import stat
import time


class Service:
    """Reports that the pipe is ready, and that records come through.

    All programs of a unit's pipe have the socket. The last one, whose stdout is not a pipe, reports that the pipe is
    ready, and feeds the watchdog. So does han-fields with the readings that it writes, because a program after it may
    keep them for an hour. If a later program is stuck, the pipe to it fills up, and han-fields writes nothing more.
    """

    def __init__(self, *, feeds: bool) -> None:
        """Report that the pipe is ready. $NOTIFY_SOCKET is set. feeds: whether it feeds the watchdog at any place."""
        last = not stat.S_ISFIFO(os.fstat(1).st_mode)
        self._pause = int(os.environ.get("WATCHDOG_USEC", "0")) / 4e6 if last or feeds else 0.0  # s
        self._next = 0.0
        if last:
            self._notify("READY=1")

    def alive(self) -> None:
        """Feed the watchdog, four times per interval at most: a record has come through."""
        if self._pause and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._pause
            self._notify("WATCHDOG=1")

    def _notify(self, state: str) -> None:
        address = os.environ["NOTIFY_SOCKET"]
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
