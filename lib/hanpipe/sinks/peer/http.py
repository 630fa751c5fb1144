"""A server that is asked over HTTP, and given up in time, however it hangs or drips."""

import contextlib
import http.client
import io
import socket
import time
from urllib.parse import urlsplit

from hanpipe.sinks.peer.tls import tls_context
from hanpipe.unix.options import is_host
from hanpipe.unix.status import IO, REFUSED, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ssl

_LONGEST_ANSWER: Final = 4_000_000  # octets


class Away(Exception):
    """No answer, or none that makes sense, or a server that cannot now: it may come back by itself."""


class Denied(Exception):
    """The login (HTTP 401), or its rights (403), do not suffice; the words say what to change."""

    def __init__(self, words: str, status: int) -> None:
        """Take what to change, and the status."""
        super().__init__(words)
        self.status = status


class Wrong(Exception):
    """Something about the URL, what it names, or the certificate is wrong; the words say what to change."""


class Refused(Exception):
    """The server has understood, and will not: another try would end the same."""


def failure(title: str, error: Away | Denied | Wrong | Refused) -> Failure:
    """Return what ends the program where no wait would help. title: of the server."""
    return Failure(REFUSED if isinstance(error, Denied) else IO, f"{title}: {error}")


class HttpPeer:
    """One server; connects when asked something. Every question is answered, or given up, within twice the patience.

    title:  the base URL, as people see it; origin: the same without its path; path: "" for none
    secure: it is https
    """

    def __init__(self, url: str, wanted: str, patience: float, tls: "ssl.SSLContext | None") -> None:
        """Take a base URL, which may hold a path.

        wanted:   words for what it should look like; patience: s for an answer
        tls:      what https trusts; None: what the system does
        raise:    ValueError: it is no such URL
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        meant = parts.scheme in ("http", "https") and not parts.query and not parts.fragment
        if not (meant and is_host(host) and _can_be_sent(parts.path)):
            raise ValueError(f"{wanted} is wanted")
        if parts.username is not None:
            raise ValueError("user and password belong in a file: --login FILE")
        self.secure = parts.scheme == "https"
        self.path = parts.path.rstrip("/")
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.title = self.origin + self.path
        self._patience = patience
        port = parts.port or (443 if self.secure else 80)
        if self.secure and tls is None:
            tls = tls_context(None, False, any_host=False)
        self._connection = _Connection(host, port, tls if self.secure else None)

    @property
    def own(self) -> str:
        """Return our address, as the server sees it."""
        return self._connection.own

    def close(self) -> None:
        """Close the connection; the next request opens one."""
        self._connection.close()

    def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Send a request, once more on a new connection if the old one turns out dead; return status and body.

        raise: Away, Wrong
        """
        reused = self._connection.sock is not None
        try:
            return self._try(method, target, headers, body)
        except _CLOSED as error:
            self.close()
            if not reused:
                raise Away("closed the connection without an answer") from error
        except BaseException:
            self.close()
            raise
        return self.exchange(method, target, headers, body)

    def _try(self, method: str, target: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        connection = self._connection
        connection.begin(self._patience)
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.read(_LONGEST_ANSWER)
        except _CLOSED:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise self._named(error) from error

    def _named(self, error: Exception) -> Away | Wrong:
        """Say what went wrong on the way."""
        if isinstance(error, TimeoutError):
            return Away(f"no answer within {self._patience:g} s")
        if type(error).__name__ == "SSLCertVerificationError":  # not to load ssl for http
            return Wrong("its certificate is not trusted: name it (--ca FILE), or --insecure")
        if type(error).__name__.startswith("SSL"):
            return Wrong("does not speak TLS: is it http://?")
        return Away(reason(error) if isinstance(error, OSError) else "answered something that is no HTTP")


def _can_be_sent(path: str) -> bool:
    """Tell whether a path can stand in a request as it is: without spaces, and what is no ASCII written as %XX."""
    return all("!" <= letter <= "~" for letter in path)


_CLOSED: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class _Connection(http.client.HTTPConnection):
    """A connection whose waits, all together, end with the patience that a request begins with."""

    def __init__(self, host: str, port: int, tls: "ssl.SSLContext | None") -> None:
        super().__init__(host, port)
        self.own = "this computer"  # the address that the server sees
        self._tls = tls
        self._deadline = 0.0

    def begin(self, patience: float) -> None:
        """A request begins."""
        self._deadline = time.monotonic() + patience

    def left(self) -> float:
        """Return the seconds that are left for the request. raise: TimeoutError: none."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def connect(self) -> None:
        """Connect, within the time that is left."""
        opened = socket.create_connection((self.host, self.port), self.left())
        self.own = opened.getsockname()[0]
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                opened = self._tls.wrap_socket(opened, server_hostname=self.host)
        except OSError:
            opened.close()
            raise
        self.sock = _Timed(opened, self)  # all that http.client asks of a socket


class _Timed:
    """A socket whose answers may drip, but not for longer than the connection's request has left."""

    def __init__(self, opened: socket.socket, connection: _Connection) -> None:
        self._socket = opened
        self._connection = connection
        self._users = 1  # this, and each stream: http.client closes the one before it has read the other

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._connection.left())
        self._socket.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._socket.settimeout(self._connection.left())
        return self._socket.recv_into(buffer)  # 0 at the end

    def makefile(self, mode: str) -> io.BufferedReader:
        self._users += 1
        return io.BufferedReader(_Drops(self))

    def close(self) -> None:
        self._users -= 1
        if not self._users:
            with contextlib.suppress(OSError):
                self._socket.close()


class _Drops(io.RawIOBase):
    """What comes out of a _Timed, as a raw stream."""

    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._timed.close()
        super().close()
