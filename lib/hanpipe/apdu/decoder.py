"""Record -> Message | Telegram | Refusal: APDUs read, each by its shape if one like it came before."""

from collections.abc import Callable, Iterable

from hanpipe.apdu import dlms
from hanpipe.apdu.message import Apdu, Message, Refusal, Result, json_text, refusal
from hanpipe.apdu.opener import FCS, Opener
from hanpipe.apdu.shape import Shape, Shapes, notification_pieces
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hanpipe.apdu.deciphering import Deciphering

_made = tuple.__new__  # Message(...), in half the time


class Decoder:
    """Feed it records in line order; each gives the results that it completes, mostly one."""

    def __init__(
        self,
        deciphering: "Deciphering | None" = None,
        warn: Callable[[str], None] = lambda text: None,
        *,
        descriptors: bool = False,
    ) -> None:
        """Take the keys, and a function that passes warnings on to the user.

        deciphering: opens ciphered APDUs; without it they are refused for lack of a key
        descriptors: as of dlms.read_notification
        """
        self._frames = Shapes()
        self._apdus = Shapes()
        self._descriptors = descriptors
        self.opener = Opener(deciphering, warn, self._is_notification)

    def feed(self, kind: str, octets: bytes, time: int = 0) -> list[Result]:
        """Read a record, as Opener.open does."""
        return self.feed_all([(kind, octets, time)])

    def feed_all(self, records: Iterable[tuple[str, bytes, int]]) -> list[Result]:
        """Read records. A frame that is like one before, as nearly all are, is not even opened."""
        results: list[Result] = []
        find, segments, open_ = self._frames.find, self.opener.segments, self.opener.open
        for kind, octets, time in records:
            if kind == "H" and not segments.waiting and (shape := find(octets)) is not None:
                results.append(_made(Message, (time, "", shape, shape.unpack(octets))))
            else:
                results += [self._read(one) if isinstance(one, Apdu) else one for one in open_(kind, octets, time)]
        return results

    def end(self) -> list[Refusal]:
        """Return the pieces that were never completed: the input has ended."""
        return self.opener.end()

    def _read(self, apdu: Apdu) -> Message | Refusal:
        """Read an APDU, and remember its shape."""
        time, keys, octets, frame = apdu
        shape = self._frames.find(frame) if frame else self._apdus.find(octets)
        if shape is not None:
            return Message(time, "" if frame else _envelope(keys), shape, shape.unpack(frame or octets))
        try:
            notification = dlms.read_notification(octets, descriptors=self._descriptors)
        except Malformed as malformed:
            return refusal("apdu", malformed, octets, keys, time)
        if frame:
            pieces = notification_pieces(notification, len(frame) - FCS - len(octets))
            shape = Shape(frame, [_envelope(keys), *pieces], check=FCS)
        else:
            shape = Shape(octets, notification_pieces(notification, 0))
        (self._frames if frame else self._apdus).add(shape)
        return Message(time, "" if frame else _envelope(keys), shape, shape.unpack(frame or octets))

    def _is_notification(self, octets: bytes) -> bool:
        """Tell whether octets are an APDU to their exact end."""
        if self._apdus.find(octets) is not None:
            return True
        try:
            dlms.read_notification(octets, descriptors=self._descriptors)
        except Malformed:
            return False
        return True


def _envelope(keys: dict[str, Any]) -> str:
    return json_text(keys)[1:-1] + ","
