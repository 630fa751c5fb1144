"""A client that writes line protocol to InfluxDB, versions 1 and 2."""

import json
from urllib.parse import urlencode

from hanpipe.sinks.errors import Away, Denied, Refused, TooLarge, Wrong
from hanpipe.sinks.peer.http import HttpPeer
from hanpipe.unix.typed import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl

PATIENCE: Final = 10.0  # s for an answer: a batch takes a small board a while


class Influx:
    """One InfluxDB, and where in it to write. Each write is a connection of its own: there are few."""

    def __init__(
        self, url: str, query: dict[str, str], authorization: str = "", tls: "ssl.SSLContext | None" = None
    ) -> None:
        """Take the base URL, and where to write: {"db": ...} of version 1, {"org": ..., "bucket": ...} of version 2.

        authorization: the header's value, "" for none; tls: what https trusts
        raise:         ValueError: the URL is not one of these
        """
        self._peer = HttpPeer(url, "http://HOST:8086", PATIENCE, tls, usual_port=8086)
        self.title = self._peer.title
        self._query = query
        path = "/api/v2/write" if "bucket" in query else "/write"
        self._target = f"{self._peer.path}{path}?" + urlencode(query | {"precision": "ns"})
        self._headers = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
        if authorization:
            self._headers["Authorization"] = authorization

    def write(self, lines: bytes) -> None:
        """Write lines of points. raise: Away, Refused, TooLarge, Denied, Wrong."""
        try:
            status, body = self._peer.exchange("POST", self._target, self._headers, lines)
        finally:
            self._peer.close()
        if status in (200, 204):
            return
        why = _words(body)
        if status == 413:
            raise TooLarge(why or "answered 413: too large")
        if status in (400, 422):
            raise Refused(why or f"answered {status}")
        if status in (401, 403):
            raise Denied(f"login refused ({status}): {why or 'the user, password or token is wrong'}", status)
        if status == 404:
            raise Wrong(self._not_found(why))
        if status == 429 or status >= 500:
            raise Away(f"answered {status}" + (f": {why}" if why else ""))
        raise Wrong(f"answered {status}: is this an InfluxDB?")

    def _not_found(self, why: str) -> str:
        if "db" in self._query and "database" in why:
            name = self._query["db"]
            return f"{why}: create it (influx -execute 'CREATE DATABASE {name}'), or name another with --database"
        return why or "InfluxDB is not at this URL (404)"


def _words(body: bytes) -> str:
    """Return the error message of an answer, in one line."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    words = (answer.get("error") or answer.get("message") or "") if isinstance(answer, dict) else ""
    return " ".join(str(words).split())[:200]
