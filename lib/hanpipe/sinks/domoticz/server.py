"""A client of Domoticz's HTTP interface, /json.htm.

    GET /json.htm?type=command&param=udevice&idx=1&nvalue=0&svalue=2345.7%3B21123456

HTTP 200 only means that the login was accepted: success is "status":"OK" in the JSON. The Basic header goes with every
request, because Domoticz never asks for it, and needs a "?" in the target, or Domoticz ignores it. Without "Connection:
keep-alive" the server closes without notice, with it after 20 s of silence.
"""

import json
from urllib.parse import quote, urlencode

from hanpipe.sinks.errors import Away, Denied, Refused, Wrong
from hanpipe.sinks.peer.http import HttpPeer
from hanpipe.sinks.peer.login import Login
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import ssl

PATIENCE: Final = 5.0  # s for an answer: it takes Domoticz 1 ms, at worst 0.1 s

_TRUSTED: Final = "add {own} to the trusted networks"
_SECURITY: Final = "in Domoticz, Setup > Settings > Security, "


class Domoticz:
    """One Domoticz. Every request is answered or given up within twice PATIENCE."""

    def __init__(self, url: str, login: Login | None = None, tls: "ssl.SSLContext | None" = None) -> None:
        """Take the base URL, which may have a path (Domoticz's -webroot). raise: ValueError: it has another form."""
        if url.rstrip("/").endswith("/json.htm"):
            raise ValueError("leave out /json.htm")
        self._peer = HttpPeer(url, "http://HOST:PORT or https://HOST:PORT", PATIENCE, tls, usual_port=8080)
        self.title = self._peer.title
        self.login = login
        self._headers = {"Connection": "keep-alive"}
        if login is not None:
            self._headers["Authorization"] = login.basic

    def url(self, param: str, **arguments: str | int) -> str:
        """Return the URL of a request, as people see it."""
        return self._peer.origin + self._target(param, arguments)

    def _target(self, param: str, arguments: dict[str, str | int]) -> str:
        return f"{self._peer.path}/json.htm?" + urlencode(
            {"type": "command", "param": param} | arguments, quote_via=quote
        )

    def ask(self, param: str, **arguments: str | int) -> dict[str, Any]:
        """Send a command; return its answer, whose status is OK.

        raise: Away, Denied, Wrong; Refused: the status is ERR or ERROR, which Domoticz never explains
        """
        status, body = self._peer.exchange("GET", self._target(param, arguments), self._headers)
        if status == 200:
            return _answer(body)
        if status in (401, 403):
            raise Denied(self.words_of_denial(status), status)
        if status in (400, 404):
            raise Wrong(f"Domoticz is not at this path ({status}); if it runs with -webroot NAME, use --url .../NAME")
        if status >= 500:
            raise Away(f"answered {status}")
        raise Wrong(f"answered {status}: is this a Domoticz?")

    def words_of_denial(self, status: int | None = None) -> str:
        """Return what to change so that the login is accepted. status: of HTTP, if it is what denied it."""
        number = f" ({status})" if status else ""
        if status == 403:
            user = f"user '{self.login.user}'" if self.login else "a client without a login"
            return f"{user} has too few rights{number}: in Domoticz, Setup > Users, make it a User"
        trusted = _TRUSTED.format(own=self._peer.own)
        if self.login is None:
            return f"a login is required{number}: use --login FILE, or {_SECURITY}{trusted}"
        if self._peer.secure:
            return f"login refused{number}: the user or password of '{self.login.user}' is wrong"
        if self._lets_in_without_login():
            return (
                f"login refused{number}: leave out --login, because Domoticz trusts this address without it; "
                "or the password is wrong"
            )
        return (
            f"login refused{number}: {_SECURITY}allow basic authentication over plain HTTP, or {trusted}, "
            "or use https; or the password is wrong"
        )

    def _lets_in_without_login(self) -> bool:
        """Return whether this address is in the trusted networks, where a wrong login is refused all the same."""
        try:
            status, body = self._peer.exchange("GET", self._target("getauth", {}), {"Connection": "keep-alive"})
            return status == 200 and int(_answer(body).get("rights", -1)) > 0
        except (Away, Wrong, Refused, TypeError, ValueError):
            return False

    def close(self) -> None:
        """Close the connection; the next request opens one."""
        self._peer.close()


def _answer(body: bytes) -> dict[str, Any]:
    """Return the JSON of an answer whose status is OK. raise: Away: it is not JSON; Refused."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Away("the answer is not JSON")
    if answer.get("status") != "OK":
        raise Refused(str(answer.get("status")))
    return answer
