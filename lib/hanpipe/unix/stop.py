"""SIGINT and SIGTERM end a wait, and do not end a program in the middle of its work."""

import os
import select
import signal
import time
from collections.abc import Sequence
from types import FrameType

from hanpipe.unix.typed import Final

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)
_GRACE: Final = 2.0  # s in which the programs of a pipe end one after the other, on the slowest board


class Stop:
    """True after SIGINT or SIGTERM; a second one ends the program at once.

    The signal only ends the wait for input. An exception in its handler would lose the octets that were just read.
    """

    def __init__(self) -> None:
        """Handle the signals, except those that the caller has set to be ignored."""
        self._came = False
        self._at = 0.0  # when it came, by the monotonic clock
        self._hurried = False  # whether a signal raises KeyboardInterrupt
        self._woken, waker = os.pipe()
        os.set_blocking(waker, False)
        os.set_blocking(self._woken, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in _STOPS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._take)

    def __bool__(self) -> bool:
        """Return whether one has come."""
        return self._came

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._came, self._at = True, time.monotonic()
        for one in _STOPS:
            if signal.getsignal(one) == self._take:  # not one that the caller has set to be ignored
                signal.signal(one, signal.SIG_DFL)
        if self._hurried:
            raise KeyboardInterrupt

    def grace(self) -> float:
        """Return the seconds for which a pipe is still read after a signal.

        A stop of a whole pipe signals all its programs at once. Each then writes what it holds, for example the period
        that is open, and the next one takes it.
        """
        return max(0.0, self._at + _GRACE - time.monotonic())

    def __enter__(self) -> None:
        """From here on, let a signal raise KeyboardInterrupt. raise: KeyboardInterrupt: one has come already."""
        if self._came:
            raise KeyboardInterrupt
        self._hurried = True

    def __exit__(self, *_: object) -> None:
        """From here on, let a signal only end waits."""
        self._hurried = False

    def wait_for(self, descriptor: int, seconds: float | None = None, beside: Sequence[int] = ()) -> bool | None:
        """Wait until there is something to read. return: True; False: a signal came; None: the time is over.

        beside: other descriptors; if there are any, None also means that one of them, or another signal, ended the wait
        """
        while not self._came:
            ready, _, _ = select.select([descriptor, self._woken, *beside], [], [], seconds)
            if self._woken in ready:
                os.read(self._woken, 512)  # another signal, for example SIGUSR1
                if not beside or self._came:
                    continue
                return None
            return True if descriptor in ready else None
        return False

    def wait(self, descriptor: int | None, seconds: float | None) -> bool:
        """Wait until there is something to read, a signal comes or the time is over; return whether there is."""
        until = None if seconds is None else time.monotonic() + seconds
        watched = [self._woken] if descriptor is None else [self._woken, descriptor]
        while not self._came:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready, _, _ = select.select(watched, [], [], left)
            if self._woken not in ready:
                return bool(ready)
            os.read(self._woken, 512)  # another signal, for example SIGUSR1
        return False

    def pause(self, seconds: float) -> bool:
        """Wait; return whether a signal came."""
        if not self._came:
            select.select([self._woken], [], [], seconds)
        return self._came
