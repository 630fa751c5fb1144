"""Names -> invented names of equal length and kind, always the same ones for a seed."""

import functools
import hashlib
import itertools
import operator
import re
from collections.abc import Iterable, Iterator

from hanpipe.anon.names import spellings
from hanpipe.anon.traces import Traces, Way, most_wrong, replaced
from hanpipe.unix.typed import Final

_MAKER: Final = 3  # octets of a system title that name the maker, and stay
_TITLE: Final = re.compile(r"(?:4[1-9a-f]|5[0-9a]){3}[0-9a-f]{10}")  # three capital letters, five octets
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_FEW_DIGITS: Final = 4  # a name with fewer digits is a text: its letters are replaced too
_HEX_IN_DIGITS: Final = "pqrstuvwxy"  # letters whose hex has digits alone, for a text without any letter or digit
_SHORTEST: Final = 4  # octets of a spelling; a shorter one would be found by chance
_PROBES: Final = 12  # names that are invented to see which octets of a spelling change
_PICKY: Final = 100  # attempts to invent a name that is not even like its own with some octets wrong
_FITTING: Final = 200  # attempts to invent a name whose spellings have the lengths of those of its own


class NoNameLeftError(Exception):
    """All names of a kind are those of the capture."""


class Inventor:
    """Invents a name for each name. One name becomes one name, wherever it is found.

    known: finds the names that good frames gave; all: also those that damaged octets gave
    """

    def __init__(self, names: Iterable[str], seed: str, damaged: Iterable[str] = ()) -> None:
        """Take all names of a capture. seed: the same one gives the same names again. raise: NoNameLeftError.

        damaged: names that only damaged octets gave, which good frames need not have
        """
        self._seed = seed
        known = set(names)
        self._names = sorted(known.union(damaged), key=lambda name: (-len(name), name))
        self._invented: dict[str, str] = {}
        self._taken = set(self._names)
        for name in self._names:
            self._invented[name] = self._invent(name)
        ways = list(self._ways())
        self.all = Traces(ways)
        self.known = Traces(way for way in ways if way.name in known) if known < set(self._names) else self.all

    def invented(self, name: str) -> str:
        """Return the invented name. raise: KeyError: not a name of the capture."""
        return self._invented[name]

    def replace(self, octets: bytes) -> bytes:
        """Return octets with every spelling of every name replaced by one of equal length."""
        return replaced(octets, self.known.whole(octets))

    def replace_in_text(self, octets: bytes) -> bytes:
        """Do the same with a telegram."""
        return replaced(octets, self.known.in_text(octets))

    def replace_traces(self, octets: bytes) -> bytes:
        """Do the same, also where only a part of a name is left: octets that are damaged."""
        return replaced(octets, self.all.in_damage(octets))

    def _ways(self) -> Iterator[Way]:
        for name, invented in self._invented.items():
            for (old, new), free in zip(_pairs(name, invented), _free(name), strict=True):
                yield Way(name, old, new, free)

    def _invent(self, name: str) -> str:
        """Invent a name of equal length and kind, which nobody has yet."""
        for attempt in range(1000):
            invented = _invented(name, f"{self._seed}/{attempt}")
            if invented in self._taken:
                continue
            if attempt < _FITTING and not _fits(name, invented):
                continue
            if attempt >= _PICKY or not _alike(name, invented):
                self._taken.add(invented)
                return invented
        raise NoNameLeftError(
            f"expected a capture of a few meters, found so many names like {name!r} that none is left to invent; "
            "use a part of it"
        )


@functools.lru_cache(1024)
def _free(name: str) -> list[tuple[bool, ...]]:
    """Return for each octet of each spelling whether an invented name may change it."""
    probes = [_invented(name, f"probe/{number}") for number in range(_PROBES)]
    fitting = [probe for probe in probes if _fits(name, probe)]
    pairs = [_pairs(name, probe) for probe in fitting or probes]
    return [
        tuple(any(probe[at][1][place] != octet for probe in pairs) for place, octet in enumerate(way))
        for at, way in enumerate(_ways(name).values())
    ]


