"""Files that outlast a run: private, whole after a crash, and not reached through a link of somebody else.

A directory is shared if everybody can write to it, as to /tmp, or if it belongs to another user than us and root. There
somebody may have put a link or a file under any name. So in it links are not followed, and only our own files are used.
"""

import contextlib
import os
import stat

from hanpipe.unix.typed import Final

PRIVATE: Final = 0o600


def resolved(path: str) -> str:
    """Return the path of a file with its links resolved. raise: OSError: it is a link in a shared directory."""
    if os.path.islink(path) and _is_shared(path):
        raise OSError("it is a link in a directory that others can write to; name the file itself")
    return os.path.realpath(path)


def open_own(path: str, flags: int, mode: int = PRIVATE) -> int:
    """Open a file; return its descriptor. mode: if it is created.

    raise: OSError: also if in a shared directory it is a link, not a regular file, or not ours
    """
    if not _is_shared(path):
        return os.open(path, flags | os.O_CLOEXEC, mode)
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
        os.close(descriptor)
        raise OSError("expected a regular file of our own in a directory that others can write to")
    return descriptor


def make_directory(path: str, mode: int = 0o777) -> None:
    """Make a directory, and those that it is in, if they are missing. raise: OSError: also if it is a file."""
    try:
        os.makedirs(path, mode=mode, exist_ok=True)
    except FileExistsError as error:
        raise OSError("expected a directory, found a file") from error


def create(path: str, mode: int = PRIVATE) -> int:
    """Make a new file, in place of one that a crash may have left; return its descriptor. raise: OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def write_all(descriptor: int, octets: bytes) -> None:
    """Write all octets. raise: OSError."""
    view = memoryview(octets)
    while view:
        view = view[os.write(descriptor, view) :]


def replace(path: str, octets: bytes, mode: int = PRIVATE, *, durable: bool = True) -> None:
    """Write a file at once: whoever reads it sees all of the old content or all of the new, also after a crash.

    It is written beside the old one under a hidden name: who reads all files of a folder passes over it.

    durable: also after a power cut: first the content is on the disk, then its name; without it, the file may be empty
    raise:   OSError: the old content is still there
    """
    folder, name = os.path.split(path)
    new = os.path.join(folder, f".{name}.new")
    try:
        descriptor = create(new, mode)
        try:
            write_all(descriptor, octets)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    if durable:
        sync_directory(folder or ".")


def sync_directory(directory: str) -> None:
    """Bring the names in a directory to the disk; some file systems cannot, and do so by themselves."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with contextlib.suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)


def _is_shared(path: str) -> bool:
    state = os.stat(os.path.dirname(path) or ".")
    return bool(state.st_mode & stat.S_IWOTH) or state.st_uid not in (os.geteuid(), 0)
