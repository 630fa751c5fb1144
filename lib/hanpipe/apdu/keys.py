"""Key files: a line per meter, SYSTEM-TITLE KEY [AUTHENTICATION-KEY] in hex; * for any title, # for comments."""

import os
import stat
from collections.abc import Iterable, Mapping

from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Final, NamedTuple

ANY: Final = b""  # in the place of a system title
TITLE_SIZE: Final = 8  # octets of a system title, IEC 62056-5-3
KEY_SIZES: Final = (16, 32)  # octets: AES-128 and AES-256


class KeyFileError(Exception):
    """A key file that cannot be read: file, line and reason, in words for a person. They never hold a key."""


class Line(NamedTuple):
    """A line of a key file.

    title: system title, 8 octets, or ANY; key: the global unicast (or dedicated) encryption key, 16 or 32 octets
    authentication_key: 16 or 32 octets, b"" if there is none: tags cannot be checked then
    """

    title: bytes
    key: bytes
    authentication_key: bytes


class Keys:
    """The keys that the user has, in the order of the file."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._lines = list(lines)

    def candidates(self, title: bytes) -> list[Line]:
        """Return the lines that may fit a message: those of its title, else those of any title.

        title: b"" if the message does not carry one: each titled line may fit, as its title gives the IV
        """
        if not title:
            return [line for line in self._lines if line.title != ANY]
        titled = [line for line in self._lines if line.title == title]
        return titled or [line._replace(title=title) for line in self._lines if line.title == ANY]


def find_key_file(environment: Mapping[str, str]) -> str | None:
    """Return the key file that the surroundings name: $HANPIPE_KEY_FILE, or systemd's credential han-keys."""
    if path := environment.get("HANPIPE_KEY_FILE"):
        return path
    folder = environment.get("CREDENTIALS_DIRECTORY")
    path = f"{folder}/han-keys"
    return path if folder and os.path.exists(path) else None


def read_key_file(path: str) -> tuple[Keys, bool]:
    """Read a key file.

    return: its keys, and whether everybody on this machine may read them
    raise:  KeyFileError
    """
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            exposed = bool(os.fstat(file.fileno()).st_mode & stat.S_IROTH)
            return Keys(_read_lines(path, file)), exposed
    except OSError as error:
        raise KeyFileError(f"{path}: {reason(error)}") from error


def _read_lines(path: str, lines: Iterable[str]) -> list[Line]:
    found = []
    for number, text in enumerate(lines, 1):
        words = text.partition("#")[0].split()
        try:
            if words:
                found.append(_read_line(words))
        except ValueError as error:  # whose text never holds a key
            raise KeyFileError(f"{path}:{number}: {error}") from None
    return found


def _read_line(words: list[str]) -> Line:
    if not 2 <= len(words) <= 3:
        raise ValueError(f"a line is SYSTEM-TITLE KEY [AUTHENTICATION-KEY], this one has {len(words)} words")
    title = ANY if words[0] == "*" else _octets(words[0], "a system title", (TITLE_SIZE,))
    key = _octets(words[1], "a key", KEY_SIZES)
    return Line(title, key, _octets(words[2], "an authentication key", KEY_SIZES) if words[2:] else b"")


def _octets(word: str, what: str, sizes: tuple[int, ...]) -> bytes:
    if not all(character in "0123456789abcdefABCDEF" for character in word):
        raise ValueError(f"{what} is written in hex digits")
    if len(word) not in (2 * size for size in sizes):
        raise ValueError(f"{what} has {' or '.join(str(2 * size) for size in sizes)} hex digits, this one {len(word)}")
    return bytes.fromhex(word)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + "s" * (number != 1)
