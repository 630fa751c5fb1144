"""Reading -> line protocol of InfluxDB, and a client that writes it to versions 1 and 2.

    han,meter_id=7359992890123456 act_pow_pos=826,volt_L1=236.2 1700000000123000000

A field keeps for ever the type of its first point, and 236 of a volt_L1 may be followed by 236.2: every number is
a float (no "i" behind it). Texts are left out: they say who and when, not how much. Time is in ns.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hanpipe import cli
from hanpipe.sinks.readings_in import number
from hanpipe.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import http.client
    import ssl

    from hanpipe.sinks.login import Login

PATIENCE: Final = 5.0  # s for a connection and for each sign of life
_LONGEST_WAIT: Final = 10.0  # s for all of an answer, however it drips
_LONGEST_ANSWER: Final = 65536  # octets

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SOME_YEARS: Final = 1 << 63  # ns before and after 1970 that InfluxDB can tell: until 2262

# What nothing escapes: controls, what is no character, a backslash at the end.
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|\\+$")
_OF_MEASUREMENT: Final = re.compile(r"([ ,])")
_OF_KEY: Final = re.compile(r"([ ,=])")


def point(measurement: str, meter: str, reading: dict[str, Any]) -> str:
    """Return the line of a reading, "" if it holds no number.

    meter: its number, "" if that is not known; a reading that does not tell its time gives a line without one
    """
    fields = [f"{_key(name)}={text}" for name, value in reading.items() if (text := _float(value)) and _key(name)]
    if not fields:
        return ""
    head = _OF_MEASUREMENT.sub(r"\\\1", _NO_TEXT.sub("", measurement))
    if tag := _key(meter):
        head += f",meter_id={tag}"
    at = nanoseconds(reading)
    return f"{head} {','.join(fields)}" + ("" if at is None else f" {at}")


def nanoseconds(reading: dict[str, Any]) -> int | None:
    """Return when a reading was, ns since 1970-01-01 UTC: when its frame came, else by the meter's clock if that tells
    its offset; None: nobody knows.
    """  # noqa: D205  one thought
    for key in ("time", "date_time"):
        try:
            at = datetime.fromisoformat(reading[key])
        except (KeyError, TypeError, ValueError):
            continue
        if at.tzinfo is not None:
            told = (at - _EPOCH) // _MICROSECOND * 1000
            return told if abs(told) < _SOME_YEARS else None
    return None


def _key(text: str) -> str:
    return _OF_KEY.sub(r"\\\1", _NO_TEXT.sub("", text))


def _float(value: Any) -> str:
    """Write a number as a float field, exact; "" if the value is none."""
    told = number(value)
    if told is None:
        return ""
    return format(told, "f") if isinstance(told, Decimal) else str(told)


class Away(Exception):
    """No answer, or a server that cannot now: it may come back by itself."""


class Refused(Exception):
    """The server will never take these points (HTTP 400, 413, 422): another try would loop."""


class Denied(Exception):
    """The login (401) or its rights (403) do not suffice."""


class Wrong(Exception):
    """Something about the URL, database, bucket or certificate is wrong; the words say what to change."""


class Influx:
    """One InfluxDB, and where in it to write. Each write is a connection of its own: there are few."""

    def __init__(self, url: str, query: dict[str, str], authorization: str = "") -> None:
        """Take the base URL, and where to write: {"db": ...} of version 1, {"org": ..., "bucket": ...} of version 2.

        authorization: the header's value, "" for none
        raise:         ValueError: it is no such URL
        """
        from urllib.parse import urlencode, urlsplit

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("http://HOST:8086 is wanted")
        if parts.username is not None:
            raise ValueError("user and password belong in a file: --login FILE")
        self.title = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self.tls: ssl.SSLContext | None = None  # what https trusts; None: what the system does
        self._host, self._port = parts.hostname, parts.port
        self._secure = parts.scheme == "https"
        self._query = query
        path = "/api/v2/write" if "bucket" in query else "/write"
        self._target = f"{parts.path.rstrip('/')}{path}?" + urlencode(query | {"precision": "ns"})
        self._headers = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
        if authorization:
            self._headers["Authorization"] = authorization

    def write(self, lines: bytes) -> None:
        """Write lines of points. raise: Away, Refused, Denied, Wrong."""
        status, body = self._post(lines)
        if status in (200, 204):
            return
        why = _words(body)
        if status in (400, 413, 422):
            raise Refused(why or f"answered {status}")
        if status in (401, 403):
            raise Denied(f"login refused ({status}): {why or 'user, password or token is wrong'}")
        if status == 404:
            raise Wrong(self._not_found(why))
        if status == 429 or status >= 500:
            raise Away(f"answered {status}" + (f": {why}" if why else ""))
        raise Wrong(f"answered {status}: is this an InfluxDB?")

    def _not_found(self, why: str) -> str:
        if "db" in self._query and "database" in why:
            name = self._query["db"]
            return f"{why}: make it (influx -execute 'CREATE DATABASE {name}'), or name another (--database)"
        return why or "no InfluxDB there (404)"

    def _post(self, lines: bytes) -> tuple[int, bytes]:
        import http.client
        import threading

        connection = self._connection()
        alarm = threading.Timer(_LONGEST_WAIT, _cut, [connection])
        alarm.daemon = True
        try:
            connection.connect()
            alarm.args = [connection.sock]
            alarm.start()
            connection.request("POST", self._target, lines, self._headers)
            response = connection.getresponse()
            return response.status, response.read(_LONGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise self._named(error) from error
        finally:
            alarm.cancel()
            connection.close()

    def _connection(self) -> "http.client.HTTPConnection":
        import http.client

        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=PATIENCE, context=self.tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE)

    def _named(self, error: Exception) -> Away | Wrong:
        """Say what went wrong on the way."""
        import http.client

        if isinstance(error, TimeoutError):
            return Away(f"no answer within {PATIENCE:g} s")
        if type(error).__name__ == "gaierror":
            return Away(f"no such host: {self._host}")
        if type(error).__name__ == "SSLCertVerificationError":  # not to load ssl for http
            return Wrong("its certificate is not trusted: name it (--ca FILE), or --insecure")
        if type(error).__name__.startswith("SSL"):
            return Wrong("does not speak TLS: is it http://?")
        if isinstance(error, http.client.RemoteDisconnected) or not isinstance(error, OSError):
            return Away("closed the connection without an answer")
        return Away(cli.reason(error))


def _cut(opened: Any) -> None:
    """End a connection that another thread waits for."""
    import contextlib
    import socket

    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


def _words(body: bytes) -> str:
    """Return what the server says went wrong, in a line."""
    import json

    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    told = (answer.get("error") or answer.get("message") or "") if isinstance(answer, dict) else ""
    return " ".join(str(told).split())[:200]


def basic(login: "Login") -> str:
    """Return the header of a user and password, as version 1 wants them."""
    import base64

    return "Basic " + base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
