"""TCP connections that are there, or given up, within a time of our own, also while a name server does not answer."""

import contextlib
import socket
import threading
import time

from hanpipe.unix.typed import Any, Final

Address = tuple[Any, ...]  # family, kind, protocol, canonical name, socket address: of socket.getaddrinfo

_AS_IT_IS: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV  # asks no name server
_LEAST: Final = 0.001  # s that a socket has, because 0 would let it wait for nothing


class NoAnswer(OSError):
    """The name of a host could not be looked up in time."""

    def __str__(self) -> str:
        return "the name server did not answer in time"


class _LookUp(threading.Thread):
    """Looks a name up. The system's resolver may take minutes, and nothing interrupts it."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(daemon=True)
        self._asked = host, port
        self._found: list[Address] = []
        self._error: OSError | None = None

    def run(self) -> None:
        try:
            self._found = socket.getaddrinfo(*self._asked, type=socket.SOCK_STREAM)
        except OSError as error:
            self._error = error

    def result(self) -> list[Address]:
        if self._error:
            raise self._error
        return self._found


_going: Final[dict[tuple[str, int], _LookUp]] = {}  # those that did not end in time: a name is looked up once at a time


def look_up(host: str, port: int, seconds: float) -> list[Address]:
    """Return the addresses of a host. raise: NoAnswer: not within so many seconds; OSError: it has none."""
    with contextlib.suppress(OSError):
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=_AS_IT_IS))
    if (going := _going.pop((host, port), None)) is None:
        going = _LookUp(host, port)
        going.start()
    going.join(max(0.0, seconds))
    if going.is_alive():
        _going[host, port] = going
        raise NoAnswer
    return going.result()


def connect(host: str, port: int, seconds: float) -> socket.socket:
    """Connect to the first address of a host that answers; all of it within so many seconds.

    Each address gets an equal share of the time that is left, because one may swallow what is sent to it.

    return: the socket; its time-out is what is left of the seconds
    raise:  NoAnswer, TimeoutError, OSError: why the last address did not answer
    """
    end = time.monotonic() + seconds
    error: OSError = OSError("the name has no address")
    found = look_up(host, port, seconds)
    for tried, address in enumerate(found):
        try:
            opened = _open(address, (end - time.monotonic()) / (len(found) - tried))
        except OSError as failed:
            error = failed
        else:
            opened.settimeout(max(_LEAST, end - time.monotonic()))
            return opened
    raise error


def _open(found: Address, seconds: float) -> socket.socket:
    """Connect to one address within so many seconds. raise: OSError."""
    if seconds <= 0:
        raise TimeoutError("timed out")
    family, kind, protocol, _, address = found
    opened = socket.socket(family, kind, protocol)
    try:
        opened.settimeout(seconds)
        opened.connect(address)
    except OSError:
        opened.close()
        raise
    return opened
