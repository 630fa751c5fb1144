"""The input, the backlog and the sink: who waits for what."""

import os
import select
import stat
import time
from typing import Any, Final

from hanpipe.spool.arrivals import Arrivals
from hanpipe.spool.backlog import Backlog
from hanpipe.spool.directory import InUse, lock
from hanpipe.spool.intake import Intake
from hanpipe.spool.sink import Sink
from hanpipe.unix.program import Program, read_piece
from hanpipe.unix.status import CONFIGURATION, IO, OK, REFUSED, Failure
from hanpipe.unix.stderr import counted, reason, say

_PIECE: Final = 65536
_REPORT_PAUSE: Final = 60.0  # s between two words of -v about how much waits


def run(program: Program, command: list[str]) -> int:
    """Run han-spool; return its exit status. raise: Failure."""
    directory = program.options.dir
    try:
        locked = lock(directory)
    except InUse as error:
        raise Failure(IO, f"{directory}: another han-spool uses this queue; give each its own DIR") from error
    except OSError as error:
        raise Failure(IO, f"{directory}: {reason(error)}") from error
    try:
        return Runner(program, command).run()
    finally:
        os.close(locked)


class Runner:
    """One run: lines in, the sink fed, lines that it has taken passed on."""

    def __init__(self, program: Program, command: list[str]) -> None:
        """Open the queue, start the sink. raise: Failure."""
        options = program.options
        self._program = program
        self._directory = options.dir
        self._arrivals = Arrivals()
        try:
            self._backlog = Backlog(options.dir, options.max_size, self._say, options.hold)
            self._intake = Intake(options.dir)
            self._take_up()
        except OSError as error:
            raise Failure(IO, f"{options.dir}: {reason(error)}") from error
        try:
            self._sink = Sink(command, self._backlog, self._pass_on, self._say)
        except OSError as error:
            raise Failure(IO, f"{command[0]}: {reason(error)}") from error
        mode = os.fstat(0).st_mode
        regular = stat.S_ISREG(mode)
        self._piped = stat.S_ISFIFO(mode)
        self._timed = not regular  # a line of a file has not arrived now
        self._held = options.hold > 0  # then a kill may cost what is in memory
        self._waits = options.wait or regular
        self._piece = min(_PIECE, options.max_size // 4)
        self._lines = 0
        self._passed = 0
        self._failure: Failure | None = None  # of the input
        self._reading = True
        self._until = 0.0  # when the sink must have taken the rest, once the input has ended
        self._report = 0.0  # when -v says the next time how much waits

    def _take_up(self) -> None:
        """Put what an earlier run left in its intake into the queue. raise: OSError."""
        if lines := self._arrivals.feed(*self._intake.left()):
            self._backlog.put(lines)
        self._empty_intake()
        self._restored = self._backlog.waiting

    def _empty_intake(self) -> None:
        if not self._backlog.unwritten:
            self._intake.clear(self._arrivals.rest)

    def run(self) -> int:
        """Run until the input has ended and the sink has taken the rest; return the exit status."""
        show = self._program.stats(self._counters)
        if self._restored:
            self._program.explain(f"{self._directory}: {_size(self._restored)} of lines wait from before")
        try:
            while not self._over():
                self._care()
                self._wait()
        finally:
            lost = self._backlog.close()
            self._intake.clear(b"")
            self._intake.close()
        show()
        return self._status(self._backlog.waiting - lost, lost)

    def _over(self) -> bool:
        if self._program.stopping:
            self._sink.stop()
            if not (self._piped and self._program.grace()):
                self._end_input()
        if self._reading or self._sink.running:
            return False
        if self._program.stopping or self._sink.finished or not self._backlog.waiting:
            return True
        return time.monotonic() + (self._sink.seconds() or 0.0) > self._until

    def _care(self) -> None:
        """Do what is due."""
        self._backlog.write_due()
        self._sink.care()
        if not self._reading:
            self._sink.finish()
            if time.monotonic() >= self._until:
                self._sink.stop()

    def _wait(self) -> None:
        """Wait until something happens or is due, and serve what has happened."""
        with select.epoll() as poll:
            for descriptor, event in self._sink.descriptors().items():
                poll.register(descriptor, event)
            at_once = False
            if self._reading and not (self._waits and self._backlog.full):
                try:
                    poll.register(0, select.EPOLLIN)
                except PermissionError:  # a regular file, or /dev/null: they never keep anybody waiting
                    at_once = True
            patience = 0.0 if at_once else self._patience()
            if not self._program.stopping:  # then no signal is to be waited for any more
                self._program.wait(poll.fileno(), patience)
                patience = 0.0
            ready = {descriptor for descriptor, _ in poll.poll(patience)}
        self._sink.serve(ready)
        if at_once or 0 in ready:
            self._read()

    def _patience(self) -> float | None:
        """Return the seconds until something is due, None if nothing is."""
        dues = [self._backlog.due(), self._sink.seconds()]
        if not self._reading and self._until > (now := time.monotonic()):
            dues.append(self._until - now)
        if self._reading and self._program.stopping:
            dues.append(self._program.grace())
        return min((due for due in dues if due is not None), default=None)

    def _read(self) -> None:
        try:
            data = self._intake.read(self._piece) if self._piped and not self._held else read_piece(0, self._piece)
        except BlockingIOError:
            return
        except OSError as error:
            self._failure = Failure(IO, f"standard input: {reason(error)}")
            data = b""
        if data:
            self._put(self._arrivals.feed(data, time.time_ns() if self._timed else 0))
            self._empty_intake()
        else:
            self._end_input()

    def _end_input(self) -> None:
        if self._reading:
            self._reading = False
            self._put(self._arrivals.feed(b"", time.time_ns() if self._timed else 0))
            self._until = time.monotonic() + self._program.options.drain

    def _put(self, lines: bytes) -> None:
        if lines:
            self._lines += lines.count(b"\n")
            self._backlog.put(lines)
            self._program.alive()
        if self._program.options.verbose and time.monotonic() >= self._report:
            self._report = time.monotonic() + _REPORT_PAUSE
            self._program.explain(f"{self._directory}: {_size(self._backlog.waiting)} of lines wait")

    def _pass_on(self, lines: bytes) -> None:
        self._passed += lines.count(b"\n")
        if self._program.options.pass_on:
            self._program.write(lines)

    def _status(self, waiting: int, lost: int) -> int:
        """Return the exit status. raise: Failure: not all is well.

        waiting: octets that are left on disk; lost: octets that the disk did not take
        """
        if self._failure:
            raise self._failure
        if waiting:
            message = f"{self._directory}: at the end {_size(waiting)} of lines wait for the next run"
            if not self._program.stopping:
                lasting = self._sink.status in (CONFIGURATION, REFUSED)
                raise Failure(self._sink.status if lasting else IO, message)
            self._say(message)
        if lost:
            return IO
        return OK if self._lines or self._restored else self._program.nothing("found no line in the input")

    def _say(self, message: str) -> None:
        """Say what may come again: Program.warn says a thing once for good."""
        if not self._program.options.quiet:
            say(self._program.name, message)

    def _counters(self) -> dict[str, Any]:
        return {
            "lines": self._lines,
            "passed": self._passed,
            "dropped": self._backlog.dropped,
            "waiting_octets": self._backlog.waiting,
            "restarts": self._sink.restarts,
        }


def _size(octets: int) -> str:
    """Say a number of octets as people do: 812 octets, 4.0 kB, 63.9 MB."""
    if octets < 1000:
        return counted(octets, "octet")
    return f"{octets / 1e3:.1f} kB" if octets < 1e6 else f"{octets / 1e6:.1f} MB"
