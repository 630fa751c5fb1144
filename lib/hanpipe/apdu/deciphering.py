"""Which key of the user opens a ciphered APDU; and if none does, why."""

from collections.abc import Callable

from hanpipe.apdu.ciphering import KEY_SIZES, Ciphered, Clear, decipher, name_title
from hanpipe.apdu.counters import Counters
from hanpipe.apdu.keys import Keys, Line
from hanpipe.unix.typed import Any, Final

_TRUST: Final = 3  # messages that may fail after a good one before its key is doubted
_MOST_TRUSTED: Final = 65536  # system titles

_NO_KEY: Final = "no key for this title: add a line to the key file (--key-file)"
_NO_TITLE: Final = "the message carries no system title: name one in the line of the key file (--key-file)"
_COMPRESSION: Final = "the text is compressed (V.44), which han-decode cannot read"
_WRONG_KEY: Final = "wrong key: the deciphered text is neither an APDU nor a P1 telegram"
_WRONG_AUTHENTICATION_KEY: Final = "wrong authentication key: the text can be read, but its tag fails"
_EITHER_KEY: Final = "wrong key or authentication key: the text is not encrypted, and its tag fails"
_DAMAGED: Final = "damaged message: the same key opened earlier messages"
_ORDERS: Final = {
    "repeated": "an invocation counter is repeated: the meter, or somebody else, sent a message twice",
    "back": "the invocation counter goes back: old messages are sent again, or the meter has a new key",
}


class DecryptionError(Exception):
    """A ciphered APDU that cannot be opened. fault: the word of its line; detail: why, for a person."""

    def __init__(self, fault: str, detail: str) -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail


class Deciphering:
    """Opens ciphered APDUs with the keys that the user has.

    One message alone does not show why it cannot be opened; so earlier messages with the same title count:

    - no key: the key file has no line for the title.
    - wrong key: the deciphered text cannot be read, and neither could that of any earlier message.
    - authentication, wrong authentication key: the text can be read to its end, but the tag fails, as it always did.
    - authentication or apdu, damaged message: the tag fails, or without a tag the text cannot be read, while the same
      key opened a message not more than 3 failures ago.
    - ciphering: compressed, or an unknown suite.

    So a damaged first message counts as a wrong key, and a changed key as 3 damaged messages. Without an authentication
    key, or without a tag, the only check is that the text can be read to its end: its line says "authenticated": false.
    A message whose invocation counter is not above the highest of its meter is read, and its line says "counter":
    "repeated" or "back".
    """

    def __init__(
        self,
        keys: Keys | None = None,
        counters: Counters | None = None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Take keys and counters. warn: is called with a text for the user, the same one again and again."""
        self._keys = keys or Keys()
        self.counters = counters or Counters()
        self._warn = warn
        self._trust: dict[bytes, int] = {}  # title -> failures that do not yet speak against its key
        self.met = self.opened = 0

    def open(self, ciphered: Ciphered, readable: Callable[[bytes], bool]) -> tuple[bytes, dict[str, Any]]:
        """Return the text of a ciphered APDU, and the keys of its line.

        readable: tells whether a text can be read, the only check where no tag was checked
        raise:    DecryptionError; ModuleNotFoundError: the package cryptography is missing
        """
        self.met += 1
        try:
            line, clear = self._open(ciphered, readable)
        except DecryptionError as error:
            self._warn(f"{_sender(ciphered.title)}: {error.detail}")
            raise
        self.opened += 1
        keys = ciphered._replace(title=line.title).keys() | {"authenticated": bool(clear.authenticated)}
        if line.key and (order := self.counters.check(line.title, ciphered.counter)):
            keys["counter"] = order
            self._warn(f"{_sender(line.title)}: {_ORDERS[order]}")
        return clear.text, keys

    def _open(self, ciphered: Ciphered, readable: Callable[[bytes], bool]) -> tuple[Line, Clear]:
        """Try each key that may fit. raise: DecryptionError."""
        attempts = []
        for line in self._candidates(ciphered):
            clear = decipher(ciphered, line)
            legible = clear.authenticated or readable(clear.text)
            if legible and clear.authenticated is not None:
                self._trust_key(ciphered.title, line)
                return line, clear
            attempts.append((legible, clear))
        raise self._reason(ciphered, attempts)

    def _candidates(self, ciphered: Ciphered) -> list[Line]:
        """Return the keys to try; an empty one where the text is not encrypted. raise: DecryptionError."""
        if ciphered.compressed:
            raise DecryptionError("ciphering", _COMPRESSION)
        if ciphered.suite not in KEY_SIZES:
            raise DecryptionError("ciphering", f"security suite {ciphered.suite} is unknown")
        size = KEY_SIZES[ciphered.suite]
        lines = self._keys.candidates(ciphered.title)
        fitting = [line for line in lines if len(line.key) == size]
        if not ciphered.encrypted:
            checking = [line for line in fitting if line.authentication_key and ciphered.tag]
            return checking or [Line(ciphered.title, b"", b"")]
        if not lines:
            raise DecryptionError("no key", _NO_KEY if ciphered.title else _NO_TITLE)
        if not fitting:
            raise DecryptionError(
                "wrong key", f"wrong key: suite {ciphered.suite} needs a key of {2 * size} hex digits"
            )
        return fitting

    def _trust_key(self, title: bytes, line: Line) -> None:
        if len(self._trust) >= _MOST_TRUSTED:
            self._trust.clear()
        if line.key:
            self._trust[title] = _TRUST

    def _reason(self, ciphered: Ciphered, attempts: list[tuple[bool, Clear]]) -> DecryptionError:
        """Say why no attempt opened the message. attempts: whether its text can be read, and the text, each."""
        trust = self._trust.get(ciphered.title, 0)
        tag_failed = any(clear.authenticated is None for _, clear in attempts)
        if trust:
            self._trust[ciphered.title] = trust - 1
            return DecryptionError("authentication" if tag_failed else "apdu", _DAMAGED)
        if not ciphered.encrypted:
            return (
                DecryptionError("authentication", _EITHER_KEY)
                if tag_failed
                else DecryptionError("apdu", "the text cannot be read")
            )
        if any(legible for legible, _ in attempts):
            return DecryptionError("authentication", _WRONG_AUTHENTICATION_KEY)
        return DecryptionError(
            "wrong key", _WRONG_KEY + ("; the message uses the broadcast key" if ciphered.broadcast else "")
        )


def _sender(title: bytes) -> str:
    return f"title {name_title(title)}" if title else "a ciphered message"
