"""Port or socket -> octets in pieces. Nothing else imports pyserial.

pyserial opens a port and sets it. It is read as a file is, behind select: a silent line costs no wake-up, and no octet
that was received is lost when the line hangs up in the middle of a read, as it is by Serial.read.
"""

import contextlib
import errno
import os
import socket
import stat

from hanpipe.line.settings import PARITIES, Line
from hanpipe.unix.options import is_host
from hanpipe.unix.program import read_piece
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from queue import Queue

_MEMORY_DEVICES: Final = 1  # major number of /dev/null, /dev/zero, ...: character devices and no ports
_PSEUDO_TERMINALS: Final = range(136, 144)  # their major numbers; Linux, admin-guide/devices.txt
_CONNECT_PATIENCE: Final = 10.0  # s
# A peer that lost its power says nothing: ask after 60 s of silence, each 10 s, three times. The kernel does it.
_KEEP_ALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class Lost(OSError):
    """A port was unplugged or hung up. pyserial and the kernel have several ways to say it."""

    def __str__(self) -> str:
        return "unplugged or hung up"


class Closed(OSError):
    """The other side has closed the connection."""

    def __str__(self) -> str:
        return "closed by the other side"


class Source(Protocol):
    """What octets are read from.

    descriptor: for select
    cooked:     whether it was found with a terminal's line editing switched on
    """

    descriptor: int
    cooked: bool

    def read(self) -> bytes:
        """Return what has come.

        raise: BlockingIOError: nothing after all; Lost, Closed or another OSError: no more will come
        """

    def set_line(self, line: Line) -> None:
        """Set the line anew. What had come before is dropped. raise: OSError."""

    def close(self) -> None:
        """Close it."""


def is_live(name: str) -> bool:
    """Tell whether name is a port or a URL, which may come and go, rather than a file or pipe, which ends."""
    if "://" in name:
        return True
    try:
        state = os.stat(name)
    except OSError:
        return os.path.realpath(name).startswith("/dev/")
    return stat.S_ISCHR(state.st_mode) and os.major(state.st_rdev) != _MEMORY_DEVICES


def check_name(name: str) -> None:
    """Look whether name can be opened at all. raise: ValueError: it is a URL that says nothing to us."""
    scheme, separator, _ = name.partition("://")
    if separator and scheme not in ("socket", "rfc2217"):
        raise ValueError(f"{name}: only socket://HOST:PORT and rfc2217://HOST:PORT are known")
    if separator:
        _address(name)


def open_source(name: str, line: Line) -> Source:
    """Open a port or URL. line: how a port is set. raise: OSError, with errno where there is one."""
    if name.startswith("socket://"):
        return Socket(name)
    return RemotePort(name, line) if name.startswith("rfc2217://") else Port(name, line)


def _address(url: str) -> tuple[str, int]:
    """Return host and port of SCHEME://HOST:PORT. raise: ValueError."""
    host, _, port = url.partition("://")[2].partition("?")[0].rstrip("/").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not is_host(host) or not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"{url}: not HOST:PORT behind the //")
    return host, int(port)


