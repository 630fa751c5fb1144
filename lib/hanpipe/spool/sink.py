"""The sink as it is kept: started, given lines, asked for what it passes on, started again when it has ended."""

import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from hanpipe.sinks.retry import LONGEST_PAUSE, Waiting
from hanpipe.spool.backlog import PIECE, Backlog
from hanpipe.spool.flight import Flight
from hanpipe.spool.process import Process
from hanpipe.unix.status import CONFIGURATION, REFUSED, USAGE, Failure
from hanpipe.unix.stderr import reason

WINDOW: Final = 2_000_000  # octets that a sink may have and not pass on: 5 h of a meter that speaks each 2.5 s

_LAST_PATIENCE: Final = 3.0  # s for a sink to end by itself, and again once it is asked to
_WORDS: Final = {
    0: "has ended",
    USAGE: "does not understand its arguments (status 2)",
    CONFIGURATION: "its settings are wrong, or a Python package is missing (status 3): mend that; its lines are kept",
    REFUSED: "its login was refused (status 5): mend it; its lines are kept",
}
_SLOWLY: Final = (CONFIGURATION, REFUSED)  # only a person mends these; and logins that fail may be counted


class Sink:
    """Runs a command and feeds it from the backlog. Nobody waits in here: ask `descriptors` and `seconds`.

    restarts: how often it was started again; status: with which it ended last
    """

    def __init__(
        self, command: list[str], backlog: Backlog, pass_on: Callable[[bytes], None], say: Callable[[str], None]
    ) -> None:
        """Start the command. raise: OSError.

        pass_on: takes the lines that it has passed on; say: a line for the user
        """
        self.name = os.path.basename(command[0])
        self.restarts = 0
        self.status = 0
        self.finished = False  # it has seen the end of all lines, and ended well
        self._command = command
        self._backlog = backlog
        self._pass_on = pass_on
        self._say = say
        self._told: set[str] = set()
        self._waiting = Waiting(self.name, say)
        self._not_before = 0.0
        self._stopped = False
        self._worked = False  # it has passed something on, in this run or an earlier one
        self._begin()

    def _begin(self) -> None:
        self._process: Process | None = Process(self._command)
        self._flight = Flight()
        self._mute = False  # it has closed its output
        self._progress = False  # it has passed something on in this run
        self._finishing = False
        self._harsher: float | None = None  # when it is sent the next signal
        self._signals = deque((signal.SIGTERM, signal.SIGKILL))

    @property
    def running(self) -> bool:
        """Tell whether it runs."""
        return self._process is not None

    def descriptors(self) -> dict[int, int]:
        """Return what to wait for, each with epoll's word for it."""
        process = self._process
        if process is None:
            return {}
        watched = {process.end: select.EPOLLIN}
        if not self._mute:
            watched[process.lines] = select.EPOLLIN
        if process.pending:
            watched[process.entry] = select.EPOLLOUT
        return watched

    def seconds(self) -> float | None:
        """Return the seconds until something is to be done though nothing happens, None if nothing is."""
        now = time.monotonic()
        if self._process is None:
            return None if self._stopped else max(self._waiting.seconds(), self._not_before - now, 0.0)
        return None if self._harsher is None else max(0.0, self._harsher - now)

    def care(self) -> None:
        """Do what is due: start it again, give it lines, be harsher with it."""
        if self.seconds() == 0.0:
            if self._process is None:
                self._start_again()
            else:
                self._press()
        self._give()

    def serve(self, ready: set[int]) -> None:
        """Take what it has written, and its end. ready: those of the descriptors that are.

        raise: Failure: it does not understand its arguments
        """
        process = self._process
        if process is None:
            return
        if process.lines in ready:
            self._read(process)
        if process.entry in ready:
            self._push(process)
        if process.end in ready:
            while self._read(process):
                pass
            self._ended(process)

    def finish(self) -> None:
        """Let it see the end, once it has been given all there is."""
        if self._process and not self._process.pending and not self._backlog.unsent:
            self._finishing = True
            self._process.finish()

    def stop(self) -> None:
        """End it soon: its input ends here, then it is asked to, then it is made to."""
        if not self._stopped:
            self._stopped = True
            self._end_within(_LAST_PATIENCE)
            if self._process:
                self._push(self._process, self._process.finish)

    def _give(self) -> None:
        while (process := self._process) and process.entry >= 0 and not process.pending and self._backlog.unsent:
            room = WINDOW - len(self._flight)
            if self._finishing or self._stopped:
                return
            if room <= 0:
                self._doubt()
                return
            octets = self._backlog.next(min(PIECE, room))
            if not octets:
                return
            self._flight.add(octets)
            process.give(octets)
            self._push(process)

    def _push(self, process: Process, push: Callable[[], None] | None = None) -> None:
        try:
            (push or process.push)()
        except BrokenPipeError:
            process.close_entry()
            self._end_within(_LAST_PATIENCE)

    def _read(self, process: Process) -> bool:
        """Take what it has written; tell whether there was something."""
        if self._mute:
            return False
        data = process.read()
        if data:
            self._take(data)
        elif data == b"":
            self._mute = True
            self._end_within(_LAST_PATIENCE)
        return bool(data)

    def _take(self, data: bytes) -> None:
        passed = self._flight.passed(data)
        if passed.lines:
            self._pass_on(passed.lines)  # before they count as taken: a kill between the two must not cost them
        if passed.taken:
            self._progress = self._worked = True
            self._waiting.worked()
            self._backlog.acknowledge(passed.taken)
        if passed.skipped:
            self._warn("passes on some lines only: those between them count as taken too")
        if passed.strange:
            text = passed.strange[:60].decode(errors="replace").rstrip()
            self._warn("has written what it was not given; only a line as it came counts as taken", f": {text}")

    def _ended(self, process: Process) -> None:
        """It has ended: what it has not passed on is sent again, to the next one."""
        self.status = process.wait()
        self._process = None
        if self._finishing and self.status == 0:
            if len(self._flight):
                self._doubt()
            self.finished = True
        self._backlog.rewind()
        if self._stopped or self.finished:
            return
        if self.status == USAGE and not (self._worked or self.restarts):
            raise Failure(USAGE, f"{self.name} {_WORDS[self.status]}")
        if self._progress:
            self._warn(f"{self._word()}; started again")
        else:
            self._not_before = time.monotonic() + (LONGEST_PAUSE if self.status in _SLOWLY else 0.0)
            self._waiting.failed(self._word())

    def _word(self) -> str:
        if self.status > 128:
            return f"was killed (signal {self.status - 128})"
        return _WORDS.get(self.status, f"has ended with status {self.status}")

    def _start_again(self) -> None:
        self.restarts += 1
        try:
            self._begin()
        except OSError as error:
            self._waiting.failed(reason(error))

    def _end_within(self, seconds: float) -> None:
        if self._harsher is None:
            self._harsher = time.monotonic() + seconds

    def _press(self) -> None:
        self._harsher = None
        if self._process and self._signals:
            self._process.send(self._signals.popleft())
            self._end_within(_LAST_PATIENCE)

    def _doubt(self) -> None:
        if not self._worked:
            self._warn("has passed nothing on so far: does it do what --pass asks of a sink?")

    def _warn(self, message: str, example: str = "") -> None:
        """Tell the user something once."""
        if message not in self._told:
            self._told.add(message)
            self._say(f"{self.name}: {message}{example}")
