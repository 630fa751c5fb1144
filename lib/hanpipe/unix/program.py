"""One run of a program: its input, its output and how it ends."""

import argparse
import importlib
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

from hanpipe.unix import stderr
from hanpipe.unix.status import CONFIGURATION, IO, READER_LEFT, Failure
from hanpipe.unix.stderr import reason, say
from hanpipe.unix.stop import Stop
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from hanpipe.unix.progress import Progress
    from hanpipe.unix.systemd import Service

T = TypeVar("T")

_FOLLOW_PAUSE: Final = 0.5  # s between two looks at a file that grows
_PIPE: Final = 65536  # octets that a pipe holds, if nobody asks for more
_WIDE_PIPE: Final = 1048576  # what everybody may ask for
_ROOM: Final = memoryview(bytearray(65536))  # for what is read; only one thread reads


def read_piece(descriptor: int, most: int = 65536) -> bytes:
    """Read what has come, so many octets at most, 65,536 or fewer; b"" at the end. raise: OSError.

    os.read makes room for all of it each time and gives most of it back: the heap is cut up, and grows for days.
    """
    return bytes(_ROOM[: os.readv(descriptor, [_ROOM[:most]])])


def launch() -> int:
    """Run the program that argv[0] names: the entry point of them all."""
    name = os.path.basename(sys.argv[0])
    module = "hanpipe.programs." + name.removeprefix("han-").replace("-", "_")
    return run(lambda argv: int(importlib.import_module(module).main(argv)), name, sys.argv[1:])


def run(main: Callable[[list[str]], int], name: str, argv: list[str]) -> int:
    """Run a program's main; turn every way to end into its exit status."""
    try:
        _keep_standard_descriptors()
        return main(argv)
    except Failure as failure:
        say(name, str(failure))
        return failure.status
    except ModuleNotFoundError as error:
        if str(error.name).startswith("hanpipe"):  # a bug, or no such program
            raise
        from hanpipe.unix.missing import message

        say(name, message(error))
        return CONFIGURATION
    except BrokenPipeError:
        return READER_LEFT
    except KeyboardInterrupt:  # before the program was ready for it, or the second one
        return 128 + signal.SIGINT


