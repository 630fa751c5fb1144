"""Functions whose module is imported when they are first called, because each import delays the start of a program."""

import importlib
from collections.abc import Callable

from hanpipe.unix.typed import Any


def late(module: str, name: str, *first: Any) -> Callable[[Any], Any]:
    """Return a function of a module with its first arguments; it takes the last one."""
    return lambda last: getattr(importlib.import_module(f"hanpipe.{module}"), name)(*first, last)
