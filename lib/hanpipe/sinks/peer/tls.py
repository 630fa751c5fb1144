"""Which certificates TLS trusts: those of the system, those of a file, or any."""

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
