"""Metrics -> an endpoint that Prometheus scrapes."""

from collections.abc import Callable

from hanpipe.sinks.peer.server import NOT_FOUND, OK, Answer, Request, Server
from hanpipe.unix.typed import Final

_KIND: Final = "text/plain; version=0.0.4; charset=utf-8"


def endpoint(host: str, port: int, text: Callable[[], str]) -> Server:
    """Return a server that answers /metrics. text: called for each scrape, in the server's thread. raise: OSError."""

    def answer(request: Request) -> Answer:
        if request.path != "/metrics":
            return Answer(NOT_FOUND, "text/plain", b"look at /metrics\n")
        return Answer(OK, _KIND, text().encode(errors="replace"))

    return Server(host, port, answer)
