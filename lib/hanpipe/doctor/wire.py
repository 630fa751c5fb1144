"""A port whose setting is not the meter's: what it makes of the line cannot be undone, but it can be recognised.

Two ways. Octets that only one setting can give: a receiver that is r times too fast sees runs of r equal bits; one
without parity that drops unsound octets keeps those with an odd number of ones. And by imitation: the examples of all
meter files are played through a UART (line/uart.py) at each wrong setting, and the result that is most like the octets
tells the setting; the right one is played too. Where no result is clearly the best, the verdict is line-setting.
"""

import itertools
import math
import tomllib
from collections import Counter
from collections.abc import Iterator

from hanpipe.doctor.case import Case
from hanpipe.doctor.finding import Found
from hanpipe.doctor.spans import LONGEST_HEADER, header_size, mbus_passes, mbus_starts
from hanpipe.line.settings import Line
from hanpipe.line.uart import inverted, levels, receive
from hanpipe.readings import layouts
from hanpipe.unix.stderr import counted
from hanpipe.unix.typed import Final, NamedTuple

_ENOUGH: Final = 48  # octets
_NEARLY_ALL: Final = 0.98  # of the octets
_FEW: Final = 0.05  # share of good frames up to which the setting may be wrong
_RATIOS: Final = (48, 16, 12, 8, 4, 3, 2)  # how many times too fast a port may be
_PER_HEADER: Final = 2048  # octets, a frame of HDLC at its longest
_FEWEST_FRAMES: Final = 3  # whose sums agree in seven bits: three times by chance is one of two million
_FEWEST: Final = 24  # octets that can be compared
_HEARD: Final = 6000  # octets that are compared
_PLAYED: Final = 700  # octets of each meter that are played
_MARGIN: Final = 0.25  # bits per octet by which the best explanation must be better than the next cause
_RANDOM: Final = 8.0  # bits of an octet of which nothing is known
_PARITIES: Final = ("none", "even", "odd")


class Setting(NamedTuple):
    """A wrong setting of a port. ratio: its baud rate / the meter's; strict: whether it drops unsound octets."""

    cause: str
    words: str
    ratio: float
    parity: str
    inverted: bool = False
    strict: bool = False


_UNKNOWN: Final = Setting("line-setting", "", 1.0, "none")
NOT_TRIED: Final = [(_RANDOM, _UNKNOWN)]  # in the place of what imitate() finds, which takes a second


def seven_bit(case: Case) -> Found | None:
    """Look for octets without their top bit: put it back in the headers, and let their checks decide."""
    sample = case.sample
    if len(sample) < _ENOUGH or max(sample) > 0x7F:
        return None
    if found := _seven_bit_of_mbus(sample):
        return found
    if case.frames:
        return None
    starts = [
        at + 1
        for at in range(len(sample))
        if sample[at] == 0x7E and sample[at + 1 : at + 2] and sample[at + 1] & 0xF0 == 0x20
    ]
    tried = starts[:60]
    restored = sum(_restorable(sample[at : at + LONGEST_HEADER]) for at in tried)
    if not restored or 2 * restored < len(tried):
        return None
    evidence = (
        f"no octet of {len(sample):,} is above 7F, and putting top bits back mends the check of "
        f"{counted(restored, 'header', len(tried))}"
    )
    return Found(evidence, 1.0, {"tried": len(tried), "restored": restored})


def _seven_bit_of_mbus(sample: bytes) -> Found | None:
    """Look for M-Bus frames whose sum agrees but for its top bit, as that of frames with all their bits seldom does.

    A quarter of them pass by chance: where an even number of top bits was lost, and none in the sum.
    """
    frames = [
        octets
        for at in mbus_starts(sample)
        for top in (0, 0x80)
        if mbus_passes(octets := sample[at : at + (sample[at + 1] | top) + 6], 0x7F)
    ]
    starts, whole = mbus_starts(sample), sum(map(mbus_passes, frames))
    if len(frames) < _FEWEST_FRAMES or 2 * len(frames) < len(starts) or whole == len(frames):
        return None
    evidence = (
        f"no octet of {counted(len(sample), 'octet')} is above 7F, and the sum of {counted(len(frames), 'frame')} is "
        f"right but for its top bit, all of it in {whole:,}"
    )
    return Found(evidence, 1.0, {"tried": len(starts), "restored": len(frames)})


