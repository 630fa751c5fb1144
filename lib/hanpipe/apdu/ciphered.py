"""Ciphered APDU, or ciphered block of a P1 telegram -> Apdu | Telegram | Refusal."""

from collections.abc import Callable

from hanpipe.apdu import telegram
from hanpipe.apdu.ciphering import KEY_SIZES, Ciphered, decipher, read_ciphered, read_ciphered_block
from hanpipe.apdu.deciphering import Deciphering, DecryptionError
from hanpipe.apdu.dlms import is_notification
from hanpipe.apdu.keys import ANY, Keys, Line
from hanpipe.apdu.message import Apdu, Opened, Refusal, refusal
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Any, NamedTuple


class CipheredReader:
    """Opens what a ciphered APDU holds: another APDU, or a P1 telegram."""

    def __init__(
        self,
        deciphering: Deciphering | None,
        warn: Callable[[str], None],
        is_notification: Callable[[bytes], bool],
    ) -> None:
        """Take the arguments of Opener. Without deciphering, the user has no keys."""
        self.deciphering = deciphering or Deciphering(warn=warn)
        self._is_notification = is_notification

    def read(self, time: int, keys: dict[str, Any], octets: bytes, head: bytes) -> list[Opened]:
        """Open a ciphered APDU.

        keys: the first ones of its line
        head: the octets before the ciphered block of a telegram, b"" for an APDU
        """
        try:
            ciphered = _read(octets, head)
        except Malformed as malformed:
            return [refusal("apdu", malformed, octets, keys, time)]
        try:
            text, more_keys = self.deciphering.open(
                ciphered, lambda text: is_readable(text, head, self._is_notification)
            )
        except DecryptionError as error:
            keys = keys | {"apdu": ciphered.apdu} | ciphered.keys() | {"fault": error.fault, "detail": error.detail}
            return [Refusal(time, keys | {"octets": octets.hex()})]
        keys = keys | more_keys
        if head:
            return [_block_content(text, head, keys, time)]
        if text[:1] != b"/":
            return [Apdu(time, keys, text)]
        return _telegrams(text, octets, keys, time, checked=keys["authenticated"])


def _read(octets: bytes, head: bytes) -> Ciphered:
    return read_ciphered_block(octets, len(head)) if head else read_ciphered(octets)


def is_readable(text: bytes, head: bytes, is_apdu: Callable[[bytes], bool]) -> bool:
    """Tell whether a deciphered text is an APDU or a telegram: the only check of one whose tag was not checked."""
    return telegram.is_telegram(text) or (head != b"" and telegram.is_body(text)) or is_apdu(text)


def _block_content(text: bytes, head: bytes, keys: dict[str, Any], time: int) -> Opened:
    """Take the text of a telegram's ciphered block: the whole telegram, its objects, or an APDU.

    Its CRC is that of the telegram as it was sent, which has been checked.
    """
    if text[:1] == b"/":
        return telegram.telegram_or_refusal(text, keys, time)
    return telegram.telegram_or_refusal(head + text, keys, time) if telegram.is_body(text) else Apdu(time, keys, text)


def _telegrams(text: bytes, octets: bytes, keys: dict[str, Any], time: int, *, checked: bool) -> list[Opened]:
    """Take a text of telegrams. octets: as they came; checked: whether a tag spoke for them, otherwise the CRC must."""
    keys = keys | {"link": "p1"}
    telegrams, rest = telegram.split_telegrams(text)
    opened: list[Opened] = []
    for each in telegrams:
        fault = "" if checked else telegram.crc_fault(each)
        if fault:
            detail = f"{fault}; the tag was not checked either (that takes the authentication key)"
            opened.append(Refusal(time, keys | {"fault": "frame check", "detail": detail, "octets": octets.hex()}))
        else:
            opened.append(telegram.telegram_or_refusal(each, keys, time))
    if rest:
        malformed = Malformed(0, "expected a telegram, which ends with a line that begins with !")
        opened.append(refusal("telegram", malformed, rest, keys, time))
    return opened


class Trial(NamedTuple):
    """How well a line of the key file fits a ciphered APDU.

    verdict: "opens"                    the tag is right
             "opens, not authenticated" the text can be read; its tag, or the key to check it with, is missing
             "wrong authentication key" the text can be read, but the tag is wrong: the key is right
             "wrong key"                the text cannot be read, or is not encrypted and its tag is wrong
             "wrong size"               the security suite needs a key of another size
    """

    line: Line
    verdict: str


def try_keys(octets: bytes, keys: Keys) -> list[Trial]:
    """Try every line of a key file on a ciphered APDU, also those of other titles: a person may have mixed them up.

    octets: the APDU, or the P1 telegram with a ciphered block: "octets" of a line of han-decode that refuses it
    return: a trial for each line. A line for any title is left out where the message carries no title
    raise:  Malformed: not a ciphered APDU; ModuleNotFoundError: the package cryptography is missing
    """
    head, _ = telegram.split_ciphered(octets)
    ciphered = _read(octets, head)
    lines = [line for line in keys.lines if ciphered.title or line.title != ANY]
    return [Trial(line, _verdict(ciphered, line, head)) for line in lines]


def _verdict(ciphered: Ciphered, line: Line, head: bytes) -> str:
    if len(line.key) != KEY_SIZES.get(ciphered.suite):
        return "wrong size"
    clear = decipher(ciphered, line._replace(title=ciphered.title or line.title))
    if clear.authenticated:
        return "opens"
    if not ciphered.encrypted or not is_readable(clear.text, head, is_notification):
        return "wrong key"
    return "wrong authentication key" if clear.authenticated is None else "opens, not authenticated"
