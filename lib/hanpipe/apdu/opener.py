"""Record -> Apdu | Telegram | Refusal: the content of frames, its pieces joined and its ciphering opened."""

from collections.abc import Callable

from hanpipe.apdu import cosem
from hanpipe.apdu.assembly import FIRST_BLOCK, FIRST_FRAME, Lost, Numbered, Segments, read_block
from hanpipe.apdu.dlms import find_next, read_notification
from hanpipe.apdu.message import Apdu, Opened, Refusal, refusal
from hanpipe.link.content import NumberedPiece, Segment, reader, without_llc
from hanpipe.link.kinds import FAULTS, GOOD, link_of
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.apdu.ciphered import CipheredReader
    from hanpipe.apdu.deciphering import Deciphering

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
        open_ciphered: "Callable[[int, dict[str, Any], bytes, bytes], list[Opened]] | None" = None,
    ) -> None:
        """Take the keys and whom to warn.

        deciphering:     opens ciphered APDUs; without it they are refused for lack of a key
        is_notification: tells whether octets are an APDU to their exact end: the only check of a text without a tag
        unchecked:       also open frames whose check failed
        open_ciphered:   opens ciphered APDUs as another opener does
        """
        self.deciphering = deciphering
        self._warn = warn
        self._is_notification = is_notification
        self._unchecked = unchecked
        self._ciphered_reader: CipheredReader | None = None
        self._open_ciphered = open_ciphered or self._ciphered
        self.segments = Segments()
        self._numbered_pieces = Numbered(FIRST_FRAME)
        self._blocks = Numbered(FIRST_BLOCK)

    def beside(self) -> "Opener":
        """Return an opener of another source: it has the same keys, and joins pieces by itself."""
        return Opener(
            self.deciphering,
            self._warn,
            self._is_notification,
            unchecked=self._unchecked,
            open_ciphered=self._open_ciphered,
        )

    def waits(self) -> bool:
        """Tell whether an APDU has begun and not ended."""
        return bool(self.segments.waiting or self._numbered_pieces.waiting or self._blocks.waiting)

    def open(self, kind: str, octets: bytes, time: int = 0) -> list[Opened]:
        """Return what a record completes.

        kind: as in link/kinds.py, "" for octets of a torn record; time: ns since 1970-01-01 UTC, 0 = unknown
        """
        if kind not in GOOD:
            return self._fault(kind, octets, time)
        link = GOOD[kind].name
        try:
            content = reader(kind)(octets)
        except Malformed as malformed:
            return [refusal("header", malformed, octets, {"link": link}, time)]
        keys: dict[str, Any] = {"link": link, **content.keys}
        if content.refused:
            return [refusal("no apdu", content.refused, octets, keys, time)]
        if content.telegram:
            return self._telegram(content.data, keys, time)
        if content.piece is None:
            return self._apdus(Apdu(time, keys, without_llc(content.data)))
        return self._join(content.piece, content.data, keys, octets, time)

    def open_each(self, kind: str, octets: bytes, time: int = 0) -> list[Opened]:
        """Return the same, each APDU by itself where several share their octets: they are read to find their ends."""
        each: list[Opened] = []
        waiting = self.open(kind, octets, time)[::-1]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Apdu):
                try:
                    one, following = self.cut(one, read_notification(one.octets, descriptors=True).end)
                except Malformed:
                    following = []
                waiting += following[::-1]
            each.append(one)
        return each

    def end(self) -> list[Refusal]:
        """Return the pieces that were never completed: the input has ended."""
        return self._give_up(0)

    def _give_up(self, time: int) -> list[Refusal]:
        """Forget the APDUs that have begun, and report their pieces."""
        begun = [*self.segments.end(), *self._numbered_pieces.end(), *self._blocks.end()]
        return [_lost(lost, time) for lost in begun]

    def _fault(self, kind: str, octets: bytes, time: int) -> list[Opened]:
        """Pass on octets given up. A damaged frame may have ended one APDU and begun the next."""
        link = link_of(kind, octets)
        keys = {"link": link.name} if link else {}
        opened: list[Opened] = []
        if link and kind in ("c", "t"):
            opened += self._give_up(time)
        opened.append(Refusal(time, keys | {"fault": FAULTS.get(kind, "record"), "octets": octets.hex()}))
        if link and self._unchecked:
            from hanpipe.apdu.unchecked import open_unchecked  # rarely asked for

            opened += open_unchecked(link, kind, octets, time)
        return opened

    def _join(
        self, piece: Segment | NumberedPiece, data: bytes, keys: dict[str, Any], octets: bytes, time: int
    ) -> list[Opened]:
        """Add a piece to those before it. Return the APDUs that it completes.

        octets: of the frame
        """
        origin = tuple(keys.items())
        if isinstance(piece, Segment):
            joined = origin in self.segments.waiting
            apdu, lost = self.segments.add(origin, data, piece.more)
            made = Apdu(time, keys, apdu, b"" if joined else octets, joined)
        else:
            apdu, lost = self._numbered_pieces.add(origin, piece.number, piece.last, data)
            made = Apdu(time, keys, apdu)
        opened: list[Opened] = [_lost(each, time) for each in lost]
        return opened + self._apdus(made) if apdu else opened

    def _telegram(self, octets: bytes, keys: dict[str, Any], time: int) -> list[Opened]:
        from hanpipe.apdu import telegram  # half of the meters never send one

        head, block = telegram.split_ciphered(octets)
        if not block:
            return [telegram.telegram_or_refusal(octets, keys, time)]
        keys["identification"] = head.rstrip().decode("latin-1")
        return self._open_ciphered(time, keys, octets, head)

    def cut(self, apdu: Apdu, end: int) -> tuple[Apdu, list[Opened]]:
        """Cut an APDU from what follows it in the same octets. end: offset after it, which its link does not tell.

        return: the APDU alone, with the padding after it, which means nothing; and what follows
        raise:  Malformed: other octets follow than APDUs, and a piece may be missing from the APDU itself
        """
        time, keys, octets, _, joined, _ = apdu
        following, refused = _following(octets, end, apdu.joined)
        if following == len(octets):
            return apdu, []
        alone = Apdu(time, keys, octets[:end])
        if refused:
            return alone, [refusal("apdu", refused, octets[end:], keys, time)]
        return alone, self._apdus(Apdu(time, keys, octets[following:], joined=joined))

    def _apdus(self, apdu: Apdu, *, in_block: bool = False) -> list[Opened]:
        """Take the octets that a link has put together.

        Ciphered APDUs and blocks announce their length, so that what follows them is taken too; the first other APDU
        takes all octets that are left.
        """
        opened: list[Opened] = []
        time, keys, octets, frame, joined, _ = apdu
        while octets:
            tag = octets[0]
            if tag in _CIPHERED:
                end = _announced_end(octets)
                opened += self._open_ciphered(time, keys, octets[:end], b"")
            elif tag == cosem.BLOCK_TRANSFER and not in_block:
                end, made = self._block(time, keys, octets)
                opened += made
            else:
                return [*opened, Apdu(time, keys, octets, frame, joined)]
            if end == len(octets):
                break
            following, refused = _following(octets, end, joined=False)
            if refused:
                opened.append(refusal("apdu", refused, octets[end:], keys, time))
                break
            octets, frame = octets[following:], b""
        return opened

    def _block(self, time: int, keys: dict[str, Any], octets: bytes) -> tuple[int, list[Opened]]:
        """Take the block at the beginning of octets. Return the offset after it, and what it completes."""
        try:
            number, last, data, end = read_block(octets)
        except Malformed as malformed:
            return len(octets), [refusal("apdu", malformed, octets, keys, time)]
        whole, lost = self._blocks.add(tuple(keys.items()), number, last, data)
        opened: list[Opened] = [_lost(each, time) for each in lost]
        return end, opened + self._apdus(Apdu(time, keys, whole), in_block=True) if whole else opened

    def _ciphered(self, time: int, keys: dict[str, Any], octets: bytes, head: bytes) -> list[Opened]:
        """Open a ciphered APDU. head: the octets before the ciphered block of a telegram, b"" for an APDU."""
        if self._ciphered_reader is None:
            from hanpipe.apdu.ciphered import CipheredReader  # most meters never send one

            self._ciphered_reader = CipheredReader(self.deciphering, self._warn, self._is_notification)
            self.deciphering = self._ciphered_reader.deciphering
        return self._ciphered_reader.read(time, keys, octets, head)


def _following(octets: bytes, end: int, joined: bool) -> tuple[int, Malformed | None]:
    """Find what follows an APDU. end: offset after it; joined: whether a piece may be missing from it.

    return: offset of the next APDU, the number of octets if there is only padding; and if other octets follow, why they
            are refused
    raise:  Malformed: other octets follow, and the APDU is joined
    """
    try:
        return find_next(octets, end), None
    except Malformed:
        if joined:
            raise
        return end, Malformed(0, "expected an APDU or padding after the APDU before")


def _announced_end(octets: bytes) -> int:
    """Return the offset after a ciphered APDU by its length; the number of octets if that cannot be read."""
    try:
        title, at = read_length(octets, 1)
        length, at = read_length(octets, at + title)
    except Malformed:
        return len(octets)
    return min(at + length, len(octets))


def _lost(lost: Lost, time: int) -> Refusal:
    return Refusal(time, dict(lost.origin) | {"fault": "segment lost", "octets": lost.octets.hex()})
