"""Ciphered APDU, or ciphered block of a P1 telegram -> Apdu | Telegram | Refusal."""

from collections.abc import Callable

from hanpipe.apdu import telegram
from hanpipe.apdu.ciphering import read_ciphered, read_ciphered_block
from hanpipe.apdu.deciphering import Deciphering, DecryptionError
from hanpipe.apdu.message import Apdu, Opened, Refusal, refusal
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Any


class CipheredReader:
    """Opens what a ciphered APDU holds: another APDU, or a P1 telegram."""

    def __init__(
        self,
        deciphering: Deciphering | None,
        warn: Callable[[str], None],
        is_notification: Callable[[bytes], bool],
    ) -> None:
        """Take what Opener takes. Without deciphering there are no keys."""
        self.deciphering = deciphering or Deciphering(warn=warn)
        self._is_notification = is_notification

    def read(self, keys: dict[str, Any], octets: bytes, time: int, head: bytes) -> Opened:
        """Open a ciphered APDU.

        keys: the first ones of its line
        head: the octets before the ciphered block of a telegram, b"" for an APDU
        """
        try:
            ciphered = read_ciphered_block(octets, len(head)) if head else read_ciphered(octets)
        except Malformed as malformed:
            return refusal("apdu", malformed, octets, keys, time)
        try:
            text, more_keys = self.deciphering.open(ciphered, lambda text: self._is_readable(text, head))
        except DecryptionError as error:
            keys = keys | {"apdu": ciphered.apdu} | ciphered.keys() | {"fault": error.fault, "detail": error.detail}
            return Refusal(time, keys | {"octets": octets.hex()})
        return _opened(text, head, keys | more_keys, time)

    def _is_readable(self, text: bytes, head: bytes) -> bool:
        """Tell whether a deciphered text is an APDU or a telegram: the only check of one whose tag was not checked."""
        if telegram.is_telegram(text) or (head and telegram.is_body(text)):
            return True
        return self._is_notification(text)


def _opened(text: bytes, head: bytes, keys: dict[str, Any], time: int) -> Opened:
    """Take a deciphered text. It may leave out the octets before the ciphered block, which the telegram has."""
    if text[:1] == b"/":
        return telegram.telegram_or_refusal(text, keys | {"link": "p1"}, time)
    if head and telegram.is_body(text):
        return telegram.telegram_or_refusal(head + text, keys, time)
    return Apdu(time, keys, text)
