"""Changes of octets that can be undone without loss: undo each on the sample, and let the checksums decide."""

import re
from collections.abc import Callable

from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found, share
from hanpipe.link import FRAMERS
from hanpipe.link.kinds import FAULTS, GOOD
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Final, NamedTuple

_UTF8: Final = re.compile(rb"([\xc2\xc3])([\x80-\xbf])")


class Undo(NamedTuple):
    """A change and its inverse.

    cause: the verdict; change: what happened to the octets
    undo:  octets as they arrived -> octets as they were sent
    begin: the octets with which a changed sequence begins: a piece of a stream is never cut after one of them
    link:  the framer that judges what was undone
    """

    cause: str
    change: str
    undo: Callable[[bytes], bytes]
    begin: bytes
    link: str = "auto"


def _from_utf8(octets: bytes) -> bytes:
    return _UTF8.sub(lambda pair: bytes(((pair[1][0] & 3) << 6 | pair[2][0] & 0x3F,)), octets)


def _unstuffed(octets: bytes) -> bytes:
    """Return the good frames of a line with octet stuffing as other lines carry them, and all else as it is."""
    framer = FRAMERS["escaped"]()
    events = framer.feed(octets) + framer.feed(b"")
    return b"".join(b"\x7e" + found + b"\x7e" if kind in GOOD else found for kind, found in events)


UNDOS: Final = (
    Undo("newlines", "every 0A arrives as 0D 0A", lambda octets: octets.replace(b"\r\n", b"\n"), b"\r"),
    Undo("newlines", "every 0D 0A arrives as 0A", lambda octets: octets.replace(b"\n", b"\r\n"), b""),
    Undo("newlines", "every 0D 0A arrives as 0A 0A", lambda octets: octets.replace(b"\n\n", b"\r\n"), b"\n"),
    Undo("telnet", "every FF arrives twice", lambda octets: octets.replace(b"\xff\xff", b"\xff"), b"\xff"),
    Undo(
        "telnet",
        "every FF arrives twice, and 0D as 0D 00",
        lambda octets: octets.replace(b"\xff\xff", b"\xff").replace(b"\r\0", b"\r"),
        b"\xff\r",
    ),
    Undo("text-encoding", "every octet from 80 on arrives as the two of UTF-8", _from_utf8, b"\xc2\xc3"),
    Undo("stuffing", "7D and 7E inside frames arrive escaped", _unstuffed, b"", "escaped"),
)


def looking_for(cause: str) -> Callable[[Case], Found | None]:
    """Return what looks for the changes with this cause."""
    return lambda case: _look(case, [undo for undo in UNDOS if undo.cause == cause])


def _look(case: Case, undos: list[Undo]) -> Found | None:
    if not (case.faults_of_link and case.sample):
        return None
    sample = case.sample
    before, _ = _frames(sample, "auto")
    good, bad, undo = max(
        ((*_frames(sample if each.link == "escaped" else each.undo(sample), each.link), each) for each in undos),
        key=lambda result: result[0],
    )
    repaired = good - before
    if repaired < 1 or 2 * repaired < bad:
        return None
    evidence = f"{undo.change}: a sample has {counted(before, 'good frame')} as it is, {good:,} once that is undone"
    figures = {"change": undo.change, "good": before, "good_undone": good, "bad_undone": bad}
    return Found(evidence, share(repaired, good), figures, undo.undo)


def _frames(octets: bytes, link: str) -> tuple[int, int]:
    """Return how many frames of octets are good, and how many bad."""
    framer = FRAMERS[link]()
    kinds = [kind for kind, _ in framer.feed(octets) + framer.feed(b"")]
    return sum(kind in GOOD for kind in kinds), sum(kind in FAULTS and kind != "n" for kind in kinds)
