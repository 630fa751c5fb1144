"""Ciphered APDU -> APDU: decrypted and checked. IEC 62056-5-3 (Green Book ed. 9), security suites 0 to 2.

    DB | length | system title 8 | length | SC 1 | invocation counter 4 | text | tag 12       general-glo-ciphering
    DC |                           length | SC 1 | invocation counter 4 | text | tag 12       general-ded-ciphering

SC, the security control: bits 3-0 suite, bit 4 A (authenticated: there is a tag), bit 5 E (encrypted), bit 6 broadcast
key, bit 7 compressed. All suites are AES-GCM with the system title and the counter as IV, and tags of 96 bits.
"""

from collections.abc import Callable

from hanpipe.apdu.keys import TITLE_SIZE, Counters, Keys, Line
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import AEADDecryptionContext

GLO, DED = 0xDB, 0xDC
TAGS: Final = {GLO: "general-glo-ciphering", DED: "general-ded-ciphering"}
MISSING: Final = (
    "to decrypt takes the package cryptography: pip install 'hanpipe[decrypt]', or apt install python3-cryptography"
)

_AUTHENTICATED, _ENCRYPTED, _BROADCAST, _COMPRESSED = 0x10, 0x20, 0x40, 0x80
_HEAD: Final = 5  # octets of SC and invocation counter
_TAG: Final = 12  # octets of the tag
_KEY_SIZES: Final = {0: 16, 1: 16, 2: 32}  # octets of the key of each suite
_TRUST: Final = 3  # messages that may fail after a good one before its key is doubted
_MOST_TRUSTED: Final = 4096  # system titles

_NO_KEY: Final = "no key for this title: add a line to the key file (--key-file)"
_NO_TITLE: Final = "it carries no system title: its line in the key file (--key-file) must name one"
_COMPRESSION: Final = "compressed (V.44), which cannot be read"
_WRONG_KEY: Final = "wrong key: what it gives is neither an APDU nor a P1 telegram"
_WRONG_AUTHENTICATION_KEY: Final = "wrong authentication key: the text can be read, its tag fails"
_EITHER_KEY: Final = "wrong key or authentication key: the text is not encrypted, its tag fails"
_DAMAGED: Final = "damaged message: the same key opened those before it"
_ORDERS: Final = {
    "repeated": "an invocation counter is repeated: a message was sent twice, by the meter or by somebody else",
    "back": "the invocation counter goes back: old messages are sent again, or the meter has a new key",
}


class Ciphered(NamedTuple):
    """A ciphered APDU.

    title: system title, 8 octets, b"" if not sent; control: security control
    text:  encrypted if control says so; tag: 12 octets, b"" if control says that there is none
    """

    apdu: str
    title: bytes
    control: int
    counter: int
    text: bytes
    tag: bytes

    def keys(self) -> dict[str, Any]:
        """Return the keys of its line: title, counter and security control in the standard's letters."""
        title = {"system_title": self.title.hex()} if self.title else {}
        return title | {"invocation_counter": self.counter, "security": _words(self.control)}


class Closed(Exception):
    """A ciphered APDU that cannot be opened. fault: the word of its line; detail: why, for a person."""

    def __init__(self, fault: str, detail: str) -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail


def read_ciphered(octets: bytes) -> Ciphered:
    """Read a general-glo- or general-ded-ciphering APDU to its exact end. raise: Malformed."""
    if not octets or octets[0] not in TAGS:
        raise Malformed(0, "no ciphered APDU")
    if octets[0] == DED:
        return _read_content(TAGS[DED], b"", octets, 1)
    size, at = read_length(octets, 1)
    if size not in (0, TITLE_SIZE):
        raise Malformed(at, f"system title of {size} octets")
    return _read_content(TAGS[GLO], octets[at : at + size], octets, at + size)


def read_telegram(octets: bytes, at: int) -> Ciphered:
    """Read the ciphered block at `at` of a Polish P1 telegram: general-glo-ciphering without tag and title.

        / ident CR LF CR LF | 00 | length | SC 1 | invocation counter 4 | text | tag 12 | !CRC CR LF

    raise: Malformed
    """
    length, begin = read_length(octets, at + 1)
    return _read_content(TAGS[GLO], b"", octets[: begin + length], at + 1)


