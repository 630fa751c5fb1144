"""Octets fed to a framer and the events that it returned -> a dump: every octet at its offset, every field named."""

from collections.abc import Iterator, Sequence

from hanpipe.link.kinds import FAULTS, Event
from hanpipe.link.parts import HEX, TEXT, WIDE, Part
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Final
from hanpipe.views.colour import Colour
from hanpipe.views.parts import announced, link_of, parts_of

FLAG: Final = b"\x7e"
WIDTH: Final = 80  # columns
_ROW: Final = {HEX: 8, WIDE: 16}  # octets
_FOLD: Final = 16  # rows of noise that are shown
_MOST_FLAGS: Final = 8  # idle ones that are shown


class HexDump:
    """Feed it what the framer was fed, and the events that the framer gave for it; it finds the place of each octet."""

    def __init__(self, colour: Colour) -> None:
        """Take what paints."""
        self._colour = colour
        self._octets = b""  # of the line, which no event has spoken for: as many as the framer holds
        self._at = 0  # offset on the line of the first of them
        self._shown = 0  # offset after what was shown; flags alone are between it and _at
        self._frames = self._faults = 0

    def feed(self, data: bytes, events: list[Event]) -> str:
        """Return the dump of events. data: what the framer was just fed, b"" means that the input has ended."""
        return "".join(self.texts(data, events))

    def texts(self, data: bytes, events: list[Event]) -> list[str]:
        """Return the same, a text an event; at the end of the input one more if flags are left over."""
        self._octets += data
        texts = [self._event(*event) for event in events]
        if not data and not self._line(self._shown, None).strip(FLAG) and self._at + len(self._octets) > self._shown:
            texts.append(self._idle())
        self._forget()
        return texts

    def _event(self, kind: str, octets: bytes) -> str:
        offsets = self._place(octets)
        begin, end = self._shown, offsets[-1]
        link = link_of(kind, octets)
        rows = [*self._flags(begin, offsets[0])]
        at = 0
        for part in parts_of(kind, octets):
            rows += self._rows(part, offsets[at : at + len(part.octets)])
            at += len(part.octets)
        if link and link.flagged and announced(link, octets) == len(octets) and self._line(end, 1) == FLAG:
            rows += self._flags(end, end + 1)
            end += 1
        self._shown = end
        return "\n".join([self._head(kind, octets, f"octets {begin}-{end - 1}"), *rows, "", ""])

    def _head(self, kind: str, octets: bytes, where: str) -> str:
        link = link_of(kind, octets)
        if kind not in FAULTS:
            self._frames += 1
            words = [f"frame {self._frames}", where, link.name if link else "", "good" if kind != "A" else ""]
            return self._colour.bold("  ".join(word for word in words if word))
        self._faults += 1
        length = announced(link, octets)
        verdict = FAULTS[kind]
        if length is not None and kind in "ct" and length > len(octets):
            verdict += f": announced {length}, {len(octets)} there"
        elif length is not None and kind == "t":
            verdict += f": no end where announced ({length})"
        head = "  ".join(word for word in (f"fault {self._faults}", where, link.name if link else "") if word)
        return f"{self._colour.bold(head)}  {self._colour.red(verdict)}"

    def _idle(self) -> str:
        end = self._at + len(self._octets)
        rows = [f"idle  octets {self._shown}-{end - 1}", *self._flags(self._shown, end), "", ""]
        self._shown = end
        return "\n".join(rows)

    def _place(self, octets: bytes) -> Sequence[int]:
        """Return the place on the line of each octet of an event, after nothing but flags, and of its end."""
        behind = self._line(self._shown, None)
        skipped = max(self._shown, self._at) + _flags_before(behind)
        begin = max(self._shown, skipped - _flags_before(octets))
        line = self._line(begin, len(octets))
        if octets.endswith(line):  # flags in front may be forgotten
            return range(begin, begin + len(octets) + 1)
        return _stuffed(self._line(skipped, None), octets, skipped) or range(begin, begin + len(octets) + 1)

    def _line(self, begin: int, size: int | None) -> bytes:
        """Return the octets from an offset on, without those forgotten."""
        first = max(0, begin - self._at)
        last = None if size is None else max(0, begin - self._at + size)
        return self._octets[first:last]

    def _forget(self) -> None:
        """Drop what was shown, and flags that nothing follows yet: a line may idle for ever."""
        self._octets = self._line(self._shown, None)
        self._at = max(self._at, self._shown)
        if not self._octets.strip(FLAG):
            self._at += len(self._octets)
            self._octets = b""

    def _flags(self, begin: int, end: int) -> Iterator[str]:
        """Write flags, folded if there are many."""
        flags = end - begin
        if flags:
            name = "flag" if flags == 1 else counted(flags, "flag")
            yield self._colour.dim(f"{begin:04x}  {(FLAG * min(flags, _MOST_FLAGS)).hex(' '):<23}  {name}")
        if flags > _MOST_FLAGS:
            yield self._colour.dim(f"      ... {flags - _MOST_FLAGS:,} more")

    def _rows(self, part: Part, offsets: Sequence[int]) -> Iterator[str]:
        """Write a part."""
        if part.form == TEXT:
            yield from self._text_rows(part, offsets)
            return
        size = _ROW[part.form]
        label = self._colour.red(part.label) if part.wrong else part.label
        for at in range(0, len(part.octets), size):
            piece = part.octets[at : at + size]
            if part.form == WIDE:
                if at == _FOLD * size:
                    yield self._colour.dim(f"      ... {len(part.octets) - at:,} more")
                    return
                label = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in piece)
            octets = piece.hex(" ") + " " * (3 * (size - len(piece)))
            yield f"{self._colour.dim(f'{offsets[at]:04x}')}  {octets}  {label}".rstrip()
            label = ""

    def _text_rows(self, part: Part, offsets: Sequence[int]) -> Iterator[str]:
        """Write a line of a telegram, folded at the right margin; CR LF at its end is the end of the row."""
        octets = part.octets.removesuffix(b"\r\n")
        label = self._colour.red(part.label) if part.wrong else part.label
        at = 0
        while True:
            text, size = _printable(octets[at:], WIDTH - 8)
            last = at + size == len(octets)
            row = f"{text:<23}  {label}" if last and label else text
            yield f"{self._colour.dim(f'{offsets[at]:04x}')}  {row}"
            at += size
            if last:
                return


def _flags_before(octets: bytes) -> int:
    return len(octets) - len(octets.lstrip(FLAG))


def _stuffed(line: bytes, octets: bytes, begin: int) -> list[int] | None:
    """Return the place of each octet on a line with octet stuffing (7D, then the octet with bit 5 turned), and the end.

    None: they are not there.
    """
    at, offsets = 0, [begin]
    for octet in octets:
        if line[at : at + 2] == bytes([0x7D, octet ^ 0x20]):
            at += 2
        elif line[at : at + 1] == bytes([octet]):
            at += 1
        else:
            return None
        offsets.append(begin + at)
    return offsets


def _printable(octets: bytes, width: int) -> tuple[str, int]:
    r"""Write as many octets as fit; what is not printable, and a backslash that looks like it, as \x...

    return: the text, and how many octets are in it
    """
    text = ""
    for at, octet in enumerate(octets):
        plain = 0x20 <= octet < 0x7F and octets[at : at + 2] != rb"\x"
        piece = chr(octet) if plain else f"\\x{octet:02x}"
        if len(text) + len(piece) > width:
            return text, at
        text += piece
    return text, len(octets)
