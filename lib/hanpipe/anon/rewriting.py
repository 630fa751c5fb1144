"""A capture -> the same capture under invented names."""

from collections.abc import Callable

from hanpipe.anon.inventing import Inventor
from hanpipe.anon.layout import Piece, Places, Ranges, gather, locate, scatter
from hanpipe.anon.names import find_names
from hanpipe.anon.sealing import seal
from hanpipe.apdu.ciphered import is_readable
from hanpipe.apdu.ciphering import Ciphered, read_ciphered, read_ciphered_block
from hanpipe.apdu.deciphering import Deciphering, DecryptionError
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.keys import Keys
from hanpipe.apdu.telegram import split_ciphered
from hanpipe.link import FRAMERS
from hanpipe.link.kinds import GOOD
from hanpipe.link.octets import Malformed
from hanpipe.link.p1.check import remake as remake_telegram
from hanpipe.link.p1.parity import strip_parity
from hanpipe.unix.late import imported
from hanpipe.unix.typed import Final

_ATTEMPTS: Final = 100
_CIPHERED: Final = (b"\xdb", b"\xdc")


class Sealed(Exception):
    """A ciphered APDU that no key opens: its names cannot be replaced."""


class Capture:
    """A capture, its frames and its names. good: how many good frames it has."""

    def __init__(self, octets: bytes, keys: Keys | None, link: str = "auto") -> None:
        """Find the frames and the names. keys: of ciphered meters."""
        self.octets = octets
        framer = FRAMERS[link]()
        events = [*framer.feed(octets), *framer.feed(b"")]
        self.pieces = list(locate(octets, events))
        self.good = sum(piece.kind in GOOD for piece in self.pieces)
        self._keys = keys or Keys()
        self.names = find_names(events, Decoder(Deciphering(self._keys)))

    def anonymous(self, inventor: Inventor) -> bytes:
        """Return the octets under invented names. raise: Sealed: no key opens an APDU."""
        self._deciphering, self._decoder = Deciphering(self._keys), Decoder()
        made, places = bytearray(self.octets), Places()
        for piece in self.pieces:
            if piece.kind in GOOD:
                for ranges in places.add(self.octets, piece):
                    self._rewrite(made, ranges, piece, inventor)
            else:
                made[piece.begin : piece.end] = inventor.replace_traces(piece.octets)
        for ranges in places.end():
            scatter(made, ranges, inventor.replace_traces(gather(self.octets, ranges)))
        return self._with_checks(bytes(made))

    def _with_checks(self, made: bytes) -> bytes:
        """Return octets with the checks of their good frames remade. A CRC without leading zeros may need one more."""
        parts, at = [], 0
        for piece in self.pieces:
            if piece.kind in GOOD:
                remake = imported(f"link.{GOOD[piece.kind].name}.check").remake
                parts += [made[at : piece.begin], remake(piece.octets, made[piece.begin : piece.end])]
                at = piece.end
        return b"".join([*parts, made[at:]])

    def _rewrite(self, made: bytearray, ranges: Ranges, piece: Piece, inventor: Inventor) -> None:
        octets = gather(self.octets, ranges)
        if piece.kind == "P":
            scatter(made, ranges, self._telegram(octets, inventor))
        elif octets[:1] in _CIPHERED:
            scatter(made, ranges, self._ciphered(octets, read_ciphered, b"", inventor))
        else:
            scatter(made, ranges, inventor.replace(octets))

    def _telegram(self, octets: bytes, inventor: Inventor) -> bytes:
        head, block = split_ciphered(octets)
        if block:
            return self._ciphered(octets, lambda whole: read_ciphered_block(whole, len(head)), head, inventor)
        text, put_back = strip_parity(octets)
        return put_back(remake_telegram(text, inventor.replace(text)))

    def _ciphered(self, octets: bytes, read: Callable[[bytes], Ciphered], head: bytes, inventor: Inventor) -> bytes:
        """Return a ciphered APDU with the names in its text replaced, ciphered anew under the published key."""
        try:
            ciphered = read(octets)
        except Malformed:  # a piece is missing: nobody can decipher it
            return inventor.replace_traces(octets)
        try:
            text, said = self._deciphering.open(
                ciphered, lambda clear: is_readable(clear, head, self._decoder.is_notification)
            )
        except DecryptionError as error:
            raise Sealed(error.detail) from error
        title = inventor.replace(bytes.fromhex(said["system_title"]))
        changed = remake_telegram(text, inventor.replace(text))
        sealed = seal(ciphered, changed, title)
        at = octets.rindex(ciphered.text + ciphered.tag)
        return inventor.replace(octets[:at]) + sealed + octets[at + len(sealed) :]


def anonymize(capture: Capture, seed: str) -> bytes:
    """Return a capture under invented names, of equal length if one of some attempts has it.

    A CRC that is printed without leading zeros may need a digit more for one name, and not for another.

    raise: Sealed: no key opens an APDU; NoNameLeftError
    """
    made = b""
    for attempt in range(_ATTEMPTS):
        made = capture.anonymous(Inventor(capture.names, f"{seed}/{attempt}"))
        if len(made) == len(capture.octets):
            break
    return made
