"""User and password of a peer, or its token: from a file, the environment or systemd's credentials, never from argv."""

import base64
import os
import stat
from collections.abc import Callable

from hanpipe.sinks.errors import Misconfigured
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import NamedTuple


class Login(NamedTuple):
    """The user and password that a peer knows."""

    user: str
    password: str

    @property
    def basic(self) -> str:
        """Return the header Authorization of HTTP."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find_login(file: str | None, program: str, warn: Callable[[str], None]) -> Login | None:
    """Find the login of a program, for example han-domoticz.

    file:   of --login; without it, $HAN_DOMOTICZ_USER and $HAN_DOMOTICZ_PASSWORD, then the credential "han-domoticz"
    return: None if none is given
    raise:  Misconfigured: the file cannot be read, or does not contain a login
    """
    user = os.environ.get(_variable(program, "USER"))
    if file is None and user is not None:
        return Login(user, os.environ.get(_variable(program, "PASSWORD"), ""))
    where = file or _credential(program)
    if where is None:
        return None
    text = _read_secret(where, warn).lstrip()
    user, colon, password = text.partition(":")
    if not colon or "\n" in text:
        raise Misconfigured(f"{where}: expected one line, USER:PASSWORD")
    return Login(user, password)


def find_token(file: str | None, program: str, warn: Callable[[str], None]) -> str | None:
    """Find the token of a program in the same places: han-influx's variable is $HAN_INFLUX_TOKEN.

    return: None if none is given
    raise:  Misconfigured: the file cannot be read, or it or the variable does not contain a token
    """
    variable = _variable(program, "TOKEN")
    if file is None and (token := os.environ.get(variable, "").strip()):
        return _checked(token, f"${variable}")
    where = file or _credential(program)
    return None if where is None else _checked(_read_secret(where, warn).strip(), where)


def _checked(token: str, where: str) -> str:
    """Return a token that a header can hold. raise: Misconfigured."""
    if len(token.split()) != 1 or not token.isascii():
        raise Misconfigured(f"{where}: expected one line, the token")
    return token


def _variable(program: str, what: str) -> str:
    return f"{program.upper().replace('-', '_')}_{what}"


def _credential(program: str) -> str | None:
    file = f"{os.environ.get('CREDENTIALS_DIRECTORY', '')}/{program}"
    return file if os.path.isfile(file) else None


def _read_secret(file: str, warn: Callable[[str], None]) -> str:
    """Read a file without its line end; a password may end in a space. raise: Misconfigured."""
    try:
        with open(file, encoding="utf-8") as opened:
            text = opened.read().rstrip("\r\n")
            others = os.fstat(opened.fileno()).st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "not text in UTF-8"
        raise Misconfigured(f"{file}: {why}") from error
    if others and not file.startswith(os.environ.get("CREDENTIALS_DIRECTORY", "\n")):
        warn(f"{file}: other users can read it; chmod 600 {file}")
    return text
