"""A client of Domoticz's HTTP interface, /json.htm.

    GET /json.htm?type=command&param=udevice&idx=1&nvalue=0&svalue=2345.7%3B21123456

HTTP 200 says only that the caller was let in: success is "status":"OK" in the JSON. Basic goes with every request, as
Domoticz never asks for it, and with a "?" in the target, without which it is not looked at. Without "Connection:
keep-alive" the server closes without a word, and with it after 20 s of silence.
"""

import base64
import contextlib
import http.client
import io
import json
import socket
import time
from urllib.parse import quote, urlencode, urlsplit

from hanpipe import cli
from hanpipe.sinks.login import Login
from hanpipe.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ssl

PATIENCE: Final = 5.0  # s for an answer: it takes Domoticz 1 ms, at worst 0.1 s
_LONGEST_ANSWER: Final = 4_000_000  # octets

_TRUSTED: Final = "add {own} to the trusted networks"
_SECURITY: Final = "in Domoticz, Setup > Settings > Security, "


class Away(Exception):
    """No answer, or none that makes sense: it may come back by itself."""


class Denied(Exception):
    """The login (HTTP 401), or its rights (403), do not suffice; the words say what to change."""

    def __init__(self, words: str, status: int) -> None:
        """Take what to change, and the status."""
        super().__init__(words)
        self.status = status


class Wrong(Exception):
    """Something about the URL or the certificate is wrong; the words say what to change."""


class Refused(Exception):
    """Domoticz has taken the request and answered ERR or ERROR; it never says why."""


class Domoticz:
    """One Domoticz; connects when asked something. Every question is answered, or given up, within twice PATIENCE."""

    def __init__(self, url: str, login: Login | None = None, tls: "ssl.SSLContext | None" = None) -> None:
        """Take the base URL, which may hold a path (Domoticz's -webroot). raise: ValueError: it is no such URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("http://HOST:PORT or https://HOST:PORT is wanted")
        if parts.username is not None:
            raise ValueError("user and password belong in a file: --login FILE")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self.title = self._origin + parts.path.rstrip("/")
        self.login = login
        self._path = parts.path.rstrip("/") + "/json.htm"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._connection = _Connection(parts.hostname, port, tls if parts.scheme == "https" else None)
        self._headers = {"Connection": "keep-alive"}
        if login is not None:
            token = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"

    def url(self, param: str, **arguments: str | int) -> str:
        """Return the URL of a request, as people see it."""
        return self._origin + self._target(param, arguments)

    def _target(self, param: str, arguments: dict[str, str | int]) -> str:
        return f"{self._path}?" + urlencode({"type": "command", "param": param} | arguments, quote_via=quote)

    def ask(self, param: str, **arguments: str | int) -> dict[str, Any]:
        """Send a command; return its answer, whose status is OK.

        raise: Away, Denied, Wrong, Refused
        """
        status, body = self._exchange(self._target(param, arguments))
        if status == 200:
            return _answer(body)
        if status in (401, 403):
            raise Denied(self.words_of_denial(status), status)
        if status == 404:
            raise Wrong("no Domoticz there (404): if it runs with -webroot NAME, give --url .../NAME")
        if status >= 500:
            raise Away(f"answered {status}")
        raise Wrong(f"answered {status}: is this a Domoticz?")

    def words_of_denial(self, status: int | None = None) -> str:
        """Say what to change so that the login is accepted. status: of HTTP, if that is what was denied."""
        number = f" ({status})" if status else ""
        if status == 403:
            who = f"user '{self.login.user}'" if self.login else "who is not logged in"
            return f"{who} has too few rights{number}: in Domoticz, Setup > Users, make it a User"
        trusted = _TRUSTED.format(own=self._connection.own)
        if self.login is None:
            return f"login wanted{number}: give user and password (--login FILE), or {_SECURITY}{trusted}"
        if self.title.startswith("https"):
            return f"login refused{number}: user or password of '{self.login.user}' is wrong"
        return (
            f"login refused{number}: {_SECURITY}allow basic authentication over plain HTTP, or {trusted}, "
            "or use https; or the password is wrong"
        )

    def close(self) -> None:
        """Close the connection; the next request opens one."""
        self._connection.close()

    def _exchange(self, target: str) -> tuple[int, bytes]:
        """Send a request, once more on a new connection if the old one turns out dead; return status and body."""
        reused = self._connection.sock is not None
        try:
            return self._try(target)
        except _CLOSED as error:
            self.close()
            if not reused:
                raise Away("closed the connection without an answer") from error
        except BaseException:
            self.close()
            raise
        return self._exchange(target)

    def _try(self, target: str) -> tuple[int, bytes]:
        connection = self._connection
        connection.begin()
        try:
            connection.request("GET", target, headers=self._headers)
            response = connection.getresponse()
            return response.status, response.read(_LONGEST_ANSWER)
        except _CLOSED:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise self._named(error) from error

    def _named(self, error: Exception) -> Away | Wrong:
        """Say what went wrong on the way."""
        if isinstance(error, TimeoutError):
            return Away(f"no answer within {PATIENCE:g} s")
        if isinstance(error, socket.gaierror):
            return Away(f"no such host: {self._connection.host}")
        if type(error).__name__ == "SSLCertVerificationError":  # not to load ssl for http
            return Wrong("its certificate is not trusted: name it (--ca FILE), or --insecure")
        if type(error).__name__.startswith("SSL"):
            return Wrong("does not speak TLS: is it http://?")
        return Away(cli.reason(error) if isinstance(error, OSError) else "answered something that is no HTTP")


_CLOSED: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


def _answer(body: bytes) -> dict[str, Any]:
    """Return the JSON of an answer whose status is OK. raise: Away: it is no JSON; Refused."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Away("answered something that is no JSON")
    if answer.get("status") != "OK":
        raise Refused(str(answer.get("status")))
    return answer


def tls_context(ca: str | None, insecure: bool) -> "ssl.SSLContext":
    """Return what https is to trust.

    ca: a file of certificates. Domoticz's own names no host but itself, so who names it is not asked for the host's.
    raise: cli.Failure: the file cannot be read
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = not (ca or insecure)
    try:
        if insecure:
            context.verify_mode = ssl.CERT_NONE
        elif ca:
            context.load_verify_locations(ca)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        else:
            context.load_default_certs()
    except OSError as error:
        why = "no certificate in it" if isinstance(error, ssl.SSLError) else cli.reason(error)
        raise cli.Failure(cli.CONFIGURATION, f"{ca}: {why}") from error
    return context


class _Connection(http.client.HTTPConnection):
    """A connection whose waits, all together, end with the patience that a request begins with."""

    def __init__(self, host: str, port: int, tls: "ssl.SSLContext | None") -> None:
        super().__init__(host, port)
        self.own = "this computer"  # the address that the server sees
        self._tls = tls
        self._deadline = 0.0

    def begin(self) -> None:
        """A request begins."""
        self._deadline = time.monotonic() + PATIENCE

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

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._connection.left())
        self._socket.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._socket.settimeout(self._connection.left())
        return self._socket.recv_into(buffer)  # 0 at the end

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Drops(self))

    def close(self) -> None:
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
