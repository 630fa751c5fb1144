"""Frames with octets changed, lost or too many: which of it, by their lengths."""

import operator
from collections.abc import Callable

from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found, share
from hanpipe.doctor.spans import Span
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Final

_LEAST: Final = 0.005  # share of bad frames from which a line is damaged: single ones are normal
_SURE: Final = 0.6  # share of the bad frames that must agree
_TAIL: Final = 16  # octets that a frame may lose at its end
_ALIKE: Final = 24  # octets at the end of a frame that are compared with those of another
_MOST_PAIRS: Final = 50  # frames
_ENOUGH: Final = 10  # good frames that are shorter, where no other frame is as long as those that are cut


def tail_loss(case: Case) -> Found | None:
    """Look for frames that lose their last octets, the long ones alone."""
    if not _damaged(case):
        return None
    frames = case.spans.frames
    cut = [span for span in frames if not span.good and 0 < span.missing <= _TAIL]
    bad = sum(not span.good for span in frames)
    if not cut or len(cut) < _SURE * bad:
        return None
    long = min(span.announced for span in cut)
    shorter = [span for span in frames if span.announced < long]
    if sum(not span.good for span in shorter) > 0.1 * len(shorter):
        return None
    ends = [verdict for span in cut[: 4 * _MOST_PAIRS] if (verdict := _lost_its_end(span, frames)) is not None]
    if sum(ends) < _SURE * len(ends) or (not ends and len(shorter) < _ENOUGH):
        return None
    evidence = (
        f"up to {_TAIL} octets are missing at the end of {counted(len(cut), 'bad frame', bad)}, all of {long:,} or more"
    )
    return Found(evidence, case.bad_share, {"cut": len(cut), "bad": bad, "shortest": long})


def _lost_its_end(span: Span, frames: list[Span]) -> bool | None:
    """Return whether the end of a short frame is where others of its length have the same octets; None: unknown.

    A frame that has lost octets in its middle ends as the others end. Of those, the one counts that is most alike: the
    frames of one length may be several lists, or several pieces of a list.
    """
    size = len(span.octets)
    begin = max(0, size - _ALIKE)
    end = span.octets[begin:]
    whole = [other.octets for other in frames if other.good and other.announced == span.announced]
    if not whole:
        return None
    here = max(_alike(end, octets[begin:size]) for octets in whole[-_MOST_PAIRS:])
    there = max(_alike(end, octets[begin - size :]) for octets in whole[-_MOST_PAIRS:])
    return here > there


def _alike(some: bytes, others: bytes) -> int:
    return sum(map(operator.eq, some, others))


def dropped(case: Case) -> Found | None:
    """Look for frames that miss octets, and APDUs that miss frames."""
    lost = case.refusals.get("segment lost", 0)
    if lost and not case.messages and not case.bad:
        evidence = f"each frame is good, but no APDU is whole: other frames of {counted(lost, 'APDU')} are missing"
        return Found(evidence, 1.0, {"lost": lost})
    if not case.frames and case.faults["truncated"] and case.bad == case.faults["truncated"]:
        evidence = f"each of {counted(case.bad, 'frame')} ends before the length that it announces, or without an end"
        return Found(evidence, 1.0, {"bad": case.bad})
    return _by_length(case, "octets are missing in", lambda span: span.missing > 0)


def noise(case: Case) -> Found | None:
    """Look for frames of which octets have changed. It is the explanation of all damage that has no better one."""
    if not _damaged(case):
        return None
    found = _by_length(case, "the length is right, or a few octets too long, in", lambda span: span.missing <= 0)
    evidence = f"the check of {counted(case.bad, 'frame', case.checked)} fails, in no way that could be undone"
    if not case.checked:
        evidence = f"not one whole frame in {counted(case.octets, 'octet')}"
    if found:
        evidence += f"; {found.evidence}"
    return Found(evidence, case.bad_share, {"bad": case.bad, "frames": case.checked})


def _by_length(case: Case, words: str, like: Callable[[Span], bool]) -> Found | None:
    if not _damaged(case):
        return None
    bad = [span for span in case.spans.frames if not span.good]
    alike = sum(map(like, bad))
    if not alike or share(alike, len(bad)) <= 0.5:
        return None
    evidence = f"{words} {counted(alike, 'bad frame', len(bad))} of a sample"
    return Found(evidence, case.bad_share, {"alike": alike, "bad": len(bad)})


def _damaged(case: Case) -> bool:
    return case.bad_share > _LEAST or not (case.frames or case.messages)
