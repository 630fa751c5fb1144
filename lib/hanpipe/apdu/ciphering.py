"""The format of ciphered APDUs, and their cipher. IEC 62056-5-3 (Green Book ed. 9), security suites 0 to 2.

    DB or DC | length | system title 0 or 8 | length | SC 1 | invocation counter 4 | text | tag 12

DB is general-glo-ciphering, with the global key of the meter, DC general-ded-ciphering, with a dedicated key.

SC, the security control: bits 3-0 suite, bit 4 A (authenticated: there is a tag), bit 5 E (encrypted), bit 6 broadcast
key, bit 7 compressed. All suites use AES-GCM with the system title and the counter as IV, and tags of 96 bits.
"""

from hanpipe.apdu import cosem
from hanpipe.apdu.keys import TITLE_SIZE, Line
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import AEADDecryptionContext

KEY_SIZES: Final = {0: 16, 1: 16, 2: 32}  # octets of the key of each suite

_AUTHENTICATED, _ENCRYPTED, _BROADCAST, _COMPRESSED = 0x10, 0x20, 0x40, 0x80
_SUITE: Final = 0x0F
_HEAD: Final = 5  # octets of SC and invocation counter
_TAG: Final = 12  # octets of the tag


class Ciphered(NamedTuple):
    """A ciphered APDU.

    apdu:    its name
    title:   system title, 8 octets, b"" if not sent
    control: security control
    text:    encrypted if control says so
    tag:     12 octets, b"" without authentication
    """

    apdu: str
    title: bytes
    control: int
    counter: int
    text: bytes
    tag: bytes

    @property
    def suite(self) -> int:
        """The security suite, 0 to 15; 0 to 2 exist."""
        return self.control & _SUITE

    @property
    def encrypted(self) -> bool:
        """Whether the text is encrypted."""
        return bool(self.control & _ENCRYPTED)

    @property
    def broadcast(self) -> bool:
        """Whether the broadcast key was used, not the unicast key."""
        return bool(self.control & _BROADCAST)

    @property
    def compressed(self) -> bool:
        """Whether the text was compressed before it was encrypted."""
        return bool(self.control & _COMPRESSED)

    def keys(self) -> dict[str, Any]:
        """Return the keys of its line: title, counter and security control in the standard's letters."""
        title = {"system_title": self.title.hex()} if self.title else {}
        return title | {"invocation_counter": self.counter, "security": self._words()}

    def _words(self) -> str:
        """Write the security control as the Green Book does: "E+A suite 0", and its flags."""
        letters = [letter for bit, letter in ((_ENCRYPTED, "E"), (_AUTHENTICATED, "A")) if self.control & bit]
        flags = [
            word for bit, word in ((_BROADCAST, "broadcast key"), (_COMPRESSED, "compressed")) if self.control & bit
        ]
        return ", ".join([f"{'+'.join(letters) or 'none'} suite {self.suite}", *flags])


def read_ciphered(octets: bytes) -> Ciphered:
    """Read a general-glo- or general-ded-ciphering APDU to its exact end. raise: Malformed."""
    if octets[:1] not in (b"\xdb", b"\xdc"):
        raise Malformed(0, "expected a ciphered APDU (DB or DC)")
    size, at = read_length(octets, 1)
    if size not in (0, TITLE_SIZE):
        raise Malformed(at, f"expected a system title of {TITLE_SIZE} octets, found one of {size}")
    return _read_content(cosem.APDUS[octets[0]], octets[at : at + size], octets, at + size)


def read_ciphered_block(octets: bytes, at: int) -> Ciphered:
    """Read the ciphered block at `at` of a Polish P1 telegram: general-glo-ciphering without tag and title.

        / ident CR LF CR LF | 00 | length | SC 1 | invocation counter 4 | text | tag 12 | !CRC CR LF

    raise: Malformed
    """
    length, begin = read_length(octets, at + 1)
    return _read_content(cosem.APDUS[cosem.GLO_CIPHERING], b"", octets[: begin + length], at + 1)


def _read_content(apdu: str, title: bytes, octets: bytes, at: int) -> Ciphered:
    length, at = read_length(octets, at)
    if at + length != len(octets):
        raise Malformed(at, f"expected {length} octets as announced, found {len(octets) - at}")
    if length < _HEAD:
        raise Malformed(at, "too short for security control and counter")
    control, counter = octets[at], int.from_bytes(octets[at + 1 : at + _HEAD], "big")
    tag = _TAG if control & _AUTHENTICATED else 0
    if length < _HEAD + tag:
        raise Malformed(at + _HEAD, "too short for the tag")
    end = len(octets) - tag
    return Ciphered(apdu, title, control, counter, octets[at + _HEAD : end], octets[end:])


def name_title(title: bytes) -> str:
    """Write a system title for a person: the three letters of the maker, then hex."""
    maker = title[:3]
    return maker.decode() + title[3:].hex() if maker.isascii() and maker.isalnum() else title.hex()


class Clear(NamedTuple):
    """A deciphered text. authenticated: True: its tag is right, None: it is wrong, False: it was not checked."""

    text: bytes
    authenticated: bool | None


def decipher(ciphered: Ciphered, line: Line) -> Clear:
    """Decrypt with a key, and check the tag if there is one and a key to check it with.

    line:   of a key file; its title and the counter are the IV. Without a key, the text is returned as it is
    raise:  ModuleNotFoundError: the package cryptography is missing
    source: IEC 62056-5-3: additional authenticated data are SC | AK, and the text where it is not encrypted
    """
    if not line.key:
        return Clear(ciphered.text, False)
    context = _gcm(line.key, line.title + ciphered.counter.to_bytes(4, "big"), ciphered.tag)
    checked = bool(ciphered.tag and line.authentication_key)
    if checked:
        known = bytes([ciphered.control]) + line.authentication_key
        context.authenticate_additional_data(known if ciphered.encrypted else known + ciphered.text)
    text = context.update(ciphered.text) if ciphered.encrypted else ciphered.text
    return Clear(text, _tag_is_right(context) if checked else False)


def _gcm(key: bytes, iv: bytes, tag: bytes) -> "AEADDecryptionContext":
    """Return a context that decrypts. Only a user with a key needs cryptography, or waits for its import."""
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ModuleNotFoundError as error:
        from hanpipe.unix.missing import needed

        raise needed("cryptography", "decryption") from error
    return Cipher(algorithms.AES(key), modes.GCM(iv, tag or None, min_tag_length=_TAG)).decryptor()


def _tag_is_right(context: "AEADDecryptionContext") -> bool | None:
    from cryptography.exceptions import InvalidTag

    try:
        context.finalize()
    except InvalidTag:
        return None
    return True
