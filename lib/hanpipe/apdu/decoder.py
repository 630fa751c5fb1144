"""Record -> Message | Telegram | Refusal: APDUs read, each by its shape if one like it came before."""

from collections.abc import Callable, Iterable

from hanpipe.apdu import dlms
from hanpipe.apdu.message import Apdu, Message, Opened, Refusal, Result, json_text, refusal
from hanpipe.apdu.opener import Opener
from hanpipe.apdu.shape import Shape, Shapes, notification_pieces
from hanpipe.apdu.sources import Openers, of_source
from hanpipe.link import Event
from hanpipe.link.hdlc.header import FCS
from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hanpipe.apdu.deciphering import Deciphering

_made = tuple.__new__  # Message(...), in half the time


class Decoder:
    """Feed it records in line order; each gives the results that it completes, mostly one.

    The records of each source are a line of their own; shapes and keys are shared by all.
    """

    def __init__(
        self,
        deciphering: "Deciphering | None" = None,
        warn: Callable[[str], None] = lambda text: None,
        *,
        descriptors: bool = False,
        unchecked: bool = False,
    ) -> None:
        """Take the keys, and a function that passes warnings on to the user.

        deciphering: opens ciphered APDUs; without it they are refused for lack of a key
        descriptors: as of dlms.read_notification
        unchecked:   also read frames whose check failed, as far as they go; their lines hold "checked": false
        """
        self._frames = Shapes()
        self._frames_of_sources = Shapes()  # whose addresses have other keys
        self._apdus = Shapes()
        self._descriptors = descriptors
        self.opener = Opener(deciphering, warn, self.is_notification, unchecked=unchecked)
        self._openers = Openers(self.opener)

    def feed(self, kind: str, octets: bytes, time: int = 0, source: str = "") -> list[Result]:
        """Read a record, as Opener.open does. source: as in link.records.Record."""
        return self.feed_all([(kind, octets, time, source)])

    def feed_all(self, records: Iterable[tuple[str, bytes, int, str]]) -> list[Result]:
        """Read records. A frame that is like one before, as nearly all are, is not even opened."""
        results: list[Result] = []
        find, segments, open_ = self._frames.find, self.opener.segments, self.opener.open
        for kind, octets, time, source in records:
            if kind == "H" and not source and not segments.waiting and (shape := find(octets)) is not None:
                results.append(_made(Message, (time, "", shape, shape.unpack(octets), "")))
            elif source:
                results += self._feed_source(kind, octets, time, source)
            else:
                results += self._read_all(open_(kind, octets, time), self.opener, self._frames)
        return results

    def feed_events(self, events: Iterable[Event], time: int) -> list[Result]:
        """Read the events of a framer, without a record for each. time: of all, as in a record."""
        results: list[Result] = []
        find, segments, open_ = self._frames.find, self.opener.segments, self.opener.open
        for kind, octets in events:
            if kind == "H" and not segments.waiting and (shape := find(octets)) is not None:
                results.append(_made(Message, (time, "", shape, shape.unpack(octets), "")))
            else:
                results += self._read_all(open_(kind, octets, time), self.opener, self._frames)
        return results

    def open_each(self, kind: str, octets: bytes, time: int = 0, source: str = "") -> list[Opened]:
        """Return what a record completes, each APDU by itself and none read, as Opener.open_each does."""
        if not source:
            return self.opener.open_each(kind, octets, time)
        opener = self._openers.take(source)
        opened = [of_source(source, one) for one in opener.open_each(kind, octets, time)]
        return opened + self._openers.keep(source, opener)

    def end(self) -> list[Refusal]:
        """Return the pieces that were never completed: the input has ended."""
        return self.opener.end() + self._openers.end()

    def _feed_source(self, kind: str, octets: bytes, time: int, source: str) -> list[Result]:
        """Read a record of one of many sources."""
        find = self._frames_of_sources.find
        if kind == "H" and not self._openers.waits(source) and (shape := find(octets)) is not None:
            return [_made(Message, (time, "", shape, shape.unpack(octets), source))]
        opener = self._openers.take(source)
        opened = [of_source(source, one) for one in opener.open(kind, octets, time)]
        results = self._read_all(opened, opener, self._frames_of_sources)
        return [*(one._replace(source=source) for one in results), *self._openers.keep(source, opener)]

    def _read_all(self, opened: list[Opened], opener: Opener, frames: Shapes) -> list[Result]:
        """Read APDUs, and those that follow one in the same octets.

        opener: of their line; frames: the shapes of its frames
        """
        results: list[Result] = []
        waiting = opened[::-1]
        while waiting:
            one = waiting.pop()
            if not isinstance(one, Apdu):
                results.append(one)
            elif "checked" in one.keys:
                results += _read_partly(one)
            else:
                result, following = self._read(one, opener, frames)
                results.append(result)
                waiting += following[::-1]
        return results

    def _read(self, apdu: Apdu, opener: Opener, frames: Shapes) -> tuple[Message | Refusal, list[Opened]]:
        """Read an APDU, and remember its shape. Return also what follows it in the same octets."""
        shape = frames.find(apdu.frame) if apdu.frame else self._apdus.find(apdu.octets)
        if shape is not None:
            return _message(apdu, shape), []
        time, keys, octets, frame, _, _ = apdu
        try:
            notification = dlms.read_notification(
                octets, descriptors=self._descriptors, bare=apdu.keys.get("link") == "apdu"
            )
            apdu, following = opener.cut(apdu, notification.end)
        except Malformed as malformed:
            return refusal("apdu", malformed, octets, keys, time), []
        if apdu.frame:
            pieces = notification_pieces(notification, len(frame) - FCS - len(octets))
            shape = frames.add(frame, [_envelope(keys), *pieces], check=FCS)
        else:
            shape = self._apdus.add(apdu.octets, notification_pieces(notification, 0))
        return _message(apdu, shape), following

    def shapes_of(self, size: int) -> list[Shape]:
        """Return the shapes of HDLC frames of so many octets, the one used last first; none while an APDU has begun."""
        return [] if self.opener.segments.waiting else self._frames.used_last(size)

    def is_notification(self, octets: bytes) -> bool:
        """Tell whether octets are APDUs and padding to their exact end."""
        if self._apdus.find(octets) is not None:
            return True
        return dlms.is_notification(octets, descriptors=self._descriptors)


def _read_partly(apdu: Apdu) -> list[Result]:
    """Read an APDU of a frame whose check failed as far as it goes; [] if nothing of its body can be read."""
    from hanpipe.apdu.partial import read_partly

    notification, body, _ = read_partly(apdu.octets)
    if notification is None or body is None:
        return []
    return [_message(apdu, Shape(apdu.octets, notification_pieces(notification._replace(body=body), 0)))]


def _message(apdu: Apdu, shape: Shape) -> Message:
    if apdu.frame:
        return Message(apdu.time, "", shape, shape.unpack(apdu.frame))
    return Message(apdu.time, _envelope(apdu.keys), shape, shape.unpack(apdu.octets))


def _envelope(keys: dict[str, Any]) -> str:
    return json_text(keys)[1:-1] + ","
