"""The directory of a queue, locked for one han-spool."""

import fcntl
import os

from hanpipe.unix.state import make_directory


class InUse(Exception):
    """Another han-spool has the directory."""


def lock(directory: str) -> int:
    """Make the directory if it is missing; return a descriptor that holds its lock. raise: InUse, OSError."""
    make_directory(directory, 0o700)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InUse from error
    return descriptor
