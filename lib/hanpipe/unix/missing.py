"""A Python package that is missing: the message about it, and a stand-in so that --help works. Seldom loaded."""

import os
import sys
from types import ModuleType

from hanpipe.unix.typed import Any, Final

_CHECKOUT: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_NEEDED: Final = ("serial", "crcmod")  # by all programs: `make` installs them into the venv of a checkout
# Module -> its package on PyPI, and Debian's, "" if Debian has none.
_PACKAGES: Final = {
    "serial":       ("pyserial", "python3-serial"),
    "crcmod":       ("crcmod", "python3-crcmod"),
    "cryptography": ("cryptography", "python3-cryptography"),
    "paho":         ("paho-mqtt", "python3-paho-mqtt"),
    "pyarrow":      ("pyarrow", ""),
    "rich":         ("rich", "python3-rich"),
    "cairosvg":     ("cairosvg", "python3-cairosvg"),
}  # fmt: skip


def message(error: ModuleNotFoundError) -> str:
    """Return which package is missing and how to install it."""
    if not str(error).startswith("No module named"):
        return str(error)  # a room's own words about an extra
    module = str(error.name).partition(".")[0]
    return f"the Python package {_package(module)} is missing: {_ways(module)}"


def needed(module: str, what: str) -> ModuleNotFoundError:
    """Return the error of a module that is missing, and that something needs which most users do without."""
    return ModuleNotFoundError(f"{what} needs the Python package {_package(module)}: {_ways(module)}", name=module)


def _package(module: str) -> str:
    return _PACKAGES.get(module, (module, ""))[0]


def _ways(module: str) -> str:
    """Return how to install the package of a module where this program looks for it."""
    package, debian = _PACKAGES.get(module, (module, ""))
    checkout = os.path.exists(f"{_CHECKOUT}/Makefile")
    if checkout and module not in _NEEDED and os.path.exists(f"{_CHECKOUT}/.venv"):  # it looks nowhere else
        return f"{_CHECKOUT}/.venv/bin/pip install {package}"
    ways = [f"apt install {debian}"] if debian else []
    ways.append(f"run 'make' in {_CHECKOUT}" if checkout and module in _NEEDED else f"pip install {package}")
    return ", or ".join(ways)


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
