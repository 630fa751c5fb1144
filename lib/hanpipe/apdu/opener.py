"""Record -> Apdu | Telegram | Refusal: the content of frames, its pieces joined and its ciphering opened."""

from collections.abc import Callable

from hanpipe.apdu import cosem
from hanpipe.apdu.assembly import FIRST_BLOCK, FIRST_TELEGRAM, Lost, Numbered, Segments, read_block
from hanpipe.apdu.dlms import find_next, read_notification
from hanpipe.apdu.message import Apdu, Opened, Refusal, refusal
from hanpipe.link.header import read_header
from hanpipe.link.kinds import FAULTS, link_of
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.apdu.ciphered import CipheredReader
    from hanpipe.apdu.deciphering import Deciphering

FCS: Final = 2  # octets after the information of a frame

_UI, _FINAL = 0x03, 0x10  # control field: unnumbered information; the P/F bit
_CIPHERED: Final = (cosem.GLO_CIPHERING, cosem.DED_CIPHERING)


class Opener:
    """Feed it records in line order; each gives the APDUs, telegrams and refusals that it completes, mostly one."""

    def __init__(
        self,
        deciphering: "Deciphering | None",
        warn: Callable[[str], None],
        is_notification: Callable[[bytes], bool],
        *,
        unchecked: bool = False,
    ) -> None:
        """Take the keys and whom to warn.

        deciphering:     opens ciphered APDUs; without it they are refused for lack of a key
        is_notification: tells whether octets are an APDU to their exact end: the only check of a text without a tag
        unchecked:       also open frames whose check failed
        """
        self.deciphering = deciphering
        self._warn = warn
        self._is_notification = is_notification
        self._unchecked = unchecked
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
            return self._p1(octets, time)
        if kind == "A":
            return self._apdus(Apdu(time, {"link": "apdu"}, octets))
        return self._fault(kind, octets, time)

    def open_each(self, kind: str, octets: bytes, time: int = 0) -> list[Opened]:
        """Return the same, each APDU by itself where several share their octets: they are read to find their ends."""
        each: list[Opened] = []
        opened = self.open(kind, octets, time)
        while opened:
            one, *opened = opened
            if isinstance(one, Apdu):
                try:
                    one, following = self.cut(one, read_notification(one.octets, descriptors=True).end)
                except Malformed:
                    following = []
                opened = following + opened
            each.append(one)
        return each

    def end(self) -> list[Refusal]:
        """Return the pieces that were never completed: the input has ended."""
        return self._give_up(0)

    def _give_up(self, time: int) -> list[Refusal]:
        """Forget the APDUs that have begun, and report their pieces."""
        begun = [*self.segments.end(), *self._telegrams.end(), *self._blocks.end()]
        return [_lost(lost, time) for lost in begun]

    def _fault(self, kind: str, octets: bytes, time: int) -> list[Opened]:
        """Pass on octets given up. A damaged frame may have ended one APDU and begun the next."""
        link = link_of(kind, octets)
        keys = {"link": link} if link else {}
        opened: list[Opened] = []
        if keys and kind in ("c", "t"):
            opened += self._give_up(time)
        opened.append(Refusal(time, keys | {"fault": FAULTS.get(kind, "record"), "octets": octets.hex()}))
        if keys and self._unchecked:
            from hanpipe.apdu.unchecked import open_unchecked  # rarely asked for

            opened += open_unchecked(keys["link"], kind, octets, time)
        return opened

    def _hdlc(self, octets: bytes, time: int) -> list[Opened]:
        try:
            header = read_header(octets)
        except Malformed as malformed:
            return [refusal("header", malformed, octets, {"link": "hdlc"}, time)]
        keys = {"link": "hdlc", "destination": header.destination.hex(), "source": header.source.hex()}
        origin = tuple(keys.items())
        if header.control & 1 and header.control & ~_FINAL != _UI:
            why = f"an HDLC frame with control {header.control:02x} manages the connection: it carries no APDU"
            return [refusal("no apdu", Malformed(header.information - 3, why), octets, keys, time)]
        joined = origin in self.segments.waiting
        apdu, lost = self.segments.add(origin, octets[header.information : -FCS], header.segmented)
        opened: list[Opened] = [_lost(each, time) for each in lost]
        return opened + self._apdus(Apdu(time, keys, apdu, b"" if joined else octets, joined))

    def _mbus(self, octets: bytes, time: int) -> list[Opened]:
        from hanpipe.link import mbus  # most meters send HDLC

        try:
            address, source, destination, number, last, data = mbus.read_fields(octets)
        except mbus.OtherApplication as other:
            return [refusal("no apdu", other, octets, {"link": "mbus"}, time)]
        except Malformed as malformed:
            return [refusal("header", malformed, octets, {"link": "mbus"}, time)]
        keys = {"link": "mbus", "address": f"{address:02x}"}
        keys |= {"destination": f"{destination:02x}", "source": f"{source:02x}"}
        apdu, lost = self._telegrams.add(tuple(keys.items()), number, last, data)
        opened: list[Opened] = [_lost(each, time) for each in lost]
        return opened + self._apdus(Apdu(time, keys, apdu))

    def _p1(self, octets: bytes, time: int) -> list[Opened]:
        from hanpipe.apdu import telegram  # half of the meters never send one

        keys = {"link": "p1"}
        head, block = telegram.split_ciphered(octets)
        if not block:
            return [telegram.telegram_or_refusal(octets, keys, time)]
        keys["identification"] = head.rstrip().decode("latin-1")
        return self._ciphered(time, keys, octets, head)

    def cut(self, apdu: Apdu, end: int) -> tuple[Apdu, list[Opened]]:
        """Cut an APDU from what follows it in the same octets. end: offset after it, which its link does not tell.

        return: the APDU alone, and what follows it
        raise:  Malformed: as of split
        """
        alone, rest = split(apdu, end)
        if isinstance(rest, Apdu):
            return alone, self._apdus(rest)
        return alone, [rest] if rest else []

    def _apdus(self, apdu: Apdu, *, in_block: bool = False) -> list[Opened]:
        """Take the octets that a link has put together, b"" if nothing was completed.

        Ciphered APDUs and blocks announce their length, so that what follows them is taken too; the first other APDU
        takes all octets that are left.
        """
        opened: list[Opened] = []
        rest: Apdu | Refusal | None = apdu if apdu.octets else None
        while isinstance(rest, Apdu):
            tag, one = rest.octets[0], rest
            if tag not in _CIPHERED and (in_block or tag != cosem.BLOCK_TRANSFER):
                return [*opened, one]
            try:
                one, rest = split(one, _announced_end(one.octets))
            except Malformed as malformed:
                return [*opened, refusal("apdu", malformed, one.octets, one.keys, one.time)]
            opened += self._block(one) if tag == cosem.BLOCK_TRANSFER else self._ciphered(*one[:3])
        return [*opened, rest] if rest else opened

    def _block(self, apdu: Apdu) -> list[Opened]:
        time, keys = apdu.time, apdu.keys
        try:
            block = read_block(apdu.octets)
        except Malformed as malformed:
            return [refusal("apdu", malformed, apdu.octets, keys, time)]
        octets, lost = self._blocks.add(tuple(keys.items()), *block)
        opened: list[Opened] = [_lost(each, time) for each in lost]
        return opened + self._apdus(Apdu(time, keys, octets), in_block=True)

    def _ciphered(self, time: int, keys: dict[str, Any], octets: bytes, head: bytes = b"") -> list[Opened]:
        """Open a ciphered APDU. head: the octets before the ciphered block of a telegram."""
        if self._ciphered_reader is None:
            from hanpipe.apdu.ciphered import CipheredReader  # most meters never send one

            self._ciphered_reader = CipheredReader(self.deciphering, self._warn, self._is_notification)
            self.deciphering = self._ciphered_reader.deciphering
        return self._ciphered_reader.read(time, keys, octets, head)