def _read_content(apdu: str, title: bytes, octets: bytes, at: int) -> Ciphered:
    length, at = read_length(octets, at)
    if at + length != len(octets):
        raise Malformed(at, f"{length} octets announced, {len(octets) - at} there")
    if length < _HEAD:
        raise Malformed(at, "no room for security control and counter")
    control, counter = octets[at], int.from_bytes(octets[at + 1 : at + _HEAD], "big")
    tag = _TAG if control & _AUTHENTICATED else 0
    if length < _HEAD + tag:
        raise Malformed(at + _HEAD, "no room for the tag")
    end = len(octets) - tag
    return Ciphered(apdu, title, control, counter, octets[at + _HEAD : end], octets[end:])


def _words(control: int) -> str:
    """Write a security control as the Green Book does: "E+A suite 0", and its flags."""
    letters = [letter for bit, letter in ((_ENCRYPTED, "E"), (_AUTHENTICATED, "A")) if control & bit]
    flags = [word for bit, word in ((_BROADCAST, "broadcast key"), (_COMPRESSED, "compressed")) if control & bit]
    return ", ".join([f"{'+'.join(letters) or 'none'} suite {control & 0x0F}", *flags])


def name_title(title: bytes) -> str:
    """Write a system title for a person: the three letters of the maker, then hex."""
    maker = title[:3]
    return maker.decode() + title[3:].hex() if maker.isascii() and maker.isalnum() else title.hex()


class Clear(NamedTuple):
    """What a key made of a ciphered APDU. authenticated: its tag was checked and is right; None: it is wrong."""

    text: bytes
    authenticated: bool | None


