"""What TLS trusts: the authorities of the system, those of a file, or anybody."""

from hanpipe.unix.status import CONFIGURATION, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def tls_context(ca: str | None, insecure: bool, *, any_host: bool) -> "ssl.SSLContext":
    """Return what TLS is to trust.

    ca:       a file of certificates; any_host: who has one of these need not name the host, as Domoticz's own does not
    insecure: any certificate, of anybody
    raise:    Failure: the file cannot be read
    """
    import ssl

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
        why = "no certificate in it" if isinstance(error, ssl.SSLError) else reason(error)
        raise Failure(CONFIGURATION, f"{ca}: {why}") from error
    return context
