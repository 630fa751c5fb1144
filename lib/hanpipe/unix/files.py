"""Configuration files: read whole, or a reason why not."""

from hanpipe.unix.status import CONFIGURATION, Failure
from hanpipe.unix.stderr import reason


def read_text(name: str) -> str:
    """Return the text of a configuration file. raise: Failure: it cannot be read, or is not UTF-8."""
    try:
        with open(name, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Failure(CONFIGURATION, f"{name}: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise Failure(CONFIGURATION, f"{name}: expected UTF-8 text") from error
