"""The start of every program, and its end: each way to end becomes an exit status."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import ModuleType

from hanpipe.unix.late import imported
from hanpipe.unix.status import CONFIGURATION, READER_LEFT, Failure
from hanpipe.unix.stderr import say
from hanpipe.unix.typed import Final

_HELP: Final = frozenset(("-h", "--help", "--version"))  # options that need no package


def launch() -> int:
    """Run the program that argv[0] names: the entry point of all programs."""
    name = os.path.basename(sys.argv[0])
    _speak_english()
    module = "programs." + name.removeprefix("han-").replace("-", "_")
    return run(lambda argv: int(_without_collections(module).main(argv)), name, sys.argv[1:])


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


def _speak_english() -> None:
    """Import argparse without gettext: the programs have no translations, and its import takes 0.6 ms of a start."""
    if "argparse" not in sys.modules:
        english = sys.modules["gettext"] = ModuleType("gettext")
        vars(english).update(gettext=str, ngettext=lambda one, many, number: one if number == 1 else many)
        import argparse  # noqa: F401  here it takes the words of this module, where translations would be looked for

        del sys.modules["gettext"]


def _without_collections(module: str) -> ModuleType:
    """Return a module, imported without garbage collection: modules stay, and to look for garbage takes 1 ms."""
    gc.disable()
    try:
        return imported(module)
    finally:
        gc.freeze()
        gc.enable()


def _keep_standard_descriptors() -> None:
    """Open /dev/null for each of 0, 1 and 2 that the caller has closed, or the next file would get its number."""
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) < 3:
        pass
    os.close(descriptor)
