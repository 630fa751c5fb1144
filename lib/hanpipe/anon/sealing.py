"""A ciphered APDU ciphered anew, under the key that is published for this: anybody may read the result."""

from hanpipe.apdu.ciphering import Ciphered
from hanpipe.unix.typed import Final

# The example key of the DLMS UA's Green Book. Suite 2 needs keys of twice the length.
TEST_KEY: Final = bytes(range(16))
_TEST_KEYS: Final = {0: TEST_KEY, 1: TEST_KEY, 2: bytes(range(32))}
_TAG: Final = 12
_AUTHENTICATED: Final = 0x10


def seal(ciphered: Ciphered, text: bytes, title: bytes) -> bytes:
    """Return the text and the tag of a ciphered APDU, for another text of equal length.

    ciphered: the APDU as it was: security control and counter stay
    title:    the new system title, 8 octets
    raise:    ModuleNotFoundError: the package cryptography is missing
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = _TEST_KEYS[ciphered.suite]
    control = bytes([ciphered.control])
    known = control + key if ciphered.control & _AUTHENTICATED else b""
    plain = text if ciphered.encrypted else b""
    known += b"" if ciphered.encrypted else text
    secret = AESGCM(key).encrypt(title + ciphered.counter.to_bytes(4, "big"), plain, known)
    tag = secret[len(plain) :][:_TAG] if ciphered.tag else b""
    return (secret[: len(plain)] if ciphered.encrypted else text) + tag
