"""The start of every program, and its end: each way to end becomes an exit status."""

import importlib
import os
import signal
import sys
from collections.abc import Callable

from hanpipe.unix.status import CONFIGURATION, READER_LEFT, Failure
from hanpipe.unix.stderr import say
from hanpipe.unix.typed import Final

_HELP: Final = frozenset(("-h", "--help", "--version"))  # options that need no package


def launch() -> int:
    """Run the program that argv[0] names: the entry point of all programs."""
    name = os.path.basename(sys.argv[0])
    module = "hanpipe.programs." + name.removeprefix("han-").replace("-", "_")
    return run(lambda argv: int(importlib.import_module(module).main(argv)), name, sys.argv[1:])


def run(main: Callable[[list[str]], int], name: str, argv: list[str]) -> int:
    """Run a program's main; return its exit status, however it ends."""
    try:
        _keep_standard_descriptors()
        return main(argv)
    except Failure as failure:
        say(name, str(failure))
        return failure.status
    except ModuleNotFoundError as error:
        if str(error.name).startswith("hanpipe"):  # a bug, or an unknown program
            raise
        from hanpipe.unix import missing

        if not _HELP.isdisjoint(argv):
            missing.stand_in(str(error.name))
            return run(main, name, argv)
        say(name, missing.message(error))
        return CONFIGURATION
    except BrokenPipeError:
        return READER_LEFT
    except KeyboardInterrupt:  # before the program can take the signal, or the second signal
        return 128 + signal.SIGINT


def _keep_standard_descriptors() -> None:
    """Open /dev/null for each of 0, 1 and 2 that the caller has closed, or the next file would get its number."""
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) < 3:
        pass
    os.close(descriptor)
