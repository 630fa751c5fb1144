"""User and password of a peer: from a file, the environment or systemd's credentials, never from argv."""

import os
import stat
from collections.abc import Callable

from hanpipe import cli
from hanpipe.typed import NamedTuple


class Login(NamedTuple):
    """Who we are for a peer."""

    user: str
    password: str


def find_login(file: str | None, program: str, tell: Callable[[str], None]) -> Login | None:
    """Find the login of a program: han-domoticz, say.

    file:   of --login; without it, $HAN_DOMOTICZ_USER and $HAN_DOMOTICZ_PASSWORD, then the credential "han-domoticz"
    return: None if none is given
    raise:  cli.Failure: the file cannot be read, or is none
    """
    if file is not None:
        return read_login(file, tell)
    prefix = program.upper().replace("-", "_")
    user = os.environ.get(f"{prefix}_USER")
    if user is not None:
        return Login(user, os.environ.get(f"{prefix}_PASSWORD", ""))
    credential = f"{os.environ.get('CREDENTIALS_DIRECTORY', '')}/{program}"
    return read_login(credential, tell) if os.path.isfile(credential) else None


def read_login(file: str, tell: Callable[[str], None]) -> Login:
    """Read a file of one line, USER:PASSWORD. raise: cli.Failure."""
    try:
        with open(file, encoding="utf-8") as opened:
            text = opened.read().strip()
            others = os.fstat(opened.fileno()).st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except (OSError, UnicodeDecodeError) as error:
        why = cli.reason(error) if isinstance(error, OSError) else "no text"
        raise cli.Failure(cli.CONFIGURATION, f"{file}: {why}") from error
    user, colon, password = text.partition(":")
    if not colon or "\n" in text:
        raise cli.Failure(cli.CONFIGURATION, f"{file}: one line is wanted, USER:PASSWORD")
    if others and not file.startswith(os.environ.get("CREDENTIALS_DIRECTORY", "\n")):
        tell(f"{file}: others may read it; chmod 600 {file}")
    return Login(user, password)
