"""The terminal: its screen, its size and its keys; in the end it is as it was before."""

import contextlib
import io
import os
import select
import signal
import sys
import termios
from types import FrameType

from rich.console import Console
from rich.text import Text

from hanpipe.sinks.errors import NotWritten
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Any, Final

_TTY: Final = "/dev/tty"  # whatever standard input and output are: readings come and go there
_ENTER: Final = b"\x1b[?1049h\x1b[?25l\x1b[H\x1b[J"  # the alternate screen, without a cursor
_LEAVE: Final = b"\x1b[r\x1b[H\x1b[J\x1b[?25h\x1b[?1049l"  # cleared: the Linux console has no alternate screen
_MESSAGES: Final = 2  # rows at the bottom that scroll by themselves: what other programs write to the terminal stays
_ENOUGH: Final = 12  # rows of a terminal that has room for messages
_LFLAG, _CC = 3, 6  # places in the list of tcgetattr


class Terminal:
    """Shows rows of text, from enter() to leave(), and reads single keys.

    descriptor: readable when a key was pressed
    unicode:    whether the terminal shows more than ASCII
    """

    def __init__(self) -> None:
        """Open it. raise: NotWritten: there is no terminal, or it cannot show a screen."""
        if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
            raise NotWritten("the terminal cannot show a screen ($TERM); han-fields --text writes lines")
        try:
            self.descriptor = os.open(_TTY, os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
            self._before = termios.tcgetattr(self.descriptor)
        except (OSError, termios.error) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            raise NotWritten(f"needs a terminal ({_TTY}: {why}); han-fields --text writes lines") from error
        self.unicode = _has_unicode()
        self._console = Console(file=io.StringIO(), force_terminal=True, highlight=False, markup=False, emoji=False)
        self._shown = False
        self._drawn_size = (0, 0)

    def enter(self) -> None:
        """Take the screen."""
        signal.signal(signal.SIGWINCH, lambda number, frame: None)  # it ends the wait; the next look is at the new size
        if signal.getsignal(signal.SIGTSTP) != signal.SIG_IGN:
            signal.signal(signal.SIGTSTP, self._stop)
        self._take()

    def _take(self) -> None:
        attributes: list[Any] = termios.tcgetattr(self.descriptor)
        attributes[_LFLAG] &= ~(termios.ICANON | termios.ECHO)
        attributes[_CC][termios.VMIN], attributes[_CC][termios.VTIME] = 1, 0
        self._shown = True
        self._drawn_size = (0, 0)
        termios.tcsetattr(self.descriptor, termios.TCSADRAIN, attributes)
        self._write(_ENTER)

    def leave(self) -> None:
        """Give the screen back; do nothing if it is given back already."""
        if self._shown:
            self._shown = False
            with contextlib.suppress(NotWritten, termios.error):  # the terminal is gone
                self._write(_LEAVE)
                termios.tcsetattr(self.descriptor, termios.TCSADRAIN, self._before)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-Z: give the screen back to the shell, and take it again when the shell lets the program go on."""
        shown = self._shown
        self.leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        if shown:
            self._take()

    def room(self) -> tuple[int, int]:
        """Return columns and rows of what draw() shows. raise: NotWritten: the terminal is gone."""
        columns, rows = self._size()
        # A character in the last column would make some terminals go on to the next row.
        return columns - 1, rows - _MESSAGES if rows >= _ENOUGH else rows

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self.descriptor)
        except OSError as error:
            raise NotWritten(f"{_TTY}: {reason(error)}") from error
        return columns or 80, rows or 24

    def pressed(self) -> str:
        """Return the keys that were pressed since the last call. raise: NotWritten: the terminal is gone."""
        if not select.select([self.descriptor], [], [], 0)[0]:
            return ""
        try:
            keys = os.read(self.descriptor, 64)
        except OSError as error:
            raise NotWritten(f"{_TTY}: {reason(error)}") from error
        if not keys:
            raise NotWritten(f"{_TTY}: the terminal is gone")
        return keys.decode("ascii", "replace")

    def draw(self, rows: list[Text]) -> None:
        """Show rows, as many as room() has. The cursor waits below them for the messages of other programs."""
        size = self._size()
        new = b"" if size == self._drawn_size else b"\x1b[r\x1b[2J"
        self._drawn_size = size
        height = size[1]
        if height >= _ENOUGH:
            new += b"\x1b[%d;%dr" % (height - _MESSAGES + 1, height)  # the rows that scroll
        self._write(new + b"\x1b[H" + b"\x1b[K\r\n".join(map(self._octets, rows)) + b"\x1b[K\x1b[%d;1H" % height)

    def print(self, rows: list[Text]) -> None:
        """Write rows as lines, without empty ones at the end; they stay when the program has ended."""
        lines = b"\r\n".join(map(self._octets, rows))
        self._write(lines.rstrip() + b"\r\n")

    def _octets(self, row: Text) -> bytes:
        with self._console.capture() as capture:
            self._console.print(row, end="", no_wrap=True, crop=False, overflow="ignore")
        return capture.get().encode("utf-8" if self.unicode else "ascii", "replace")

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.descriptor, view) :]
        except OSError as error:
            raise NotWritten(f"{_TTY}: {reason(error)}") from error


def _has_unicode() -> bool:
    """Return whether the locale is one of UTF-8, and the terminal has blocks: the font of the Linux console has not."""
    environ = os.environ
    coerced = bool(sys.flags.utf8_mode)  # Python has set LC_CTYPE itself: PEP 538
    name = environ.get("LC_ALL") or ("" if coerced else environ.get("LC_CTYPE")) or environ.get("LANG", "")
    return "UTF8" in name.upper().replace("-", "") and environ.get("TERM") != "linux"