class Port:
    """A serial port: raw, locked against others that lock it, set as asked for."""

    def __init__(self, name: str, line: Line) -> None:
        found = os.open(name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self.cooked = _is_cooked(found)
            self._pseudo = os.major(os.fstat(found).st_rdev) in _PSEUDO_TERMINALS
            # exclusive: a courtesy lock. inter_byte_timeout: VMIN is 1, so that 0 octets can only mean a hang-up
            self._port = _pyserial(name, self._possible(line), exclusive=True, inter_byte_timeout=0)
        finally:
            os.close(found)
        self.descriptor: int = self._port.fileno()

    def read(self) -> bytes:
        """Return what has come."""
        try:
            data = read_piece(self.descriptor)
        except BlockingIOError:  # another program was faster
            raise
        except OSError as error:
            raise Lost from error
        if not data:
            raise Lost
        return data

    def set_line(self, line: Line) -> None:
        """Set the port anew; drop what it holds first, as what comes behind the setting is of the new one."""
        with contextlib.suppress(BlockingIOError):
            self.read()
        _set(self._port, self._possible(line))

    def _possible(self, line: Line) -> Line:
        """Return what the port can be set to: a pty has no parity, and refuses one where nothing else changes."""
        return Line(line.baud, "none") if self._pseudo else line

    def close(self) -> None:
        """Close the port."""
        self._port.close()


class Socket:
    """A TCP connection whose octets are the line's. Its peer knows how the line is set."""

    cooked = False

    def __init__(self, url: str) -> None:
        self._socket = socket.create_connection(_address(url), _CONNECT_PATIENCE)
        self._socket.setblocking(False)
        _keep_alive(self._socket)
        self.descriptor = self._socket.fileno()

    def read(self) -> bytes:
        """Return what has come."""
        data = read_piece(self.descriptor)
        if not data:
            raise Closed
        return data

    def set_line(self, line: Line) -> None:
        """Do nothing: there is no setting in a plain socket."""

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class RemotePort:
    """A serial port behind RFC 2217. pyserial's thread takes the octets in, another one passes them on into a pipe."""

    cooked = False

    def __init__(self, url: str, line: Line) -> None:
        import threading

        self._port = _pyserial(url, line)
        _keep_alive(vars(self._port)["_socket"])
        # Serial.read forgets what the queue holds once the connection is gone, so the queue itself is read
        self._queue: Queue[bytes | None] = vars(self._port)["_read_buffer"]
        self.descriptor, self._inlet = os.pipe()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def _pass_on(self) -> None:
        with contextlib.suppress(OSError):  # closed: nobody reads it any more
            while (data := self._queue.get()) is not None:
                os.write(self._inlet, data)
        os.close(self._inlet)

    def read(self) -> bytes:
        """Return what has come."""
        data = read_piece(self.descriptor)
        if not data:
            raise Lost
        return data

    def set_line(self, line: Line) -> None:
        """Have the port set anew."""
        _set(self._port, line)

    def close(self) -> None:
        """Close port and connection."""
        os.close(self.descriptor)
        self._port.close()
        self._queue.put(None)


def _keep_alive(connection: socket.socket) -> None:
    for level, option, value in _KEEP_ALIVE:
        connection.setsockopt(level, option, value)


def _is_cooked(descriptor: int) -> bool:
    """Tell whether lines are edited. raise: OSError: no terminal."""
    import termios

    try:
        return bool(termios.tcgetattr(descriptor)[3] & termios.ICANON)
    except termios.error as error:
        raise OSError(*error.args) from error


def _settings(line: Line) -> dict[str, Any]:
    """Return what pyserial calls the settings."""
    return {
        "baudrate": line.baud,
        "parity": PARITIES[line.parity],
        "bytesize": line.bits,
        "stopbits": line.stop,
    }


def _pyserial(name: str, line: Line, **options: Any) -> Any:
    """Open a port with pyserial. raise: OSError."""
    import termios

    import serial

    try:
        return serial.serial_for_url(name, **_settings(line), **options)
    except (OSError, termios.error) as error:
        raise _with_reason(error) from error
    except ValueError as error:  # a baud rate that the port cannot do
        raise OSError(errno.EINVAL, str(error)) from error


def _set(port: Any, line: Line) -> None:
    """Set an open port anew. raise: OSError."""
    import termios

    try:
        port.apply_settings(_settings(line))
    except (OSError, termios.error) as error:
        raise _with_reason(error) from error


def _with_reason(error: Exception) -> OSError:
    """Return the error with its number, which pyserial at times leaves to the error that it stands for."""
    for behind in (error, error.__context__):
        if behind and len(behind.args) > 1 and isinstance(behind.args[0], int) and behind.args[0] > 0:
            return OSError(*behind.args[:2])
    return OSError(str(error.__context__ or error))
