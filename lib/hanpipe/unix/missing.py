"""A Python package that is missing: the message about it, and a stand-in so that --help works. Seldom loaded."""

import os
import sys
from types import ModuleType

from hanpipe.unix.typed import Any, Final

_CHECKOUT: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
# Module -> its package on PyPI, and Debian's.
_PACKAGES: Final = {"serial": ("pyserial", "python3-serial"), "crcmod": ("crcmod", "python3-crcmod")}


def message(error: ModuleNotFoundError) -> str:
    """Return which package is missing and how to install it."""
    if not str(error).startswith("No module named"):
        return str(error)  # a room's own words about an extra
    module = str(error.name).partition(".")[0]
    package, debian = _PACKAGES.get(module, (module, ""))
    ways = [f"apt install {debian}"] if debian else [f"pip install {package}"]
    if os.path.exists(f"{_CHECKOUT}/Makefile"):
        ways.append(f"run 'make' in {_CHECKOUT}")
    return f"the Python package {package} is missing: {', or '.join(ways)}"


def stand_in(module: str) -> None:
    """Let the import of a missing module succeed, for a program that only prints its help."""
    sys.modules[module] = _StandIn(module)


class _StandIn(ModuleType):
    """A module in which every name is something that can be called, and that has every name again."""

    __path__: list[str] = []  # noqa: RUF012  a package without modules

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any, **named: Any) -> Any:
        return self
