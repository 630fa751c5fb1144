"""The work of han-frame: octets of the line or hex text to records, and records back to octets."""

from collections.abc import Callable

from hanpipe.link import FRAMERS, Event, Fault, records
from hanpipe.link.kinds import GOOD, on_line
from hanpipe.link.tally import Tally
from hanpipe.unix.program import Program
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Final

Dump = Callable[[bytes, list[Event]], str]  # as HexDump.feed in views/hexdump.py
# Events, the time of their octets and its source -> octets, as records.pack_all.
Pack = Callable[[list[Event], int, str], bytes]

_MOST_TEXT: Final = 65536  # characters of hex text that are kept to look for a telegram


class HexInput:
    """Reads hex text; a P1 telegram in its place is restored."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        from hanpipe.link.hextext import HexText

        self._reader, self._warn = HexText(), warn
        self.text = b""  # the first characters, in which a telegram is looked for when the input ends

    def why_nothing(self, why_no_hex: Callable[[bytes], str]) -> str:
        """Return why there is no frame; "" if the text is hex, or a message has given the reason before."""
        return "" if self._reader.doubt else why_no_hex(self.text)

    def feed(self, text: bytes) -> bytes:
        """Return the octets that text completes. b"" means that the input has ended."""
        octets = self._reader.feed(text)
        if self._reader.doubt:
            self._warn(self._reader.doubt)
        self.text = (self.text + text)[:_MOST_TEXT]
        return octets if text else octets + self._restored()

    def _restored(self) -> bytes:
        from hanpipe.link.undo import restored_telegrams, why_not_restored

        octets = restored_telegrams(self.text)
        if not octets and (why := why_not_restored(self.text)):
            self._warn(why)
        return octets


def to_frames(
    program: Program,
    dump: Dump | None,
    why: Callable[[bytes], str],
    why_no_hex: Callable[[bytes], str],
    pack: Pack = records.pack_all,
) -> bool:
    """Run octets through the framer that the options name; return whether there was a frame.

    dump: shows events to people, None to write them; pack: writes them; why: returns why the first octets hold no frame
    why_no_hex: returns why a text is not the hex text that the options announce, or ""
    """
    options, tally = program.options, Tally(why, program.options.link)
    show_stats = program.stats(tally.counters)
    framer = FRAMERS["escaped" if options.escapes else options.link]()
    announced = HexInput(program.warn) if options.from_hex else None
    read = announced.feed if announced else None
    octets, begun, ended = b"", False, False

    def step(data: bytes, _: int) -> list[Event]:
        nonlocal octets, begun, ended, read
        ended = not data
        if not begun and read is None and _is_hex_text(data):
            program.warn("the input is hex text: reading it as with --from-hex")
            read = HexInput(program.warn).feed
        begun = True
        octets = read(data) if read else data
        events = framer.feed(octets) if octets else []
        return events + framer.feed(b"") if ended else events

    def write(events: list[Event], time: int) -> bytes:
        tally.add(octets, events)
        if tally.nothing_yet(ended):
            program.warn((announced and announced.why_nothing(why_no_hex)) or tally.why_nothing())
        if dump:
            return dump(octets, events).encode() if octets or ended else b""
        return pack(events, 0 if options.no_time else time, "")

    found = program.stream(step, write, lambda event: event.kind in GOOD)
    show_stats()
    program.explain(tally.summary())
    return found


def lines_to_frames(program: Program, why: Callable[[bytes], str], pack: Pack = records.pack_all) -> bool:
    """Run lines, each with octets of a source, through a framer for each source; return whether there was a frame.

    why, pack: as of to_frames
    """
    from hanpipe.link.sources import LineFramer

    options, tally = program.options, Tally(why, program.options.link)
    framer = LineFramer("escaped" if options.escapes else options.link)
    lines = framer.lines
    show_stats = program.stats(lambda: tally.counters() | {"wrong": lines.wrong})
    ended = False

    def step(text: bytes, _: int) -> list[tuple[Event, int, str]]:
        nonlocal ended
        ended = not text
        pieces = framer.feed(text)
        for source, _, octets, events in pieces:
            if source:  # the text of a wrong line is not octets of a meter
                tally.add(octets, events)
        return [(event, time, source) for source, time, _, events in pieces for event in events]

    def write(found: list[tuple[Event, int, str]], now: int) -> bytes:
        if lines.why:
            program.warn(f"{lines.why}; such a line becomes a noise record")
        if tally.nothing_yet(ended):
            program.warn(tally.why_nothing())
        timed = not options.no_time
        return b"".join([pack([event], (time or now) * timed, source) for event, time, source in found])

    any_good = program.stream(step, write, lambda one: one[0].kind in GOOD)
    show_stats()
    program.explain(f"{tally.summary()}, {counted(lines.wrong, 'wrong line')}")
    return any_good


def _is_hex_text(data: bytes) -> bool:
    """Return whether the first piece of the input is clearly hex text."""
    if not data or not data[:64].isascii() or b"\0" in data[:64]:
        return False
    from hanpipe.link.hextext import looks_like_hex_text

    return looks_like_hex_text(data)


def line_octets(events: list[Event], time: int, source: str = "") -> bytes:
    """Write events as octets of the line, as records.pack_all writes records."""
    return b"".join([on_line(kind, octets) for kind, octets in events])


def from_records(program: Program, pack: Pack) -> bool:
    """Run records, each with its own time and source; return whether one was good.

    pack: writes them; octets that are not a record are noise
    """
    reader, tally = records.RecordReader(), Tally()
    show_stats = program.stats(tally.counters)
    octets = b""

    def step(data: bytes, _: int) -> list[records.Record]:
        nonlocal octets
        octets = data
        return reader.feed(data)

    def write(found: list[records.Record], _: int) -> bytes:
        events: list[Event] = [Fault(record.kind or "n", record.octets) for record in found]
        tally.add(octets, events)
        timed = not program.options.no_time
        packed = [
            pack([event], record.time * timed, record.source) for event, record in zip(events, found, strict=True)
        ]
        return b"".join(packed) or pack([], 0, "")

    found = program.stream(step, write, lambda record: record.kind in GOOD)
    show_stats()
    if not found:
        program.warn("found no record of a good frame: is the input from han-frame?")
    return found