class Program:
    """One run of a program: its options, and how it talks to its surroundings."""

    def __init__(self, options: argparse.Namespace, name: str) -> None:
        """Take what was asked for; from here on SIGINT and SIGTERM end the input, not the program."""
        self.options = options
        self.name = name
        self._files: list[str] = getattr(options, "files", None) or ["-"]
        self._told: set[str] = set()
        self._stop = Stop()
        self._progress = _progress(name) if not options.quiet and os.isatty(2) and not os.isatty(1) else None
        self._widened = False
        self._service = _service() if "NOTIFY_SOCKET" in os.environ else None

    def tell(self, message: str) -> None:
        """Tell the user something on stderr, once; nothing with -q."""
        if not self.options.quiet and message not in self._told and len(self._told) < 1000:
            self._told.add(message)
            say(self.name, message)

    def explain(self, message: str) -> None:
        """Tell the user something that only -v asks for."""
        if self.options.verbose:
            say(self.name, message)

    def pieces(self, patience: Callable[[], float | None] = lambda: None) -> Iterator[tuple[bytes, int]]:
        """Yield what can be read of each input in turn, as soon as it can, until the last one ends or a signal comes.

        patience: asked before each wait: after so many seconds without octets b"" is yielded; None: they are awaited
        yield: octets, and the time of the read in ns since 1970-01-01 UTC, 0 from a regular file
        raise: Failure: an input cannot be opened or read
        """
        for file in self._files:
            title = "standard input" if file == "-" else file
            try:
                descriptor = 0 if file == "-" else _open(file)
                state = os.fstat(descriptor)
                yield from self._read(descriptor, state.st_size if stat.S_ISREG(state.st_mode) else None, patience)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise Failure(IO, f"{title}: {reason(error)}") from error
            if descriptor:
                os.close(descriptor)
            if self._stop:
                return

    def _read(
        self, descriptor: int, size: int | None, patience: Callable[[], float | None]
    ) -> Iterator[tuple[bytes, int]]:
        """Yield what comes from a descriptor. size: of a regular file, None of anything else."""
        follow = size is not None and getattr(self.options, "follow", False)
        while (ready := self._stop.wait_for(descriptor, patience())) is not False:
            if ready is None:
                yield b"", time.time_ns()
                continue
            data = read_piece(descriptor)
            if data:
                yield data, 0 if size is not None else time.time_ns()
                if size and self._progress:
                    self._progress.show(len(data), size)
            elif not follow or self._stop.pause(_FOLLOW_PAUSE):
                break
        if self._progress:
            self._progress.clear()

    def _to_the_end(self) -> Iterator[tuple[bytes, int]]:
        """Yield pieces(), then b"" with the time of the last one: what it completes came with that."""
        time_ns = 0
        for data, time_ns in self.pieces():
            yield data, time_ns
        yield b"", time_ns

    @property
    def stopping(self) -> bool:
        """Whether SIGINT or SIGTERM has come."""
        return bool(self._stop)

    def wait(self, descriptor: int | None, seconds: float | None = None) -> bool:
        """Wait for octets, for a time or for a signal that ends the program; tell whether there is something to read.

        descriptor: None for none; seconds: None for any time
        """
        return self._stop.wait(descriptor, seconds)

    def interruptible(self) -> Stop:
        """Return a context for what no select waits for, a connection being made say: a signal ends the wait there.

        raise: KeyboardInterrupt, in the context: SIGINT or SIGTERM has come
        """
        return self._stop

    def stream(
        self,
        step: Callable[[bytes, int], list[T]],
        write: Callable[[list[T], int], bytes],
        good: Callable[[T], bool],
    ) -> bool:
        """Write what step makes of each piece of the input, in one write a piece.

        step:   octets (b"" at the end) and the time of their read -> what they complete, in order
        write:  these, and the same time -> octets for stdout
        good:   which of them -n counts
        return: whether there was a good one
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
        """Write octets to stdout, all of them, now.

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
        except BlockingIOError:  # somebody made the pipe non-blocking
            select.select([], [1], [])
            self.write(bytes(view))
        except OSError as error:
            raise Failure(IO, f"standard output: {reason(error)}") from error

    def alive(self) -> None:
        """Tell systemd, if it asked, that a record has come through."""
        if self._service:
            self._service.alive()

    def stats(self, counters: Callable[[], dict[str, Any]]) -> Callable[[], None]:
        """Write counters as a JSON line to stderr whenever SIGUSR1 comes, and whenever the function returned is called.

        Only with --stats.
        """
        if not self.options.stats:
            return lambda: None
        import json  # what most runs of han-frame never need

        def show(number: int = 0, frame: FrameType | None = None) -> None:
            stderr.write(json.dumps(counters()).encode() + b"\n")

        signal.signal(signal.SIGUSR1, show)
        return show


def _progress(name: str) -> "Progress":
    from hanpipe.unix.progress import Progress  # only a terminal needs it

    return Progress(name)


def _service() -> "Service":
    from hanpipe.unix.systemd import Service  # only a service needs it

    return Service()


def _open(file: str) -> int:
    """Open a file to read it, without waiting for a FIFO's writer: that is for select, which a signal wakes."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def _widen(descriptor: int) -> None:
    """Let a pipe hold what a piece of the input makes: its writer goes on with the next while its reader works."""
    import fcntl  # a meter's own pace never asks for it

    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _WIDE_PIPE)
    except (OSError, AttributeError):  # no pipe, no Linux, or the user has too many wide ones
        return


def _up_to(made: list[T], left: int, good: Callable[[T], bool]) -> tuple[list[T], int]:
    """Return what was made up to the good one that is the last of those left, and how many are left behind it."""
    for number, one in enumerate(made, 1):
        left -= good(one)
        if not left:
            return made[:number], 0
    return made, left


def _keep_standard_descriptors() -> None:
    """Open what the caller has closed of 0, 1 and 2, to read nothing: or the next file opened would take its number."""
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) < 3:
        pass
    os.close(descriptor)
