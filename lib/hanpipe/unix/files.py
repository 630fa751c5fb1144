"""Files: of which kind they are; configuration read whole, or a reason why not; data of the package."""

import os
import stat

from hanpipe.unix.status import CONFIGURATION, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import Final

_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read_text(name: str) -> str:
    """Return the text of a configuration file. raise: Failure: it cannot be read, or is not UTF-8."""
    try:
        with open(name, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Failure(CONFIGURATION, f"{name}: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise Failure(CONFIGURATION, f"{name}: expected UTF-8 text") from error


def read_data(name: str) -> str:
    """Return the text of a data file of this package, quicker than importlib.resources. name: its path in hanpipe."""
    with open(os.path.join(_PACKAGE, name), encoding="utf-8") as file:
        return file.read()


def are_regular(files: list[str]) -> bool:
    """Return whether all operands of a program are regular files; "-" is standard input."""
    try:
        states = [os.fstat(0) if file == "-" else os.stat(file) for file in files]
    except OSError:
        return False  # opening it reports why
    return all(stat.S_ISREG(state.st_mode) for state in states)
