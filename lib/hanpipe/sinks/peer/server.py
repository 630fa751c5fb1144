"""A small HTTP server: GET and HEAD, bounded as its listener is, one request per connection."""

import re
from collections.abc import Callable, Collection

from hanpipe.sinks.peer.listener import MOST, Listener, Reply
from hanpipe.unix.typed import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ssl

LONGEST_HEAD: Final = 8192  # octets of a request line and its headers
# RFC 9112, 3: GET /metrics?x=1 HTTP/1.1
_REQUEST: Final = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[01]")
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_PORT: Final = re.compile(r":\d*$")

OK: Final = "200 OK"
NOT_FOUND: Final = "404 Not Found"
_BAD: Final = "400 Bad Request"
_NOT_ALLOWED: Final = "405 Method Not Allowed"
_MISDIRECTED: Final = "421 Misdirected Request"
_TOO_LARGE: Final = "431 Request Header Fields Too Large"


class Request(NamedTuple):
    """A request. path: without the query, not decoded; headers: by name in lower case, repeated ones joined."""

    path: str
    query: str
    headers: dict[str, str]


class Answer(NamedTuple):
    """An answer to a request.

    kind:    the Content-Type
    headers: further ones, "Name: value"
    stays:   body is only the beginning: the client stays connected, and gets all that `Server.send` sends
    """

    status: str
    kind: str
    body: bytes
    headers: tuple[str, ...] = ()
    stays: bool = False


class Server(Listener):
    """Answers requests until it is closed or the program ends; errors of clients are answered without asking."""

    def __init__(
        self,
        host: str,
        port: int,
        answer: Callable[[Request], Answer],
        hosts: Collection[str] | None = None,
        most: int = MOST,
        tls: "ssl.SSLContext | None" = None,
    ) -> None:
        """Listen from now on.

        answer: called in the server's thread, one request at a time: it must be quick
        hosts:  names, without port, that a request may address; None: any. A page of another site, whose name was made
                to point to this machine, cannot read the answers then (DNS rebinding).
        most:   clients at a time
        tls:    the certificate of a server over TLS
        raise:  OSError
        """
        self._answer = answer
        self._hosts = hosts
        super().__init__(host, port, self._reply_to, most, tls)

    def _reply_to(self, received: bytes) -> Reply | None:
        """Return the reply to what a client has sent so far, None if the head of its request is not complete."""
        head, end, _ = received.replace(b"\r\n", b"\n").partition(b"\n\n")
        if len(received) > LONGEST_HEAD:
            return _reply(_refusal(_TOO_LARGE, f"expected a request head of at most {LONGEST_HEAD} octets"))
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\n")
        asked = _REQUEST.fullmatch(first)
        headers: dict[str, str] = {}
        for field in map(_HEADER.fullmatch, lines):
            if field is None:
                return _reply(_refusal(_BAD, "expected headers of the form NAME: VALUE"))
            name = field[1].lower()
            headers[name] = f"{headers[name]}, {field[2]}" if name in headers else field[2]
        if not asked:
            return _reply(_refusal(_BAD, "expected a request such as GET / HTTP/1.1"))
        if asked[1] not in ("GET", "HEAD"):
            return _reply(_refusal(_NOT_ALLOWED, "expected GET or HEAD", "Allow: GET, HEAD"))
        if self._hosts is not None and _PORT.sub("", headers.get("host", "")).lower() not in self._hosts:
            return _reply(_refusal(_MISDIRECTED, f"expected the host {' or '.join(self._hosts)}"))
        path, _, query = asked[2].partition("?")
        return _reply(self._answer(Request(path, query, headers)), without_body=asked[1] == "HEAD")


def _refusal(status: str, words: str, *headers: str) -> Answer:
    return Answer(status, "text/plain", f"{words}\n".encode(), headers)


def _reply(answer: Answer, *, without_body: bool = False) -> Reply:
    """Return the octets of an answer. One that stays has no length: it ends with the connection."""
    lines = [f"HTTP/1.1 {answer.status}", f"Content-Type: {answer.kind}", *answer.headers, "Connection: close"]
    if not answer.stays:
        lines.append(f"Content-Length: {len(answer.body)}")
    head = "\r\n".join([*lines, "", ""]).encode()
    return Reply(head if without_body else head + answer.body, answer.stays and not without_body)
