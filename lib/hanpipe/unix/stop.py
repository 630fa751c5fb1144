"""SIGINT and SIGTERM: how they end a wait, and not a program in the middle of its work."""

import os
import select
import signal
import time
from types import FrameType


class Stop:
    """True once SIGINT or SIGTERM has come; a second one ends the program at once.

    The signal only wakes the wait for input. To raise an exception from it would lose what was just read.
    """

    def __init__(self) -> None:
        """Take the signals that the caller does not ignore."""
        self._came = False
        self._hurried = False  # whether a signal raises KeyboardInterrupt
        self._woken, waker = os.pipe()
        os.set_blocking(waker, False)
        os.set_blocking(self._woken, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._take)

    def __bool__(self) -> bool:
        """Tell whether one has come."""
        return self._came

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        signal.signal(number, signal.SIG_DFL)
        if self._hurried:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        """Let a signal end what is done from here on. raise: KeyboardInterrupt: one has come."""
        if self._came:
            raise KeyboardInterrupt
        self._hurried = True

    def __exit__(self, *_: object) -> None:
        """Let a signal wait again."""
        self._hurried = False

    def wait_for(self, descriptor: int, seconds: float | None = None) -> bool | None:
        """Wait until there is something to read; tell whether there is, and no signal came; None: the time is over."""
        while not self._came:
            ready, _, _ = select.select([descriptor, self._woken], [], [], seconds)
            if not ready:
                return None
            if self._woken in ready:
                os.read(self._woken, 512)  # another signal, SIGUSR1 say
            elif ready:
                return True
        return False

    def wait(self, descriptor: int | None, seconds: float | None) -> bool:
        """Wait as wait_for does, for so long at most; tell whether there is something to read."""
        until = None if seconds is None else time.monotonic() + seconds
        watched = [self._woken] if descriptor is None else [self._woken, descriptor]
        while not self._came:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready, _, _ = select.select(watched, [], [], left)
            if self._woken not in ready:
                return bool(ready)
            os.read(self._woken, 512)  # another signal, SIGUSR1 say
        return False

    def pause(self, seconds: float) -> bool:
        """Wait; tell whether a signal came."""
        if not self._came:
            select.select([self._woken], [], [], seconds)
        return self._came
