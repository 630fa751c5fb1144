"""Options of programs that decipher: --key-file and --counters."""

import os

from hanpipe.apdu.counters import CounterFile
from hanpipe.apdu.deciphering import Deciphering
from hanpipe.apdu.keys import KeyFileError, Keys, find_key_file, read_key_file
from hanpipe.unix.program import Program
from hanpipe.unix.status import CONFIGURATION, IO, Failure
from hanpipe.unix.stderr import counted, reason


def keys_of(program: Program) -> Keys | None:
    """Read the key file of --key-file, else of the environment; None without one. raise: Failure."""
    path = program.options.key_file or find_key_file(os.environ)
    try:
        keys, exposed = read_key_file(path) if path else (None, False)
    except KeyFileError as error:
        raise Failure(CONFIGURATION, str(error)) from error
    if exposed:
        program.warn(f"{path}: everybody on this machine may read these keys: chmod o-rwx {path}")
    return keys


def deciphering_of(program: Program, counters: str | None = None) -> Deciphering:
    """Read the keys, and the file of counters if one is named. raise: Failure."""
    keys = keys_of(program)
    try:
        highest = CounterFile(counters) if counters else None
    except OSError as error:
        raise Failure(IO, f"{counters}: {reason(error)}") from error
    if highest and highest.torn:
        program.warn(f"{counters}: left out {counted(highest.torn, 'line')}: expected SYSTEM-TITLE COUNTER")
    return Deciphering(keys, highest, program.warn)
