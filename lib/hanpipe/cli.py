"""What the programs share: options, input, output, messages and exit status."""

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

from hanpipe.stop import Stop
from hanpipe.typed import TYPE_CHECKING, Any, Final, TypeVar
from hanpipe.version import VERSION

if TYPE_CHECKING:
    from hanpipe.progress import Progress
    from hanpipe.service import Service

OK, NOTHING, USAGE, CONFIGURATION, IO, REFUSED = range(6)
READER_LEFT: Final = 141  # what a shell reports of a program that SIGPIPE has ended

T = TypeVar("T")

_FOLLOW_PAUSE: Final = 0.5  # s between two looks at a file that grows
_PIPE: Final = 65536  # octets that a pipe holds, if nobody asks for more
_WIDE_PIPE: Final = 1048576  # what everybody may ask for
_ROOM: Final = memoryview(bytearray(65536))  # for what is read; only one thread reads


_EXAMPLE: Final = "example:\n  "


# The programs speak English throughout. argparse would look for a translation of each of its own words, and import what
# that takes: 1 ms of a start.
vars(argparse)["_"] = str


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Folds the description, and leaves the example as it is."""

    def __init__(self, prog: str) -> None:
        # 80 columns wherever it is read: to ask for the terminal's width costs every start of a program 2 ms
        super().__init__(prog, width=80)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(_EXAMPLE):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


class _Parser(argparse.ArgumentParser):
    """Says like the programs do that help cannot be written."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is None or file is sys.stderr:  # None: the caller has closed it
            _to_stderr(message.encode(errors="backslashreplace"))
            return
        try:
            file.write(message)  # argparse itself passes over what goes wrong here, from Python 3.11.4 on
            file.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries again when it ends
            if isinstance(error, BrokenPipeError):
                raise
            raise Failure(IO, f"standard output: {reason(error)}") from error


class Failure(Exception):
    """What ends a program: its exit status, and a word for the user."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


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
    except BrokenPipeError:
        return READER_LEFT
    except KeyboardInterrupt:  # before the program was ready for it, or the second one
        return 128 + signal.SIGINT


def say(name: str, message: str) -> None:
    """Write a line to stderr, if there is anybody to read it; a message may quote a meter or a server."""
    _to_stderr(f"{name}: {printable(message)}\n".encode())


def printable(text: str) -> str:
    """Return a text from outside with escapes in the place of what would move a terminal's cursor, or worse."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def _to_stderr(octets: bytes) -> None:
    """Write octets to stderr, if there is anybody to read them."""
    try:
        os.write(2, octets)
    except OSError:
        return


def reason(error: OSError) -> str:
    """Say in words what went wrong, as the user's messages have it: "no such file or directory"."""
    number = error.errno or 0  # below 0: of the look-up of a host's name, which has a numbering and words of its own
    text = os.strerror(number) if number > 0 else str(error.strerror or error)
    return text[:1].lower() + text[1:]


def read_piece(descriptor: int, most: int = 65536) -> bytes:
    """Read what has come, so many octets at most, 65,536 or fewer; b"" at the end. raise: OSError.

    os.read makes room for all of it each time and gives most of it back: the heap is cut up, and grows for days.
    """
    return bytes(_ROOM[: os.readv(descriptor, [_ROOM[:most]])])


def parser(name: str, purpose: str, example: str = "", **features: str) -> argparse.ArgumentParser:
    """Return a parser with what all programs have.

    purpose:  one sentence; example: a command line or more, shown behind the options
    features: help of those shared options that the program has: count (-n), follow, stats, files
    """
    made = _Parser(
        prog=name,
        description=purpose,
        epilog=_EXAMPLE + example if example else None,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"%(prog)s (hanpipe) {VERSION}")
    chatter = made.add_mutually_exclusive_group()
    chatter.add_argument("-v", "--verbose", action="store_true", help="say on stderr what is happening")
    chatter.add_argument("-q", "--quiet", action="store_true", help="say nothing but what ends the program")
    if "count" in features:
        made.add_argument("-n", dest="count", type=count, metavar="COUNT", help=features["count"])
    if "follow" in features:
        made.add_argument("--follow", action="store_true", help=features["follow"])
    if "stats" in features:
        made.add_argument("--stats", action="store_true", help=features["stats"])
    if "files" in features:
        made.add_argument("files", nargs="*", metavar="FILE", help=features["files"])
    return made


def count(text: str) -> int:
    """Read a whole number from 1 on. raise: ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def number(text: str) -> float:
    """Read a number from 0 to 1e9. raise: ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1e9")
    return value


def is_host(text: str) -> bool:
    """Tell whether text can be looked up as a host's name or address: what socket would not even try is none."""
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False


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
            _to_stderr(json.dumps(counters()).encode() + b"\n")

        signal.signal(signal.SIGUSR1, show)
        return show


def _progress(name: str) -> "Progress":
    from hanpipe.progress import Progress  # only a terminal needs it

    return Progress(name)


def _service() -> "Service":
    from hanpipe.service import Service  # only a service needs it

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
