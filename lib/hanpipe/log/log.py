"""The input of han-log on its way to the files."""

import argparse
import errno
import os
import time

from hanpipe.log.dated import DatedFiles, day_of
from hanpipe.log.wholes import RecordScanner, Scanner, scanner_for
from hanpipe.unix.program import Program
from hanpipe.unix.state import make_directory
from hanpipe.unix.status import IO, Failure
from hanpipe.unix.stderr import reason, say
from hanpipe.unix.typed import Final

_MAGIC: Final = 3  # octets that distinguish records from octets of a line
_DISK_TROUBLE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # these do not stop the pipe


class Log:
    """Writes the input to dated files. good: the number of good frames so far."""

    def __init__(self, program: Program, options: argparse.Namespace) -> None:
        """Make the directory; take from the options: dir, name, records, gzip, keep and quiet. raise: Failure."""
        self._program = program
        self._options = options
        self._start = b""  # the first octets, until they show whether the input is records
        self._scanner: Scanner | None = None
        self._files: DatedFiles | None = None
        self.good = 0
        self._make_directory(options.dir)

    def _make_directory(self, directory: str) -> None:
        """Make the directory. raise: Failure: that fails for another reason than a full or broken disk."""
        try:
            make_directory(directory)
            if not os.access(directory, os.W_OK | os.X_OK) and not os.statvfs(directory).f_flag & os.ST_RDONLY:
                raise PermissionError(errno.EACCES, "")
        except OSError as error:
            if error.errno not in _DISK_TROUBLE:
                raise Failure(IO, f"{directory}: {reason(error)}") from error
            self._report(f"{directory}: {reason(error)}; going on without it")

    def add(self, data: bytes) -> None:
        """Take octets of the input, or b"" when patience() is over; write what is due."""
        if data and self._scanner:
            self._feed(data)
        elif data:
            self._start += data
            if len(self._start) >= _MAGIC:
                self._begin()
        if self._files:
            self._files.write_due()

    def patience(self) -> float | None:
        """Return in how many seconds there is something to write even if nothing comes; None: there is nothing."""
        due = self._files.due() if self._files else None
        return None if due is None else max(0.0, due - time.monotonic())

    def end(self) -> None:
        """Write the rest: the input has ended."""
        if self._start and not self._scanner:
            self._begin()
        if self._files:
            self._feed(b"")
            self._files.close()

    def _begin(self) -> None:
        """Choose the scanner and the names of the files by the first octets."""
        options = self._options
        self._scanner = RecordScanner() if options.records else scanner_for(self._start)
        suffix = "records" if isinstance(self._scanner, RecordScanner) else "raw"
        name = options.name or f"%Y-%m-%d.{suffix}"
        self._files = DatedFiles(options.dir, name, self._report, gzip=options.gzip, keep=options.keep)
        self._feed(self._start)

    def _feed(self, data: bytes) -> None:
        if self._scanner and self._files:
            wholes = self._scanner.feed(data)
            self.good += sum(whole.good for whole in wholes)
            self._files.add(wholes)

    def _report(self, message: str) -> None:
        """Print a message that may come again: Program.warn prints each only once."""
        if not self._options.quiet:
            say(self._program.name, message)


def names_a_day(pattern: str) -> bool:
    """Return whether names of a pattern show year, month and day."""
    today = time.strftime("%Y-%m-%d")
    return day_of(time.strftime(pattern), pattern) == day_of(today, "%Y-%m-%d")
