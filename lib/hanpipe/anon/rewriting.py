"""A capture -> the same capture under invented names."""

import itertools
from collections.abc import Callable, Iterator

from hanpipe.anon.damaged import names_in_damage, read_what_is_left
from hanpipe.anon.inventing import Inventor
from hanpipe.anon.layout import Piece, Places, Ranges, gather, locate, scatter
from hanpipe.anon.names import is_name, names_in
from hanpipe.anon.sealing import seal
from hanpipe.anon.traces import Found
from hanpipe.apdu.ciphered import is_readable
from hanpipe.apdu.ciphering import Ciphered, read_ciphered, read_ciphered_block
from hanpipe.apdu.deciphering import Deciphering, DecryptionError
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.keys import Keys
from hanpipe.apdu.message import Refusal
from hanpipe.apdu.telegram import split_ciphered
from hanpipe.link import FRAMERS
from hanpipe.link.kinds import GOOD
from hanpipe.link.octets import Malformed
from hanpipe.link.p1.check import remake as remake_telegram
from hanpipe.link.p1.parity import strip_parity
from hanpipe.readings.naming import Naming
from hanpipe.unix.late import imported
from hanpipe.unix.typed import Final

_ATTEMPTS: Final = 100
_CIPHERED: Final = (b"\xdb", b"\xdc")


class Sealed(Exception):
    """A ciphered APDU that no key opens: its names cannot be replaced."""


class Capture:
    """A capture, its frames and its names.

    good:    how many good frames it has
    names:   those in good frames, as readings show them; system titles in hex
    damaged: those that are in damaged octets only
    """

    def __init__(self, octets: bytes, keys: Keys | None, link: str = "auto") -> None:
        """Find the frames and the names. keys: of ciphered meters."""
        self.octets = octets
        framer = FRAMERS[link]()
        events = [*framer.feed(octets), *framer.feed(b"")]
        self.pieces = list(locate(octets, events))
        self.good = sum(piece.kind in GOOD for piece in self.pieces)
        self._keys = keys or Keys()
        self.names, cut = self._names()
        self.damaged = names_in_damage(events, cut, self.names)

    def _names(self) -> tuple[set[str], list[bytes]]:
        """Return the names in good frames, and the APDUs of which pieces are missing."""
        naming, decoder = Naming(), Decoder(Deciphering(self._keys))
        names: set[str] = set()
        cut: list[bytes] = []
        results = [result for piece in self.pieces for result in decoder.feed(piece.kind, piece.octets)]
        for result in [*results, *decoder.end()]:
            names |= names_in(result, naming)
            if isinstance(result, Refusal) and result.keys["fault"] in ("apdu", "segment lost"):
                octets = bytes.fromhex(result.keys["octets"])
                cut.append(octets)
                if result.keys["fault"] == "apdu" and (message := read_what_is_left(octets)):
                    names |= names_in(message, naming)
        return {name for name in names if is_name(name)}, cut

    def anonymous(self, inventor: Inventor) -> bytes:
        """Return the octets under invented names. raise: Sealed: no key opens an APDU."""
        self._deciphering, self._decoder = Deciphering(self._keys), Decoder()
        made, places = bytearray(self.octets), Places()
        for piece in self.pieces:
            if piece.kind in GOOD:
                for ranges in places.add(self.octets, piece):
                    self._rewrite(made, ranges, piece, inventor)
        for ranges in [*places.end(), *self._damage()]:
            scatter(made, ranges, inventor.replace_traces(gather(made, ranges)))
        return self._with_checks(bytes(made))

    def names_left(self, inventor: Inventor) -> set[str]:
        """Return the names of the inventor that are in these octets, found as those to replace are."""
        left: list[Found] = []
        places = Places()
        for piece in self.pieces:
            if piece.kind == "P":
                left += inventor.known.in_text(strip_parity(piece.octets)[0])
            elif piece.kind in GOOD:
                left += inventor.known.whole(piece.octets)
                for ranges in places.add(self.octets, piece):
                    left += inventor.known.whole(gather(self.octets, ranges))
        for ranges in [*places.end(), *self._damage()]:
            left += inventor.all.in_damage(gather(self.octets, ranges))
        return {found.name for found in left}

    def _damage(self) -> Iterator[Ranges]:
        """Yield the octets of faults: first those in a row with the flags between them, then each by itself.

        A wrong octet that looks like a flag cuts a name in two.
        """
        for is_good, row in itertools.groupby(self.pieces, lambda piece: piece.kind in GOOD):
            if not is_good:
                pieces = list(row)
                yield [(pieces[0].begin, pieces[-1].end)]
                if len(pieces) > 1:
                    yield from ([(piece.begin, piece.end)] for piece in pieces)

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
        return put_back(remake_telegram(text, inventor.replace_in_text(text)))

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
        is_telegram = bool(head) or text[:1] == b"/"
        changed = remake_telegram(text, inventor.replace_in_text(text) if is_telegram else inventor.replace(text))
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
        made = capture.anonymous(Inventor(capture.names, f"{seed}/{attempt}", capture.damaged))
        if len(made) == len(capture.octets):
            break
    return made
