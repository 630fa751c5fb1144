"""Record -> Apdu | Telegram | Refusal: the content of frames, its pieces joined and its ciphering opened."""

from collections.abc import Callable

from hanpipe.apdu import cosem
from hanpipe.apdu.assembly import FIRST_BLOCK, FIRST_TELEGRAM, Lost, Numbered, Segments, read_block, read_telegram
from hanpipe.apdu.message import Apdu, Opened, Refusal, refusal
from hanpipe.link.header import read_header
from hanpipe.link.kinds import FAULTS
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.apdu.ciphered import CipheredReader
    from hanpipe.apdu.deciphering import Deciphering

FCS: Final = 2  # octets after the information of a frame

# The link on which a fault was found, by its first octet.
_LINKS: Final = {0x68: "mbus", 0x2F: "p1"} | dict.fromkeys(range(0xA0, 0xB0), "hdlc")
_CIPHERED: Final = (cosem.GLO_CIPHERING, cosem.DED_CIPHERING)


class Opener:
    """Feed it records in line order; each gives the APDUs, telegrams and refusals that it completes, mostly one."""

    def __init__(
        self,
        deciphering: "Deciphering | None",
        warn: Callable[[str], None],
        is_notification: Callable[[bytes], bool],
    ) -> None:
        """Take the keys and whom to warn.

        deciphering:     opens ciphered APDUs; without it they are refused for lack of a key
        is_notification: tells whether octets are an APDU to their exact end: the only check of a text without a tag
        """
        self.deciphering = deciphering
        self._warn = warn
        self._is_notification = is_notification
        self._ciphered_reader: CipheredReader | None = None
        self.segments = Segments()
        self._telegrams = Numbered(FIRST_TELEGRAM)
        self._blocks = Numbered(FIRST_BLOCK)

    def open(self, kind: str, octets: bytes, time: int = 0) -> list[Opened]:
        """Return what a record completes.

        kind: as in link/kinds.py, "" for octets of a torn record; time: ns since 1970-01-01 UTC, 0 = unknown
        """
        if kind == "H":
            return self._hdlc(octets, time)
        if kind == "M":
            return self._mbus(octets, time)
        if kind == "P":
            return [self._p1(octets, time)]
        if kind == "A":
            return self._apdu({"link": "apdu"}, octets, time)
        return self._fault(kind, octets, time)

    def end(self) -> list[Refusal]:
        """Return the pieces that were never completed: the input has ended."""
        return self._give_up(0)

    def _give_up(self, time: int) -> list[Refusal]:
        """Forget the APDUs that have begun, and report their pieces."""
        begun = [*self.segments.end(), *self._telegrams.end(), *self._blocks.end()]
        return [_lost(lost, time) for lost in begun]

    def _fault(self, kind: str, octets: bytes, time: int) -> list[Opened]:
        """Pass on octets given up. A damaged frame may have ended one APDU and begun the next."""
        keys = {"link": _LINKS[octets[0]]} if octets and octets[0] in _LINKS and kind not in ("", "n") else {}
        opened: list[Opened] = []
        if keys and kind in ("c", "t"):
            opened += self._give_up(time)
        return [*opened, Refusal(time, keys | {"fault": FAULTS.get(kind, "record"), "octets": octets.hex()})]

    def _hdlc(self, octets: bytes, time: int) -> list[Opened]:
        try:
            header = read_header(octets)
        except Malformed as malformed:
            return [refusal("header", malformed, octets, {"link": "hdlc"}, time)]
        keys = {"link": "hdlc", "destination": header.destination.hex(), "source": header.source.hex()}
        origin = tuple(keys.items())
        alone = not (header.segmented or origin in self.segments.waiting)
        apdu, lost = self.segments.add(origin, octets[header.information : -FCS], header.segmented)
        opened: list[Opened] = [_lost(each, time) for each in lost]
        return opened + self._apdu(keys, apdu, time, octets if alone else b"")

    def _mbus(self, octets: bytes, time: int) -> list[Opened]:
        try:
            address, source, destination, number, last, data = read_telegram(octets)
        except Malformed as malformed:
            return [refusal("header", malformed, octets, {"link": "mbus"}, time)]
        keys = {"link": "mbus", "address": f"{address:02x}"}
        keys |= {"destination": f"{destination:02x}", "source": f"{source:02x}"}
        apdu, lost = self._telegrams.add(tuple(keys.items()), number, last, data)
        opened: list[Opened] = [_lost(each, time) for each in lost]
        return opened + self._apdu(keys, apdu, time)

    def _p1(self, octets: bytes, time: int) -> Opened:
        from hanpipe.apdu import telegram  # half of the meters never send one

        keys = {"link": "p1"}
        head, block = telegram.split_ciphered(octets)
        if not block:
            return telegram.telegram_or_refusal(octets, keys, time)
        keys["identification"] = head.rstrip().decode("latin-1")
        return self._ciphered(keys, octets, time, head)

    def _apdu(self, keys: dict[str, Any], octets: bytes, time: int, frame: bytes = b"") -> list[Opened]:
        """Take an APDU that its link has put together, b"" if it was not completed. frame: as of an Apdu."""
        if octets[:1] == bytes([cosem.BLOCK_TRANSFER]):
            return self._block(keys, octets, time)
        return [self._whole(keys, octets, time, frame)] if octets else []

    def _block(self, keys: dict[str, Any], octets: bytes, time: int) -> list[Opened]:
        try:
            block = read_block(octets)
        except Malformed as malformed:
            return [refusal("apdu", malformed, octets, keys, time)]
        apdu, lost = self._blocks.add(tuple(keys.items()), *block)
        opened: list[Opened] = [_lost(each, time) for each in lost]
        return [*opened, self._whole(keys, apdu, time)] if apdu else opened

    def _whole(self, keys: dict[str, Any], octets: bytes, time: int, frame: bytes = b"") -> Opened:
        return self._ciphered(keys, octets, time) if octets[0] in _CIPHERED else Apdu(time, keys, octets, frame)

    def _ciphered(self, keys: dict[str, Any], octets: bytes, time: int, head: bytes = b"") -> Opened:
        """Open a ciphered APDU. head: the octets before the ciphered block of a telegram."""
        if self._ciphered_reader is None:
            from hanpipe.apdu.ciphered import CipheredReader  # most meters never send one

            self._ciphered_reader = CipheredReader(self.deciphering, self._warn, self._is_notification)
            self.deciphering = self._ciphered_reader.deciphering
        return self._ciphered_reader.read(keys, octets, time, head)


def _lost(lost: Lost, time: int) -> Refusal:
    return Refusal(time, dict(lost.origin) | {"fault": "segment lost", "octets": lost.octets.hex()})
