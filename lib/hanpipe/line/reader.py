"""Reads a port or socket without end: opens it again when it is lost, finds its settings, and reports silence."""

import argparse
import time
from collections.abc import Callable
from contextlib import closing

from hanpipe.line.finder import LineFinder, NewDetector
from hanpipe.line.port import (
    IN_USE,
    NO_DEVICE,
    NO_PERMISSION,
    NOT_A_PORT,
    Closed,
    Lost,
    Refused,
    Source,
    is_url,
    open_source,
    port_reason,
)
from hanpipe.line.settings import Line
from hanpipe.line.watch import LineWatch
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, Failure
from hanpipe.unix.stderr import counted, duration, say
from hanpipe.unix.typed import Final, TypeVar

T = TypeVar("T")

LONGEST_PAUSE: Final = 60.0  # s before it is opened again; the first pause is 1 s, and each is twice the last


class Live:
    """Reads a port or URL to stdout until a signal comes, or, with --once, until it ends or is lost."""

    def __init__(
        self,
        program: Program,
        name: str,
        line: Line,
        options: argparse.Namespace,
        new_detector: NewDetector,
        why: Callable[[bytes], str],
        why_failed: Callable[[bytes], str],
    ) -> None:
        """Take from the options: auto, idle (s, 0 for never) and once.

        new_detector: detects frames of any link; why: returns why some octets hold no frame
        why_failed: returns the cause that the octets of a wrong setting show, "" if they show none
        """
        now = time.monotonic()
        self._program = program
        self._name = name
        self._line = line
        self._once: bool = options.once
        self._finder = LineFinder(line, now, new_detector) if options.auto else None
        self._watch = LineWatch(options.idle, now, new_detector, why) if options.idle else None
        self._why_failed = why_failed
        self._causes: set[str] = set()  # settings with the causes that were reported for them
        self._pause = 1.0
        self._away: float | None = None  # when it was lost
        self._said: set[str] = set()  # the reasons that were reported since then

    def run(self) -> None:
        """Read.

        raise: Failure: it is lost or cannot be opened, and --once is on, or waiting is useless;
               BrokenPipeError: the reader of stdout has left
        """
        try:
            self._keep_reading()
        finally:
            if self._finder:  # these octets may be good, though no frame was whole
                self._program.write(bytes(self._finder.held))

    def _keep_reading(self) -> None:
        while not self._program.stopping:
            try:
                with closing(self._settle(self._open)) as source:
                    self._begin(source)
                    self._read(source)
            except BrokenPipeError:
                raise
            except KeyboardInterrupt:  # while it was being opened
                break
            except OSError as error:
                if self._once and isinstance(error, Closed):
                    break
                self._report_lost(error)
                self._program.wait(None, self._pause)
                self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _open(self, line: Line) -> Source:
        with self._program.interruptible():
            return open_source(self._name, line)

    def _settle(self, attempt: Callable[[Line], T]) -> T:
        """Open or set the port. A search goes on to the next settings that the port has.

        attempt: does it; raise: Refused: the port has none of the settings; OSError: it is lost
        """
        if not self._finder:
            return attempt(self._line)
        try:
            return self._finder.settle(attempt, lambda error: self._program.warn(f"{self._name}: {error}"))
        finally:
            self._line = self._finder.line

    def _begin(self, source: Source) -> None:
        """Prepare for the octets of a source that was just opened."""
        if source.cooked:
            self._program.warn(f"{self._name}: line editing was on, as for a terminal; made raw")
        self._program.explain(f"{self._name}: open")
        now = time.monotonic()
        if self._watch:
            self._watch.restart(now)
        if self._finder:
            self._finder.restart(now)
            self._report_try(self._finder)

    def _read(self, source: Source) -> None:
        """Read until a signal comes. raise: OSError: it is lost."""
        while not self._program.stopping:
            if self._program.wait(source.descriptor, self._patience()):
                try:
                    data = source.read()
                except BlockingIOError:
                    continue
                self._take(data)
            self._look(source)

    def _patience(self) -> float | None:
        """Return how many seconds to wait for octets before the next thing to do; None: without a limit."""
        dues = [due for one in (self._finder, self._watch) if one and (due := one.due()) is not None]
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def _take(self, data: bytes) -> None:
        """Pass octets on, or keep them until the settings are found."""
        now = time.monotonic()
        if self._away is not None:
            self._say(f"{self._name}: back after {duration(now - self._away)}")
            self._away = None
            self._said.clear()
        self._pause = 1.0
        if self._finder:
            data = self._finder.feed(data, now)
            if self._finder.found:
                self._keep(self._finder)
        if data:
            self._program.write(data)
        if self._watch:
            messages = self._watch.heard(now) if self._finder else self._watch.feed(data, now)
            self._say_all(messages)

    def _look(self, source: Source) -> None:
        """Do whatever is due."""
        now = time.monotonic()
        if self._watch:
            self._say_all(self._watch.look(now))
        if self._finder and self._finder.look(now):
            self._try(self._finder, source)

    def _try(self, finder: LineFinder, source: Source) -> None:
        """Try the next settings that the port has. raise: OSError."""
        self._report_cause(self._why_failed(finder.failed))
        self._settle(source.set_line)
        finder.restart(time.monotonic())
        self._report_try(finder)

    def _report_cause(self, cause: str) -> None:
        """Say what the octets of a setting show, once for each setting and cause. cause: begins with its name."""
        key = f"{self._line} {cause.partition(':')[0]}"
        if cause and key not in self._causes:
            self._causes.add(key)
            self._program.warn(f"{self._name}: at {self._line}: {cause}")

    def _report_try(self, finder: LineFinder) -> None:
        if finder.round > 1:
            self._program.warn(
                f"no good frame at any of {finder.count} settings; trying them again, {finder.patience:.0f} s each"
            )
        else:
            self._program.warn(f"{self._name}: trying {finder.line}")

    def _keep(self, finder: LineFinder) -> None:
        """Keep the settings, which are found."""
        line = self._line
        options = f"--baud {line.baud} --parity {line.parity} --bits {line.bits} --stop {line.stop}"
        self._say(f"{self._name}: frames pass their checks at {line} ({options}); keeping it")
        if finder.dropped:
            self._program.explain(f"dropped {counted(finder.dropped, 'octet')} that came at other settings")
        self._finder = None

    def _report_lost(self, error: OSError) -> None:
        """Report why it cannot be read, once for each time it is lost. raise: Failure: it is useless to wait for it."""
        words = port_reason(self._name, error)
        useless = not is_url(self._name) and (isinstance(error, Refused) or words == NOT_A_PORT)
        if self._once or useless:
            raise Failure(IO, f"{self._name}: {words}") from error
        if self._away is None:
            self._away = time.monotonic()
        if words not in self._said:
            waiting = "" if words in (NO_PERMISSION, IN_USE) else "; waiting for it (Ctrl-C ends)"
            self._say(f"{self._name}: {words}{waiting}")
        self._said |= {words, NO_DEVICE} if isinstance(error, Lost) else {words}

    def _say(self, message: str) -> None:
        """Print a message that may come again: Program.warn prints each only once."""
        if not self._program.options.quiet:
            say(self._program.name, message)

    def _say_all(self, messages: list[str]) -> None:
        for message in messages:
            self._say(message)