def _restorable(header: bytes) -> bool:
    """Return whether a header passes its check with some of its top bits set."""
    for size in range(7, min(10, len(header)) + 1):
        for bits in range(1 << size - 1):
            tops = bytes([0x80, *(0x80 if bits >> at & 1 else 0 for at in range(size - 1))])
            changed = bytes(a | b for a, b in zip(header, tops, strict=False))
            if header_size(changed) == size:
                return True
    return False


def stuck(case: Case) -> Found | None:
    """Look for a line whose level does not change: every octet is the same, and no port that is too fast sees it."""
    sample = case.sample
    if case.frames or len(sample) < _FEWEST or len(set(sample)) > 1 or sample[0] in _possible(_RATIOS[0]):
        return None
    return Found(f"each of {counted(len(sample), 'octet')} is {sample[0]:02X}", 1.0, {"octets": len(sample)})


def baud(case: Case) -> Found | None:
    """Look for a port that is too fast, by the runs of bits, or else by imitation."""
    if not _unreadable(case):
        return None
    octets = case.sample[:_HEARD]
    for ratio in _RATIOS:
        like = sum(map(octets.count, _possible(ratio)))
        if like >= _NEARLY_ALL * len(octets):
            evidence = f"the bits of {counted(like, 'octet', len(octets))} come in runs of {ratio} and more"
            evidence += ": the port is that many times too fast"
            if len(set(octets)) == 1:
                evidence = f"each of {counted(like, 'octet')} is {octets[0]:02X}: the line does not change, so check "
                evidence += "wiring and levels, or the port is many times too fast"
            return Found(evidence, 1.0, {"ratio": ratio, "octets": like})
    return _by_imitation(case, "baud")


