"""Metrics -> an endpoint that Prometheus scrapes."""

import http.server
import socket
import threading
from collections.abc import Callable

from hanpipe.unix.typed import Final

_PATIENCE: Final = 5.0  # s for a client's request, so that none holds a thread for ever
_LOOK: Final = 3600.0  # s between two looks for a shutdown that nobody asks for
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Endpoint(http.server.ThreadingHTTPServer):
    """Answers /metrics, in threads of its own, until the program ends."""

    daemon_threads = True

    def __init__(self, host: str, port: int, text: Callable[[], str]) -> None:
        """Listen, and begin to answer. text: asked for each scrape, from any thread. raise: OSError."""
        self.text = text
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        threading.Thread(target=self.serve_forever, args=(_LOOK,), daemon=True).start()

    def server_bind(self) -> None:
        """Bind, without the name server being asked for our name, as HTTPServer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that leaves in the middle."""


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server: Endpoint
    server_version = "han-prom"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer a scrape."""
        found = self.path.partition("?")[0] == "/metrics"
        body = self.server.text().encode(errors="replace") if found else b"look at /metrics\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", _TYPE if found else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  http.server's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Do not log scrapes."""