def _fits(name: str, invented: str) -> bool:
    """Return whether two names have the same spellings in length."""
    return {form: len(way) for form, way in _ways(name).items()} == {
        form: len(way) for form, way in _ways(invented).items()
    }


def _pairs(name: str, invented: str) -> list[tuple[bytes, bytes]]:
    """Return each spelling of a name, and what replaces it: that of an invented name, if it has the same length.

    Some names have no other of which all spellings fit. 1000000000001, for example, is a number of five octets, but
    nearly all of thirteen digits need six. Made-up octets replace such a spelling.
    """
    ways = _ways(invented)
    return [
        (old, new if len(new := ways.get(form, b"")) == len(old) else _octets(invented, form, len(old)))
        for form, old in _ways(name).items()
    ]


def _octets(name: str, seed: str, size: int) -> bytes:
    return bytes(itertools.islice(_chance(name, seed), size))


def _alike(name: str, invented: str) -> bool:
    """Return whether a spelling of an invented name is one of the name with some octets wrong."""
    return any(sum(map(operator.ne, old, new)) <= most_wrong(len(old)) for old, new in _pairs(name, invented))


def _invented(name: str, seed: str) -> str:
    chance = _chance(name, seed)
    if _TITLE.fullmatch(name):
        return _title(bytes.fromhex(name), chance).hex()
    octets = bytes.fromhex(name) if _HEX.fullmatch(name) else b""
    if octets and octets.isascii() and octets.rstrip(b"\0").decode().isprintable() and len(octets) > _FEW_DIGITS:
        made = _text(octets.decode(), chance).encode().hex()
    elif octets and not name.isdigit():
        made = bytes(next(chance) for _ in octets).hex()
    else:
        return _text(name, chance)
    return made.upper() if name == name.upper() else made


def _title(title: bytes, chance: Iterator[int]) -> bytes:
    """Replace the number in a system title; its maker stays, and so do zeros after a text."""
    text = title.rstrip(b"\0")
    if len(text) == _MAKER or not (text.isascii() and text.decode().isprintable()):
        text = title
    made = text[:_MAKER] + bytes(_like(octet, next(chance)) for octet in text[_MAKER:])
    return made.ljust(len(title), b"\0")


def _like(octet: int, chance: int) -> int:
    """Return an octet of the same kind, so that it is a part of as many spellings."""
    kin = [other for other in range(256) if _kind(other) == _kind(octet)]
    return kin[chance % len(kin)]


def _kind(octet: int) -> tuple[bool, bool]:
    """Return whether an octet is a printable character of ASCII, and whether its hex has decimal digits alone."""
    return 0x20 <= octet < 0x7F, f"{octet:02x}".isdigit()


def _text(name: str, chance: Iterator[int]) -> str:
    """Replace each digit by a digit; letters too, if there are few digits. Zeros at the front of others stay."""
    rest = name.lstrip("0") or name
    front = name[: len(name) - len(rest)]
    if not any(letter.isascii() and letter.isalnum() for letter in rest):
        return front + "".join(_HEX_IN_DIGITS[next(chance) % 10] for _ in rest)
    letters = sum(letter.isdigit() for letter in rest) < _FEW_DIGITS
    return front + "".join(_letter(letter, next(chance), letters) for letter in rest)


def _letter(letter: str, chance: int, letters: bool) -> str:
    if letter.isascii() and letter.isdigit():
        return "123456789"[chance % 9]
    if letters and letter.isascii() and letter.isalpha():
        made = chr(ord("a") + chance % 26)
        return made.upper() if letter.isupper() else made
    return letter


def _chance(name: str, seed: str) -> Iterator[int]:
    """Yield octets that depend on a name and a seed alone."""
    number = 0
    while True:
        yield from hashlib.sha256(f"{seed}/{name}/{number}".encode()).digest()
        number += 1


def _ways(name: str) -> dict[str, bytes]:
    return {form: way for form, way in spellings(name).items() if len(way) >= _SHORTEST}
