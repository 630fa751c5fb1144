"""The page is open to everybody on this machine; from elsewhere it takes a login over TLS, or a proxy."""

import argparse
import ipaddress

from hanpipe.sinks.peer.login import Login
from hanpipe.unix.typed import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ssl

_LOCAL: Final = ("localhost", "127.0.0.1", "[::1]")


class Door(NamedTuple):
    """Where the page listens, and whom it answers.

    login: the header Authorization that a request must have, None for any
    hosts: the names that a request may address, None for any
    """

    host: str
    port: int
    login: str | None
    hosts: tuple[str, ...] | None
    tls: "ssl.SSLContext | None"

    def url(self, port: int) -> str:
        """Return the address of the page. port: the one in use, if any one was asked for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{port}/"


def door(options: argparse.Namespace, login: Login | None) -> Door:
    """Return the door that the options describe.

    A page of another site, whose name was made to point here, could read the answers (DNS rebinding). So the name that
    a request addresses must be one of ours; or the request must have the login, which a browser sends only to the site
    that asked the user for it.

    raise: ValueError: the options open the page to others; Misconfigured: the certificate cannot be used
    """
    host, port = options.listen
    if bool(options.cert) != bool(options.key):
        raise ValueError("--cert and --key belong together")
    if not (_is_local(host) or options.proxied_as or (login and options.cert)):
        raise ValueError(
            f"--listen {host}: others can reach this address: use --login, --cert and --key; or a proxy, --proxied-as"
        )
    own = f"[{host}]" if ":" in host else host
    hosts = None if login else (*dict.fromkeys((*_LOCAL, own.lower(), *options.proxied_as)),)
    tls = None
    if options.cert:
        from hanpipe.sinks.peer.tls import server_context  # http does without it

        tls = server_context(options.cert, options.key)
    return Door(host, port, login.basic if login else None, hosts, tls)


def _is_local(host: str) -> bool:
    """Return whether only programs of this machine reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
