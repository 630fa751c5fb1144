"""Key files: a line per meter, SYSTEM-TITLE KEY [AUTHENTICATION-KEY] in hex; * for any title, # for comments."""

import base64
import os
import re
import stat
import string
from collections.abc import Iterable, Mapping

from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Final, NamedTuple

ANY: Final = b""  # in the place of a system title
TITLE_SIZE: Final = 8  # octets of a system title, IEC 62056-5-3
KEY_SIZES: Final = (16, 32)  # octets: AES-128 and AES-256

_FORM: Final = "a line is SYSTEM-TITLE KEY [AUTHENTICATION-KEY]"
_SEPARATORS: Final = re.compile(r"[\s,;\"'`(){}\[\]]+")
_JOINTS: Final = re.compile(r"[-:._]")  # between the hex digits of a word
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{43}=")
_TITLE: Final = re.compile(r"[A-Z]{3}[0-9A-Fa-f]{10}")
# Octets of hex written in groups -> what they are: title, key, authentication key. (Groups of 32 are two keys.)
_GROUPS: Final = {8: (8,), 16: (16,), 24: (8, 16), 32: (16, 16), 40: (8, 16, 16)}


class KeyFileError(Exception):
    """A key file that cannot be read: file, line and reason, in words for a person. They never hold a key."""


class Line(NamedTuple):
    """A line of a key file.

    title: system title, 8 octets, or ANY
    key:   the global unicast (or dedicated) encryption key, 16 or 32 octets
    authentication_key: 16 or 32 octets; without it (b"") tags cannot be checked
    """

    title: bytes
    key: bytes
    authentication_key: bytes


class Keys:
    """The keys of a user, in the order of the file."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self.lines = list(lines)

    def candidates(self, title: bytes) -> list[Line]:
        """Return the lines that may fit a message: those of its title, else those of any title.

        title: b"" if the message carries none: each titled line may fit, as its title is part of the IV
        """
        if not title:
            return [line for line in self.lines if line.title != ANY]
        titled = [line for line in self.lines if line.title == title]
        return titled or [line._replace(title=title) for line in self.lines if line.title == ANY]


def find_key_file(environment: Mapping[str, str]) -> str | None:
    """Return the key file that the environment names: $HANPIPE_KEY_FILE, or systemd's credential han-keys."""
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
        text = text.partition("#")[0].strip()
        try:
            if text:
                found.append(read_line(text))
        except ValueError as error:
            raise KeyFileError(f"{path}:{number}: {error}") from None
    return found


def read_line(text: str) -> Line:
    """Read a line of a key file, with its keys as people paste them.

    A title or key is hex digits in either case, together or in groups, with spaces, dashes, colons, commas or 0x
    between them, and with quotes around them. A key may also be base64, and a title three letters and 10 hex digits, as
    messages show it. A line without a title is for any title.

    raise: ValueError, with a text that never holds a key
    """
    words: list[bytes] = []
    group = b""  # octets of groups that belong together
    for word in _SEPARATORS.sub(" ", text).split():
        octets = _read_word(word)
        if octets == ANY or len(octets) in KEY_SIZES:
            words += [*_split(group, words), octets]
            group = b""
        else:
            group += octets
    words += _split(group, words)
    title = words.pop(0) if words and len(words[0]) not in KEY_SIZES else ANY
    if not 1 <= len(words) <= 2 or ANY in words:
        raise ValueError(f"{_FORM}, this one has {len(words)} keys")
    return Line(title, words[0], words[1] if words[1:] else b"")


def _read_word(word: str) -> bytes:
    """Read what is written without a space: hex, base64, a title, or * (ANY). raise: ValueError."""
    if word == "*":
        return ANY
    if _BASE64.fullmatch(word):
        return base64.b64decode(word)
    if _TITLE.fullmatch(word):
        return word[:3].encode() + bytes.fromhex(word[3:])
    digits = "".join(group.removeprefix("0x").removeprefix("0X") for group in _JOINTS.split(word))
    if not digits or not all(digit in string.hexdigits for digit in digits):
        raise ValueError("a title or key is written in hex digits or base64; here are other characters")
    if len(digits) % 2:
        raise ValueError(f"two hex digits make an octet; here are {len(digits)}")
    return bytes.fromhex(digits)


def _split(group: bytes, before: list[bytes]) -> list[bytes]:
    """Split octets that were written in groups into title and keys. before: those of the line so far."""
    sizes = _GROUPS.get(len(group), ())
    if before:
        sizes = sizes if TITLE_SIZE not in sizes else ()
    if group and not sizes:
        raise ValueError(
            f"a title has {2 * TITLE_SIZE} hex digits, a key {' or '.join(str(2 * size) for size in KEY_SIZES)}; "
            f"here are {2 * len(group)}"
        )
    words, at = [], 0
    for size in sizes:
        words.append(group[at : at + size])
        at += size
    return words
