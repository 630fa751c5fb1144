"""han-frame: octets on the line to frames."""

import argparse
from collections.abc import Callable

from hanpipe.link import FRAMERS, Event, Fault, records
from hanpipe.link.kinds import FAULTS, FLAGGED, GOOD
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import NOTHING, OK
from hanpipe.unix.typed import Any, Final

ENOUGH_TO_WORRY: Final = 4096  # octets without a frame: twice the longest one, of which a reader may have seen the end
_BEGINNING: Final = 16  # octets that may show why there is no frame


def main(argv: list[str]) -> int:
    """Run han-frame; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.escapes and options.link not in ("auto", "hdlc"):
        parser.error(f"--escapes is for HDLC, not for --link {options.link}")
    program = Program(options, parser.prog)
    return OK if (_to_octets if options.raw else _to_frames)(program) else NOTHING


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-frame",
        "Cut the octets of a HAN port into link-layer frames, one record each;\nwhat is no frame becomes a fault.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields\n  han-frame --hex capture.raw | less -R",
        count="stop after COUNT good frames",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="octets of the line; - or none: standard input",
    )
    links = [name for name in FRAMERS if name != "escaped"]
    parser.add_argument("--link", choices=links, default="auto", help="link layer of the input (default: auto)")
    parser.add_argument("--escapes", action="store_true", help="undo the octet stuffing (7D) of lines that have it")
    parser.add_argument("--from-hex", action="store_true", help="the input is hex text: 7e a0 .., xxd, logs")
    parser.add_argument("--no-time", action="store_true", help="write no time of arrival")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--hex", action="store_true", help="show each frame with its fields, for people")
    view.add_argument("--raw", action="store_true", help="the other way: records to octets of the line")
    return parser


def _to_frames(program: Program) -> bool:
    """Run octets through the framer; return whether there was a frame."""
    options, tally = program.options, Tally()
    show_stats = program.stats(tally.counters)
    framer = FRAMERS["escaped" if options.escapes else options.link]()
    read = _hex_reader() if options.from_hex else None
    dump = _hex_dump() if options.hex else None
    octets, ended = b"", False

    def step(data: bytes, _: int) -> list[Event]:
        nonlocal octets, ended
        ended = not data
        octets = read(data) if read else data
        events = framer.feed(octets) if octets else []
        if ended:
            events += framer.feed(b"")
        return events

    def write(events: list[Event], time: int) -> bytes:
        tally.add(octets, events)
        if tally.nothing_yet(ended):
            program.tell(tally.why_nothing())
        if dump:
            return dump(octets, events).encode() if octets or ended else b""
        return records.pack_all(events, 0 if options.no_time else time)

    found = program.stream(step, write, lambda event: event.kind in GOOD)
    show_stats()
    program.explain(tally.summary())
    return found


def _to_octets(program: Program) -> bool:
    """Run records back to octets of the line: flags go around what stood between flags."""
    reader, tally = records.RecordReader(), Tally()
    show_stats = program.stats(tally.counters)

    octets = b""

    def step(data: bytes, _: int) -> list[records.Record]:
        nonlocal octets
        octets = data
        return reader.feed(data)

    def write(found: list[records.Record], _: int) -> bytes:
        tally.add(octets, [Fault(record.kind or "n", record.octets) for record in found])
        return b"".join(b"\x7e" + octets + b"\x7e" if kind in FLAGGED else octets for kind, octets, _ in found)

    found = program.stream(step, write, lambda record: record.kind in GOOD)
    show_stats()
    return found


def _hex_reader() -> Callable[[bytes], bytes]:
    from hanpipe.link.hextext import HexText

    return HexText().feed


def _hex_dump() -> Callable[[bytes, list[Event]], str]:
    from hanpipe.views.colour import colour_of_stdout
    from hanpipe.views.hexdump import HexDump

    return HexDump(colour_of_stdout()).feed


class Tally:
    """What was found so far."""

    def __init__(self) -> None:
        self._octets = self._frames = 0
        self._begin = b""  # the first octets
        self._faults = dict.fromkeys(FAULTS.values(), 0)

    def add(self, octets: bytes, events: list[Event]) -> None:
        """Count a piece and its events."""
        self._octets += len(octets)
        if len(self._begin) < _BEGINNING:
            self._begin = (self._begin + octets)[:_BEGINNING]
        faults = [FAULTS[kind] for kind, _ in events if kind in FAULTS]
        self._frames += len(events) - len(faults)
        for fault in faults:
            self._faults[fault] += 1

    def nothing_yet(self, ended: bool) -> bool:
        """Tell whether there should have been a frame by now."""
        return not self._frames and self._octets > (0 if ended else ENOUGH_TO_WORRY)

    def why_nothing(self) -> str:
        """Say what may be the reason."""
        from hanpipe.link.apdu import looks_like_apdu

        if looks_like_apdu(self._begin):
            return "found no frame, but the octets begin like an APDU or frame without a link layer: try --link apdu"
        return "no frame in these octets: wrong baud rate or parity? try han-read --auto"

    def counters(self) -> dict[str, Any]:
        """Return the counters of --stats."""
        return {"octets": self._octets, "frames": self._frames, "faults": self._faults}

    def summary(self) -> str:
        """Say the same to a person."""
        kinds = ", ".join(f"{number:,} {fault}" for fault, number in self._faults.items() if number)
        return f"{self._frames:,} frames, {sum(self._faults.values()):,} faults" + (f" ({kinds})" if kinds else "")
