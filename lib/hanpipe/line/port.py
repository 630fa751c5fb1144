"""Port or socket -> octets in pieces. No other module imports pyserial.

pyserial opens a port and sets it. Then the port is read like a file, with select: a silent line causes no wake-ups, and
no received octet is lost when the line hangs up during a read. Serial.read loses those.
"""

import contextlib
import errno
import os
import re
import socket
import stat
import sys

from hanpipe.line.settings import PARITIES, Line
from hanpipe.unix.connect import connect, look_up
from hanpipe.unix.options import is_host
from hanpipe.unix.program import read_piece
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from queue import Queue

_MOST_QUEUED: Final = 65536  # octets of a remote port; when so many wait, TCP stops the sender
_PIECE: Final = 4096  # octets of a remote port that are passed on in one write at most
_MEMORY_DEVICES: Final = 1  # major number of /dev/null, /dev/zero, ...: character devices, but not ports
_PSEUDO_TERMINALS: Final = range(136, 144)  # their major numbers; Linux, admin-guide/devices.txt
# An option in a URL of RFC 2217, of those that pyserial has: the others are for programs that write, or for its authors
_QUERY_OPTION: Final = r"ign_set_control|timeout=[0-9]{1,3}(\.[0-9]+)?"
_CONNECT_PATIENCE: Final = 10.0  # s
# A peer that lost its power does not close the connection. So the kernel asks after 60 s of silence, three times, 10 s
# apart.
_KEEP_ALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)

# Reasons why a port of this machine cannot be opened or read; the errors of a connection mean other things.
NO_DEVICE: Final = "no such device"
NO_PERMISSION: Final = "permission denied; add yourself to group dialout"
IN_USE: Final = "in use by another program"
NOT_A_PORT: Final = "not a serial port"
_REASONS: Final = {
    errno.ENOENT: NO_DEVICE,
    errno.ENODEV: NO_DEVICE,
    errno.ENXIO: NO_DEVICE,
    errno.EIO: NO_DEVICE,
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EAGAIN: IN_USE,
    errno.EBUSY: IN_USE,
    errno.ENOTTY: NOT_A_PORT,
}
# Beginnings of what pyserial says if a server of RFC 2217 refuses the settings, or does not answer
_REMOTE_REFUSALS: Final = (
    "Remote does not accept parameter change",
    *[f"remote rejected value for option '{name}'" for name in ("baudrate", "datasize", "parity", "stopsize")],
)


class Lost(OSError):
    """A port was unplugged or hung up, which pyserial and the kernel report in several ways."""

    def __str__(self) -> str:
        return "unplugged or hung up"


class Closed(OSError):
    """The other side has closed the connection."""

    def __str__(self) -> str:
        return "closed by the other side"


class Refused(OSError):
    """The port does not have the settings."""

    def __init__(self, line: Line) -> None:
        super().__init__(f"cannot be set to {line}")


class Source(Protocol):
    """A port or connection that is being read.

    descriptor: for select
    cooked:     whether the line editing of a terminal was on when it was opened
    """

    descriptor: int
    cooked: bool

    def read(self) -> bytes:
        """Return the octets that have come.

        raise: BlockingIOError: none came after all; Lost, Closed or another OSError: no more will come
        """

    def set_line(self, line: Line) -> None:
        """Change the settings; drop the octets that came before.

        raise: Refused: the port does not have them, and keeps its own; OSError: it is lost
        """

    def close(self) -> None:
        """Close it."""


def is_url(name: str) -> bool:
    """Return whether name is the URL of a connection, rather than a port or file."""
    return "://" in name


def is_live(name: str) -> bool:
    """Return whether name is a port or a URL, which may come and go, rather than a file or pipe, which ends.

    name: "-" is standard input, which is read to its end also where it is a terminal
    """
    if name == "-":
        return False
    if is_url(name):
        return True
    try:
        state = os.stat(name)
    except OSError:
        return os.path.realpath(name).startswith("/dev/")
    return stat.S_ISCHR(state.st_mode) and os.major(state.st_rdev) != _MEMORY_DEVICES


def check_name(name: str) -> None:
    """Check that name can be opened at all.

    raise: ValueError: a URL of another scheme, one without HOST:PORT or with unknown options, or HOST:PORT alone
    """
    scheme, separator, _ = name.partition("://")
    host, _, port = name.rpartition(":")
    if not separator and port.isdecimal() and "/" not in host and is_host(host) and not os.path.lexists(name):
        raise ValueError(f"{name}: no such file; to read a TCP connection, write socket://{name}")
    if separator and scheme not in ("socket", "rfc2217"):
        raise ValueError(f"{name}: expected socket://HOST:PORT or rfc2217://HOST:PORT")
    if separator:
        _address(name)
        _check_query(scheme, name)


