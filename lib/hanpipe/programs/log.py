"""han-log: octets or records to dated files, and on."""

import argparse
import errno
import os
import time

from hanpipe.log.files import Cutter, DatedFiles, RecordCutter, cutter_for, day_of
from hanpipe.unix.options import new_parser, positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, NOTHING, OK, Failure
from hanpipe.unix.stderr import reason, say
from hanpipe.unix.typed import Final

_MAGIC: Final = 3  # octets that tell records from octets of a line
_DISK_TROUBLE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # no reason to stop the pipe


def main(argv: list[str]) -> int:
    """Run han-log; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.name is not None and ("/" in options.name or not options.name):
        parser.error("--name is of a file, without a directory")
    if options.keep is not None and options.name is not None and not _tells_day(options.name):
        parser.error("--keep needs a --name with year, month and day, or it cannot tell what is old")
    program = Program(options, parser.prog)
    _make_directory(program, options.dir)
    log = _Log(program, options)
    try:
        for data, _ in program.pieces(log.patience):
            program.write(data)
            log.add(data)
    finally:
        log.end()
    return OK if log.good else NOTHING


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-log",
        "Pass octets of a HAN port, or records of han-frame, through as they come, and write\n"
        "them to dated files as well. Files change between frames; a full disk ends nothing.\n"
        "Writes every 10 s: that much is lost if it is killed.",
        "han-read /dev/HANserial | han-log --dir /var/log/han --keep 400 | han-frame",
        files="octets or records; - or none: standard input",
    )
    parser.add_argument("--dir", required=True, help="directory of the files; made if missing")
    parser.add_argument(
        "--name",
        metavar="PATTERN",
        help="their names, for strftime, in local time (default:\n%%Y-%%m-%%d.raw, of records %%Y-%%m-%%d.records)",
    )
    parser.add_argument("--records", action="store_true", help="the input is records, whatever it begins with")
    parser.add_argument("--gzip", action="store_true", help="compress; .gz goes behind the name")
    parser.add_argument(
        "--keep", type=positive_integer, metavar="DAYS", help="delete files named so when they are older"
    )
    return parser


def _tells_day(pattern: str) -> bool:
    today = time.strftime("%Y-%m-%d")
    return day_of(time.strftime(pattern), pattern) == day_of(today, "%Y-%m-%d")


def _make_directory(program: Program, directory: str) -> None:
    """Make the directory. raise: Failure: that cannot be done, for another reason than a full or broken disk."""
    try:
        os.makedirs(directory, exist_ok=True)
        if not os.access(directory, os.W_OK | os.X_OK) and not os.statvfs(directory).f_flag & os.ST_RDONLY:
            raise PermissionError(errno.EACCES, "")
    except OSError as error:
        if error.errno not in _DISK_TROUBLE:
            raise Failure(IO, f"{directory}: {reason(error)}") from error
        program.tell(f"{directory}: {reason(error)}; going on without it")


class _Log:
    """The input on its way to the files. good: how many good frames it held so far."""

    def __init__(self, program: Program, options: argparse.Namespace) -> None:
        self._program = program
        self._options = options
        self._start = b""  # the first octets, as long as they do not tell what the input is
        self._cutter: Cutter | None = None
        self._files: DatedFiles | None = None
        self.good = 0

    def add(self, data: bytes) -> None:
        """Take octets of the input, none where its patience is over; write what is due."""
        if data and self._cutter:
            self._feed(data)
        elif data:
            self._start += data
            if len(self._start) >= _MAGIC:
                self._begin()
        if self._files:
            self._files.write_due()

    def patience(self) -> float | None:
        """Return in how many seconds something is to be written though nothing comes; None: nothing is."""
        due = self._files.due() if self._files else None
        return None if due is None else max(0.0, due - time.monotonic())

    def end(self) -> None:
        """The input has ended: write what is left."""
        if self._start and not self._cutter:
            self._begin()
        if self._files:
            self._feed(b"")
            self._files.close()

    def _begin(self) -> None:
        """Go on by what the first octets tell."""
        options = self._options
        self._cutter = RecordCutter() if options.records else cutter_for(self._start)
        suffix = "records" if isinstance(self._cutter, RecordCutter) else "raw"
        name = options.name or f"%Y-%m-%d.{suffix}"
        self._files = DatedFiles(options.dir, name, self._say, gzip=options.gzip, keep=options.keep)
        self._feed(self._start)

    def _feed(self, data: bytes) -> None:
        if self._cutter and self._files:
            wholes = self._cutter.feed(data)
            self.good += sum(whole.good for whole in wholes)
            self._files.add(wholes)

    def _say(self, message: str) -> None:
        """Say what may come again: Program.tell says a thing once for good."""
        if not self._options.quiet:
            say(self._program.name, message)
