"""One run of a program: its options, its input and its output. launch.py starts and ends it."""

import argparse
import os
import select
import signal
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from hanpipe.unix import stderr
from hanpipe.unix.status import IO, NOTHING, Failure
from hanpipe.unix.stderr import reason, say
from hanpipe.unix.stop import Stop
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from hanpipe.unix.progress import Progress
    from hanpipe.unix.systemd import Service

T = TypeVar("T")

_GZIP: Final = b"\x1f\x8b"  # gunzip.MAGIC, without the import of zlib, which most runs do without
_FOLLOW_PAUSE: Final = 0.5  # s between two looks at a file that grows
_PIPE: Final = 65536  # octets that a pipe holds by default
_WIDE_PIPE: Final = 1048576  # octets that every user may ask for
_ROOM: Final = memoryview(bytearray(65536))  # for the octets read; only one thread reads


def read_piece(descriptor: int, most: int = len(_ROOM)) -> bytes:
    """Read octets that have come, at most so many, at most 65,536; b"" at the end. raise: OSError.

    os.read allocates the most for each call and gives back the rest, which fragments the heap: it grew for days.
    """
    return bytes(_ROOM[: os.readv(descriptor, [_ROOM[:most]])])


class Program:
    """One run of a program. It reads, writes, waits and prints; the stages of the pipe do not."""

    def __init__(self, options: argparse.Namespace, name: str) -> None:
        """Begin. From here on SIGINT and SIGTERM end the input, not the program."""
        self.options = options
        self.name = name
        self.input = ""  # title of the one that pieces() reads now
        self._files: list[str] = getattr(options, "files", None) or ["-"]
        self._printed: set[str] = set()
        self._stop = Stop()
        self._progress = _progress(name) if not options.quiet and os.isatty(2) and not os.isatty(1) else None
        self._widened = False
        self._service = _service() if "NOTIFY_SOCKET" in os.environ else None

    def warn(self, message: str) -> None:
        """Print a message on stderr, each only once; none with -q."""
        if not self.options.quiet and message not in self._printed and len(self._printed) < 1000:
            self._printed.add(message)
            say(self.name, message)

    def nothing(self, message: str) -> int:
        """Say why the input held nothing valid, unless a message has said something already; return that status."""
        if not self._printed:
            self.warn(message)
        return NOTHING

    def report(self, message: str) -> None:
        """Write a message to stderr each time it happens; nothing with -q."""
        if not self.options.quiet:
            say(self.name, message)

    def explain(self, message: str) -> None:
        """Print a message on stderr with -v."""
        if self.options.verbose:
            say(self.name, message)

    def pieces(
        self, patience: Callable[[], float | None] = lambda: None, beside: Sequence[int] = ()
    ) -> Iterator[tuple[bytes, int]]:
        """Yield the octets of each input in turn, as soon as they come, until the last one ends or a signal comes.

        patience: called before each wait, returns the seconds after which to yield b""; None: wait for octets
        beside:   other descriptors; yield b"" as well when one of them, or any signal, ends the wait
        yield:    octets, and the time of the read in ns since 1970-01-01 UTC, 0 from a regular file
        raise:    Failure: an input cannot be opened or read
        """
        for file in self._files:
            title = self.input = "standard input" if file == "-" else file
            try:
                descriptor = 0 if file == "-" else _open(file)
                state = os.fstat(descriptor)
                size = state.st_size if stat.S_ISREG(state.st_mode) else None
                yield from self._read(descriptor, size, patience, beside)
                if self._stop and stat.S_ISFIFO(state.st_mode):
                    yield from self._last(descriptor)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise Failure(IO, f"{title}: {reason(error)}") from error
            if descriptor:
                os.close(descriptor)
            if self._stop:
                return

    def _read(
        self, descriptor: int, size: int | None, patience: Callable[[], float | None], beside: Sequence[int]
    ) -> Iterator[tuple[bytes, int]]:
        """Yield the octets of a descriptor, those in a regular file that is gzip.

        size: of a regular file; None: it is another kind of file
        """
        follow = size is not None and getattr(self.options, "follow", False)
        begins = True
        unpack: Callable[[bytes], bytes] = bytes  # as they are
        while (ready := self._stop.wait_for(descriptor, patience(), beside)) is not False:
            if ready is None:
                yield b"", time.time_ns()
                continue
            data = read_piece(descriptor)
            if data and begins and size is not None and data[:2] == _GZIP:
                unpack = _gunzip()
            begins = False
            if data:
                if octets := unpack(data):
                    yield octets, 0 if size is not None else time.time_ns()
                if size and self._progress:
                    self._progress.show(len(data), size)
            elif not follow or self._stop.pause(_FOLLOW_PAUSE):
                unpack(b"")  # raises what it found to be damaged
                break
            elif beside or patience() is not None:
                yield b"", time.time_ns()
        if self._progress:
            self._progress.clear()

    def _last(self, descriptor: int) -> Iterator[tuple[bytes, int]]:
        """Yield what a pipe brings after a signal, until it ends or the time for that is over."""
        while (grace := self._stop.grace()) and select.select([descriptor], [], [], grace)[0]:
            if not (data := read_piece(descriptor)):
                return
            yield data, time.time_ns()

    def _to_the_end(self) -> Iterator[tuple[bytes, int]]:
        """Yield pieces(), then b"" with the time of the last piece, which is when the frame that it completes came."""
        time_ns = 0
        for data, time_ns in self.pieces():
            yield data, time_ns
        yield b"", time_ns

    @property
    def stopping(self) -> bool:
        """Whether SIGINT or SIGTERM has come."""
        return bool(self._stop)

    def grace(self) -> float:
        """Return the seconds for which a pipe is still read after SIGINT or SIGTERM."""
        return self._stop.grace()

    def wait(self, descriptor: int | None, seconds: float | None = None) -> bool:
        """Wait for octets, but not longer than some seconds, nor after SIGINT or SIGTERM; return whether octets came.

        descriptor: None: only wait; seconds: None: without a limit
        """
        return self._stop.wait(descriptor, seconds)

    def interruptible(self) -> Stop:
        """Return a context for a wait without select, for example while connecting: a signal ends the wait there.

        raise: KeyboardInterrupt, in the context: SIGINT or SIGTERM has come
        """
        return self._stop

    def stream(
        self,
        step: Callable[[bytes, int], list[T]],
        write: Callable[[list[T], int], bytes],
        good: Callable[[T], bool],
    ) -> bool:
        """Write the results of step for each piece of the input, in one write per piece.

        step:   octets (b"" at the end) and the time of their read -> the results that they complete, in order
        write:  results, and the same time -> octets for stdout
        good:   a result -> whether -n counts it
        return: whether any result was good
        """
        left: int | None = getattr(self.options, "count", None)
        found = False
        for data, time_ns in self._to_the_end():
            made = step(data, time_ns)
            if left is not None:
                made, left = _up_to(made, left, good)
            found = found or any(map(good, made))
            if octets := write(made, time_ns):
                self.write(octets)
            if left == 0:
                break
        return found

    def write(self, data: bytes) -> None:
        """Write all octets to stdout, at once.

        raise: BrokenPipeError: the reader has left; Failure: they cannot be written
        """
        if len(data) > _PIPE and not self._widened:
            self._widened = True
            _widen(1)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(1, view) :]
            self.alive()
        except BrokenPipeError:
            raise
        except BlockingIOError:  # another program made the pipe non-blocking
            select.select([], [1], [])
            self.write(bytes(view))
        except OSError as error:
            raise Failure(IO, f"standard output: {reason(error)}") from error

    def alive(self) -> None:
        """Report to systemd, if it started the program, that a record has come through."""
        if self._service:
            self._service.alive()

    def heard(self) -> None:
        """Report to systemd, if it started the program, that lines came, of which one may be written hours later.

        If other programs follow, they get an empty line, so that the last one has something to report.
        """
        if self._service and self._service.last:
            self._service.alive()
        elif self._service and self._service.is_due():
            self.write(b"\n")

    def stats(self, counters: Callable[[], dict[str, Any]]) -> Callable[[], None]:
        """Return a function that writes counters as a JSON line to stderr; SIGUSR1 calls it too.

        Without --stats it does nothing.
        """
        if not self.options.stats:
            return lambda: None
        import json  # most runs of han-frame do without

        def show(number: int = 0, frame: FrameType | None = None) -> None:
            stderr.write(json.dumps(counters()).encode() + b"\n")

        signal.signal(signal.SIGUSR1, show)
        return show


def _gunzip() -> Callable[[bytes], bytes]:
    from hanpipe.unix.gunzip import Gunzip  # only a file of han-log --gzip needs it

    return Gunzip().feed


def _progress(name: str) -> "Progress":
    from hanpipe.unix.progress import Progress

    return Progress(name)


def _service() -> "Service":
    from hanpipe.unix.systemd import Service

    return Service()


def _open(file: str) -> int:
    """Open a file to read it, without waiting for the writer of a FIFO: select does that, and a signal ends it."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def _widen(descriptor: int) -> None:
    """Let a pipe hold the results of a whole piece of input, so that its writer need not wait for its reader."""
    import fcntl  # only a fast replay needs it

    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _WIDE_PIPE)
    except (OSError, AttributeError):  # not a pipe, not Linux, or too many wide pipes of this user
        return


def _up_to(made: list[T], left: int, good: Callable[[T], bool]) -> tuple[list[T], int]:
    """Return the results up to the one that makes the count full, and how many good ones are left to count."""
    for number, one in enumerate(made, 1):
        left -= good(one)
        if not left:
            return made[:number], 0
    return made, left
