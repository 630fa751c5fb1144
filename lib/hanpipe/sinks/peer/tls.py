"""TLS: which certificates a client trusts, and the connections of a server."""

import socket
import ssl

from hanpipe.sinks.errors import Misconfigured
from hanpipe.unix.stderr import reason


def tls_context(ca: str | None, insecure: bool, *, any_host: bool) -> ssl.SSLContext:
    """Return what TLS trusts.

    ca:       a file of certificates; any_host: a peer with one of these need not have its host's name, as Domoticz has
              not
    insecure: trust any certificate
    raise:    Misconfigured: the file cannot be read
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = not (insecure or (ca and any_host))
    try:
        if insecure:
            context.verify_mode = ssl.CERT_NONE
        elif ca:
            context.load_verify_locations(ca)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        else:
            context.load_default_certs()
    except OSError as error:
        why = "it contains no certificate" if isinstance(error, ssl.SSLError) else reason(error)
        raise Misconfigured(f"{ca}: {why}") from error
    return context


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """Return the certificate and key of a server. raise: Misconfigured: they cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        raise Misconfigured(f"{cert}, {key}: expected a certificate and its key, in PEM without a password") from error
    except OSError as error:
        raise Misconfigured(f"{cert}, {key}: {reason(error)}") from error
    return context


class Connection:
    """A connection of a server over TLS: the methods of a non-blocking socket that a listener uses."""

    def __init__(self, accepted: socket.socket, context: ssl.SSLContext) -> None:
        """Take a connection, non-blocking; the handshake is part of the first reads. raise: OSError."""
        self._socket = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        self.fileno, self.close, self.shutdown = self._socket.fileno, self._socket.close, self._socket.shutdown

    def recv(self, size: int) -> bytes:
        """Read octets, about so many. raise: BlockingIOError, OSError."""
        try:
            octets = self._socket.recv(size)
            while left := self._socket.pending():  # poll does not see what is deciphered already
                octets += self._socket.recv(left)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error
        return octets

    def send(self, octets: bytes | bytearray) -> int:
        """Write octets; return how many were taken. raise: BlockingIOError, OSError."""
        try:
            return self._socket.send(octets)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error
