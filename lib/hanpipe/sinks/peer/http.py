"""A client of an HTTP server that gives up in time, even if the server hangs or sends an octet at a time."""

import contextlib
import http.client
import io
import socket
import time
from urllib.parse import urlsplit

from hanpipe.sinks.errors import Away, Wrong
from hanpipe.unix.connect import connect
from hanpipe.unix.options import is_host
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ssl

NOT_YET_VALID: Final = 9  # OpenSSL, X509_V_ERR_CERT_NOT_YET_VALID
_LONGEST_ANSWER: Final = 4_000_000  # octets


class HttpPeer:
    """One server, connected on demand. Every request is answered or given up within twice the patience.

    title:  the base URL, for messages; origin: the same without its path; path: "" for none
    secure: it is https
    """

    def __init__(
        self, url: str, wanted: str, patience: float, tls: "ssl.SSLContext | None", usual_port: int = 80
    ) -> None:
        """Take a base URL, which may have a path.

        wanted:     the form that the URL should have, for the error; patience: s for an answer
        tls:        what https trusts; None: what the system trusts
        usual_port: named when the URL has no port and the connection is refused
        raise:      ValueError: the URL does not have this form
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        meant = parts.scheme in ("http", "https") and not parts.query and not parts.fragment
        if not (meant and is_host(host) and _can_be_sent(parts.path)):
            raise ValueError(f"expected {wanted}")
        if parts.username is not None:
            raise ValueError("user and password belong in a file: --login FILE")
        self.secure = parts.scheme == "https"
        self.path = parts.path.rstrip("/")
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.title = self.origin + self.path
        self._patience = patience
        self._no_port = "" if parts.port else f"; its port is usually {usual_port}: --url {self.origin}:{usual_port}"
        port = parts.port or (443 if self.secure else 80)
        if self.secure and tls is None:
            from hanpipe.sinks.peer.tls import tls_context  # http does without ssl, which costs 10 ms

            tls = tls_context(None, False, any_host=False)
        self._connection = _Connection(host, port, tls if self.secure else None)

    @property
    def own(self) -> str:
        """Return the address of this computer, as the server sees it."""
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
                hint = "" if self.secure else "; is its URL https://?"
                raise Away(f"closed the connection without an answer{hint}") from error
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
        """Return the error that names what went wrong on the way, and what to do."""
        if isinstance(error, TimeoutError):
            return Away(f"no answer within {self._patience:g} s")
        if type(error).__name__ == "SSLCertVerificationError":  # not to load ssl for http
            if getattr(error, "verify_code", 0) == NOT_YET_VALID:
                return Away("its certificate is not valid yet; is the clock of this computer right?")
            return Wrong("its certificate is not trusted: name it with --ca FILE, or use --insecure")
        if type(error).__name__.startswith("SSL"):
            return Wrong("it does not speak TLS: is its URL http://?")
        if isinstance(error, ConnectionRefusedError):
            return Away(reason(error) + self._no_port)
        if isinstance(error, OSError):
            return Away(reason(error))
        return Away("the answer is not HTTP" + ("" if self.secure else "; is its URL https://?"))


def _can_be_sent(path: str) -> bool:
    """Return whether a path can be sent as it is: ASCII without spaces."""
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
        """Start the time of a request."""
        self._deadline = time.monotonic() + patience

    def left(self) -> float:
        """Return the seconds that are left for the request. raise: TimeoutError: none."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def connect(self) -> None:
        """Connect, within the time that is left."""
        opened = connect(self.host, self.port, self.left())
        self.own = opened.getsockname()[0]
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                opened = self._tls.wrap_socket(opened, server_hostname=self.host)
        except OSError:
            opened.close()
            raise
        self.sock = _Timed(opened, self)  # with all methods that http.client uses


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
    """A _Timed as a raw stream."""

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
