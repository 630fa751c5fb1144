"""Key files, and what is kept of invocation counters.

A key file has a line per meter, in hex: SYSTEM-TITLE KEY [AUTHENTICATION-KEY]; * for any title, # comments. A counters
file has a line per meter, SYSTEM-TITLE COUNTER: the highest counter of a message that its key opened.
"""

import os
import stat
from collections.abc import Iterable, Mapping

from hanpipe.unix.typed import Final, NamedTuple

ANY: Final = b""  # in the place of a system title
TITLE_SIZE: Final = 8  # octets of a system title, IEC 62056-5-3
KEY_SIZES: Final = (16, 32)  # octets: AES-128 and AES-256

_MOST_COUNTERS: Final = 4096  # meters whose counter is kept


class WrongKeyFile(Exception):
    """A key file that cannot be read as one: file, line and what is wrong, in words for a person."""


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
    """Read a key file; tell too whether others may read it.

    raise: OSError; WrongKeyFile
    """
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        exposed = bool(os.fstat(file.fileno()).st_mode & stat.S_IROTH)
        return Keys(_read_lines(path, file)), exposed


def _read_lines(path: str, lines: Iterable[str]) -> list[Line]:
    found = []
    for number, text in enumerate(lines, 1):
        words = text.partition("#")[0].split()
        try:
            if words:
                found.append(_read_line(words))
        except ValueError as error:  # whose text never holds a key
            raise WrongKeyFile(f"{path}:{number}: {error}") from None
    return found


def _read_line(words: list[str]) -> Line:
    if not 2 <= len(words) <= 3:
        raise ValueError(f"a line is SYSTEM-TITLE KEY [AUTHENTICATION-KEY], this one has {_count(len(words), 'word')}")
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


class Counters:
    """The highest invocation counter of each meter.

    A meter counts up by one a message, and begins anew only with a new key. What is not above the highest so far was
    sent before, by the meter or by somebody who recorded it.
    """

    def __init__(self, highest: Mapping[bytes, int] | None = None) -> None:
        """Take system titles and their counters."""
        self.highest = dict(highest or {})
        self.changed = False

    def check(self, title: bytes, counter: int) -> str:
        """Take the counter of a message that its key opened; return "" if it is above the highest before.

        return: "repeated" if it is the same, "back" if it is lower
        """
        highest = self.highest.get(title, -1)
        if counter <= highest:
            return "repeated" if counter == highest else "back"
        if len(self.highest) >= _MOST_COUNTERS and title not in self.highest:
            del self.highest[next(iter(self.highest))]
        self.highest[title] = counter
        self.changed = True
        return ""


class CounterFile(Counters):
    """Counters that outlive the program in a file, which is written whole and put in place by renaming it."""

    def __init__(self, path: str) -> None:
        """Read the file. torn: lines that could not be read. raise: OSError, but not for a file that does not exist."""
        super().__init__()
        self._path = os.path.realpath(path)
        self.torn = 0
        try:
            with open(self._path, encoding="ascii", errors="replace") as file:
                for line in file:
                    self._take(line)
        except FileNotFoundError:
            with open(self._path, "x", encoding="ascii"):  # better told now than at the end that it cannot be written
                pass

    def _take(self, line: str) -> None:
        title, _, counter = line.rstrip("\n").partition(" ")
        try:
            octets, number = bytes.fromhex(title), int(counter)
        except ValueError:
            octets, number = b"", 0
        # a last line without its end may have lost digits
        if line.endswith("\n") and len(octets) == TITLE_SIZE and 0 <= number < 1 << 32:
            self.highest[octets] = max(number, self.highest.get(octets, 0))
        else:
            self.torn += 1

    def save(self) -> None:
        """Write the file if a counter has changed. raise: OSError."""
        if not self.changed:
            return
        new = f"{self._path}.new"
        with open(new, "w", encoding="ascii") as file:
            file.writelines(f"{title.hex()} {counter}\n" for title, counter in self.highest.items())
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)
        self.changed = False
