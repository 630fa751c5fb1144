"""Names -> invented names of equal length and kind, always the same ones for a seed."""

import hashlib
import re
from collections.abc import Iterable, Iterator

from hanpipe.anon.names import spellings
from hanpipe.unix.typed import Final

_MAKER: Final = 3  # octets of a system title that name the maker, and stay
_TITLE: Final = re.compile(r"(?:4[1-9a-f]|5[0-9a]){3}[0-9a-f]{10}")  # three capital letters, five octets
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_FEW_DIGITS: Final = 4  # a name with fewer digits is a text: its letters are replaced too
_HEX_IN_DIGITS: Final = "pqrstuvwxy"  # letters whose hex has digits alone, for a text without any letter or digit
_SHORTEST: Final = 4  # octets of a spelling; a shorter one would be found by chance
_WINDOW: Final = 8  # octets of a name that are a trace of it, where octets are damaged


class NoNameLeftError(Exception):
    """All names of a kind are those of the capture."""


class Inventor:
    """Invents a name for each name. One name becomes one name, wherever it is found."""

    def __init__(self, names: Iterable[str], seed: str) -> None:
        """Take all names of a capture. seed: the same one gives the same names again. raise: NoNameLeftError."""
        self._seed = seed
        self._names = sorted(set(names), key=lambda name: (-len(name), name))
        self._invented: dict[str, str] = {}
        for name in self._names:
            self._invented[name] = self._invent(name)
        self._ways = dict(self._pairs())
        self._pattern = _any_of(self._ways)
        self._windows = dict(_windows(self._ways))
        self._traces = _any_of(self._windows)

    def invented(self, name: str) -> str:
        """Return the invented name. raise: KeyError: not a name of the capture."""
        return self._invented[name]

    def replace(self, octets: bytes) -> bytes:
        """Return octets with every spelling of every name replaced by one of equal length."""
        return self._pattern.sub(lambda found: self._ways[found[0]], octets) if self._ways else octets

    def replace_traces(self, octets: bytes) -> bytes:
        """Do the same, also where only a part of a name is left: octets that are damaged."""
        octets = self.replace(octets)
        return self._traces.sub(lambda found: self._windows[found[0]], octets) if self._windows else octets

    def _pairs(self) -> Iterator[tuple[bytes, bytes]]:
        for name, invented in self._invented.items():
            yield from zip(_ways(name), _ways(invented), strict=True)

    def _invent(self, name: str) -> str:
        """Invent a name with the same spellings in number and length, which nobody has yet."""
        taken = {*self._names, *self._invented.values()}
        lengths = [len(way) for way in _ways(name)]
        for attempt in range(1000):
            invented = _invented(name, f"{self._seed}/{attempt}")
            if invented not in taken and [len(way) for way in _ways(invented)] == lengths:
                return invented
        raise NoNameLeftError(
            f"expected a capture of a few meters, found so many names like {name!r} that none is left to invent; "
            "use a part of it"
        )


def left_in(octets: bytes, names: Iterable[str]) -> list[str]:
    """Return the names of which a spelling is left in octets, in order."""
    return [name for name in sorted(names) if any(way in octets for way in _ways(name))]


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
    """Replace each digit by a digit; letters too, if there are few digits. Zeros at the front stay."""
    if not any(letter.isascii() and letter.isalnum() for letter in name):
        return "".join(_HEX_IN_DIGITS[next(chance) % 10] for _ in name)
    letters = sum(letter.isdigit() for letter in name) < _FEW_DIGITS
    front = len(name) - len(name.lstrip("0"))
    return name[:front] + "".join(_letter(letter, next(chance), letters) for letter in name[front:])


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


def _ways(name: str) -> list[bytes]:
    return [way for way in spellings(name) if len(way) >= _SHORTEST]


def _windows(ways: dict[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each part of a spelling that is long enough to be a trace of it, with what replaces it."""
    for old, new in ways.items():
        for at in range(len(old) - _WINDOW + 1):
            yield old[at : at + _WINDOW], new[at : at + _WINDOW]


def _any_of(texts: Iterable[bytes]) -> "re.Pattern[bytes]":
    return re.compile(b"|".join(map(re.escape, sorted(texts, key=lambda text: -len(text)))))
