"""The keys of simulated meters that cipher."""

import importlib.util
import os

from hanpipe.apdu import keys
from hanpipe.fake.meters import Meter
from hanpipe.unix.status import CONFIGURATION, Failure
from hanpipe.unix.stderr import reason


def give_key(meter: Meter, name: str, path: str | None) -> None:
    """Give a meter its key from a key file. path: None looks where han-decode looks. raise: Failure."""
    path = path or keys.find_key_file(os.environ)
    title = meter.needed.hex().upper()
    if path is None:
        raise Failure(CONFIGURATION, f"{name} sends ciphered lists: give --key-file with a line {title} KEY [AUTH-KEY]")
    try:
        fitting = keys.read_key_file(path)[0].candidates(meter.needed)
    except OSError as error:
        raise Failure(CONFIGURATION, f"{path}: {reason(error)}") from error
    except keys.KeyFileError as error:
        raise Failure(CONFIGURATION, str(error)) from error
    if not fitting:
        raise Failure(CONFIGURATION, f"{path}: no line for {title}")
    if importlib.util.find_spec("cryptography") is None:
        from hanpipe.unix.missing import needed

        raise needed("cryptography", f"{name}, which sends ciphered lists,")
    meter.use(fitting[0].key, fitting[0].authentication_key)
