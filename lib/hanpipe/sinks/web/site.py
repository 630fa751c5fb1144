"""Requests of browsers -> the page, its files, its events and its history. Nothing can be changed from there."""

import functools
import hashlib
import hmac
import os
from collections.abc import Callable

from hanpipe.sinks.errors import SinkError
from hanpipe.sinks.peer.server import NOT_FOUND, OK, Answer, Request
from hanpipe.sinks.web.live import text_of
from hanpipe.unix.typed import Any, Final

# Path -> file, Content-Type
_FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/han-web.js": ("han-web.js", "text/javascript; charset=utf-8"),
    "/charts.js": ("charts.js", "text/javascript; charset=utf-8"),
    "/han-web.css": ("han-web.css", "text/css; charset=utf-8"),
    "/uplot.js": ("uplot/uPlot.iife.min.js", "text/javascript; charset=utf-8"),
    "/uplot.css": ("uplot/uPlot.min.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_FOLDER: Final = os.path.join(os.path.dirname(__file__), "page")
_JSON: Final = "application/json"
_NOT_MODIFIED: Final = "304 Not Modified"
_BAD: Final = "400 Bad Request"
_AWAY: Final = "503 Service Unavailable"
_NO_LOGIN: Final = "401 Unauthorized"
# The page loads its own files alone, runs no script but these, and no other page may show or read it.
_HEADERS: Final = (
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options: nosniff",
    "Cross-Origin-Resource-Policy: same-origin",
    "Referrer-Policy: no-referrer",
)
_LIVE: Final = (*_HEADERS, "Cache-Control: no-store", "X-Accel-Buffering: no")  # nginx would hold events back


class Site:
    """Answers requests; the server calls it in its own thread."""

    def __init__(self, login: str | None, begin: Callable[[], bytes], history: Callable[[str], Any]) -> None:
        """Take what the page needs.

        login:   the header Authorization that is wanted, None for any
        begin:   returns the events that a new reader gets first
        history: answers a query. raise: ValueError: it is wrong; SinkError: the store cannot be read
        """
        self._login = login
        self._begin = begin
        self._history = history

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        if self._login is not None and not _same(request.headers.get("authorization", ""), self._login):
            wanted = 'WWW-Authenticate: Basic realm="han-web", charset="UTF-8"'
            return _words(_NO_LOGIN, "expected a user and a password", wanted)
        try:
            return self._found(request)
        except ValueError as error:
            return _words(_BAD, str(error))
        except SinkError as error:
            return _words(_AWAY, str(error))

    def _found(self, request: Request) -> Answer:
        """Return what a path leads to. raise: ValueError: the query is wrong; SinkError: the store cannot be read."""
        if request.path in _FILES:
            return _file(request)
        if request.path == "/events":
            return Answer(OK, "text/event-stream", self._begin(), _LIVE, stays=True)
        if request.path == "/history":
            return Answer(OK, _JSON, text_of(self._history(request.query)).encode(), _LIVE)
        return _words(NOT_FOUND, "look at /")


def _words(status: str, words: str, *headers: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{words}\n".encode(), (*_HEADERS, *headers))


def _same(given: str, wanted: str) -> bool:
    """Compare in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _file(request: Request) -> Answer:
    """Return a file of the page; only its headers if the browser has it already."""
    body, kind, tag = _read(request.path)
    headers = (*_HEADERS, "Cache-Control: no-cache", f"ETag: {tag}")
    if request.headers.get("if-none-match") == tag:
        return Answer(_NOT_MODIFIED, kind, b"", headers)
    return Answer(OK, kind, body, headers)


@functools.cache
def _read(path: str) -> tuple[bytes, str, str]:
    """Return a file of the page, its kind and its tag."""
    name, kind = _FILES[path]
    with open(os.path.join(_FOLDER, name), "rb") as file:
        body = file.read()
    return body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"'
