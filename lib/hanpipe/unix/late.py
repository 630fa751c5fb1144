"""Modules and functions that are imported when they are first needed: each import delays the start of a program."""

import sys
from collections.abc import Callable
from types import ModuleType

from hanpipe.unix.typed import Any


def late(module: str, name: str, *first: Any) -> Callable[[Any], Any]:
    """Return a function of a module with its first arguments; it takes the last one."""
    return lambda last: getattr(imported(module), name)(*first, last)


def imported(module: str) -> ModuleType:
    """Return a module of hanpipe, as importlib does, whose own import takes half a millisecond. raise: ImportError."""
    __import__(f"hanpipe.{module}")
    return sys.modules[f"hanpipe.{module}"]
