"""The directory of a queue, locked for one han-spool."""

import fcntl
import os


class InUse(Exception):
    """Another han-spool has the directory."""


def lock(directory: str) -> int:
    """Make the directory if it is missing; return a descriptor that holds its lock. raise: InUse, OSError."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InUse from error
    return descriptor