def _check_query(scheme: str, url: str) -> None:
    """Check the options of a URL, which are pyserial's. raise: ValueError."""
    _, separator, query = url.partition("?")
    if not separator:
        return
    if scheme != "rfc2217":
        raise ValueError(f"{url}: expected nothing after HOST:PORT; only rfc2217:// has options")
    if not all(re.fullmatch(_QUERY_OPTION, option) for option in query.split("&")):
        raise ValueError(f"{url}: expected the options ign_set_control or timeout=SECONDS after the ?")


def port_reason(name: str, error: OSError) -> str:
    """Return the reason of an error of a port or connection in the words of the messages. name: the port or URL."""
    return (not is_url(name) and _REASONS.get(error.errno or 0)) or reason(error)


def open_source(name: str, line: Line) -> Source:
    """Open a port or URL. line: the settings of a port.

    raise: Refused: the port does not have them; another OSError, with errno if there is one
    """
    if name.startswith("socket://"):
        return Socket(name)
    return RemotePort(name, line) if name.startswith("rfc2217://") else Port(name, line)


def _address(url: str) -> tuple[str, int]:
    """Return host and port of SCHEME://HOST:PORT. raise: ValueError."""
    host, _, port = url.partition("://")[2].partition("?")[0].rstrip("/").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not is_host(host) or not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"{url}: expected HOST:PORT after the //")
    return host, int(port)


