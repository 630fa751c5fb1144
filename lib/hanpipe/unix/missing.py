"""The message about a Python package that is missing. Only a program that ends with it loads this."""

import os

from hanpipe.unix.typed import Final

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