class Deciphering:
    """Opens ciphered APDUs with the keys that the user has.

    What is wrong cannot be seen from one message alone; so it is told by those before it with the same title:

    - no key: the key file has no line for the title.
    - wrong key: the text that comes out cannot be read, and no message before could be.
    - authentication, wrong authentication key: the text can be read to its end, but the tag fails, as all before it.
    - authentication or apdu, damaged message: the tag fails, or without a tag the text cannot be read, while the same
      key opened a message not more than 3 failures ago.
    - ciphering: compressed, or a suite that is not known.

    So a damaged first message counts as a wrong key, and a key that is changed as 3 damaged messages. Without an
    authentication key, or without a tag, a text that can be read to its end is all there is to go by: it comes out with
    "authenticated": false. The counter of what could be opened is compared with the highest before of that meter:
    "counter" is "repeated" or "back" on the line of one that is not above it, which is read all the same.
    """

    def __init__(
        self,
        keys: Keys | None = None,
        counters: Counters | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Take keys and counters; tell is told what a person should know, again and again."""
        self._keys = keys or Keys()
        self._counters = counters or Counters()
        self._tell = tell
        self._trust: dict[bytes, int] = {}  # title -> failures that do not yet speak against its key
        self.met = self.opened = 0

    def open(self, ciphered: Ciphered, readable: Callable[[bytes], bool]) -> tuple[bytes, dict[str, Any]]:
        """Return the text of a ciphered APDU, and the keys of its line.

        readable: tells whether a text that no tag speaks for is one
        raise:    Closed; ModuleNotFoundError: the package cryptography is missing
        """
        self.met += 1
        try:
            line, clear = self._open(ciphered, readable)
        except Closed as closed:
            self._tell(f"{_whose(ciphered.title)}: {closed.detail}")
            raise
        self.opened += 1
        keys = ciphered._replace(title=line.title).keys() | {"authenticated": bool(clear.authenticated)}
        if line.key and (order := self._counters.check(line.title, ciphered.counter)):
            keys["counter"] = order
            self._tell(f"{_whose(line.title)}: {_ORDERS[order]}")
        return clear.text, keys

    def _open(self, ciphered: Ciphered, readable: Callable[[bytes], bool]) -> tuple[Line, Clear]:
        """Try each key that may fit. raise: Closed."""
        attempts = []
        for line in self._candidates(ciphered):
            clear = decipher(ciphered, line)
            legible = clear.authenticated or readable(clear.text)
            if legible and clear.authenticated is not None:
                self._trust_key(ciphered.title, line)
                return line, clear
            attempts.append((legible, clear))
        raise self._blame(ciphered, attempts)

    def _candidates(self, ciphered: Ciphered) -> list[Line]:
        """Return the keys to try; no key at all where the text is not encrypted. raise: Closed."""
        suite = ciphered.control & 0x0F
        if ciphered.control & _COMPRESSED:
            raise Closed("ciphering", _COMPRESSION)
        if suite not in _KEY_SIZES:
            raise Closed("ciphering", f"security suite {suite} is not known")
        lines = self._keys.candidates(ciphered.title)
        fitting = [line for line in lines if len(line.key) == _KEY_SIZES[suite]]
        if not ciphered.control & _ENCRYPTED:
            checking = [line for line in fitting if line.authentication_key and ciphered.tag]
            return checking or [Line(ciphered.title, b"", b"")]
        if not lines:
            raise Closed("no key", _NO_KEY if ciphered.title else _NO_TITLE)
        if not fitting:
            size = _KEY_SIZES[suite]
            raise Closed("wrong key", f"wrong key: suite {suite} takes one of {2 * size} hex digits")
        return fitting

    def _trust_key(self, title: bytes, line: Line) -> None:
        if len(self._trust) >= _MOST_TRUSTED:
            self._trust.clear()
        if line.key:
            self._trust[title] = _TRUST

    def _blame(self, ciphered: Ciphered, attempts: list[tuple[bool, Clear]]) -> Closed:
        """Say why no attempt opened the message: (whether its text can be read, what came out) each."""
        trust = self._trust.get(ciphered.title, 0)
        tagged = any(clear.authenticated is None for _, clear in attempts)
        if trust:
            self._trust[ciphered.title] = trust - 1
            return Closed("authentication" if tagged else "apdu", _DAMAGED)
        if not ciphered.control & _ENCRYPTED:
            return Closed("authentication", _EITHER_KEY) if tagged else Closed("apdu", "the text cannot be read")
        if any(legible for legible, _ in attempts):
            return Closed("authentication", _WRONG_AUTHENTICATION_KEY)
        broadcast = "; it is ciphered with the broadcast key" if ciphered.control & _BROADCAST else ""
        return Closed("wrong key", _WRONG_KEY + broadcast)


def _whose(title: bytes) -> str:
    return f"title {name_title(title)}" if title else "a ciphered message"


def decipher(ciphered: Ciphered, line: Line) -> Clear:
    """Decrypt with a key, and check the tag if there is one and a key to check it with.

    line:   its title gives the IV with the counter; without a key, the text comes as it is
    raise:  ModuleNotFoundError: the package cryptography is missing
    source: IEC 62056-5-3: additional authenticated data are SC | AK, and the text where it is not encrypted
    """
    if not line.key:
        return Clear(ciphered.text, False)
    context = _gcm(line.key, line.title + ciphered.counter.to_bytes(4, "big"), ciphered.tag)
    encrypted = ciphered.control & _ENCRYPTED
    checked = bool(ciphered.tag and line.authentication_key)
    if checked:
        known = bytes([ciphered.control]) + line.authentication_key
        context.authenticate_additional_data(known if encrypted else known + ciphered.text)
    text = context.update(ciphered.text) if encrypted else ciphered.text
    return Clear(text, _is_right(context) if checked else False)


def _gcm(key: bytes, iv: bytes, tag: bytes) -> "AEADDecryptionContext":
    """Return what decrypts. Imported here: nobody without a key should wait for cryptography, or need it."""
    try:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(MISSING, name="cryptography") from error
    return Cipher(algorithms.AES(key), modes.GCM(iv, tag or None, min_tag_length=_TAG)).decryptor()


def _is_right(context: "AEADDecryptionContext") -> bool | None:
    from cryptography.exceptions import InvalidTag

    try:
        context.finalize()
    except InvalidTag:
        return None
    return True