def split(apdu: Apdu, end: int) -> tuple[Apdu, Apdu | Refusal | None]:
    """Split off what follows an APDU that ends at `end`. Padding is left where it is: it means nothing.

    return: the APDU alone; and the APDU that follows, a refusal of octets that are not an APDU, or None
    raise:  Malformed: such octets follow, and a piece may be missing from the APDU itself
    """
    time, keys, octets, _, joined = apdu
    try:
        following = find_next(octets, end)
    except Malformed:
        if joined:
            raise
        malformed = Malformed(0, "expected an APDU or padding after the APDU before")
        return Apdu(time, keys, octets[:end]), refusal("apdu", malformed, octets[end:], keys, time)
    if following == len(octets):
        return apdu, None
    return Apdu(time, keys, octets[:end]), Apdu(time, keys, octets[following:], joined=joined)


def _announced_end(octets: bytes) -> int:
    """Return the offset after a ciphered APDU or a block, by its length; all octets if that cannot be read."""
    try:
        at = 6
        if octets[0] in _CIPHERED:
            title, at = read_length(octets, 1)
            at += title
        length, at = read_length(octets, at)
    except Malformed:
        return len(octets)
    return min(at + length, len(octets))


def _lost(lost: Lost, time: int) -> Refusal:
    return Refusal(time, dict(lost.origin) | {"fault": "segment lost", "octets": lost.octets.hex()})
