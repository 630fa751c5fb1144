"""Where octets hold a name: whole, in the text of a telegram, or as what damage has left of it."""

import operator
import re
from collections.abc import Iterable, Iterator

from hanpipe.unix.typed import Final, NamedTuple

_LEAST_FREE: Final = 4  # octets of a part that an invented name may change, from which it tells whose the name is
_LEAST_WHOLE: Final = 3  # the same where all other octets of a spelling are there too
_WINDOW: Final = 8  # octets from the middle of a name that are a trace of it
_SEED: Final = 4  # octets that are looked up first
_PER_WRONG: Final = 8  # octets of a spelling for each that may be wrong; one always may
_SURE: Final = 9  # characters from which a name is not a part of a number by chance
_ROUNDS: Final = 4  # times that the octets between traces are searched again, as the beginnings and ends of names


class Way(NamedTuple):
    """A spelling of a name.

    new:  what replaces it, of equal length
    free: for each octet, whether an invented name may change it: zeros at the front and a maker stay
    """

    name: str
    old: bytes
    new: bytes
    free: tuple[bool, ...]


class Found(NamedTuple):
    """A name, or a part of one. begin: its offset; new: what replaces its octets."""

    begin: int
    new: bytes
    name: str

    @property
    def end(self) -> int:
        """The offset after its last octet."""
        return self.begin + len(self.new)


class Traces:
    """Finds names by their spellings. No two places that it finds overlap."""

    def __init__(self, ways: Iterable[Way]) -> None:
        """Take all spellings of all names; the first one counts where two names have the same."""
        self._ways: dict[bytes, Way] = {}
        for way in ways:
            self._ways.setdefault(way.old, way)
        self._any = _any_of(self._ways, b"%b")
        self._in_text = re.compile(
            b"|".join(
                (
                    _any_of([old for old in self._ways if len(old) >= _SURE], b"%b").pattern,
                    _any_of(
                        [old for old in self._ways if len(old) < _SURE], rb"(?<![0-9A-Za-z.])%b(?![0-9A-Za-z.*])"
                    ).pattern,
                )
            )
        )
        self._seeds: dict[int, dict[bytes, list[tuple[Way, int]]]] = {}
        for way in self._ways.values():
            self._add_seeds(way)

    def whole(self, octets: bytes) -> Iterator[Found]:
        """Yield each name that is whole, in order."""
        for found in self._any.finditer(octets):
            yield self._found(found)

    def in_text(self, octets: bytes) -> Iterator[Found]:
        """Yield each name in a telegram, in order: a short one is not a part of a longer number or word."""
        for found in self._in_text.finditer(octets):
            yield self._found(found)

    def in_damage(self, octets: bytes) -> list[Found]:
        """Return each name in damaged octets, also one with a wrong octet, and parts of names."""
        found = list(self.whole(octets))
        gaps = _gaps(0, len(octets), found)
        for _ in range(_ROUNDS):
            left: list[tuple[int, int]] = []
            for begin, end in gaps:
                if parts := [part._replace(begin=begin + part.begin) for part in self._parts(octets[begin:end])]:
                    found += parts
                    left += _gaps(begin, end, parts)
            if not left:
                break
            gaps = left
        return found

    def _found(self, match: "re.Match[bytes]") -> Found:
        way = self._ways[match[0]]
        return Found(match.start(), way.new, way.name)

    def _add_seeds(self, way: Way) -> None:
        size = min(_SEED, len(way.old) // 2)
        seeds = self._seeds.setdefault(size, {})
        for at in range(len(way.old) - size + 1):
            seed = way.old[at : at + size]
            if len(set(seed)) > 1 and any(way.free[at : at + size]):
                seeds.setdefault(seed, []).append((way, at))

    def _parts(self, octets: bytes) -> list[Found]:
        """Return the parts of names in octets, in order: of two that overlap the longer one."""
        parts: list[Found] = []
        tried: set[tuple[bytes, int]] = set()
        for size, seeds in self._seeds.items():
            for at in range(len(octets) - size + 1):
                for way, offset in seeds.get(octets[at : at + size], ()):
                    if (way.old, at - offset) not in tried:
                        tried.add((way.old, at - offset))
                        parts += _judge(octets, way, at - offset)
        parts.sort(key=lambda part: (-len(part.new), part.begin))
        taken, chosen = bytearray(len(octets)), list[Found]()
        for part in parts:
            if not any(taken[part.begin : part.end]):
                taken[part.begin : part.end] = b"\1" * len(part.new)
                chosen.append(part)
        return sorted(chosen)


def most_wrong(size: int) -> int:
    """Return how many octets of a spelling may be wrong."""
    return max(1, size // _PER_WRONG)


def replaced(octets: bytes, found: Iterable[Found]) -> bytes:
    """Return octets with each name replaced."""
    made = bytearray(octets)
    for begin, new, _ in found:
        made[begin : begin + len(new)] = new
    return bytes(made)


def _judge(octets: bytes, way: Way, begin: int) -> list[Found]:
    """Return what is left of a spelling that begins there, before the octets perhaps, or ends after them."""
    first, last = max(0, -begin), min(len(way.old), len(octets) - begin)
    same = [*map(operator.eq, way.old[first:last], octets[begin + first : begin + last])]
    size, wrong = len(same), len(same) - sum(same)
    free = sum(map(operator.and_, same, way.free[first:last]))
    if size == len(way.old):
        if wrong <= most_wrong(size) and free >= _LEAST_WHOLE:
            return [_part(way, begin, first, last)]
    elif wrong <= (size >= _WINDOW) and free >= _LEAST_FREE and _tells(way, first, last):
        return [_part(way, begin, first, last)]
    return [
        _part(way, begin, first + start, first + end)
        for start, end in _runs(same)
        if end - start >= _WINDOW and _tells(way, first + start, first + end)
    ]


def _tells(way: Way, first: int, last: int) -> bool:
    """Return whether a part of a spelling tells whose it is: a row of equal octets does not."""
    return sum(way.free[first:last]) >= _LEAST_FREE and len(set(way.old[first:last])) > 1


def _part(way: Way, begin: int, first: int, last: int) -> Found:
    return Found(begin + first, way.new[first:last], way.name)


def _runs(same: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each run of equal octets."""
    start = 0
    for at, equal in enumerate([*same, False]):
        if not equal:
            if at > start:
                yield start, at
            start = at + 1


def _gaps(begin: int, end: int, found: list[Found]) -> list[tuple[int, int]]:
    """Return the ranges between places in order, where one was found."""
    cuts = [begin, *(cut for part in found for cut in (part.begin, part.end)), end]
    return [(cuts[at], cuts[at + 1]) for at in range(0, len(cuts), 2) if cuts[at] < cuts[at + 1]]


def _any_of(texts: Iterable[bytes], form: bytes) -> "re.Pattern[bytes]":
    """Return a pattern of any of some texts, the longest first; of nothing that occurs if there are none."""
    ways = b"|".join(map(re.escape, sorted(texts, key=lambda text: (-len(text), text))))
    return re.compile(form % (b"(?:%b)" % ways) if ways else rb"(?!)")
