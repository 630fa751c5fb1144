"""Octet values that something between meter and file takes out or replaces: put them back, one frame after the other.

The whole cannot be undone, since nothing tells where an octet was. But a frame with a check tells for itself: of the
places for one octet, a wrong one passes the check of HDLC in one of 65,536 cases, and the sum of M-Bus in one of 256.
"""

import itertools
from collections.abc import Callable, Iterator

from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found
from hanpipe.doctor.spans import header_size
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Final

_MOST_TRIED: Final = 60  # frames and headers
_MOST_PLACES: Final = 8  # 0A in a frame, each of which may have been 0D: 256 ways
_ENOUGH: Final = 200  # octets of a sample in which a value that never occurs is missed

_CR: Final = b"\r"
_FLOW: Final = b"\x11\x13"  # XON, XOFF


def newlines_lost(case: Case) -> Found | None:
    """Look for 0D that is left out, or turned into 0A."""
    left_out = _look(case, _CR, lambda octets: _with_one_more(octets, _CR), "0D is left out")
    return left_out or _look(case, _CR, _with_cr, "every 0D arrives as 0A", changed=True)


def flow_control(case: Case) -> Found | None:
    """Look for 11 and 13 that are left out."""
    return _look(case, _FLOW, lambda octets: _with_one_more(octets, _FLOW), "11 and 13 are left out")


def _look(
    case: Case, values: bytes, ways: Callable[[bytes], Iterator[bytes]], change: str, *, changed: bool = False
) -> Found | None:
    """Try ways to restore frames in a sample where some values never occur. changed: no octet is missing."""
    sample = case.sample
    if not case.faults_of_link or len(sample) < _ENOUGH or any(value in sample for value in values):
        return None
    spans = case.spans
    frames = [span for span in spans.frames if not span.good and span.missing == (0 if changed else 1)]
    tried = repaired = 0
    for span in frames[:_MOST_TRIED]:
        tried += 1
        repaired += any(map(span.passes, ways(span.octets)))
    for header in spans.headers[:_MOST_TRIED]:
        tried += 1
        repaired += any(header_size(way) for way in _twice(ways, header, changed=changed))
    if not repaired or 2 * repaired < tried:
        return None
    evidence = (
        f"{change}: {counted(len(sample), 'octet')} without {' or '.join(f'{value:02X}' for value in values)}, and "
        f"putting one back mends {counted(repaired, 'failed check', tried)} of frames and headers"
    )
    return Found(evidence, case.bad_share, {"change": change, "tried": tried, "repaired": repaired})


def _twice(ways: Callable[[bytes], Iterator[bytes]], octets: bytes, *, changed: bool) -> Iterator[bytes]:
    """Yield the ways to restore octets, and where octets are missing the ways to put back two."""
    for way in ways(octets):
        yield way
        if not changed:
            yield from ways(way)


def _with_one_more(octets: bytes, values: bytes) -> Iterator[bytes]:
    for at in range(1, len(octets) + 1):
        for value in values:
            yield octets[:at] + bytes((value,)) + octets[at:]


def _with_cr(octets: bytes) -> Iterator[bytes]:
    """Yield octets with 0D in the place of some 0A."""
    places = [at for at, octet in enumerate(octets) if octet == 0x0A][:_MOST_PLACES]
    for count in range(1, len(places) + 1):
        for chosen in itertools.combinations(places, count):
            changed = bytearray(octets)
            for at in chosen:
                changed[at] = 0x0D
            yield bytes(changed)