class Port:
    """A serial port: raw, locked against other programs that lock it, with the wanted settings."""

    def __init__(self, name: str, line: Line) -> None:
        found = os.open(name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self.cooked = _is_cooked(found)
            self._pseudo = os.major(os.fstat(found).st_rdev) in _PSEUDO_TERMINALS
            # exclusive: a lock, which programs may ignore. inter_byte_timeout: VMIN is 1, so 0 octets mean a hang-up
            self._port = _pyserial(name, self._possible(line), exclusive=True, inter_byte_timeout=0)
        finally:
            os.close(found)
        self.descriptor: int = self._port.fileno()

    def read(self) -> bytes:
        """Return the octets that have come."""
        try:
            data = read_piece(self.descriptor)
        except BlockingIOError:  # another program has read them
            raise
        except OSError as error:
            raise Lost from error
        if not data:
            raise Lost
        return data

    def set_line(self, line: Line) -> None:
        """Change the settings; first drop the octets in the port, so that all later ones are of the new settings."""
        with contextlib.suppress(BlockingIOError):
            self.read()
        _set(self._port, self._possible(line))

    def _possible(self, line: Line) -> Line:
        """Return settings that the port can have: a pty has no parity, and refuses one if nothing else changes."""
        return Line(line.baud, "none") if self._pseudo else line

    def close(self) -> None:
        """Close the port."""
        self._port.close()


class Socket:
    """A TCP connection that carries the octets of a line. Its peer has the settings of the line."""

    cooked = False

    def __init__(self, url: str) -> None:
        self._socket = connect(*_address(url), _CONNECT_PATIENCE)
        self._socket.setblocking(False)
        _keep_alive(self._socket)
        self.descriptor = self._socket.fileno()

    def read(self) -> bytes:
        """Return the octets that have come."""
        data = read_piece(self.descriptor)
        if not data:
            raise Closed
        return data

    def set_line(self, line: Line) -> None:
        """Do nothing: a plain socket carries no settings."""

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class RemotePort:
    """A serial port reached by RFC 2217. A thread of pyserial receives octets, another one puts them into a pipe."""

    cooked = False

    def __init__(self, url: str, line: Line) -> None:
        import threading

        self._port = _of_first(_numeric(url), line)
        _keep_alive(vars(self._port)["_socket"])
        # Serial.read drops the octets in the queue when the connection ends, so the queue itself is read. Its limit
        # holds from here on: put() then waits, and pyserial receives nothing more
        self._queue: Queue[bytes | None] = vars(self._port)["_read_buffer"]
        self._queue.maxsize = _MOST_QUEUED
        self.descriptor, self._inlet = os.pipe()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def _pass_on(self) -> None:
        with contextlib.suppress(OSError):  # the reading end is closed
            for octet in iter(self._queue.get, None):
                os.write(self._inlet, octet + self._waiting())
        os.close(self._inlet)

    def _waiting(self) -> bytes:
        """Take the octets that wait in the queue: one write for all of them spares two threads many turns."""
        octets = bytearray()
        while len(octets) < _PIECE and self._queue.qsize():
            octet = self._queue.get()
            if octet is None:
                self._queue.put(None)
                break
            octets += octet
        return bytes(octets)

    def read(self) -> bytes:
        """Return the octets that have come."""
        data = read_piece(self.descriptor)
        if not data:
            raise Lost
        return data

    def set_line(self, line: Line) -> None:
        """Change the settings of the port."""
        _set(self._port, line)

    def close(self) -> None:
        """Close port and connection."""
        os.close(self.descriptor)
        self._release()
        self._port.close()
        self._queue.put(None)

    def _release(self) -> None:
        """End the wait for room in the queue, as pyserial waits for its thread. The limit is never 0: see put()."""
        from queue import Empty

        self._queue.maxsize = sys.maxsize
        with contextlib.suppress(Empty):
            self._queue.get_nowait()


def _numeric(url: str) -> list[str]:
    """Return the URL with each address of its host instead of the name, which pyserial would look up for minutes."""
    host, port = _address(url)
    _, separator, query = url.partition("?")
    found = [address[4][0] for address in look_up(host, port, _CONNECT_PATIENCE)]
    hosts = [f"[{one}]" if ":" in one else one for one in found]
    return [f"rfc2217://{one}:{port}{separator}{query}" for one in hosts]


def _of_first(urls: list[str], line: Line) -> Any:
    """Open the first of some URLs that can be opened. raise: OSError: why the last one could not."""
    for url in urls[:-1]:
        with contextlib.suppress(OSError):
            return _pyserial(url, line)
    return _pyserial(urls[-1], line)


def _keep_alive(connection: socket.socket) -> None:
    for level, option, value in _KEEP_ALIVE:
        connection.setsockopt(level, option, value)


def _is_cooked(descriptor: int) -> bool:
    """Return whether line editing is on. raise: OSError: not a terminal."""
    import termios

    try:
        return bool(termios.tcgetattr(descriptor)[3] & termios.ICANON)
    except termios.error as error:
        raise OSError(*error.args) from error


def _settings(line: Line) -> dict[str, Any]:
    """Return the settings by the names that pyserial gives them."""
    return {
        "baudrate": line.baud,
        "parity": PARITIES[line.parity],
        "bytesize": line.bits,
        "stopbits": line.stop,
    }


def _pyserial(name: str, line: Line, **options: Any) -> Any:
    """Open a port with pyserial. raise: Refused, OSError."""
    import termios

    import serial

    try:
        return serial.serial_for_url(name, **_settings(line), **options)
    except (OSError, ValueError, termios.error) as error:
        raise _reason_of(error, name, line) from error


def _set(port: Any, line: Line) -> None:
    """Change the settings of an open port. raise: Refused, OSError."""
    import termios

    before = port.get_settings()
    try:
        port.apply_settings(_settings(line))
    except (OSError, ValueError, termios.error) as error:
        _set_back(port, before)
        raise _reason_of(error, port.name, line) from error


def _set_back(port: Any, before: dict[str, Any]) -> None:
    """Give a port its old settings again, in the reverse order of pyserial's changes: the port has each step."""
    import termios

    with contextlib.suppress(OSError, ValueError, termios.error):
        for key in ("stopbits", "parity", "bytesize", "baudrate"):
            port.apply_settings({key: before[key]})


def _reason_of(error: Exception, name: str, line: Line) -> OSError:
    """Return an error of pyserial as Refused, if the port does not have the settings, or with its number."""
    found = _with_reason(error)
    if name.startswith("rfc2217://"):
        refused = str(error).startswith(_REMOTE_REFUSALS)
    else:
        refused = found.errno == errno.EINVAL or isinstance(error, ValueError)  # ValueError: a baud rate
    if "option 'control'" in str(error):
        return OSError(f"{error}; add ?ign_set_control to the URL")
    return Refused(line) if refused else found


def _with_reason(error: Exception) -> OSError:
    """Return the error with its number, which pyserial sometimes leaves in the error that caused it."""
    for one in (error, error.__context__):
        if one and len(one.args) > 1 and isinstance(one.args[0], int) and one.args[0] > 0:
            return OSError(*one.args[:2])
    return OSError(str(error.__context__ or error))