def _possible(ratio: int) -> list[int]:
    """Return the octets that a port can find which is so many times too fast, the start bit in front."""
    found = set()
    for sent in range(1 << 8 // ratio):
        bits = [0 if at < ratio else sent >> at // ratio - 1 & 1 for at in range(1, 9)]
        found.add(sum(bit << at for at, bit in enumerate(bits)))
    return sorted(found)


def parity(case: Case) -> Found | None:
    """Look for a port with another parity, by the octets that it keeps, or else by imitation."""
    if not _unreadable(case):
        return None
    octets = case.sample[:_HEARD]
    odd = sum(octet.bit_count() & 1 for octet in octets)
    for like, words in ((odd, "an odd"), (len(octets) - odd, "an even")):
        if like >= _NEARLY_ALL * len(octets) and len(set(octets)) > 8:
            evidence = f"{counted(like, 'octet', len(octets))} have {words} number of ones: the others were dropped"
            return Found(evidence, 1.0, {"octets": like})
    return _by_imitation(case, "parity")


def is_inverted(case: Case) -> Found | None:
    """Look for a line with its levels exchanged."""
    return _by_imitation(case, "inverted") if _unreadable(case) else None


def line_setting(case: Case) -> Found | None:
    """Take octets without a frame that are not of another protocol for those of a port with a wrong setting."""
    if not _unreadable(case):
        return None
    octets = len(case.sample)
    return Found(f"not one frame or header in {counted(octets, 'octet')} passes its check", 1.0, {"octets": octets})


def is_well_read(case: Case) -> bool:
    """Return whether the port has the meter's setting: by a frame, by a header, or because the octets look like it."""
    headers = case.headers * _PER_HEADER > case.octets  # by accident there are fewer
    if case.frames > _FEW * case.checked or case.messages or headers or case.spans.frames:
        return True
    return _best(case).cause == ""


def _unreadable(case: Case) -> bool:
    return bool(case.sample) and not is_well_read(case)


def _best(case: Case) -> Setting:
    if case.imitations is None:
        enough = len(case.sample) >= _FEWEST
        case.imitations = imitate(case.sample[:_HEARD]) if enough else NOT_TRIED
    cost, best = case.imitations[0]
    return best if cost < _RANDOM - _MARGIN else _UNKNOWN


def _by_imitation(case: Case, cause: str) -> Found | None:
    best, ranked = _best(case), case.imitations
    cost = ranked[0][0]
    other = min([_RANDOM, *(other for other, setting in ranked if setting.cause != best.cause)])
    if best.cause != cause or cost > other - _MARGIN:
        return None
    evidence = (
        f"the octets are most like those of a known meter read {best.words}: {cost:.1f} bits each, "
        f"{other:.1f} by the next best explanation"
    )
    return Found(evidence, 1.0, {"bits": round(cost, 2), "bits_next": round(other, 2)})


def imitate(octets: bytes) -> list[tuple[float, Setting]]:
    """Return each wrong setting with the bits that an octet costs who knows it, the best first."""
    best: dict[Setting, float] = {}
    pairs = Counter(itertools.pairwise(octets))
    for line, sent in _examples():
        wire = levels(sent, line)
        for setting in _settings(line):
            heard = receive(
                inverted(wire) if setting.inverted else wire,
                setting.ratio,
                Line(line.baud, setting.parity),
                strict=setting.strict,
            )
            best[setting] = min(best.get(setting, math.inf), _cost(pairs, heard))
    return sorted((cost, setting) for setting, cost in best.items())


def _settings(line: Line) -> Iterator[Setting]:
    """Yield the ways in which people read a line: rightly, and wrongly."""
    yield Setting("", "as it is set", 1.0, line.parity)
    for parity in _PARITIES[:2]:
        yield Setting("inverted", f"with its levels exchanged, at parity {parity}", 1.0, parity, inverted=True)
    for ratio in (1 / 2, 1 / 4, 1 / 12) if line.baud > 2400 else (1 / 2,):
        yield Setting("baud", f"at 1/{round(1 / ratio)} of its baud rate", ratio, "none")
        yield Setting("baud", f"at 1/{round(1 / ratio)} of its baud rate, parity even", ratio, "even")
    for parity in _PARITIES:
        if parity != line.parity:
            if parity != "none":  # without parity, octets with a wrong stop bit arrive as they were sent
                yield Setting("parity", f"at parity {parity}", 1.0, parity)
            yield Setting("parity", f"at parity {parity}, unsound octets dropped", 1.0, parity, strict=True)


def _cost(pairs: Counter[tuple[int, int]], heard: bytes) -> float:
    """Return the bits that an octet costs on average, if octets follow each other as in those that are heard.

    pairs: two octets in a row, by their count
    """
    followed, single = Counter(itertools.pairwise(heard)), Counter(heard)
    bits = 0.0
    for (first, second), count in pairs.items():
        rare = (single[second] + 1 / 32) / (len(heard) + 8)  # 8 is 256 / 32: no octet is impossible
        bits -= count * math.log2((followed[first, second] + rare) / (single[first] + 1))
    return bits / pairs.total()


def _examples() -> Iterator[tuple[Line, bytes]]:
    """Yield the line of each meter and what it sends, from the examples of the meter files."""
    for _, text in layouts.files():
        meter = tomllib.loads(text)
        line = Line(**{"baud": 2400, "parity": "even", **meter.get("line", {})})
        sent = b"".join(map(_sent, meter.get("example", ())))
        if sent:
            yield line, sent[-_PLAYED:]


def _sent(example: dict[str, str]) -> bytes:
    if "telegram" in example:
        return example["telegram"].replace("\n", "\r\n").encode()
    return bytes.fromhex(example.get("octets", ""))
